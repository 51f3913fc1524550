//! What went wrong with a job, and what that means for the sweep.
//!
//! The codes of stages and reasons are stable: they stand in the ledger, in JSON lines and in the man page. A new kind of
//! failure gets a new code; no code changes its meaning.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use super::job::Shown;

/// The part of the work in which something went wrong.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
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
    /// The word in messages, JSON and the ledger.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Why a job is not archived (or not whole).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A column of the row cannot be used.
    RowInvalid,
    /// No cluster.json describes the job's cluster.
    ClusterUnknown,
    /// The archive's folder of the cluster is not there now.
    ClusterGone,
    /// The cluster has no such subcluster.
    SubclusterUnknown,
    /// The cluster's configuration does not allow a footprint.
    FootprintInvalid,
    /// No metric could be aggregated.
    AggregationInvalid,
    /// The source holds nothing of the cluster.
    SourceMissing,
    /// A part of the source cannot be read.
    SourceUnreadable,
    /// A snapshot is damaged.
    SnapshotBroken,
    /// What the files of a host hold does not fit into the memory that may be used.
    HostTooLarge,
    /// The whole source is gone: nothing can be archived.
    SourceGone,
    /// One of several sources is gone, and the job lacks what it may hold.
    LayerGone,
    /// A source does not let us in.
    SourceRefused,
    /// The archive cannot be written: full, read-only or gone.
    TargetGone,
    /// One job's place in the archive cannot be read or written.
    TargetUnwritable,
    /// The archive's server does not take what it is asked: keys, names, rights or clocks have to be set right.
    TargetRefused,
    /// What is in the archive holds more.
    Poorer,
    /// No sample was found where samples were expected.
    NoData,
    /// The job database cannot be read or written.
    Database,
    /// The lock of this sweep was taken away.
    LockGone,
    /// A bug in ccarchive.
    Internal,
}

impl Reason {
    /// The stable code.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// What the operator can do about it. The binary adds the flag where there is one.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::RowInvalid => {
                "correct the row in the database; until then the job is tried again at growing intervals"
            }
            Self::ClusterUnknown => "add the cluster's cluster.json to the archive",
            Self::ClusterGone => {
                "mount the file system that the link in the archive leads to, or remove the link; then run again"
            }
            Self::SubclusterUnknown => "correct the job's subcluster, or add it to cluster.json",
            Self::FootprintInvalid => "use avg, min or max as footprint in cluster.json",
            Self::AggregationInvalid => {
                "give the metrics an aggregation of sum or avg in cluster.json"
            }
            Self::SourceMissing => "check that this cluster reports to this metric store",
            Self::SourceUnreadable => {
                "check the disk of the source, and whether this user may read it; the job is tried again"
            }
            Self::SnapshotBroken => {
                "if the file was being written, the next sweep reads it; otherwise restore the file or move it away"
            }
            Self::HostTooLarge => "give the sweep more memory",
            Self::SourceGone | Self::LayerGone => {
                "check that the source is the right one, and that its file system is mounted or its server runs"
            }
            Self::SourceRefused => "correct the token of the metric store, then run again",
            Self::TargetGone => "free space or remount the archive, then run again",
            Self::TargetUnwritable => {
                "check the archive's disk, and owner and permissions of the folder; or the server of its bucket"
            }
            Self::TargetRefused => "correct what the message names, then run again",
            Self::Poorer => "nothing to do: the archive holds more than the source does now",
            Self::NoData => "check that these hosts report to this metric store",
            Self::Database => {
                "check the job database and its disk; the next sweep records what this one has archived"
            }
            Self::LockGone => "make sure that no other sweep is running, then run again",
            Self::Internal => "please report this bug with the message above",
        }
    }

    /// Whether the source or the archive may be at fault instead of the job. Many such failures in a row may be an outage. A
    /// damaged file is never taken for one: it concerns one host, however many jobs ran there.
    pub const fn may_be_outage(self) -> bool {
        self.blames_source() || self.blames_target()
    }

    /// Whether a file could not be read, or not to its end.
    pub const fn is_damage(self) -> bool {
        matches!(self, Self::SnapshotBroken | Self::SourceUnreadable)
    }

    /// Whether the source may be at fault.
    pub const fn blames_source(self) -> bool {
        matches!(
            self,
            Self::SourceMissing | Self::SourceUnreadable | Self::SourceGone
        )
    }

    /// Whether the archive may be at fault.
    pub const fn blames_target(self) -> bool {
        matches!(
            self,
            Self::TargetGone | Self::TargetUnwritable | Self::TargetRefused
        )
    }

    /// Whether the job is left as it is for what is gone, while others go on.
    pub const fn leaves_job(self) -> bool {
        matches!(self, Self::LayerGone | Self::ClusterGone)
    }

    /// Whether no further job can be archived once this happened.
    pub const fn ends_sweep(self) -> bool {
        matches!(
            self,
            Self::SourceGone
                | Self::SourceRefused
                | Self::TargetGone
                | Self::TargetRefused
                | Self::Database
                | Self::LockGone
        )
    }
}

/// A job's failure: where, why, and in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Where.
    pub stage: Stage,
    /// Why, as a code.
    pub reason: Reason,
    /// One sentence: what was expected, what was found, naming the file or column.
    pub detail: String,
    /// The file or host that failed, if one did. Any number of failures of one subject is no outage.
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

/// Makes a message that may quote foreign bytes fit to print: control characters are escaped, and the text is cut after
/// 2,000 characters.
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
