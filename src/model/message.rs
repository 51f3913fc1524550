//! The messages between the stages of a sweep: plain values that can be written to a file, so that workers and recorder
//! can run in different processes.
//!
//! A worker knows only its [`Task`] and the ports it was given. Its answer ([`Finished`]) holds everything that the recorder
//! needs, including what still has to be made durable.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::job::{Head, JobKey};
use super::outcome::{Coverage, Outcome};
use super::row_columns::Columns;

/// A job on its way to a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The row as it was listed; the worker looks at it anew.
    pub head: Head,
    /// The job's first host, as far as it is known.
    pub host: Option<String>,
    /// What earlier sweeps know of the job.
    pub history: History,
    /// Whether the job may be archived although its source has no sample of it.
    pub accept_empty: bool,
}

/// What earlier sweeps know of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Attempts so far.
    pub attempts: u32,
    /// Those of them that count towards quarantine.
    pub failures: u32,
    /// Whether these were for damage: of files that stay damaged a job is archived without what they held.
    pub damaged: bool,
    /// Set where the archive is provisional: Unix seconds of the cluster's newest data when it was made.
    pub provisional: Option<i64>,
}

/// Where the slots of a frequency begin on a host: worth remembering, since a later reading may find nothing that tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPhase {
    /// The host.
    pub host: String,
    /// Seconds between samples.
    pub frequency: i64,
    /// Seconds, from 0 to the frequency.
    pub phase: i64,
}

/// How many samples a host has in each hour of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostHours {
    /// The host.
    pub host: String,
    /// Hours since 1970, ascending, and the samples in each.
    pub hours: Vec<(i64, HourCount)>,
}

/// Samples of one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourCount {
    /// What a perfect record would hold.
    pub expected: u32,
    /// Those that are there.
    pub received: u32,
}

/// A job's result on its way to the recorder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The row as the worker took it.
    pub head: Head,
    /// What became of the job.
    pub outcome: Outcome,
    /// Its samples.
    pub coverage: Coverage,
    /// The same by host and hour, the last hours of the job only.
    pub hours: Vec<HostHours>,
    /// Of an archived job: what its row gets.
    pub archived: Option<Archived>,
    /// What earlier sweeps know of the job.
    pub history: History,
    /// Whether no later sweep can find data in this source.
    pub lost: bool,
    /// Unix seconds of the newest data of the job's cluster, where that was looked at.
    pub newest: Option<i64>,
    /// What the source knows for sure of the job's hosts.
    pub phases: Vec<HostPhase>,
    /// Bytes of data.json before compression.
    pub raw_bytes: u64,
    /// Why the job was archived although something could not be read, where that is so.
    pub note: Option<String>,
    /// Where the time went.
    pub stages: Stages,
    /// Set if the sweep cannot go on, whatever the outcome of this job.
    pub fatal: Option<Failure>,
}

/// An archive that is in place but perhaps not durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Archived {
    /// The job's key, which is also its place in the archive.
    pub key: JobKey,
    /// Checksum of the row that it describes, see [`super::row_columns::row_print`].
    pub row_print: u32,
    /// The columns of the row.
    pub columns: Columns,
    /// Bytes of both files as stored.
    pub stored_bytes: u64,
    /// Whether this sweep wrote it.
    pub written: bool,
}

/// Seconds of work by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    pub fn add(&mut self, other: &Self) {
        self.load += other.load;
        self.compute += other.compute;
        self.compress += other.compress;
        self.store += other.store;
    }
}

impl Finished {
    /// A result that has nothing to show yet.
    pub fn new(head: Head, history: History, outcome: Outcome) -> Self {
        Self {
            head,
            outcome,
            coverage: Coverage::default(),
            hours: Vec::new(),
            archived: None,
            history,
            lost: false,
            newest: None,
            phases: Vec::new(),
            raw_bytes: 0,
            note: None,
            stages: Stages::default(),
            fatal: None,
        }
    }

    /// Whether this is a provisional archive that stays as it is for now, since its cluster has no newer data.
    pub fn is_unchanged(&self) -> bool {
        self.history.provisional.is_some() && self.outcome == Outcome::NotYet
    }
}
