//! A source that remembers: each host is decoded once and kept while there is room.
//!
//! Bounded by bytes; the host used longest ago goes first. Two workers that want the same host wait for one reading of
//! it. Failures are not remembered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{Error, Reach, Request, Source};
use crate::model::stop::Stop;
use crate::rules::evidence::Evidence;

type Key = (String, String);
type Slot = Arc<OnceLock<Result<Arc<Evidence>, Error>>>;

/// Decorates a source.
#[derive(Debug)]
pub struct Cached<S> {
    inner: S,
    /// Bytes.
    budget: usize,
    state: Mutex<State>,
    reaches: Mutex<HashMap<String, Reach>>,
}

#[derive(Debug, Default)]
struct State {
    hosts: HashMap<Key, Entry>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    slot: Slot,
    /// 0 while it is being read.
    bytes: usize,
    used: u64,
}

impl<S: Source> Cached<S> {
    /// Keeps at most `budget` bytes of decoded hosts (and the one just read).
    pub fn new(inner: S, budget: usize) -> Self {
        Self {
            inner,
            budget,
            state: Mutex::default(),
            reaches: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, key: &Key) -> Slot {
        let mut s = self.lock();
        s.clock += 1;
        let used = s.clock;
        let entry = s.hosts.entry(key.clone()).or_insert_with(|| Entry {
            slot: Slot::default(),
            bytes: 0,
            used,
        });
        entry.used = used;
        Arc::clone(&entry.slot)
    }

    /// Accounts for a reading just made, or forgets a failed one.
    fn account_for(&self, key: &Key, answer: &Result<Arc<Evidence>, Error>) {
        let mut s = self.lock();
        let Ok(host) = answer else {
            s.hosts.remove(key);
            return;
        };
        let bytes = host.series.bytes() + 256;
        if let Some(e) = s.hosts.get_mut(key).filter(|e| e.bytes == 0) {
            e.bytes = bytes;
            s.bytes += bytes;
        }
        while s.bytes > self.budget {
            let oldest = s
                .hosts
                .iter()
                .filter(|(k, e)| e.bytes > 0 && *k != key)
                .min_by_key(|(_, e)| e.used);
            let Some(oldest) = oldest.map(|(k, _)| k.clone()) else {
                break;
            };
            if let Some(e) = s.hosts.remove(&oldest) {
                s.bytes -= e.bytes;
            }
        }
    }
}

impl<S: Source> Source for Cached<S> {
    fn ask(&self, request: &Request<'_>, stop: &Stop) -> Result<Arc<Evidence>, Error> {
        let key = (request.cluster.to_owned(), request.host.to_owned());
        let slot = self.slot(&key);
        let mut mine = false;
        let answer = slot.get_or_init(|| {
            mine = true;
            self.inner.ask(request, stop)
        });
        if mine {
            self.account_for(&key, answer);
        }
        answer.clone()
    }

    fn reach(&self, cluster: &str, stop: &Stop) -> Result<Reach, Error> {
        // Kept while it is found out: it means a look into every host's folder, and all workers ask at once.
        let mut known = self.reaches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(h) = known.get(cluster) {
            return Ok(*h);
        }
        let h = self.inner.reach(cluster, stop)?;
        known.insert(cluster.into(), h);
        Ok(h)
    }

    fn probe(&self, cluster: &str, but: &[&str], stop: &Stop) -> Result<(), Error> {
        self.inner.probe(cluster, but, stop)
    }
}
