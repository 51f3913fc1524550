//! What a sweep did, in numbers, and the exit code that follows.

use std::collections::BTreeMap;
use std::time::Duration;

use super::intake::Taken;
use crate::model::failure::{Reason, Stage};
use crate::model::outcome::Outcome;
use crate::model::stop::Stop;

/// The promises to scripts, see the man page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything selected is archived.
    Done = 0,
    /// Could not run, or aborted.
    Aborted = 1,
    /// Usage or configuration.
    Usage = 2,
    /// Finished, but a job failed or became no data.
    Failures = 3,
    /// Another sweep holds the lock.
    Locked = 11,
    /// Version of database or archive not supported.
    Unsupported = 12,
    /// Time box reached, work left.
    TimeBox = 124,
    /// Interrupted by a signal.
    Interrupted = 130,
}

/// Why a sweep stopped early by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abort {
    /// The code.
    pub reason: String,
    /// In words.
    pub detail: String,
    /// What to do.
    pub advice: String,
}

/// Jobs that are not archived and not due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Waiting for their next try.
    pub waiting: u64,
    /// Tried too often.
    pub quarantined: u64,
    /// No source can have their data.
    pub lost: u64,
}

/// Failures of one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How many jobs.
    pub count: u64,
    /// The first of them.
    pub first_job: String,
    /// Its message.
    pub first_detail: String,
}

/// Seconds of work by stage, over all workers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stages {
    /// Reading and decoding sources, waiting for another worker's reading included.
    pub load: Duration,
    /// Series, statistics and text.
    pub compute: Duration,
    /// Compression.
    pub compress: Duration,
    /// Writing the archive's files.
    pub store: Duration,
}

impl Stages {
    /// Adds another account.
    pub fn add(&mut self, o: &Self) {
        self.load += o.load;
        self.compute += o.compute;
        self.compress += o.compress;
        self.store += o.store;
    }
}

/// What a sweep did.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts of their own")]
pub struct Summary {
    /// Jobs by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Failures by stage and reason.
    pub failures: BTreeMap<(Stage, Reason), Failures>,
    /// Jobs that were not taken since they were not due.
    pub skipped: Skipped,
    /// Jobs that failed in this sweep, by what that led to.
    pub closed: Skipped,
    /// Bytes of data.json of archived jobs.
    pub raw_bytes: u64,
    /// Bytes as stored.
    pub stored_bytes: u64,
    /// Samples left out since they are infinite or beyond f32.
    pub unusable: u64,
    /// Hooks that failed.
    pub hooks_failed: u64,
    /// Seconds the sweep took.
    pub seconds: f64,
    /// Work by stage.
    pub stages: Stages,
    /// Seconds that the recorder spent in flushing and writing.
    pub record: Duration,
    /// Set when the sweep stopped by itself.
    pub aborted: Option<Abort>,
    /// Set when a signal stopped it.
    pub interrupted: bool,
    /// Set when the time box stopped it with work left.
    pub time_box: bool,
    /// Nothing was written.
    pub dry_run: bool,
    /// Whether intake had read the whole backlog.
    complete: bool,
    /// Whether the time box drained the sweep.
    boxed: bool,
    /// Jobs that intake handed over.
    sent: u64,
    /// Those that a worker took.
    pub(super) received: u64,
}

impl Summary {
    /// Counts a finished job.
    pub(super) fn count(&mut self, job: &dyn std::fmt::Display, outcome: &Outcome) {
        *self.outcomes.entry(outcome.name()).or_default() += 1;
        if let Some(f) = outcome.failure() {
            let group = self
                .failures
                .entry((f.stage, f.reason))
                .or_insert_with(|| Failures {
                    count: 0,
                    first_job: job.to_string(),
                    first_detail: f.detail.clone(),
                });
            group.count += 1;
        }
    }

    pub(super) fn add_intake(&mut self, taken: Taken) {
        self.skipped = taken.skipped;
        self.complete = taken.complete;
        self.sent = taken.sent;
        self.boxed = taken.boxed;
        if self.aborted.is_none() {
            self.aborted = taken.abort;
        }
    }

    /// Settles why the sweep ended.
    pub(super) fn close(&mut self, stop: &Stop) {
        let left = !self.complete || self.sent > self.received || self.of("interrupted") > 0;
        self.time_box = self.boxed && left;
        self.interrupted = stop.is_draining() && !self.boxed && self.aborted.is_none();
    }

    /// Jobs that wait, are quarantined or lost now: those not taken, and those that came to it in this sweep.
    pub fn standing(&self) -> Skipped {
        Skipped {
            waiting: self.skipped.waiting + self.closed.waiting,
            quarantined: self.skipped.quarantined + self.closed.quarantined,
            lost: self.skipped.lost + self.closed.lost,
        }
    }

    /// Work by stage, over all threads, in the order of the stages.
    pub fn work_by_stage(&self) -> [(&'static str, Duration); 5] {
        let Stages {
            load,
            compute,
            compress,
            store,
        } = self.stages;
        [
            ("load", load),
            ("compute", compute),
            ("compress", compress),
            ("store", store),
            ("record", self.record),
        ]
    }

    /// Jobs of an outcome.
    pub fn of(&self, outcome: &str) -> u64 {
        self.outcomes.get(outcome).copied().unwrap_or(0)
    }

    /// Jobs archived.
    pub fn archived(&self) -> u64 {
        self.of("complete") + self.of("partial") + self.of("empty")
    }

    /// Jobs dealt with.
    pub fn total(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        if self.aborted.is_some() {
            Exit::Aborted
        } else if self.interrupted {
            Exit::Interrupted
        } else if self.time_box {
            Exit::TimeBox
        } else if self.of("failed") + self.of("no_data") > 0 {
            Exit::Failures
        } else {
            Exit::Done
        }
    }
}
