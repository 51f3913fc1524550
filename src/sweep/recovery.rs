//! What a sweep does first: it brings in order what an earlier one left when it was killed.
//!
//! Jobs of the backlog need nothing: the next sweep takes them, and what was published of them is adopted. An archived job
//! that was being archived again is not in the backlog, so the ledger notes it before anything of it is replaced.

use super::monitor::{Event, Monitor};
use crate::jobs::{self, Rows};
use crate::ledger::{Hook, Ledger};
use crate::model::job::{JobKey, STATUS_ARCHIVED};
use crate::model::stop::Stop;
use crate::target::Target;

/// Entries that are looked at together.
const PAGE: usize = 1000;

/// Brings in order what the ledger says was being replaced. What cannot be looked at now is looked at by the next sweep.
pub fn recover(ledger: &Ledger, target: &dyn Target, monitor: &dyn Monitor, stop: &Stop) {
    let mut after: Option<JobKey> = None;
    while !stop.is_draining() {
        let keys = ledger.half_replaced(after.as_ref(), PAGE);
        let Some(last) = keys.last() else {
            return;
        };
        after = Some(last.clone());
        let mut in_order = Vec::new();
        for key in keys {
            match target.tidy(&key).and_then(|()| target.find(&key)) {
                Ok(Some(found)) if found.files.is_some() => {}
                Ok(_) => monitor.event(&Event::Warning(&format!(
                    "a sweep was killed while it archived {key} again, and its archive is not whole; archive it once more"
                ))),
                Err(f) => {
                    monitor.event(&Event::Warning(&format!("{key}: {f}")));
                    continue;
                }
            }
            in_order.push(key);
        }
        ledger.replaced(&in_order);
    }
}

/// The hooks that an earlier sweep did not come to, of jobs that are archived. Others are forgotten: their jobs will get
/// their hook when they are archived.
///
/// # Errors
/// When the job database cannot be read.
pub(super) fn hooks_left(
    ledger: &Ledger,
    rows: &Rows,
    stop: &Stop,
) -> Result<Vec<Hook>, jobs::Error> {
    let mut due = Vec::new();
    for hook in ledger.hooks_left() {
        let row = rows.by_key(&hook.key, stop)?;
        if row.is_some_and(|r| r.head.status == STATUS_ARCHIVED) {
            due.push(hook);
        } else {
            ledger.hook_done(&hook.key);
        }
    }
    Ok(due)
}
