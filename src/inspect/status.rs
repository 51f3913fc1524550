//! How the backlog stands: what waits, for how long it may still wait, and what the last sweeps did.
//!
//! One pass over the job table and one over the unfinished jobs of the ledger. A job of the backlog is counted once, under
//! the place that the next sweep finds it in.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::{Ports, Terms};
use crate::jobs::{self, Brief, survey};
use crate::ledger::{DayCount, Listing, Open, Told};
use crate::model::job::{JobKey, STATUS_ARCHIVED, STATUS_DISABLED, camel};
use crate::model::standing::Standing;
use crate::model::stop::Stop;
use crate::rules::judge::forgets_at;

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// Upper bounds (seconds) of the age classes of [`Group::ages`]; what is older is in the last one.
pub const AGES: [i64; 5] = [HOUR, 6 * HOUR, DAY, 2 * DAY, 7 * DAY];

/// What to look at besides the backlog.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The share of its samples (0 to 1) with less of which an archive counts as thin.
    pub thin: f64,
    /// How many of the last sweeps.
    pub runs: usize,
    /// How many days of outcomes.
    pub days: i64,
    /// Seconds by which the days are ahead of UTC.
    pub offset: i64,
}

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
    /// The job of the backlog that ended first; none without a backlog.
    pub oldest: Option<Oldest>,
    /// How much time is left.
    pub risk: Risk,
    /// Jobs by how they stand.
    pub standing: Standings,
    /// The last sweeps, the newest first.
    pub runs: Vec<Sweep>,
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

/// Where the next sweep finds a job of the backlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// It is taken.
    Due,
    /// It stopped too short a time ago and is left to the live server.
    Fresh,
    /// It ends in the future: somebody's clock is wrong.
    Future,
    /// It waits for its next try.
    Waiting,
    /// It was tried too often and waits for a person.
    Quarantined,
    /// The source cannot have its data any more.
    Lost,
    /// Nobody knows when it ended.
    UnknownEnd,
}

impl Place {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Fresh => "just stopped",
            Self::Future => "ends in the future",
            Self::Waiting => "waiting",
            Self::Quarantined => "quarantined",
            Self::Lost => "lost",
            Self::UnknownEnd => "unknown end",
        }
    }
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
    /// Its summary object, as `run --json` prints it.
    pub figures: serde_json::Value,
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

/// Asks how a site stands.
///
/// # Errors
/// When the job database cannot be read.
pub fn status(
    ports: &Ports<'_>,
    terms: &Terms,
    wanted: &Wanted,
    clusters: &[&str],
    stop: &Stop,
) -> Result<Status, jobs::Error> {
    let now = terms.clock.now();
    let open = ports.ledger.open_jobs();
    let mut counting = Counting::new(&open, terms, now);
    survey(ports.database, i64::MIN, terms.patience, stop, |b| {
        counting.row(b);
    })?;
    let mut status = counting.finish();
    status.standing.thin = ports.ledger.thin(wanted.thin);
    status.runs = ports.ledger.runs(wanted.runs).iter().map(sweep).collect();
    let today = (now + wanted.offset).div_euclid(DAY);
    let since = (today - wanted.days + 1) * DAY - wanted.offset;
    status.days = ports.ledger.days(since, wanted.offset, wanted.thin);
    status.reach = reach(ports, clusters, stop);
    Ok(status)
}

/// Lists jobs that are still as the ledger has them, at most `limit`.
///
/// # Errors
/// When the job database cannot be read.
pub fn list(
    ports: &Ports<'_>,
    listing: Listing,
    limit: usize,
    stop: &Stop,
) -> Result<Vec<Told>, jobs::Error> {
    let archived = match listing {
        Listing::Thin(_) => true,
        Listing::Standing(s) => s == Standing::Provisional,
    };
    // Rows that cc-backend archived or removed meanwhile are asked for as well, so some more are read than wanted.
    let mut out = Vec::new();
    for told in ports
        .ledger
        .list(listing, limit.saturating_mul(2).saturating_add(1000))
    {
        if out.len() == limit {
            break;
        }
        let row = ports.rows.by_key(&told.key, stop)?;
        let head = row.map(|r| r.head);
        let stands = head.is_some_and(|h| {
            if archived {
                h.status == STATUS_ARCHIVED
            } else {
                h.is_unarchived()
            }
        });
        if stands {
            out.push(told);
        }
    }
    Ok(out)
}

fn sweep(run: &crate::ledger::Run) -> Sweep {
    Sweep {
        started: run.started,
        ended: run.ended,
        exit: run.exit,
        figures: serde_json::from_str(&run.figures).unwrap_or_default(),
    }
}

