//! The workers: each takes one job after the other from start to end and says what became of it.
//!
//! A worker publishes archives and changes no row; it knows neither the ledger nor the other workers. A panic in one job is that
//! job's failure and not the end of the sweep.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Receiver, Sender};

use super::hand::{Shared, Work};
use crate::model::failure::{Failure, Reason, Stage};
use crate::model::message::{Finished, Task};
use crate::model::outcome::Outcome;

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
