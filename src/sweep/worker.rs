//! The workers: each takes one job after the other from start to end and says what became of it.
//!
//! Every thread of the sweep's pool is a worker. One that finds no job in the queue takes parts of other workers' large jobs,
//! so that no core is idle while one has work for several, and no small job waits behind a large one. A worker publishes
//! archives and changes no row; it knows neither the ledger nor the other workers. A panic in one job is that job's failure
//! and not the end of the sweep.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};

use super::hand::{Shared, Work};
use crate::model::failure::{Failure, Reason, Stage};
use crate::model::message::{Finished, Task};
use crate::model::outcome::Outcome;

/// A worker without a job looks so soon whether others have work for it, and then less and less often: an archive far away
/// has many workers, most of which may be idle for long.
const FIRST_LOOK: Duration = Duration::from_millis(2);
/// At least so often.
const LAST_LOOK: Duration = Duration::from_millis(64);

/// Takes tasks until there are none or the sweep drains. Tasks of closed clusters are left as they are.
pub(super) fn run(shared: &Shared<'_>, tasks: &Receiver<Task>, to_recorder: &Sender<Finished>) {
    while let Some(task) = next(tasks) {
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

/// The next task; none when there are no more. Works for others while none is there.
fn next(tasks: &Receiver<Task>) -> Option<Task> {
    let mut pause = FIRST_LOOK;
    loop {
        match tasks.try_recv() {
            Ok(task) => return Some(task),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => {}
        }
        if rayon::yield_now() == Some(rayon::Yield::Executed) {
            pause = FIRST_LOOK;
            continue;
        }
        match tasks.recv_timeout(pause) {
            Ok(task) => return Some(task),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => pause = (pause * 2).min(LAST_LOOK),
        }
    }
}
