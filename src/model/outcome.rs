//! What became of a job, and what a failure means for the sweep.
//!
//! Reason codes are stable: they stand in the ledger, in JSON lines and in the man page. A new failure gets a
//! new code; no code changes its meaning.

use std::fmt;

use crate::model::job::Shown;

/// The part of the work in which something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Decoding the row, finding its cluster, building queries.
    Row,
    /// Reading metric data.
    Load,
    /// Statistics, footprint, encoding.
    Compute,
    /// Writing the archive.
    Store,
}

impl Stage {
    /// The word in messages and the ledger.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::Load => "load",
            Self::Compute => "compute",
            Self::Store => "store",
        }
    }
}

/// Why a job is not archived (or not whole).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The row cannot be used as it is.
    RowInvalid,
    /// No cluster.json describes the job's cluster.
    ClusterUnknown,
    /// The cluster has no such subcluster.
    SubclusterUnknown,
    /// The cluster's configuration does not allow a footprint.
    FootprintInvalid,
    /// The cluster has no folder in the checkpoints.
    SourceMissing,
    /// No metric could be aggregated.
    AggregationInvalid,
    /// A folder or file of checkpoints cannot be read.
    SourceUnreadable,
    /// A snapshot is damaged.
    SnapshotBroken,
    /// The checkpoints folder is gone: nothing can be archived.
    SourceGone,
    /// The archive cannot be written: full, read-only or gone.
    TargetGone,
    /// One job's folder in the archive cannot be written.
    TargetUnwritable,
    /// What is in the archive holds more.
    Poorer,
    /// No sample was found where samples were expected.
    NoData,
    /// A mistake in ccarchive.
    Internal,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 14] = [
        Self::RowInvalid,
        Self::ClusterUnknown,
        Self::SubclusterUnknown,
        Self::FootprintInvalid,
        Self::AggregationInvalid,
        Self::SourceMissing,
        Self::SourceUnreadable,
        Self::SnapshotBroken,
        Self::SourceGone,
        Self::TargetGone,
        Self::TargetUnwritable,
        Self::Poorer,
        Self::NoData,
        Self::Internal,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::RowInvalid => "row_invalid",
            Self::ClusterUnknown => "cluster_unknown",
            Self::SubclusterUnknown => "subcluster_unknown",
            Self::FootprintInvalid => "footprint_invalid",
            Self::AggregationInvalid => "aggregation_invalid",
            Self::SourceMissing => "source_missing",
            Self::SourceUnreadable => "source_unreadable",
            Self::SnapshotBroken => "snapshot_broken",
            Self::SourceGone => "source_gone",
            Self::TargetGone => "target_gone",
            Self::TargetUnwritable => "target_unwritable",
            Self::Poorer => "poorer",
            Self::NoData => "no_data",
            Self::Internal => "internal",
        }
    }

    /// The reason of that code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.code() == code)
    }

    /// What the operator can do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::RowInvalid => {
                "correct the row, or leave it: it is tried again with growing pauses"
            }
            Self::ClusterUnknown => "add the cluster's cluster.json to the archive",
            Self::SubclusterUnknown => "correct the job's subcluster, or add it to cluster.json",
            Self::FootprintInvalid => "use avg, min or max as footprint in cluster.json",
            Self::AggregationInvalid => {
                "give the metrics an aggregation of sum or avg in cluster.json"
            }
            Self::SourceMissing => {
                "check --source: is this the folder of the metric store that this cluster reports to?"
            }
            Self::SourceUnreadable => {
                "check the file's permissions and the disk; the job is tried again"
            }
            Self::SnapshotBroken => {
                "if the file was being written, the next sweep reads it; else restore it or move it away"
            }
            Self::SourceGone => "check --source and whether the file system is mounted",
            Self::TargetGone => {
                "free space or remount the archive, then run again: no job was marked"
            }
            Self::TargetUnwritable => {
                "check owner and permissions of the job's folder in the archive"
            }
            Self::Poorer => {
                "nothing to do: the archive is better than what the source holds now; --force replaces it"
            }
            Self::NoData => {
                "check that the hosts report to this metric store; --accept-empty archives such jobs without data"
            }
            Self::Internal => "please report this with the message above",
        }
    }

    /// Whether the metric store or the archive may be at fault, not the job: many of these at once are an outage. A
    /// damaged file is one host's trouble, however many jobs it has.
    pub const fn is_outage(self) -> bool {
        matches!(
            self,
            Self::SourceMissing
                | Self::SourceUnreadable
                | Self::SourceGone
                | Self::TargetGone
                | Self::TargetUnwritable
        )
    }

    /// Whether no further job can be archived once this happened.
    pub const fn ends_sweep(self) -> bool {
        matches!(self, Self::SourceGone | Self::TargetGone)
    }
}

