//! The workers: each takes one job after the other from start to end and says what became of it.
//!
//! A worker publishes archives and changes no row; it knows neither the ledger nor the other workers. A panic in one job is that
//! job's failure and not the end of the sweep.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender};

use super::Settings;
use super::gate::Gate;
use super::work::Work;
use crate::jobs::Rows;
use crate::model::cluster::Clusters;
use crate::model::failure::{Failure, Reason, Stage};
use crate::model::message::{Finished, Task};
use crate::model::outcome::Outcome;
use crate::model::stop::Stop;
use crate::source::Source;
use crate::target::Target;

/// What all workers use.
pub(super) struct Shared<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) target: &'a dyn Target,
    pub(super) clusters: &'a Clusters,
    pub(super) rows: &'a Rows,
    pub(super) settings: &'a Settings,
    pub(super) stop: &'a Stop,
    pub(super) gate: Gate,
    pub(super) closed: &'a Closed,
    pub(super) dry_run: bool,
}

/// Clusters of which no more jobs are taken, since their source does not answer any more.
#[derive(Debug, Default)]
pub(super) struct Closed(Mutex<BTreeSet<String>>);

impl Closed {
    pub(super) fn close(&self, cluster: &str) {
        let mut closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        closed.insert(cluster.to_owned());
    }

    pub(super) fn has(&self, cluster: &str) -> bool {
        let closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        closed.contains(cluster)
    }
}

/// Takes tasks until there are none or the sweep drains. Tasks of closed clusters are left as they are.
pub(super) fn run(shared: &Shared<'_>, tasks: &Receiver<Task>, to_recorder: &Sender<Finished>) {
    for task in tasks {
        if shared.stop.is_draining() {
            break;
        }
        if shared.closed.has(&task.head.key.cluster) {
            continue;
        }
        let work = catch_unwind(AssertUnwindSafe(|| Work::new(shared, &task).run()));
        let finished = work.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
            let text = text
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            let failure = Failure::new(
                Stage::Compute,
                Reason::Internal,
                format!("internal error (a bug in ccarchive): {text}"),
            );
            Finished::new(task.head, task.history, Outcome::Failed(failure))
        });
        if to_recorder.send(finished).is_err() {
            break;
        }
    }
}
