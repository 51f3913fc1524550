//! What became of jobs goes to the database and the ledger: the only writer of both, on the calling thread.
//!
//! Per batch: make the archives durable, note the hooks that are due, change the rows, note it in the ledger, tell the
//! monitor, in this order. When the archive cannot be made durable or the database not be written, nothing of the batch is
//! recorded and the sweep ends; what was published is found and adopted by the next sweep.

mod outages;

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use crossbeam_channel::Receiver;

use super::becomes::{record_of, update};
use super::breaker::{Breaker, Decision};
use super::hand::Closed;
use super::hook::{Hooks, Ran, json_of};
use super::monitor::{Event, Monitor, Report};
use super::settings::Settings;
use super::summary::{Abort, Summary};

use crate::jobs::lock::Lock;
use crate::jobs::{Recorder, Update};
use crate::ledger::{Hook, Ledger, Record};
use crate::model::failure::{Failure, Reason, Stage, chain};
use crate::model::job::{JobKey, STATUS_ARCHIVED};
use crate::model::message::Finished;
use crate::model::outcome::Outcome;
use crate::model::stop::Stop;
use crate::source::Source;
use crate::target::Target;

/// Rows of one transaction: some milliseconds.
const BATCH: usize = 16;

/// What a recorder works with.
pub(super) struct Recording<'a, 'scope> {
    /// None in a dry run.
    pub(super) database: Option<&'a mut Recorder>,
    pub(super) lock: Option<&'a Lock>,
    pub(super) source: &'a dyn Source,
    pub(super) target: &'a dyn Target,
    pub(super) ledger: &'a Ledger,
    pub(super) settings: &'a Settings,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) stop: &'a Stop,
    pub(super) closed: &'a Closed,
    pub(super) hooks: &'a Hooks<'scope>,
    pub(super) breaker: Breaker,
    /// Hosts by cluster whose phases the ledger was told in this sweep.
    pub(super) told: HashMap<String, HashSet<String>>,
    pub(super) summary: Summary,
}

impl Recording<'_, '_> {
    /// Takes results until all workers have hung up.
    pub(super) fn run(mut self, results: &Receiver<Finished>) -> Summary {
        while let Ok(first) = results.recv() {
            let mut batch = Vec::new();
            for done in std::iter::once(first).chain(results.try_iter().take(BATCH - 1)) {
                self.sort(done, &mut batch);
            }
            self.record_all(batch);
        }
        self.look_at_suspected_media();
        self.forget_silence_of_proved();
        let (failures, unproved) = std::mem::take(&mut self.breaker).finish();
        for (cluster, unproved) in unproved {
            self.summary.unproved.insert(cluster, unproved.count);
        }
        if self.summary.aborted.is_none() {
            self.record_all(failures);
        }
        self.summary
    }

    /// Puts a result into the batch, holds it back, or ends the sweep.
    fn sort(&mut self, mut done: Finished, batch: &mut Vec<Finished>) {
        self.summary.stages.add(&done.stages);
        if let Some(f) = done.fatal.take() {
            return self.end(Abort::of(&f));
        }
        let ends = done
            .outcome
            .failure()
            .filter(|f| f.reason.ends_sweep())
            .map(Abort::of);
        if let Some(abort) = ends {
            return self.end(Abort {
                unmarked: 1,
                ..abort
            });
        }
        if matches!(done.outcome.failure(), Some(f) if f.reason.leaves_job()) {
            return self.leave_for_what_is_gone(&done);
        }
        // Once the sweep has ended by itself, only what is published still counts.
        if self.summary.aborted.is_some() {
            batch.extend(Some(done).filter(|d| d.archived.is_some()));
            return;
        }
        self.look_for_proof(&done, batch);
        self.look_how_old(&done);
        match self.breaker.take(done) {
            Decision::Record(done) => batch.extend(done),
            Decision::Hold => {}
            Decision::Leave(medium) => self.leave(&medium),
            Decision::Probe(media, record) => {
                batch.extend(record);
                for medium in media {
                    self.probe(&medium, batch);
                }
            }
        }
    }

    /// Ends the sweep.
    pub(super) fn end(&mut self, abort: Abort) {
        match &mut self.summary.aborted {
            Some(first) => first.unmarked += abort.unmarked,
            None => self.summary.aborted = Some(abort),
        }
        self.stop.cancel();
    }

    fn record_all(&mut self, mut done: Vec<Finished>) {
        while !done.is_empty() {
            let rest = done.split_off(done.len().min(BATCH));
            self.record(std::mem::replace(&mut done, rest));
        }
    }

    fn record(&mut self, mut batch: Vec<Finished>) {
        let begun = Instant::now();
        let hooks = match self.write(&mut batch) {
            Ok(hooks) => hooks,
            Err(failure) => return self.end(Abort::of(&failure)),
        };
        self.summary.record += begun.elapsed();
        for done in &batch {
            self.summary.count(done);
            let written = done.archived.as_ref().is_some_and(|a| a.written);
            if written && done.coverage.points.share() < self.settings.warn_coverage {
                self.summary.thin += 1;
            }
            self.monitor.event(&Event::Job(Report::new(done)));
        }
        self.hooks.run(hooks);
        self.note_hooks(self.hooks.ran());
        for warning in self.ledger.take_warnings() {
            self.monitor.event(&Event::Warning(&warning));
        }
    }

