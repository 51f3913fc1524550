//! What became of jobs goes to the database and the ledger: the only writer of both, on the calling thread.
//!
//! Per batch: flush the archive, change the rows, note it in the ledger, tell the monitor, in this order. When the
//! archive cannot be flushed or the database not be written, nothing of the batch is recorded and the sweep ends. The
//! kernel tells of lost writes only once; so after a flush that failed nothing that was published is recorded any
//! more, and the ledger forgets that it was, so that the next sweep writes it again.

use std::time::Instant;

use crossbeam_channel::Receiver;

use super::breaker::{Breaker, Decision};
use super::hook::Hooks;
use super::{Abort, Done, Settings, Summary};
use crate::jobs::{Change, Recorder, Update};
use crate::ledger::{Ledger, Record};
use crate::model::failure::{Failure, Reason, chain};
use crate::model::job::{STATUS_ARCHIVED, STATUS_PENDING};
use crate::model::outcome::Outcome;
use crate::model::standing::Standing;
use crate::model::stop::Stop;
use crate::rules::retry::next_after;
use crate::sweep::monitor::{Event, Monitor, Report};
use crate::target::Target;

/// Rows of one transaction: some milliseconds.
const BATCH: usize = 16;

/// What a recorder works with.
pub(super) struct Recording<'a, 'scope> {
    pub(super) database: Option<&'a mut Recorder>,
    pub(super) archive: &'a dyn Target,
    pub(super) ledger: &'a Ledger,
    pub(super) settings: &'a Settings,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) stop: &'a Stop,
    pub(super) hooks: &'a Hooks<'scope>,
    pub(super) summary: Summary,
    /// Whether some of what was published may never reach the disk.
    pub(super) flush_failed: bool,
}

impl Recording<'_, '_> {
    /// Takes results until all workers have hung up.
    pub(super) fn run(mut self, results: &Receiver<Done>) -> Summary {
        let mut breaker = Breaker::default();
        while let Ok(first) = results.recv() {
            let mut batch = Vec::new();
            for done in std::iter::once(first).chain(results.try_iter().take(BATCH - 1)) {
                self.sort(done, &mut breaker, &mut batch);
            }
            self.record(batch);
        }
        if self.flush_failed {
            // Workers may have published since.
            self.ledger.distrust();
        }
        if self.summary.aborted.is_none() {
            let mut held = breaker.finish();
            while !held.is_empty() {
                let rest = held.split_off(held.len().min(BATCH));
                self.record(std::mem::replace(&mut held, rest));
            }
        }
        self.summary
    }

    /// Puts a result into the batch, holds it back, or ends the sweep.
    fn sort(&mut self, done: Done, breaker: &mut Breaker, batch: &mut Vec<Done>) {
        self.summary.stages.add(&done.stages);
        self.summary.received += 1;
        let ends = done
            .outcome
            .failure()
            .filter(|f| f.reason.ends_sweep())
            .cloned();
        if let Some(f) = ends {
            return self.abort(&f);
        }
        // Once the sweep has ended by itself, only what is published still counts.
        if self.summary.aborted.is_some() {
            if done.outcome.is_archived() && !self.flush_failed {
                batch.push(done);
            }
            return;
        }
        match breaker.take(done) {
            Decision::Record(done) => batch.extend(done),
            Decision::Hold => {}
            Decision::Outage(f) => self.abort(&f),
        }
    }

    fn abort(&mut self, f: &Failure) {
        self.end(Abort {
            reason: f.reason.code().into(),
            detail: f.detail.clone(),
            advice: f.reason.advice().into(),
        });
    }

    fn end(&mut self, abort: Abort) {
        if self.summary.aborted.is_none() {
            self.summary.aborted = Some(abort);
        }
        self.stop.cancel();
    }

    fn record(&mut self, mut batch: Vec<Done>) {
        if batch.is_empty() {
            return;
        }
        let begun = Instant::now();
        if let Err(abort) = self.write(&mut batch) {
            self.end(abort);
            return;
        }
        self.summary.record += begun.elapsed();
        for done in &batch {
            self.tell(done);
        }
        for warning in self.ledger.take_warnings() {
            self.monitor.event(&Event::Warning(&warning));
        }
        for failure in self.hooks.failures() {
            self.summary.hooks_failed += 1;
            self.monitor.event(&Event::Warning(&failure));
        }
    }

