//! What a sweep would make of one job now, without changing anything: a worker does its whole work on the job in a dry run.
//!
//! `explain` asks here, so that its answer cannot differ from what the next sweep does.

use super::gate::Gate;
use super::hand::{Closed, Shared, Work};
use super::intake::history;
use super::settings::Settings;
use crate::jobs::Rows;
use crate::ledger::Entry;
use crate::model::cluster::Clusters;
use crate::model::job::Head;
use crate::model::message::{Finished, Task};
use crate::model::outcome::Outcome;
use crate::model::stop::Stop;
use crate::source::Source;
use crate::target::Target;

/// What a worker looks at.
#[expect(missing_debug_implementations, reason = "ports have none")]
pub struct Sight<'a> {
    /// Where samples come from.
    pub source: &'a dyn Source,
    /// Where archives are.
    pub target: &'a dyn Target,
    /// The clusters' configuration.
    pub clusters: &'a Clusters,
    /// The rows of jobs.
    pub rows: &'a Rows,
}

/// What a sweep would make of a job, given what the ledger knows of it. Writes nothing.
pub fn foretell(
    sight: &Sight<'_>,
    settings: &Settings,
    head: &Head,
    entry: Option<&Entry>,
    stop: &Stop,
) -> Finished {
    let closed = Closed::default();
    let shared = Shared {
        source: sight.source,
        target: sight.target,
        clusters: sight.clusters,
        rows: sight.rows,
        settings,
        stop,
        gate: Gate::new(&settings.memory, 1),
        closed: &closed,
        dry_run: true,
    };
    let task = Task {
        head: head.clone(),
        host: None,
        history: history(head, entry),
        accept_empty: false,
    };
    let mut done = Work::new(&shared, &task).run();
    if let Some(failure) = done.fatal.take() {
        done.outcome = Outcome::Failed(failure);
    }
    done
}
