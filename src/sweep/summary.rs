//! What a sweep did, in numbers, and the exit code that follows.
//!
//! A summary never says more than is true: what is left has a number and a cause, and what an outage kept from being judged
//! is not counted as judged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::becomes::new_status;
use crate::jobs::PassedOver;
use crate::ledger::Entry;
use crate::model::failure::{Failure, Reason, Stage};
use crate::model::job::{JobKey, STATUS_ARCHIVED};
use crate::model::message::{Finished, Stages};
use crate::model::outcome::{Kind, Outcome, Points};
use crate::model::standing::Standing;
use crate::model::stop::Stop;

/// Partial archives that are named.
const WORST: usize = 3;

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

/// Why a sweep stopped early by itself, or took no more jobs of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abort {
    /// The code.
    pub reason: Reason,
    /// In words.
    pub detail: String,
    /// Set where only the jobs of one cluster are concerned.
    pub cluster: Option<String>,
    /// Jobs that failed for this and were not marked.
    pub unmarked: u64,
}

impl Abort {
    /// Whether only jobs that need one of several sources are concerned.
    pub fn concerns_layer(&self) -> bool {
        self.reason == Reason::LayerGone
    }

    /// Whether the cluster's folder in the archive is concerned, and no source.
    pub fn concerns_folder(&self) -> bool {
        self.reason == Reason::ClusterGone
    }

    /// The end of a sweep for a failure.
    pub(super) fn of(f: &Failure) -> Self {
        Self {
            reason: f.reason,
            detail: f.detail.clone(),
            cluster: None,
            unmarked: 0,
        }
    }
}

/// Jobs that are not archived for good, by how they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standings {
    /// Waiting for their next try.
    pub waiting: u64,
    /// Tried too often.
    pub quarantined: u64,
    /// The source cannot have their data.
    pub lost: u64,
    /// Unix seconds of the earliest next try of a waiting one.
    pub next_try: Option<i64>,
}

impl Standings {
    /// Counts a job that is not due.
    pub(super) fn count(&mut self, e: &Entry) {
        self.add(e.standing, e.next_try);
    }

    /// Counts a job; `next_try`: Unix seconds.
    pub(super) fn add(&mut self, standing: Standing, next_try: i64) {
        match standing {
            Standing::Waiting => {
                self.waiting += 1;
                self.next_try = Some(self.next_try.map_or(next_try, |t| t.min(next_try)));
            }
            Standing::Quarantined => self.quarantined += 1,
            Standing::Lost => self.lost += 1,
            Standing::Provisional | Standing::Done => {}
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            waiting: self.waiting + other.waiting,
            quarantined: self.quarantined + other.quarantined,
            lost: self.lost + other.lost,
            next_try: self.next_try.into_iter().chain(other.next_try).min(),
        }
    }
}

/// What failures have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Where.
    pub stage: Stage,
    /// Why.
    pub reason: Reason,
    /// The message without numbers and quoted names, so that equal causes are equal.
    pub cause: String,
}

/// Failures of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How many jobs.
    pub count: u64,
    /// The first of them.
    pub first_job: JobKey,
    /// Its message.
    pub first_detail: String,
}

/// Jobs of a cluster whose data in the source ends long ago and before they did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Unix seconds of the cluster's newest data.
    pub newest: i64,
    /// The jobs, which wait for data that may never come.
    pub jobs: u64,
}

/// A job whose archive lacks samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thin {
    /// The job.
    pub key: JobKey,
    /// Its samples.
    pub points: Points,
}

/// What the intake did.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Jobs that are not due.
    pub(super) standings: Standings,
    /// Jobs that are no part of this sweep.
    pub(super) passed_over: PassedOver,
    /// Whether every selected job was looked at.
    pub(super) complete: bool,
    /// Jobs that were due; those that did not become a result are left.
    pub(super) due: u64,
    /// Whether the limit kept jobs out.
    pub(super) limited: bool,
    /// Whether the time box ended it.
    pub(super) boxed: bool,
    pub(super) abort: Option<Abort>,
}

