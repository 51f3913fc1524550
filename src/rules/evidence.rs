//! A host as a source answers for it: its series, and what could not be read of it.

use crate::model::failure::{Failure, Reason, Stage};
use crate::rules::timeline::{Interval, Level};

/// All that a source holds of one host.
#[derive(Debug, Default)]
pub struct Host {
    /// The metric tree below the host.
    pub root: Level,
    /// Stretches of time for which a file could not be read whole.
    pub broken: Vec<Broken>,
    /// A log with damaged records: the others are used.
    pub damaged_log: Option<Broken>,
    /// Where the newest snapshot ends, Unix seconds; none without a snapshot.
    pub snapshot_end: Option<i64>,
    /// Unix seconds of the newest sample of any series; none without a sample.
    pub newest: Option<i64>,
}

/// A file that is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The time it should cover.
    pub interval: Interval,
    /// Its path, for messages.
    pub file: String,
    /// What is wrong with it.
    pub detail: String,
    /// `SnapshotBroken` for its content, `SourceUnreadable` for the file system.
    pub reason: Reason,
}

impl Broken {
    /// Whether it should hold something of the time from `start` to `end`.
    pub fn concerns(&self, start: i64, end: i64) -> bool {
        self.interval.from < end && start < self.interval.to
    }

    /// The failure of a job that needs this file.
    pub fn failure(&self) -> Failure {
        Failure::new(
            Stage::Load,
            self.reason,
            format!("{} cannot be read: {}", self.file, self.detail),
        )
        .of(self.file.clone())
    }
}
