//! Carrying out the repairs of `verify`, under the lock of a sweep.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ccarchive::inspect::Ports;
use ccarchive::jobs::lock::{self, Lock};
use ccarchive::ledger::Ledger;
use ccarchive::model::job::JobKey;
use ccarchive::model::selection::Selection;
use ccarchive::repair::{self, Plan, Step};
use ccarchive::sweep::monitor::{Event, Monitor};
use ccarchive::sweep::{self, Exit, Jobs, Parts, Settings};

use super::inspected::Inspected;
use super::wire::Database;
use super::{Stopped, archive, wire};
use crate::report;
use crate::report::inspect::verify::Console;

/// Looks whether this user may repair here: whoever may sweep may.
pub(super) fn allowed(site: &Inspected) -> Result<(), Stopped> {
    let unwritable = archive::obstacle(&*site.archive)?;
    match site.site.survey().obstacle.or(unwritable) {
        Some(obstacle) => Err(Stopped::new(Exit::Aborted, obstacle)),
        None => Ok(()),
    }
}

/// Does the steps of a plan, and notes those that were done.
pub(super) fn carry_out<'p>(
    site: &Inspected,
    ports: &Ports<'_>,
    plan: &'p Plan,
    patience: Duration,
    console: &mut Console,
    done: &mut Vec<&'p Step>,
) -> Result<(), Stopped> {
    let swept_before = lock::was_taken(&site.site.database.value);
    let lock = wire::take_lock(&site.site, patience, site.terms.clock.now(), &site.stop)?;
    for step in plan.steps().filter(|s| s.is_in_place()) {
        if site.stop.is_draining() {
            return Ok(());
        }
        let mended = repair::mend(&*site.archive, step).map_err(|e| e.to_string());
        console.repaired(step, &mended);
        if mended.is_ok() {
            done.push(step);
        }
    }
    if plan.steps().all(Step::is_in_place) {
        return Ok(());
    }
    let swept = sweep(site, ports, plan, &lock, swept_before)?;
    for step in plan.steps().filter(|s| !s.is_in_place()) {
        let outcome = step.job.as_ref().and_then(|key| swept.get(key)).cloned();
        let outcome = outcome.unwrap_or_else(|| Err(NOT_TAKEN.into()));
        console.repaired(step, &outcome);
        if outcome.is_ok() {
            done.push(step);
        }
    }
    Ok(())
}

/// Of a job that no sweep came to.
const NOT_TAKEN: &str = "no sweep takes this job now: its row changed, it has just stopped, its monitoring is switched off, its data is in another store, or the repair was interrupted";

/// What became of jobs, in words where they are not archived.
type Outcomes = HashMap<JobKey, Result<(), String>>;

/// Sweeps the jobs whose archives are to be adopted or made again.
fn sweep(
    site: &Inspected,
    ports: &Ports<'_>,
    plan: &Plan,
    lock: &Lock,
    swept_before: bool,
) -> Result<Outcomes, Stopped> {
    let terms = &site.terms;
    let selection = Selection {
        not_clusters: terms.elsewhere.clone(),
        min_age: terms.min_age,
        ..Selection::default()
    };
    let heads = repair::for_sweep(ports, plan, &selection, terms.clock.now(), &site.stop)?;
    if heads.is_empty() {
        return Ok(Outcomes::new());
    }
    let database = Database {
        path: &site.site.database.value,
        patience: terms.patience,
        stop: &site.stop,
    };
    let ledger = Ledger::open(&site.site.ledger.value, database.path);
    let defaults = Settings::new(terms.clock);
    let (source, memory) = site.sweep_source()?;
    let settings = Settings {
        settle: terms.settle,
        retention: terms.retention,
        source: terms.source.clone(),
        memory,
        workers: defaults.workers + site.archive.waits(),
        ..defaults
    };
    let recent = wire::recent(&database, &site.site, &ledger, &settings, swept_before)?;
    let jobs = Parts {
        source: &source,
        target: ports.target,
        clusters: ports.clusters,
        ledger: &ledger,
        jobs: Jobs::Chosen(heads),
        recent,
        rows: ports.rows,
        recorder: database.recorder(false)?,
        lock: Some(lock),
    };
    let watch = Watch::default();
    let summary = sweep::run(jobs, &settings, &watch, &site.stop);
    if let Some(abort) = &summary.aborted {
        report::error(&format!("warning: the sweep ended early: {}", abort.detail));
    }
    let outcomes = watch.0.into_inner();
    Ok(outcomes.unwrap_or_else(PoisonError::into_inner))
}

/// Notes what becomes of jobs.
#[derive(Default)]
struct Watch(Mutex<Outcomes>);

impl Monitor for Watch {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Job(r) => {
                let outcome = match r.outcome.failure() {
                    _ if r.outcome.is_archived() => Ok(()),
                    Some(f) => Err(f.detail.clone()),
                    None => Err(format!(
                        "it came to: {}",
                        r.outcome.name().replace('_', " ")
                    )),
                };
                let mut outcomes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                outcomes.insert(r.head.key.clone(), outcome);
            }
            Event::Warning(text) => report::error(&format!("warning: {text}")),
            Event::Found(_) => {}
        }
    }
}
