//! A source that remembers: the answer about a host is kept while there is room, with what it covers.
//!
//! Bounded by bytes, those of answers that are just being read included; the host used longest ago goes first, and the one
//! that was just read only where it is large and others are being read. Threads that want the same host at once wait for one reading of it. A question that an answer does
//! not cover is asked anew for the time and metrics of both, unless that would take too much. Failures are handed to those who
//! waited for them and are not remembered. An answer keeps the time at which it was read, so it is judged by that time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::asked::Asked;
use super::flight::Flight;
use super::{Error, Reach, Request, Source, Wanted};
use crate::model::memory::Memory;
use crate::model::stop::Stop;
use crate::rules::evidence::Evidence;

/// What an answer takes besides its series (bytes), roughly.
const SMALL_CHANGE: usize = 256;

/// An answer that takes more than this part of the budget is not widened: it is given up before the next question is asked.
const SHARE: usize = 4;

/// Whose answer it is. A host may be of several subclusters, and each may have a store of its own.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Key {
    cluster: String,
    subcluster: String,
    host: String,
}

impl Key {
    fn of(request: &Request<'_>) -> Self {
        Self {
            cluster: request.cluster.to_owned(),
            subcluster: request.subcluster.to_owned(),
            host: request.host.to_owned(),
        }
    }

    /// What is asked about it.
    fn request<'a>(&'a self, asked: &'a Asked, metrics: &'a [Wanted<'a>]) -> Request<'a> {
        Request {
            cluster: &self.cluster,
            subcluster: &self.subcluster,
            host: &self.host,
            metrics,
            window: asked.window(),
        }
    }
}

type HostFlight = Arc<Flight<Arc<Evidence>>>;

/// Decorates a source.
#[derive(Debug)]
pub struct Cached<S> {
    inner: S,
    /// Bytes for answers, others' use of them left out.
    memory: Arc<Memory>,
    state: Mutex<State>,
    /// Cluster → how far it reaches; looked up once.
    reaches: Mutex<HashMap<String, Arc<Flight<Reach>>>>,
}

#[derive(Debug, Default)]
struct State {
    hosts: HashMap<Key, Entry>,
    /// Of all answers that are kept.
    bytes: usize,
    /// Questions under way.
    flights: usize,
    /// Bytes of the largest answer so far: so much each that is being read may take.
    largest: usize,
    clock: u64,
}

#[derive(Debug, Default)]
struct Entry {
    kept: Option<Kept>,
    /// Under way, and what it will cover.
    flight: Option<(Asked, HostFlight)>,
    used: u64,
}

#[derive(Debug)]
struct Kept {
    evidence: Arc<Evidence>,
    covers: Asked,
    bytes: usize,
}

/// What is to be done for a question.
enum Step {
    Answer(Arc<Evidence>),
    /// Another thread is asking; whether its answer will do.
    Wait(HostFlight, bool),
    /// To be asked by this thread.
    Ask(Asked, HostFlight),
}

impl<S: Source> Cached<S> {
    /// Keeps at most the bytes of answers that are for hosts at the time (and the one just read).
    pub fn new(inner: S, memory: Arc<Memory>) -> Self {
        Self {
            inner,
            memory,
            state: Mutex::default(),
            reaches: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, key: &Key, request: &Request<'_>) -> Step {
        let budget = self.memory.for_hosts();
        let mut s = self.lock();
        s.clock += 1;
        let used = s.clock;
        let entry = s.hosts.entry(key.clone()).or_default();
        entry.used = used;
        if let Some(kept) = entry.kept.as_ref().filter(|k| k.covers.covers(request)) {
            return Step::Answer(Arc::clone(&kept.evidence));
        }
        if let Some((asked, flight)) = &entry.flight {
            return Step::Wait(Arc::clone(flight), asked.covers(request));
        }
        let mut asked = Asked::of(request);
        let mut given_up = 0;
        match &entry.kept {
            Some(kept) if kept.bytes <= budget / SHARE => asked = kept.covers.united(&asked),
            Some(kept) => {
                // Beside the answer that replaces it, it would take its room twice.
                given_up = kept.bytes;
                entry.kept = None;
            }
            None => {}
        }
        let flight = HostFlight::default();
        entry.flight = Some((asked.clone(), Arc::clone(&flight)));
        s.bytes -= given_up;
        s.flights += 1;
        s.make_room(budget, key);
        Step::Ask(asked, flight)
    }

    /// Asks the source, and keeps what it answers.
    fn read(
        &self,
        key: &Key,
        asked: &Asked,
        flight: &HostFlight,
        stop: &Stop,
    ) -> Result<Arc<Evidence>, Error> {
        let mut landing = Landing {
            state: &self.state,
            key,
            is_flying: true,
        };
        let answer = flight.fly(|| {
            let wanted = asked.wanted();
            self.inner.ask(&key.request(asked, &wanted), stop)
        });
        if let Ok(evidence) = &answer {
            self.keep(&mut landing, asked, evidence);
        }
        answer
    }

    fn keep(&self, landing: &mut Landing<'_>, asked: &Asked, evidence: &Arc<Evidence>) {
        let bytes = evidence.series.bytes() + SMALL_CHANGE;
        let key = landing.key;
        let mut s = self.lock();
        landing.end_flight(&mut s);
        s.clock += 1;
        let used = s.clock;
        let entry = s.hosts.entry(key.clone()).or_default();
        entry.used = used;
        let before = entry.kept.replace(Kept {
            evidence: Arc::clone(evidence),
            covers: asked.answered(&evidence.covers),
            bytes,
        });
        s.bytes = s.bytes + bytes - before.map_or(0, |k| k.bytes);
        s.largest = s.largest.max(bytes);
        s.make_room(self.memory.for_hosts(), key);
    }
}

impl State {
    /// Forgets hosts, the one used longest ago first, until the rest and what is being read fit; `but` only where it is large
    /// and others are being read.
    fn make_room(&mut self, budget: usize, but: &Key) {
        while self.bytes + self.flights * self.largest > budget {
            let goes = |(k, e): &(&Key, &Entry)| {
                let is_large = |kept: &Kept| self.flights > 0 && kept.bytes > budget / SHARE;
                let kept = e.kept.as_ref();
                kept.is_some_and(|kept| *k != but || is_large(kept))
            };
            let kept = self.hosts.iter().filter(goes);
            let oldest = kept.min_by_key(|(_, e)| e.used);
            let Some(oldest) = oldest.map(|(k, _)| k.clone()) else {
                break;
            };
            let Some(entry) = self.hosts.get_mut(&oldest) else {
                break;
            };
            self.bytes -= entry.kept.take().map_or(0, |k| k.bytes);
            if entry.flight.is_none() {
                self.hosts.remove(&oldest);
            }
        }
    }
}

/// Ends what stands in the state for a question under way, whatever happened to it.
struct Landing<'a> {
    state: &'a Mutex<State>,
    key: &'a Key,
    is_flying: bool,
}

impl Landing<'_> {
    /// Whatever the answer took is known now.
    const fn end_flight(&mut self, state: &mut State) {
        if self.is_flying {
            self.is_flying = false;
            state.flights -= 1;
        }
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let mut s = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.end_flight(&mut s);
        if let Some(entry) = s.hosts.get_mut(self.key) {
            entry.flight = None;
            if entry.kept.is_none() {
                s.hosts.remove(self.key);
            }
        }
    }
}

