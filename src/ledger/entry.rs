//! What goes into the ledger and comes out of it.

use crate::model::failure::Reason;
use crate::model::job::JobKey;
use crate::model::message::History;
use crate::model::outcome::{Coverage, Outcome};
use crate::model::standing::Standing;
use crate::rules::retry::Next;

/// What the ledger knows of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub standing: Standing,
    /// Attempts so far.
    pub attempts: u32,
    /// Those of them that count towards quarantine: none where the last one failed at nothing, but found no data.
    pub failures: u32,
    /// Why the last attempt failed, where it did.
    pub reason: Option<Reason>,
    /// Unix seconds of the last attempt; 0 where there was none.
    pub last_try: i64,
    /// Unix seconds; 0 for at once.
    pub next_try: i64,
    /// The source that is to blame, where one is: another may do better.
    pub source: Option<String>,
    /// Of a provisional archive: Unix seconds of the cluster's newest data when it was made.
    pub newest: Option<i64>,
}

impl Entry {
    /// What a worker is told of the job; `archived`: whether its row says that it is. A row that somebody set back is a job
    /// of the backlog.
    pub fn history(&self, archived: bool) -> History {
        let is_provisional = archived && self.standing == Standing::Provisional;
        History {
            attempts: self.attempts,
            failures: self.failures,
            damaged: self.reason.is_some_and(Reason::is_damage),
            provisional: is_provisional.then(|| self.newest.unwrap_or(i64::MIN)),
        }
    }
}

/// One job's result, for the ledger.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// The job.
    pub key: &'a JobKey,
    /// What became of it.
    pub outcome: &'a Outcome,
    /// Where it stands now.
    pub next: Next,
    /// The samples of an archive that was written.
    pub coverage: Option<&'a Coverage>,
    /// The source that was asked, where it is to blame.
    pub source: Option<&'a str>,
    /// Unix seconds of the newest data of its cluster, where that was looked at.
    pub newest: Option<i64>,
}

/// A hook that is to run for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The job.
    pub key: JobKey,
    /// What the hook gets on its input.
    pub json: String,
}

/// The figures of a finished sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Unix seconds.
    pub started: i64,
    /// Unix seconds.
    pub ended: i64,
    /// Exit code.
    pub exit: i64,
    /// JSON: counts by outcome, bytes, seconds.
    pub figures: String,
}