    /// Counts hooks that ended.
    fn note_hooks(&mut self, ran: Vec<Ran>) {
        note_hooks(ran, self.ledger, self.monitor, &mut self.summary);
    }

    /// Archive, rows, ledger; the hooks of the jobs that are recorded as archived now.
    fn write(&mut self, batch: &mut [Finished]) -> Result<Vec<Hook>, Failure> {
        if self.database.is_none() {
            return Ok(Vec::new());
        }
        if self.lock.is_some_and(|lock| !lock.is_held()) {
            return Err(Failure::new(
                Stage::Store,
                Reason::LockGone,
                "the lock file of this sweep was removed or replaced, so that another sweep may be running",
            ));
        }
        let archived = batch.iter().filter_map(|d| d.archived.as_ref());
        let keys: Vec<&JobKey> = archived.map(|a| &a.key).collect();
        if !keys.is_empty() {
            self.target.flush(&keys)?;
        }
        // A sweep that dies after the rows must not leave provisional archives that no sweep comes back to.
        self.note_provisional(batch);
        let mut hooks = Vec::new();
        if self.hooks.are_wanted() {
            hooks.extend(batch.iter().filter(|d| d.archived.is_some()).map(|d| Hook {
                key: d.head.key.clone(),
                json: json_of(d),
            }));
            self.ledger.hooks_due(&hooks);
        }
        let Some(database) = &mut self.database else {
            return Ok(hooks);
        };
        let (at, updates): (Vec<usize>, Vec<Update>) = batch
            .iter()
            .enumerate()
            .filter_map(|(k, d)| Some((k, update(d)?)))
            .unzip();
        let hits = if updates.is_empty() {
            Vec::new()
        } else {
            database
                .apply(&updates, self.stop)
                .map_err(|e| Failure::new(Stage::Store, Reason::Database, chain(&e)))?
        };
        for (k, hit) in at.into_iter().zip(hits) {
            if !hit {
                let done = &mut batch[k];
                done.outcome = Outcome::Raced;
                done.archived = None;
                hooks.retain(|h| h.key != done.head.key);
            }
        }
        self.note(batch);
        Ok(hooks)
    }

    /// Notes archives that are to be made better. Where that cannot be kept, their rows stay as they are, so that the next
    /// sweep comes back to them as jobs of the backlog.
    fn note_provisional(&self, batch: &mut [Finished]) {
        let now = self.settings.clock.now();
        let provisional = batch.iter().filter(|d| d.outcome == Outcome::Provisional);
        let records: Vec<Record<'_>> = provisional
            .filter_map(|d| record_of(d, &self.settings.source, now))
            .collect();
        if self.ledger.record_provisional(&records, now) {
            return;
        }
        let is_lost = |d: &&mut Finished| {
            d.outcome == Outcome::Provisional && d.head.status != STATUS_ARCHIVED
        };
        for done in batch.iter_mut().filter(is_lost) {
            done.outcome = Outcome::NotYet;
            done.archived = None;
        }
    }

    /// Lets the ledger remember the phases of hosts, once a sweep.
    fn remember(&mut self, batch: &[Finished]) {
        for done in batch {
            let cluster = &done.head.key.cluster;
            let of_cluster = self.told.entry(cluster.clone()).or_default();
            let mut new = done.phases.clone();
            new.retain(|p| !of_cluster.contains(&p.host));
            of_cluster.extend(new.iter().map(|p| p.host.clone()));
            self.ledger.remember(cluster, &new);
        }
    }

    /// Notes in the ledger what became of jobs.
    fn note(&mut self, batch: &[Finished]) {
        let now = self.settings.clock.now();
        let records: Vec<Record<'_>> = batch
            .iter()
            .filter_map(|d| record_of(d, &self.settings.source, now))
            .collect();
        for r in &records {
            let standing = r.next.standing;
            self.summary.closed.add(standing, r.next.next_try);
        }
        self.ledger.record(&records, now);
        self.remember(batch);
        for d in batch.iter().filter(|d| !d.hours.is_empty()) {
            self.ledger.note_hours(&d.head.key.cluster, &d.hours, now);
        }
        if self.hooks.are_wanted() {
            for d in batch.iter().filter(|d| d.outcome == Outcome::Raced) {
                self.ledger.hook_done(&d.head.key);
            }
        }
    }
}

/// Counts hooks that ended, and says what went wrong.
pub(super) fn note_hooks(
    ran: Vec<Ran>,
    ledger: &Ledger,
    monitor: &dyn Monitor,
    summary: &mut Summary,
) {
    let mut left = 0;
    for hook in ran {
        if hook.again {
            left += 1;
            continue;
        }
        summary.hooks_run += 1;
        ledger.hook_done(&hook.key);
        if let Some(failure) = hook.failure {
            summary.hooks_failed += 1;
            monitor.event(&Event::Warning(&failure));
        }
    }
    if left > 0 {
        monitor.event(&Event::Warning(&format!(
            "hooks of {left} archived jobs did not run to their end; the next sweep runs them"
        )));
    }
}