fn reach(ports: &Ports<'_>, clusters: &[&str], stop: &Stop) -> Vec<Reach> {
    let mut out = Vec::new();
    for cluster in clusters {
        for named in ports.sources {
            let answer = named.source.reach(cluster, stop);
            let known = |t: i64| (t > i64::MIN && t != 0 && t < i64::MAX).then_some(t);
            let found = answer.as_ref().ok();
            out.push(Reach {
                cluster: (*cluster).to_owned(),
                source: named.name.clone(),
                newest: found.and_then(|r| known(r.newest)),
                oldest: found.and_then(|r| known(r.oldest)),
                error: answer.as_ref().err().map(ToString::to_string),
            });
        }
    }
    out
}

/// A pass over the table.
struct Counting<'a> {
    /// By cluster, number and start.
    known: HashMap<(&'a str, i64, i64), &'a Open>,
    terms: &'a Terms,
    now: i64,
    groups: BTreeMap<(String, i64, Place, Option<&'a str>), Group>,
    status: Status,
}

impl<'a> Counting<'a> {
    fn new(open: &'a [Open], terms: &'a Terms, now: i64) -> Self {
        let known = open
            .iter()
            .map(|o| {
                let key = (o.key.cluster.as_str(), o.key.job_id, o.key.start_time);
                (key, o)
            })
            .collect();
        let status = Status {
            now,
            table: Table::default(),
            backlog: Vec::new(),
            oldest: None,
            risk: Risk {
                retention: terms.retention,
                ..Risk::default()
            },
            standing: Standings::default(),
            runs: Vec::new(),
            days: Vec::new(),
            reach: Vec::new(),
        };
        Self {
            known,
            terms,
            now,
            groups: BTreeMap::new(),
            status,
        }
    }

    fn row(&mut self, b: &Brief) {
        let table = &mut self.status.table;
        table.jobs += 1;
        if !b.stopped {
            table.running += 1;
            return;
        }
        if b.is_unarchived() {
            table.unarchived += 1;
            self.backlog(b);
            return;
        }
        match b.status {
            STATUS_ARCHIVED => table.archived += 1,
            STATUS_DISABLED => table.switched_off += 1,
            _ => table.other += 1,
        }
        if b.status == STATUS_ARCHIVED && !self.known.is_empty() {
            let known = self.known.get(&(&*b.cluster, b.job_id, b.start_time));
            let provisional = known.is_some_and(|o| o.standing == Standing::Provisional);
            self.status.standing.provisional += u64::from(provisional);
        }
    }

    fn backlog(&mut self, b: &Brief) {
        let key = (&*b.cluster, b.job_id, b.start_time);
        let open = self.known.get(&key).copied();
        let place = self
            .terms
            .place(b.end(), b.unknown_end, open.map(Into::into), self.now);
        // A job that was never worked on has an entry only for a hook that is due.
        let reason = open.and_then(|o| o.reason.as_deref());
        self.stand(place, open);
        self.endanger(b, place);
        let end = b.end();
        if self.status.oldest.as_ref().is_none_or(|o| end < o.end) {
            let key = b.key();
            self.status.oldest = Some(Oldest { key, end, place });
        }
        let age = self.now.saturating_sub(end);
        let class = AGES.iter().position(|a| age < *a).unwrap_or(AGES.len());
        let key = (b.cluster.to_string(), b.status, place, reason);
        let group = self.groups.entry(key).or_insert_with(|| Group {
            cluster: b.cluster.to_string(),
            status: b.status,
            place,
            reason: reason.map(str::to_owned),
            jobs: 0,
            oldest_end: end,
            ages: [0; 6],
        });
        group.jobs += 1;
        group.oldest_end = group.oldest_end.min(end);
        group.ages[class] += 1;
    }

    fn stand(&mut self, place: Place, open: Option<&Open>) {
        let s = &mut self.status.standing;
        match place {
            Place::Waiting => {
                s.waiting += 1;
                let next = open.map(|o| o.next_try);
                s.next_try = s.next_try.into_iter().chain(next).min();
            }
            Place::Quarantined => s.quarantined += 1,
            Place::Lost => s.lost += 1,
            Place::UnknownEnd => s.unknown_end += 1,
            Place::Due | Place::Fresh | Place::Future => {}
        }
    }

    fn endanger(&mut self, b: &Brief, place: Place) {
        let Some(retention) = self.terms.retention else {
            return;
        };
        if matches!(place, Place::Lost | Place::UnknownEnd) {
            return;
        }
        let risk = &mut self.status.risk;
        let at = forgets_at(b.start_time, retention);
        let left = at.saturating_sub(self.now);
        if left <= 0 {
            risk.begun += 1;
            return;
        }
        risk.within_6h += u64::from(left <= 6 * HOUR);
        risk.within_24h += u64::from(left <= DAY);
        if risk.next_loss.is_none_or(|t| at < t) {
            risk.next_loss = Some(at);
            let (key, end) = (b.key(), b.end());
            risk.job = Some(Oldest { key, end, place });
        }
    }

    fn finish(mut self) -> Status {
        self.status.backlog = self.groups.into_values().collect();
        self.status
    }
}
