//! The metric store's checkpoint folder: `<root>/<cluster>/<host>/` with `.json` and `.bin` snapshots and `current.wal`.
//!
//! One source reads one root. Files are read, not mapped: a disk error then is an error and not a killed process.

pub mod binary;
mod host;
pub mod json;
mod listing;
mod loading;
mod presence;
mod reach;
mod room;
pub mod snapshot;
#[cfg(test)]
mod testing;
pub mod wal;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::older::Older;
use super::several::{damage, probes, reaches};
use super::{Error, Reach, Request, Source};
use crate::model::clock::Clock;
use crate::model::stop::Stop;
use crate::rules::evidence::Evidence;
use crate::rules::timeline::Phase;
use host::{Host, Loaded};
use loading::Removed;
use room::Room;
use snapshot::Wish;

/// Where the files of a host have at most so many bytes, all that they hold is kept: reading them again for another window
/// costs more than keeping it.
const WHOLE_BELOW: u64 = 8 << 20;

/// Where they have more bytes, only the metrics that are asked for are kept: the rest could take more memory than there is.
const ALL_METRICS_BELOW: u64 = 32 << 20;

/// Bytes that hosts may take while they are read, if nothing else is said.
const ROOM: usize = 192 << 20;

/// Phases that earlier readings knew for sure, by cluster and host.
pub type Remembered = HashMap<(String, String), Vec<Phase>>;

/// A checkpoint folder.
#[derive(Debug)]
pub struct Checkpoints {
    root: PathBuf,
    /// Metric → seconds, as the store is configured.
    frequencies: HashMap<String, i64>,
    remembered: Remembered,
    /// Bytes of files up to which all metrics of a host are kept.
    all_metrics_below: u64,
    /// Bytes of files up to which a host is kept whole.
    whole_below: u64,
    /// What hosts may take while they are read.
    room: Room,
    clock: Clock,
    /// Holds what is not in snapshots any more.
    older: Option<Box<dyn Older>>,
    /// Per cluster a file that could be read.
    worked: Mutex<HashMap<String, PathBuf>>,
}

impl Checkpoints {
    /// `frequencies`: seconds of every metric that the store keeps. The clock says when a host was read.
    pub fn new(root: PathBuf, frequencies: HashMap<String, i64>, clock: Clock) -> Self {
        Self {
            root,
            frequencies,
            remembered: Remembered::new(),
            all_metrics_below: ALL_METRICS_BELOW,
            whole_below: WHOLE_BELOW,
            room: Room::new(ROOM),
            clock,
            older: None,
            worked: Mutex::default(),
        }
    }

    /// Uses what earlier readings knew of hosts, where their files tell no phase of a frequency any more.
    #[must_use]
    pub fn remembering(mut self, phases: Remembered) -> Self {
        self.remembered = phases;
        self
    }

    /// Hosts may take so many bytes while they are read, each and all together.
    #[must_use]
    pub fn within(mut self, bytes: usize) -> Self {
        self.room = Room::new(bytes);
        self
    }

    /// Puts what another source keeps of removed snapshots into the gaps that those of each host leave. It is asked only for
    /// these.
    #[must_use]
    pub fn after(mut self, older: Box<dyn Older>) -> Self {
        self.older = Some(older);
        self
    }

    /// Keeps of hosts whose files have more bytes only the metrics that are asked for.
    #[cfg(test)]
    #[must_use]
    pub const fn keeping_all_metrics_up_to(mut self, bytes: u64) -> Self {
        self.all_metrics_below = bytes;
        self
    }

    /// Keeps hosts whole whose files have at most so many bytes, instead of what the window asks for.
    #[cfg(any(test, feature = "fuzzing"))]
    #[must_use]
    pub const fn keeping_whole_up_to(mut self, bytes: u64) -> Self {
        self.whole_below = bytes;
        self
    }

    fn note_worked(&self, cluster: &str, file: PathBuf) {
        let mut worked = self.worked.lock().unwrap_or_else(PoisonError::into_inner);
        worked.insert(cluster.to_owned(), file);
    }
}

impl Source for Checkpoints {
    fn ask(&self, request: &Request<'_>, stop: &Stop) -> Result<Arc<Evidence>, Error> {
        let (cluster, host) = (request.cluster, request.host);
        let key = (cluster.to_owned(), host.to_owned());
        let older = self.older.as_deref();
        let reading = Host {
            folder: self.root.join(cluster).join(host),
            frequencies: &self.frequencies,
            remembered: self.remembered.get(&key).map_or(&[], Vec::as_slice),
            wish: Wish {
                window: request.window,
                metrics: None,
                room: self.room.bytes(),
                stop,
            },
            metrics: request.metrics,
            whole_below: self.whole_below,
            all_metrics_below: self.all_metrics_below,
            room: &self.room,
            removed: older.map(|source| Removed { source, request }),
        };
        let asked_at = self.clock.now();
        let loaded = reading.load(|| self.clock.now(), &listing::snapshots)?;
        let mut missing = None;
        if loaded.as_ref().is_none_or(|l| !l.has_files) {
            let checked = presence::check_cluster(&self.root, cluster, stop);
            match checked {
                // The samples of the host may all be old.
                Err(e) if loaded.as_ref().is_some_and(|l| l.has_removed) => missing = Some(e),
                checked => checked?,
            }
        }
        let never_reported = || Evidence {
            read_at: asked_at,
            ..Evidence::default()
        };
        let Some(loaded) = loaded else {
            return Ok(Arc::new(never_reported()));
        };
        let Loaded {
            mut evidence,
            worked,
            ..
        } = loaded;
        if let Some(file) = worked {
            self.note_worked(cluster, file);
        }
        if let Some(silent) = missing.and_then(damage) {
            evidence.damaged.push(silent);
            evidence.final_until = None;
        }
        Ok(Arc::new(evidence))
    }

    fn reach(&self, cluster: &str, stop: &Stop) -> Result<Reach, Error> {
        let own = presence::check_cluster(&self.root, cluster, stop)
            .and_then(|()| reach::of_cluster(&self.root.join(cluster), self.clock.now(), stop));
        let older = self.older.iter().map(|o| o.reach(cluster, stop));
        reaches(std::iter::once(own).chain(older).collect())
    }

    fn probe(&self, cluster: &str, but: &[&str], stop: &Stop) -> Result<(), Error> {
        // Nobody waits for a probe, which a sick medium may answer late.
        let worked = self
            .worked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(cluster)
            .cloned();
        let own = presence::probe(&self.root, cluster, but, worked.as_deref(), stop);
        let older = self.older.iter().map(|o| o.probe(cluster, but, stop));
        probes(std::iter::once(own).chain(older).collect())
    }
}

#[cfg(test)]
mod tests;
