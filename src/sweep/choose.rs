//! The jobs that somebody named: found, or refused with a reason.

use crate::jobs::{self, Rows};
use crate::model::job::{Head, Row, STATUS_DISABLED, Shown};
use crate::model::selection::Selection;
use crate::model::stop::Stop;

/// A job that somebody named and that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its number.
    pub job_id: i64,
    /// Why.
    pub why: Refusal,
}

/// Why a named job is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error(
        "no such job in the database{}",
        if *.narrowed { ", on the given cluster or with the given start time" } else { "" }
    )]
    Unknown {
        /// Whether a cluster or a start time was named as well.
        narrowed: bool,
    },
    /// Several jobs share the number.
    #[error("{} jobs share this number", .0.len())]
    Ambiguous(Vec<Head>),
    /// It has not stopped.
    #[error("it is {}; only stopped jobs are archived", Shown(.0))]
    NotStopped(String),
    /// Its monitoring is switched off.
    #[error("monitoring is switched off for it (monitoring_status 0)")]
    SwitchedOff,
    /// Its data is not in the source.
    #[error(
        "its cluster's data is in an external metric store: name where it is with another source"
    )]
    Elsewhere,
    /// It stopped too short a time ago.
    #[error("it stopped too short a time ago and is left to the live server")]
    TooYoung,
}

/// The jobs that somebody named.
#[derive(Debug, Default)]
pub struct Chosen {
    /// To be archived.
    pub jobs: Vec<Head>,
    /// Not to be.
    pub refused: Vec<Refused>,
}

/// Finds the jobs that a selection names: stopped ones at status 1, 2 or 3 that are old enough at `now` (Unix seconds).
///
/// # Errors
/// When the database cannot be read.
pub fn choose(
    rows: &Rows,
    selection: &Selection,
    now: i64,
    stop: &Stop,
) -> Result<Chosen, jobs::Error> {
    let mut chosen = Chosen::default();
    // Whoever names a job means it, also one that a clock has stop in the future.
    let latest = match selection.min_age {
        0 => i64::MAX,
        age => now.saturating_sub(age),
    };
    let mut numbers = selection.job_ids.clone();
    numbers.sort_unstable();
    numbers.dedup();
    for job_id in numbers {
        let mut found = rows.by_number(job_id, stop)?;
        found.retain(|row| {
            let key = &row.head.key;
            (selection.clusters.is_empty() || selection.clusters.contains(&key.cluster))
                && selection.start_time.is_none_or(|t| t == key.start_time)
        });
        match choose_one(found, selection, latest) {
            Ok(head) => chosen.jobs.push(head),
            Err(why) => chosen.refused.push(Refused { job_id, why }),
        }
    }
    Ok(chosen)
}

/// The one job that was found, if it stopped until `latest` (Unix seconds).
fn choose_one(mut found: Vec<Row>, selection: &Selection, latest: i64) -> Result<Head, Refusal> {
    if found.len() > 1 {
        return Err(Refusal::Ambiguous(
            found.into_iter().map(|r| r.head).collect(),
        ));
    }
    let Some(Row { head, job }) = found.pop() else {
        let narrowed = !selection.clusters.is_empty() || selection.start_time.is_some();
        return Err(Refusal::Unknown { narrowed });
    };
    if !head.stopped() {
        return Err(Refusal::NotStopped(head.state));
    }
    if head.status == STATUS_DISABLED {
        return Err(Refusal::SwitchedOff);
    }
    let subcluster = job.as_ref().map(|j| j.subcluster.as_bytes());
    if selection.is_elsewhere(&head.key.cluster, subcluster.unwrap_or_default()) {
        return Err(Refusal::Elsewhere);
    }
    if head.end() > latest {
        return Err(Refusal::TooYoung);
    }
    Ok(head)
}
