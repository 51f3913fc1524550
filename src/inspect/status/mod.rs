//! How the backlog stands: what waits, for how long it may still wait, and what the last sweeps did.
//!
//! One pass over the job table and one over the unfinished jobs of the ledger. A job of the backlog is counted once, under
//! the place that the next sweep finds it in.

mod answer;
mod counting;
mod unfinished;

use std::collections::HashSet;

use super::{Ports, Terms};
use crate::jobs::{self, survey};
use crate::ledger::{ClusterHours, DayCount, HOURS, Listing, Run, Told};
use crate::model::job::STATUS_ARCHIVED;
use crate::model::standing::Standing;
use crate::model::stop::Stop;
use crate::source::Error;
use answer::{DAY, HOUR};
use counting::Counting;
use unfinished::List;

pub use answer::{AGES, Group, Oldest, Past, Reach, Risk, Standings, Status, Sweep, Table};

/// Past sweeps in [`Status::history`].
const POINTS: usize = 240;

/// What to look at besides the backlog.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The share of its samples (0 to 1) with less of which an archive counts as thin.
    pub thin: f64,
    /// How many of the last sweeps.
    pub runs: usize,
    /// How many days of outcomes and of history.
    pub days: i64,
    /// Seconds by which the days are ahead of UTC.
    pub offset: i64,
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
    let known = List::read(ports.ledger, terms, now);
    // The table and the ledger are two files, each with a million rows where it comes to that.
    let (counted, rest) = rayon::join(
        || counted(ports, terms, &known, now, stop),
        || Rest::ask(ports, wanted, clusters, now, stop),
    );
    let mut status = counted?;
    rest.add_to(&mut status);
    Ok(status)
}

/// Counts the table and the backlog, and nothing else.
///
/// # Errors
/// When the job database cannot be read.
pub fn count(ports: &Ports<'_>, terms: &Terms, stop: &Stop) -> Result<Status, jobs::Error> {
    let now = terms.clock.now();
    let known = List::read(ports.ledger, terms, now);
    counted(ports, terms, &known, now, stop)
}

fn counted(
    ports: &Ports<'_>,
    terms: &Terms,
    known: &List,
    now: i64,
    stop: &Stop,
) -> Result<Status, jobs::Error> {
    let mut counting = Counting::new(known, terms, now);
    survey(ports.database, i64::MIN, terms.patience, stop, |b| {
        counting.row(b);
    })?;
    Ok(counting.finish())
}

/// Adds to a count what else is known.
pub fn complete(
    status: &mut Status,
    ports: &Ports<'_>,
    wanted: &Wanted,
    clusters: &[&str],
    stop: &Stop,
) {
    Rest::ask(ports, wanted, clusters, status.now, stop).add_to(status);
}

/// What is known besides the counts.
struct Rest {
    thin: u64,
    runs: Vec<Sweep>,
    last_success: Option<i64>,
    history: Vec<Past>,
    days: Vec<DayCount>,
    reach: Vec<Asked>,
}

/// What a source says of a cluster.
struct Asked {
    reach: Reach,
    /// Whether its error is that it does not have the cluster.
    lacks: bool,
}

impl Rest {
    fn ask(ports: &Ports<'_>, wanted: &Wanted, clusters: &[&str], now: i64, stop: &Stop) -> Self {
        let ledger = ports.ledger;
        let today = (now + wanted.offset).div_euclid(DAY);
        let since = (today - wanted.days + 1) * DAY - wanted.offset;
        let runs = ledger.runs(wanted.runs);
        Self {
            thin: ledger.thin(wanted.thin),
            runs: runs.iter().map(Sweep::from).collect(),
            last_success: ledger.last_success(),
            history: history(&ledger.runs_since(since)),
            days: ledger.days(since, wanted.offset, wanted.thin),
            reach: reach(ports, clusters, stop),
        }
    }

    fn add_to(self, status: &mut Status) {
        status.standing.thin = self.thin;
        status.runs = self.runs;
        status.last_success = self.last_success;
        status.history = self.history;
        status.days = self.days;
        status.reach = judged(self.reach, &status.backlog);
    }
}

/// The backlog that sweeps left, at most [`POINTS`] of them evenly over all.
fn history(runs: &[Run]) -> Vec<Past> {
    let past = |run: &Run| {
        let mut figures: serde_json::Value = serde_json::from_str(&run.figures).ok()?;
        let past: Past = serde_json::from_value(figures["backlog"].take()).ok()?;
        Some(Past {
            at: run.ended,
            ..past
        })
    };
    let all: Vec<Past> = runs.iter().filter_map(past).collect();
    let skip = all.len().div_ceil(POINTS).max(1);
    // The last one is always among them.
    let rest = all.len().saturating_sub(1) % skip;
    all.into_iter().skip(rest).step_by(skip).collect()
}

/// Samples of the last days by cluster, host and hour, as sweeps saw them. `now`: Unix seconds.
pub fn hours(ports: &Ports<'_>, now: i64) -> Vec<ClusterHours> {
    ports.ledger.hours(now.div_euclid(HOUR) - HOURS + 1)
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

impl From<&Run> for Sweep {
    fn from(run: &Run) -> Self {
        Self {
            started: run.started,
            ended: run.ended,
            exit: run.exit,
            figures: serde_json::from_str(&run.figures).unwrap_or_default(),
        }
    }
}

fn reach(ports: &Ports<'_>, clusters: &[&str], stop: &Stop) -> Vec<Asked> {
    let mut out = Vec::new();
    for cluster in clusters {
        for named in ports.sources {
            let answer = named.source.reach(cluster, stop);
            let known = |t: i64| (t > i64::MIN && t != 0 && t < i64::MAX).then_some(t);
            let found = answer.as_ref().ok();
            let reach = Reach {
                cluster: (*cluster).to_owned(),
                source: named.name.clone(),
                newest: found.and_then(|r| known(r.newest)),
                oldest: found.and_then(|r| known(r.oldest)),
                error: answer.as_ref().err().map(ToString::to_string),
            };
            out.push(Asked {
                reach,
                lacks: matches!(answer, Err(Error::ClusterMissing { .. })),
            });
        }
    }
    out
}

/// How far the sources reach. A source that lacks a cluster is no failure, as long as another one has it or no job of it waits.
fn judged(asked: Vec<Asked>, backlog: &[Group]) -> Vec<Reach> {
    let known: HashSet<String> = asked
        .iter()
        .filter(|a| a.reach.error.is_none())
        .map(|a| a.reach.cluster.clone())
        .collect();
    let is_needed = |r: &Reach| {
        let mut waiting = backlog.iter().filter(|g| g.place.can_be_saved());
        !known.contains(&r.cluster) && waiting.any(|g| g.cluster == r.cluster)
    };
    let judge = |a: Asked| {
        let mut reach = a.reach;
        reach.error = reach.error.take().filter(|_| !a.lacks || is_needed(&reach));
        reach
    };
    asked.into_iter().map(judge).collect()
}