/// A job's failure: where, why, and in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where.
    pub stage: Stage,
    /// Why, as a code.
    pub reason: Reason,
    /// One sentence: what was expected, what was found, naming the file or column.
    pub detail: String,
    /// What failed besides the job, a file or host: failures of one subject are no outage.
    pub subject: String,
}

impl Failure {
    /// A failure that concerns nothing but the job.
    pub fn new(stage: Stage, reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            stage,
            reason,
            detail: fit_to_print(&detail.into()),
            subject: String::new(),
        }
    }

    /// The same, of a file, folder or host.
    #[must_use]
    pub fn of(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage.name(), self.detail)
    }
}

impl std::error::Error for Failure {}

/// Expected and received samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Points {
    /// What a perfect record would hold.
    pub expected: u64,
    /// Samples that were found and can be archived (finite).
    pub received: u64,
}

impl Points {
    /// Adds another count.
    pub fn add(&mut self, other: Self) {
        self.expected += other.expected;
        self.received += other.received;
    }

    /// Whether nothing is missing.
    pub const fn is_full(self) -> bool {
        self.received >= self.expected
    }
}

/// Coverage of one metric on one host of a job that has gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The metric.
    pub metric: String,
    /// The host.
    pub host: String,
    /// Its samples.
    pub points: Points,
}

/// What a job's archive holds of what it could hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Over all native series.
    pub points: Points,
    /// Metric × host pairs with samples missing, in the order of metrics, then hosts.
    pub gaps: Vec<Gap>,
    /// Samples left out since they are infinite or beyond f32.
    pub unusable: u64,
}

/// What became of a job in this sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Archived, nothing missing.
    Complete,
    /// Archived, with gaps.
    Partial,
    /// Archived without data: none was expected (or it was accepted that there is none).
    Empty,
    /// Samples may still reach the source: left alone.
    NotYet,
    /// No sample anywhere.
    NoData(Failure),
    /// Failed.
    Failed(Failure),
    /// Nobody knows when the job ended.
    UnknownEnd,
    /// Dropped when a shutdown's patience ended.
    Interrupted,
    /// The row changed while the job was worked on.
    Raced,
}

impl Outcome {
    /// The word for jobs without data.
    pub const NO_DATA: &str = "no_data";

    /// The stable word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Empty => "empty",
            Self::NotYet => "not_yet",
            Self::NoData(_) => Self::NO_DATA,
            Self::Failed(_) => "failed",
            Self::UnknownEnd => "unknown_end",
            Self::Interrupted => "interrupted",
            Self::Raced => "raced",
        }
    }

    /// Whether an archive was published.
    pub const fn is_archived(&self) -> bool {
        matches!(self, Self::Complete | Self::Partial | Self::Empty)
    }

    /// The failure, of failed jobs and those without data.
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::NoData(f) | Self::Failed(f) => Some(f),
            Self::Complete
            | Self::Partial
            | Self::Empty
            | Self::NotYet
            | Self::UnknownEnd
            | Self::Interrupted
            | Self::Raced => None,
        }
    }
}

/// A message that may quote foreign bytes: without control characters, and not longer than anybody reads.
pub fn fit_to_print(text: &str) -> String {
    const LONGEST: usize = 2000;
    let mut text = Shown(text).to_string();
    if let Some((at, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// An error with its causes, on one line.
pub fn chain(e: &dyn std::error::Error) -> String {
    let mut out = e.to_string();
    let mut cause = e.source();
    while let Some(c) = cause {
        out = format!("{out}: {c}");
        cause = c.source();
    }
    out
}
