//! A source that remembers: each host is decoded once and kept while there is room.
//!
//! Bounded by bytes; the host used longest ago goes first. Two workers that want the same host wait for one reading of
//! it. Failures are not remembered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{Error, Horizon, Source};
use crate::model::stop::Stop;
use crate::rules::evidence::Host;

type Key = (String, String);
type Slot = Arc<OnceLock<Result<Arc<Host>, Error>>>;

/// Decorates a source.
#[derive(Debug)]
pub struct Cached<S> {
    inner: S,
    /// Bytes.
    budget: usize,
    state: Mutex<State>,
    horizons: Mutex<HashMap<String, Horizon>>,
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
            horizons: Mutex::default(),
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
    fn settle(&self, key: &Key, answer: &Result<Arc<Host>, Error>) {
        let mut s = self.lock();
        let Ok(host) = answer else {
            s.hosts.remove(key);
            return;
        };
        let bytes = host.root.bytes() + 256;
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
    fn host(&self, cluster: &str, host: &str, stop: &Stop) -> Result<Arc<Host>, Error> {
        let key = (cluster.to_owned(), host.to_owned());
        let slot = self.slot(&key);
        let mut mine = false;
        let answer = slot.get_or_init(|| {
            mine = true;
            self.inner.host(cluster, host, stop)
        });
        if mine {
            self.settle(&key, answer);
        }
        answer.clone()
    }

    fn horizon(&self, cluster: &str) -> Result<Horizon, Error> {
        // Kept while it is found out: it means a look into every host's folder, and all workers ask at once.
        let mut known = self.horizons.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(h) = known.get(cluster) {
            return Ok(*h);
        }
        let h = self.inner.horizon(cluster)?;
        known.insert(cluster.into(), h);
        Ok(h)
    }
}
