//! What a sweep does first: it brings in order what an earlier one left when it was killed.
//!
//! Jobs of the backlog need nothing: the next sweep takes them, and what was published of them is adopted. An archived job
//! that was being archived again is not in the backlog, so the ledger notes it before anything of it is replaced. Its row may
//! still hold footprint and energy of the archive that was replaced.

use super::hand::{footprint, place};
use super::intake::database_failed;
use super::monitor::{Event, Monitor};
use super::summary::Abort;
use crate::format::meta;
use crate::jobs::{self, Change, Recorder, Rows, Update};
use crate::ledger::{Hook, Ledger};
use crate::model::cluster::Clusters;
use crate::model::failure::chain;
use crate::model::job::{Job, JobKey, STATUS_ARCHIVED};
use crate::model::row_columns::row_print;
use crate::model::stop::Stop;
use crate::rules::judge::longest_wait;
use crate::target::{Target, Whole};

/// Entries that are looked at together.
const PAGE: usize = 1000;

/// What is brought in order, and by what.
pub(super) struct Recovery<'a> {
    /// It knows what was being replaced.
    pub(super) ledger: &'a Ledger,
    pub(super) target: &'a dyn Target,
    pub(super) clusters: &'a Clusters,
    pub(super) rows: &'a Rows,
    pub(super) recorder: &'a mut Recorder,
}

impl Recovery<'_> {
    /// Brings in order what the ledger says was being replaced. What cannot be looked at now is looked at by the next sweep.
    pub(super) fn run(mut self, monitor: &dyn Monitor, stop: &Stop) {
        let mut after: Option<JobKey> = None;
        while !stop.is_draining() {
            let keys = self.ledger.half_replaced(after.as_ref(), PAGE);
            let Some(last) = keys.last() else {
                return;
            };
            after = Some(last.clone());
            let mut in_order = Vec::new();
            for key in keys {
                match self.mend(&key, stop) {
                    Ok(true) => {}
                    Ok(false) => monitor.event(&Event::Warning(&format!(
                        "a sweep did not come to the end of archiving {key} again, and its archive is not whole; archive it once more"
                    ))),
                    Err(e) => {
                        monitor.event(&Event::Warning(&format!("{key}: {e}")));
                        continue;
                    }
                }
                in_order.push(key);
            }
            self.ledger.replaced(&in_order);
        }
    }

    /// Ends a replacement that was cut short; whether the archive is whole then.
    fn mend(&mut self, key: &JobKey, stop: &Stop) -> Result<bool, String> {
        let found = self.target.tidy(key).and_then(|()| self.target.find(key));
        let Some(found) = found.map_err(|e| e.to_string())? else {
            return Ok(false);
        };
        if let Some(whole) = &found.whole {
            self.mend_row(key, whole, stop).map_err(|e| chain(&e))?;
        }
        Ok(found.files.is_some())
    }

    /// Gives the row of an archived job the footprint and energy that follow from its archive.
    fn mend_row(&mut self, key: &JobKey, whole: &Whole, stop: &Stop) -> Result<(), jobs::Error> {
        let row = self.rows.by_key(key, stop)?;
        let archived =
            |job: &Job| job.head.status == STATUS_ARCHIVED && job.head.duration == whole.duration;
        let Some(job) = row.and_then(|r| r.job.ok()).filter(archived) else {
            return Ok(());
        };
        let Ok(footprint) = place(self.clusters, &job)
            .and_then(|place| footprint(self.clusters, &place, &job, &whole.statistics))
        else {
            return Ok(());
        };
        let columns = meta::columns(&footprint);
        let now = self.rows.several(&[job.head.id], stop)?;
        if now.first().is_some_and(|(_, now)| *now != columns) {
            let update = Update {
                change: Change::Archived {
                    row_print: row_print(&job),
                    columns,
                },
                head: job.head,
            };
            // If the row changed just now, somebody else has it in hand.
            self.recorder.apply(&[update], stop)?;
        }
        Ok(())
    }
}

/// Notes archived jobs as provisional where the ledger has forgotten which are: later in this sweep, and in the next ones,
/// they are compared with the source once more. `settle`: seconds.
///
/// # Errors
/// When the job database cannot be read.
pub(super) fn note_recent(
    ledger: &Ledger,
    mut recent: jobs::Archived,
    settle: i64,
    monitor: &dyn Monitor,
    stop: &Stop,
) -> Result<(), Abort> {
    let mut keys = Vec::new();
    // All at once: a sweep that is killed in between leaves a ledger that has still forgotten.
    while let Some(page) = recent.page(stop).map_err(|e| database_failed(&e))? {
        keys.extend(page);
    }
    ledger.may_become_better(&keys);
    if !keys.is_empty() {
        monitor.event(&Event::Warning(&format!(
            "the ledger is new or cannot be used, so that nobody knows which archives may become better: all archives of jobs that \
             ended within the last {} hours ({}) are compared with the source once more",
            longest_wait(settle).saturating_add(3599) / 3600,
            keys.len()
        )));
    }
    Ok(())
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
