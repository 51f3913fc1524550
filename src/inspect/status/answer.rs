//! The answer of `status`: plain figures, as they are printed and served as JSON.

use serde::{Deserialize, Serialize};

use crate::inspect::Place;
use crate::ledger::DayCount;
use crate::model::job::{JobKey, camel};

pub(super) const HOUR: i64 = 3600;
pub(super) const DAY: i64 = 86_400;

/// Upper bounds (seconds) of the age classes of [`Group::ages`]; what is older is in the last one.
pub const AGES: [i64; 5] = [HOUR, 6 * HOUR, DAY, 2 * DAY, 7 * DAY];

/// How a site stands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// When this was looked at.
    pub now: i64,
    /// All rows of the job table.
    pub table: Table,
    /// Stopped jobs that are not archived, by cluster, status, place and reason.
    pub backlog: Vec<Group>,
    /// The job that ended first of those that sweeps can still save: lost jobs and those of unknown end do not count.
    pub oldest: Option<Oldest>,
    /// How much time is left.
    pub risk: Risk,
    /// Jobs by how they stand.
    pub standing: Standings,
    /// The last sweeps, the newest first.
    pub runs: Vec<Sweep>,
    /// When the last sweep that came through ended (exit code 0 or 3), however long ago.
    pub last_success: Option<i64>,
    /// The backlog as past sweeps left it, the oldest first.
    pub history: Vec<Past>,
    /// Jobs by the day of their last attempt and its outcome.
    pub days: Vec<DayCount>,
    /// How far the data reaches, by cluster and source.
    pub reach: Vec<Reach>,
}

/// Counts of the job table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// All rows.
    pub jobs: u64,
    /// Not stopped.
    pub running: u64,
    /// Stopped, at status 3.
    pub archived: u64,
    /// Stopped, at status 1 or 2.
    pub unarchived: u64,
    /// Stopped, monitoring switched off (status 0).
    pub switched_off: u64,
    /// Stopped, with a status that is none.
    pub other: u64,
}

/// Jobs of the backlog that have much in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Their cluster.
    pub cluster: String,
    /// Their `monitoring_status`.
    pub status: i64,
    /// Where the next sweep finds them.
    pub place: Place,
    /// Code of what went wrong in the last attempt; none for a job that was not tried.
    pub reason: Option<String>,
    /// How many.
    pub jobs: u64,
    /// The earliest end.
    pub oldest_end: i64,
    /// Jobs by the time since their end, see [`AGES`].
    pub ages: [u64; 6],
}

/// A job of the backlog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Oldest {
    /// The job.
    #[serde(flatten, serialize_with = "camel")]
    pub key: JobKey,
    /// When it ended.
    pub end: i64,
    /// Where the next sweep finds it.
    pub place: Place,
}

/// How long the source still has what the backlog needs. Lost jobs and those of unknown end do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Risk {
    /// Seconds that the source remembers; none where no configuration says so, and then nothing here is known.
    pub retention: Option<i64>,
    /// When the source may begin to forget the most endangered job that is still whole.
    pub next_loss: Option<i64>,
    /// That job.
    pub job: Option<Oldest>,
    /// Jobs whose first samples may be gone already.
    pub begun: u64,
    /// Jobs that the source may begin to forget within 6 hours, those before left out.
    pub within_6h: u64,
    /// Jobs that the source may begin to forget within 24 hours, those within 6 hours included.
    pub within_24h: u64,
}

/// Jobs by how they stand; all but the last two are in the backlog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standings {
    /// Waiting for their next try.
    pub waiting: u64,
    /// When the first of them is tried again.
    pub next_try: Option<i64>,
    /// Tried too often.
    pub quarantined: u64,
    /// The source cannot have their data.
    pub lost: u64,
    /// Of unknown end.
    pub unknown_end: u64,
    /// Archived with what there was, to be made better.
    pub provisional: u64,
    /// Archived with less than the share asked for.
    pub thin: u64,
}

/// A past sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sweep {
    /// When it began.
    pub started: i64,
    /// When it ended.
    pub ended: i64,
    /// Its exit code.
    pub exit: i64,
    /// Its summary object, as the sweep printed it.
    pub figures: serde_json::Value,
}

/// The backlog at the end of a past sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Past {
    /// When the sweep ended.
    #[serde(default)]
    pub at: i64,
    /// Stopped jobs that were not archived.
    pub jobs: u64,
    /// When the first of them ended.
    pub oldest_end: Option<i64>,
    /// When the source might begin to forget the most endangered job that was still whole.
    pub next_loss: Option<i64>,
}

/// How far a source reaches for a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reach {
    /// The cluster.
    pub cluster: String,
    /// The source.
    pub source: String,
    /// The newest data of any host; none without any.
    pub newest: Option<i64>,
    /// Where the oldest data of any host begins.
    pub oldest: Option<i64>,
    /// Why it did not answer.
    pub error: Option<String>,
}

impl Status {
    /// Whether a person should act: data is about to be lost, or jobs wait for somebody.
    pub fn needs_attention(&self) -> bool {
        self.risk.begun + self.risk.within_6h + self.standing.quarantined > 0
            || self.reach.iter().any(|r| r.error.is_some())
    }

    /// The backlog in short, as the next ones find it in [`Status::history`].
    pub fn past(&self) -> Past {
        Past {
            at: self.now,
            jobs: self.table.unarchived,
            oldest_end: self.oldest.as_ref().map(|o| o.end),
            next_loss: self.risk.next_loss,
        }
    }

    /// Jobs of the backlog by the time since their end, see [`AGES`].
    pub fn ages(&self) -> [u64; 6] {
        let mut sum = [0; 6];
        for g in &self.backlog {
            for (s, n) in sum.iter_mut().zip(g.ages) {
                *s += n;
            }
        }
        sum
    }
}