/// What a sweep did.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Summary {
    /// Jobs by outcome.
    pub outcomes: BTreeMap<Kind, u64>,
    /// Provisional archives that were looked at again and stay as they are, since no newer data came. They are archived
    /// already, so that no outcome counts them.
    pub unchanged: u64,
    /// Rows whose `monitoring_status` became 3, or would in a dry run.
    pub rows_archived: u64,
    /// Rows whose `monitoring_status` became 2, or would in a dry run.
    pub rows_failed: u64,
    /// Failures by group.
    pub failures: BTreeMap<Group, Failures>,
    /// Jobs that were not taken since they were not due.
    pub not_due: Standings,
    /// Jobs that failed in this sweep, by what that led to.
    pub closed: Standings,
    /// Jobs that are no part of this sweep.
    pub passed_over: PassedOver,
    /// Clusters of which no job has a sample in this source, with their jobs: their rows stay as they are.
    pub unproved: BTreeMap<String, u64>,
    /// Clusters whose data in the source ends so long ago that more of it should have come, while jobs wait for it: the store
    /// writes no files any more, or this is another store.
    pub behind: BTreeMap<String, Behind>,
    /// Unproved, too, but for clusters whose jobs may still get samples: they are "not yet", and their source never held a sample.
    pub silent: BTreeMap<String, u64>,
    /// Samples of the archived jobs.
    pub points: Points,
    /// The archived jobs with the smallest share of their samples, the worst first.
    pub worst: Vec<Thin>,
    /// Archived jobs with a smaller share of their samples than what the settings ask for.
    pub thin: u64,
    /// Bytes of data.json of archived jobs.
    pub raw_bytes: u64,
    /// Bytes as stored.
    pub stored_bytes: u64,
    /// Samples left out since they are infinite or beyond f32.
    pub unusable: u64,
    /// Hooks that ran.
    pub hooks_run: u64,
    /// Those of them that failed.
    pub hooks_failed: u64,
    /// Seconds the sweep took.
    pub seconds: f64,
    /// Work by stage.
    pub stages: Stages,
    /// Seconds that the recorder spent in flushing and writing.
    pub record: Duration,
    /// Set when the sweep stopped by itself.
    pub aborted: Option<Abort>,
    /// Clusters of which no more jobs were taken, since their source did not answer any more; those with jobs that need one
    /// of several sources, which is gone; and those whose folder in the archive is gone.
    pub outages: Vec<Abort>,
    /// Set when a signal stopped it.
    pub interrupted: bool,
    /// Set when the time box stopped it with work left.
    pub time_box: bool,
    /// Nothing was written.
    pub dry_run: bool,
    /// Jobs that were due and did not become a result.
    pub left: u64,
    /// Whether the whole backlog was looked at; otherwise more than `left` are left.
    pub saw_all: bool,
    /// Whether the limit kept jobs out.
    pub limited: bool,
    /// Archived jobs that were to be archived again and failed, or were cut short.
    pub(super) half_done: BTreeSet<JobKey>,
}

impl Summary {
    /// Counts a finished job.
    pub(super) fn count(&mut self, done: &Finished) {
        if done.is_unchanged() {
            self.unchanged += 1;
            return;
        }
        match new_status(done) {
            Some(STATUS_ARCHIVED) => self.rows_archived += 1,
            Some(_) => self.rows_failed += 1,
            None => {}
        }
        *self.outcomes.entry(done.outcome.kind()).or_default() += 1;
        if matches!(done.outcome, Outcome::Failed(_) | Outcome::Interrupted)
            && done.head.status == STATUS_ARCHIVED
        {
            self.half_done.insert(done.head.key.clone());
        }
        if let Some(f) = done.outcome.failure() {
            let group = Group {
                stage: f.stage,
                reason: f.reason,
                cause: cause(&f.detail),
            };
            let failures = self.failures.entry(group).or_insert_with(|| Failures {
                count: 0,
                first_job: done.head.key.clone(),
                first_detail: f.detail.clone(),
            });
            failures.count += 1;
        }
        // What was adopted may hold more than the source does now.
        if let Some(archived) = done.archived.as_ref().filter(|a| a.written) {
            self.raw_bytes += done.raw_bytes;
            self.stored_bytes += archived.stored_bytes;
            self.unusable += done.coverage.unusable;
            self.points.add(done.coverage.points);
            self.note_thin(done);
        }
    }

