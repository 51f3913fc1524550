//! What is the matter with one job: its row, what the sources and the archive hold of it, what the next sweep would do, and
//! what a person can do.
//!
//! What a try would come to is not guessed: one of the sweep's own workers makes it, in a dry run.

mod next;

use serde::Serialize;

use super::{Held, Named, Ports, Terms};
use crate::format::gzip::Effort;
use crate::ledger::{Entry, Told};
use crate::model::job::{JobKey, Row, Text, camel};
use crate::model::message::Finished;
use crate::model::selection::Selection;
use crate::model::stop::Stop;
use crate::sweep::{Settings, Sight, foretell};
use crate::target::Found;
use next::Outlook;

pub use next::{Next, Step};

/// All about one job.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// When this was looked at.
    pub now: i64,
    /// The job's row.
    pub job: Card,
    /// What is wrong with the row.
    pub row_problem: Option<String>,
    /// What earlier sweeps made of it.
    pub history: Option<Told>,
    /// What the archive holds of it.
    pub archive: Archive,
    /// What each source holds of it.
    pub sources: Vec<Held>,
    /// What happens next.
    pub next: Next,
}

/// The row for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// The job.
    #[serde(flatten, serialize_with = "camel")]
    pub key: JobKey,
    /// The row's id in the database.
    pub id: i64,
    /// `job_state`.
    pub state: String,
    /// `monitoring_status`.
    pub monitoring_status: i64,
    /// Seconds.
    pub duration: i64,
    /// When it ended.
    pub end: i64,
    /// `subcluster`
    pub subcluster: String,
    /// `hpc_user`
    pub user: String,
    /// `project`
    pub project: String,
    /// Its hosts.
    pub hosts: Vec<String>,
    /// Seconds; 0 where it is not known.
    pub walltime: i64,
}

impl Card {
    pub(super) fn new(row: &Row) -> Self {
        let head = &row.head;
        let mut card = Self {
            key: head.key.clone(),
            id: head.id,
            state: head.state.clone(),
            monitoring_status: head.status,
            duration: head.duration,
            end: head.end(),
            subcluster: String::new(),
            user: String::new(),
            project: String::new(),
            hosts: Vec::new(),
            walltime: 0,
        };
        if let Ok(job) = &row.job {
            let text = |t: &Text| String::from_utf8_lossy(&t.0).into_owned();
            card.subcluster.clone_from(&job.subcluster);
            card.user = text(&job.user);
            card.project = text(&job.project);
            card.hosts = job.resources.iter().map(|r| r.hostname.clone()).collect();
            card.walltime = job.walltime;
        }
        card
    }
}

/// What the archive holds of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "holds")]
pub enum Archive {
    /// Nothing.
    Nothing,
    /// A whole archive of this job.
    Whole {
        /// Values in the data file.
        values: u64,
        /// Seconds.
        duration: i64,
    },
    /// Something that is no whole archive of this job.
    Incomplete {
        /// Values in the data file, as far as it can be read.
        values: u64,
    },
    /// It could not be read.
    Unreadable {
        /// Why.
        detail: String,
    },
}

/// Explains a job, given its row. A source that does not answer is part of the answer.
pub fn explain(ports: &Ports<'_>, terms: &Terms, row: &Row, stop: &Stop) -> Explained {
    let now = terms.clock.now();
    let key = &row.head.key;
    let found = ports.target.find(key);
    let entry = ports.ledger.job(key);
    let ask =
        |named: &Named<'_>, job| Held::ask(&named.name, named.source, ports.clusters, job, stop);
    let sources = match &row.job {
        Ok(job) => ports.sources.iter().map(|named| ask(named, job)).collect(),
        Err(_) => Vec::new(),
    };
    // What the sources were asked for above, they remember: nothing is read twice.
    let trial = try_now(ports, terms, row, entry.as_ref(), stop);
    let selection = Selection {
        not_clusters: terms.elsewhere.clone(),
        ..Selection::default()
    };
    let subcluster = row.job.as_ref().map(|j| j.subcluster.as_bytes());
    let is_whole = |f: &Option<Found>| f.as_ref().is_some_and(|f| f.whole.is_some());
    let outlook = Outlook {
        ports,
        terms,
        entry: entry.as_ref(),
        now,
        is_whole: found.as_ref().ok().map(is_whole),
        is_elsewhere: selection.is_elsewhere(&key.cluster, subcluster.unwrap_or_default()),
    };
    Explained {
        now,
        job: Card::new(row),
        row_problem: row.job.as_ref().err().cloned(),
        history: ports.ledger.told(key),
        archive: match &found {
            Err(e) => Archive::Unreadable {
                detail: e.to_string(),
            },
            Ok(found) => archive(found.as_ref()),
        },
        sources,
        next: outlook.next(&row.head, &trial),
    }
}

/// What a sweep that took the job now would make of it.
fn try_now(
    ports: &Ports<'_>,
    terms: &Terms,
    row: &Row,
    entry: Option<&Entry>,
    stop: &Stop,
) -> Finished {
    let settings = Settings {
        settle: terms.settle,
        retention: terms.retention,
        source: terms.source.clone(),
        compression: Effort::Fast,
        ..Settings::new(terms.clock)
    };
    let sight = Sight {
        source: ports.source,
        target: ports.target,
        clusters: ports.clusters,
        rows: ports.rows,
    };
    foretell(&sight, &settings, &row.head, entry, stop)
}

fn archive(found: Option<&Found>) -> Archive {
    let Some(found) = found else {
        return Archive::Nothing;
    };
    let values = found.values.values().map(|h| h.values).sum();
    match &found.whole {
        Some(whole) => Archive::Whole {
            values,
            duration: whole.duration,
        },
        None => Archive::Incomplete { values },
    }
}