impl<S: Source> Source for Cached<S> {
    fn ask(&self, request: &Request<'_>, stop: &Stop) -> Result<Arc<Evidence>, Error> {
        let key = Key::of(request);
        loop {
            match self.step(&key, request) {
                Step::Answer(evidence) => return Ok(evidence),
                Step::Wait(flight, will_do) => {
                    let answer = flight.wait(stop);
                    if will_do || matches!(answer, Err(Error::Cancelled)) {
                        return answer;
                    }
                }
                Step::Ask(asked, flight) => {
                    return self.read(&key, &asked, &flight, stop);
                }
            }
        }
    }

    fn reach(&self, cluster: &str, stop: &Stop) -> Result<Reach, Error> {
        let reaches = || self.reaches.lock().unwrap_or_else(PoisonError::into_inner);
        let (flight, is_first) = {
            let mut reaches = reaches();
            let known = reaches.get(cluster).map(Arc::clone);
            let is_first = known.is_none();
            let flight = known.unwrap_or_default();
            if is_first {
                reaches.insert(cluster.into(), Arc::clone(&flight));
            }
            (flight, is_first)
        };
        if !is_first {
            return flight.wait(stop);
        }
        let mut forget = Forget {
            reaches: &self.reaches,
            cluster,
            found: false,
        };
        let reach = flight.fly(|| self.inner.reach(cluster, stop));
        forget.found = reach.is_ok();
        reach
    }

    fn probe(&self, cluster: &str, but: &[&str], stop: &Stop) -> Result<(), Error> {
        self.inner.probe(cluster, but, stop)
    }
}

/// Forgets a cluster's reach, unless it was found out.
struct Forget<'a> {
    reaches: &'a Mutex<HashMap<String, Arc<Flight<Reach>>>>,
    cluster: &'a str,
    found: bool,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if !self.found {
            let mut reaches = self.reaches.lock().unwrap_or_else(PoisonError::into_inner);
            reaches.remove(self.cluster);
        }
    }
}

#[cfg(test)]
mod tests;