    fn note_thin(&mut self, done: &Finished) {
        let points = done.coverage.points;
        if points.is_full() {
            return;
        }
        let at = self
            .worst
            .partition_point(|t| t.points.share() <= points.share());
        self.worst.insert(
            at,
            Thin {
                key: done.head.key.clone(),
                points,
            },
        );
        self.worst.truncate(WORST);
    }

    /// Settles why the sweep ended and what is left.
    pub(super) fn close(&mut self, taken: Taken, stop: &Stop) {
        self.not_due = taken.standings;
        self.passed_over = taken.passed_over;
        self.saw_all = taken.complete;
        self.limited = taken.limited;
        if self.aborted.is_none() {
            self.aborted = taken.abort;
        }
        let done = self.total() - self.of(Kind::Interrupted) + self.unchanged;
        self.left = taken
            .due
            .saturating_sub(done + self.unproved.values().sum::<u64>());
        self.time_box = taken.boxed && (self.left > 0 || !self.saw_all);
        self.interrupted = stop.is_draining() && !taken.boxed && self.aborted.is_none();
    }

    /// Jobs that wait, are quarantined or lost now: those not taken, and those that came to it in this sweep.
    pub fn standing(&self) -> Standings {
        self.not_due.and(self.closed)
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
    pub fn of(&self, outcome: Kind) -> u64 {
        self.outcomes.get(&outcome).copied().unwrap_or(0)
    }

    /// Jobs whose rows say now that they are archived.
    pub fn archived(&self) -> u64 {
        let archived = self.outcomes.iter().filter(|(k, _)| k.is_archived());
        archived.map(|(_, n)| n).sum()
    }

    /// Jobs that became a result.
    pub fn total(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        if self.aborted.is_some() {
            Exit::Aborted
        } else if self.interrupted {
            Exit::Interrupted
        } else if !self.outages.is_empty()
            || !self.unproved.is_empty()
            || !self.behind.is_empty()
            || self.passed_over.start_in_future > 0
        {
            Exit::Aborted
        } else if self.time_box {
            Exit::TimeBox
        } else if self.of(Kind::Failed) + self.of(Kind::NoData) + self.thin > 0
            || (self.hooks_run > 0 && self.hooks_failed == self.hooks_run)
        {
            Exit::Failures
        } else {
            Exit::Done
        }
    }
}

/// A message without what differs from job to job: numbers, quoted names and paths.
fn cause(detail: &str) -> String {
    let mut out = String::new();
    let mut quoted = false;
    for word in detail.split_inclusive(' ') {
        let begins = word.contains('`');
        let ends = word.matches('`').count() % 2 == 1;
        if quoted || begins || word.contains('/') || word.contains(|c: char| c.is_ascii_digit()) {
            if !out.ends_with('…') {
                out.push('…');
            }
        } else {
            out.push_str(word);
        }
        quoted ^= ends;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::cause;

    #[test]
    fn messages_with_one_cause_are_equal_and_others_are_not() {
        let negative = cause("duration is -4 s; expected at most 34560000");
        assert_eq!(
            negative,
            cause("duration is -17 s; expected at most 34560000")
        );
        let other = cause("cluster `a b` cannot be the name of a folder");
        assert_eq!(other, cause("cluster `c` cannot be the name of a folder"));
        assert_ne!(negative, other);
    }
}