    /// Archive, rows, ledger.
    fn write(&mut self, batch: &mut [Done]) -> Result<(), Abort> {
        let Some(database) = &mut self.database else {
            return Ok(());
        };
        if batch.iter().any(|d| d.outcome.is_archived()) {
            self.archive.flush().map_err(|f| {
                self.flush_failed = true;
                self.ledger.distrust();
                Abort {
                    reason: f.reason.code().into(),
                    detail: f.detail.clone(),
                    advice:
                        "check the archive's disk; no row was changed for what it may have lost"
                            .into(),
                }
            })?;
        }
        let (at, updates): (Vec<usize>, Vec<Update>) = batch
            .iter()
            .enumerate()
            .filter_map(|(k, d)| Some((k, update(d)?)))
            .unzip();
        let hits = if updates.is_empty() {
            Vec::new()
        } else {
            database.apply(&updates, self.stop).map_err(|e| Abort {
                reason: "database".into(),
                detail: chain(&e),
                advice: "see that the database can be written; what is archived already is recorded by the next sweep"
                    .into(),
            })?
        };
        for (k, hit) in at.into_iter().zip(hits) {
            if !hit {
                batch[k].outcome = Outcome::Raced;
            }
        }
        let now = self.settings.clock.now();
        let records: Vec<Record<'_>> = batch.iter().filter_map(|d| record_of(d, now)).collect();
        for r in &records {
            match r.next.state {
                Standing::Quarantined => self.summary.closed.quarantined += 1,
                Standing::Lost => self.summary.closed.lost += 1,
                Standing::Waiting => self.summary.closed.waiting += 1,
                Standing::Published | Standing::Provisional | Standing::Done => {}
            }
        }
        self.ledger.record(&records, now);
        Ok(())
    }

    fn tell(&mut self, d: &Done) {
        let s = &mut self.summary;
        s.count(&d.head.key, &d.outcome);
        if d.outcome.is_archived() {
            s.raw_bytes += d.raw_bytes;
            s.stored_bytes += d.stored_bytes;
            s.unusable += d.coverage.unusable;
            if self.database.is_some() {
                self.hooks
                    .job(|| (d.head.key.to_string(), super::hook_json(d)));
            }
        }
        self.monitor.event(&Event::Job(Report {
            head: &d.head,
            outcome: &d.outcome,
            coverage: &d.coverage,
            raw_bytes: d.raw_bytes,
            note: d.note.as_deref(),
            resumed: d.resumed,
        }));
    }
}

/// The change of a job's row, if it changes.
fn update(d: &Done) -> Option<Update> {
    let change = match &d.outcome {
        // An archived job stays archived, as it is, unless there is something better for it.
        Outcome::Failed(_) | Outcome::NoData(_) | Outcome::Interrupted
            if d.head.status == STATUS_ARCHIVED =>
        {
            return None;
        }
        Outcome::Complete
        | Outcome::Partial
        | Outcome::Provisional
        | Outcome::Adopted
        | Outcome::Empty => Change::Archived {
            footprint: d.columns.footprint.clone(),
            energy_footprint: d.columns.energy_footprint.clone(),
            energy: d.columns.energy,
        },
        // At status 2 a length of 0 would say that nobody knows when the job ended; the ledger has what went wrong.
        Outcome::Failed(_) | Outcome::Interrupted if ended_at_once(d) => return None,
        Outcome::Failed(_) | Outcome::NoData(_) => Change::Failed,
        Outcome::Interrupted if d.head.status == STATUS_PENDING => Change::Failed,
        Outcome::Interrupted | Outcome::NotYet | Outcome::UnknownEnd | Outcome::Raced => {
            return None;
        }
    };
    Some(Update {
        head: d.head.clone(),
        change,
    })
}

/// Whether the row says that the job has no length (and not that it says nothing of use).
fn ended_at_once(d: &Done) -> bool {
    let unreadable = d.outcome.failure().map(|f| f.reason) == Some(Reason::RowInvalid);
    d.head.status == STATUS_PENDING && d.head.duration == 0 && !unreadable
}

/// What the ledger learns, if it learns something.
fn record_of(d: &Done, now: i64) -> Option<Record<'_>> {
    if d.head.status == STATUS_ARCHIVED && !d.outcome.is_archived() {
        return None;
    }
    let next = next_after(&d.outcome, d.attempts, d.lost, now)?;
    Some(Record {
        key: &d.head.key,
        outcome: &d.outcome,
        next,
        coverage: &d.coverage,
    })
}
