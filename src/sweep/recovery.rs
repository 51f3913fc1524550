//! What a sweep does first: it brings in order what an earlier one left when it was killed.
//!
//! Jobs of the backlog need nothing: the next sweep takes them, and what was published of them is adopted. An archived job
//! that was being archived again is not in the backlog, so the ledger notes it before anything of it is replaced.

use super::monitor::{Event, Monitor};
use crate::jobs::{self, Rows};
use crate::ledger::{Hook, Ledger};
use crate::model::job::STATUS_ARCHIVED;
use crate::model::standing::Standing;
use crate::model::stop::Stop;
use crate::target::Target;

/// Entries that are looked at together.
const PAGE: usize = 1000;

/// Brings in order what the ledger says was being replaced.
///
/// # Errors
/// When the job database cannot be read.
pub fn recover(ledger: &Ledger, target: &dyn Target, monitor: &dyn Monitor, stop: &Stop) {
    while !stop.is_draining() {
        let keys = ledger.jobs(Standing::Replacing, None, PAGE);
        if keys.is_empty() {
            return;
        }
        let mut in_order = Vec::new();
        for key in keys {
            let tidied = target.tidy(&key).and_then(|()| target.find(&key));
            match tidied {
                Ok(Some(found)) if found.files.is_some() => {}
                Ok(_) => monitor.event(&Event::Warning(&format!(
                    "a sweep was killed while it archived {key} again, and its archive is not whole; archive it once more"
                ))),
                Err(f) => {
                    // It is looked at again by the next sweep.
                    monitor.event(&Event::Warning(&format!("{key}: {f}")));
                    continue;
                }
            }
            in_order.push(key);
        }
        if in_order.is_empty() {
            return;
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
