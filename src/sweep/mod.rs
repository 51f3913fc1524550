//! The sweep: threads, channels and the one invariant that everything here serves.
//!
//! ```text
//! intake ══ bounded ══▶ worker × N ══ bounded ══▶ recorder ─▶ database, ledger
//!                       load, compute, store      calling thread, the only writer
//! ```
//!
//! The workers are the threads of one pool: a large job is cut into parts, and workers that have no job take some of them.
//!
//! A row changes only after its archive is durable: a worker publishes, the recorder makes the archive durable and only then
//! writes the row. So a crash anywhere costs a repeat, never a loss. When a sender is dropped, the next stage ends; no
//! stage knows how many others there are.

mod becomes;
mod breaker;
mod choose;
mod document;
mod foretell;
mod gate;
mod hand;
mod hook;
mod hosts;
mod intake;
mod large;
pub mod monitor;
mod recorder;
mod recovery;
mod settings;
mod summary;
mod work;
mod worker;

use std::collections::HashMap;

use crossbeam_channel::bounded;

use crate::jobs::lock::Lock;
use crate::jobs::{self, Recorder, Rows};
use crate::ledger::Ledger;
use crate::model::cluster::Clusters;
use crate::model::failure::{Failure, Reason, Stage, chain};
use crate::model::job::{JobKey, STATUS_ARCHIVED};
use crate::model::message::{Finished, Task};
use crate::model::stop::Stop;
use crate::source::Source;
use crate::target::Target;
use monitor::{Event, Monitor};

pub use choose::{Chosen, Refusal, Refused, choose};
pub use foretell::{Sight, foretell};
pub(crate) use hand::place;
pub use intake::Jobs;
pub use settings::Settings;
pub use summary::{Abort, Behind, Exit, Failures, Group, Standings, Summary, Thin};

/// Results of each worker that may wait for the recorder: so many that nobody waits while it flushes.
const RESULTS: usize = 16;

/// The media of a sweep.
#[expect(missing_debug_implementations, reason = "ports have none")]
pub struct Parts<'a> {
    /// Where samples come from.
    pub source: &'a dyn Source,
    /// Where archives go.
    pub target: &'a dyn Target,
    /// The clusters' configuration.
    pub clusters: &'a Clusters,
    /// Our own memory.
    pub ledger: &'a Ledger,
    /// Which jobs.
    pub jobs: Jobs,
    /// Where the ledger has forgotten which archives are provisional: the archived jobs that may still get samples.
    pub recent: Option<jobs::Archived>,
    /// Their rows.
    pub rows: &'a Rows,
    /// Where results go; none for a dry run.
    pub recorder: Option<Recorder>,
    /// The lock of this sweep; none for a dry run.
    pub lock: Option<&'a Lock>,
}

/// Sweeps. Returns when every stage has ended; whatever was finished is recorded.
pub fn run(
    mut parts: Parts<'_>,
    settings: &Settings,
    monitor: &dyn Monitor,
    stop: &Stop,
) -> Summary {
    let (ledger, rows) = (parts.ledger, parts.rows);
    let mut recorder = parts.recorder.take();
    let dry_run = recorder.is_none();
    // A dry run changes no file.
    let recent = parts
        .recent
        .take()
        .filter(|_| !dry_run || !ledger.is_kept());
    let noted = recent.map_or(Ok(()), |r| {
        recovery::note_recent(ledger, r, settings.settle, monitor, stop)
    });
    if let Some(recorder) = &mut recorder {
        let recovery = recovery::Recovery {
            ledger,
            target: parts.target,
            clusters: parts.clusters,
            rows,
            recorder,
        };
        recovery.run(monitor, stop);
    }
    // If this sweep is killed, the next one looks after the archived jobs that are being archived again.
    let again = if dry_run {
        Vec::new()
    } else {
        archived_before(&parts.jobs)
    };
    ledger.replacing(&again);
    let mut summary = match noted.and_then(|()| pool(settings.workers.max(1))) {
        Ok(pool) => stages(parts, recorder.as_mut(), &pool, settings, monitor, stop),
        Err(abort) => Summary {
            aborted: Some(abort),
            ..Summary::default()
        },
    };
    // Of what failed or was cut short, perhaps between two files, the next sweep makes sure.
    let in_order = |key: &JobKey| !summary.half_done.contains(key);
    if summary.aborted.is_none() {
        let done: Vec<JobKey> = again.into_iter().filter(in_order).collect();
        ledger.replaced(&done);
    }
    rows.close();
    drop(recorder);
    summary.dry_run = dry_run;
    summary.seconds = settings.clock.elapsed().as_secs_f64();
    for warning in ledger.take_warnings() {
        monitor.event(&Event::Warning(&warning));
    }
    summary
}

/// Starts all stages, is the recorder, and waits for the others.
fn stages(
    parts: Parts<'_>,
    database: Option<&mut Recorder>,
    pool: &rayon::ThreadPool,
    settings: &Settings,
    monitor: &dyn Monitor,
    stop: &Stop,
) -> Summary {
    let (ledger, rows) = (parts.ledger, parts.rows);
    let dry_run = database.is_none();
    let closed = hand::Closed::default();
    let shared = hand::Shared {
        source: parts.source,
        target: parts.target,
        clusters: parts.clusters,
        rows,
        settings,
        stop,
        gate: gate::Gate::new(&settings.memory, pool.current_num_threads()),
        closed: &closed,
        dry_run,
    };
    let workers = pool.current_num_threads();
    let (to_workers, tasks) = bounded::<Task>(settings.queue);
    let (to_recorder, results) = bounded::<Finished>(workers * RESULTS);
    std::thread::scope(|scope| {
        let intake = intake::Intake {
            ledger,
            rows,
            settings,
            monitor,
            stop,
            to_workers,
        };
        let jobs = parts.jobs;
        let intake = scope.spawn(move || intake::run(jobs, intake));
        let shared = &shared;
        scope.spawn(move || {
            // Both ends are dropped once all workers have ended.
            pool.broadcast(|_| worker::run(shared, &tasks, &to_recorder));
        });
        let command = settings.hook.as_deref().filter(|_| !dry_run);
        let hooks = hook::Hooks::start(scope, command, stop);
        let mut recording = recorder::Recording {
            database,
            lock: parts.lock,
            source: parts.source,
            target: parts.target,
            ledger,
            settings,
            monitor,
            stop,
            closed: &closed,
            hooks: &hooks,
            breaker: breaker::Breaker::default(),
            told: HashMap::new(),
            summary: Summary::default(),
        };
        run_hooks_left(&mut recording, rows);
        let mut summary = recording.run(&results);
        recorder::note_hooks(hooks.finish(), ledger, monitor, &mut summary);
        match intake.join() {
            Ok(taken) => summary.close(taken, stop),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        summary
    })
}

/// The threads of the workers.
fn pool(workers: usize) -> Result<rayon::ThreadPool, Abort> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(workers);
    let pool = pool.thread_name(|k| format!("worker {k}")).build();
    pool.map_err(|e| {
        let why = format!("{workers} threads cannot be started: {}", chain(&e));
        Abort::of(&Failure::new(Stage::Compute, Reason::Internal, why))
    })
}

/// Runs the hooks that an earlier sweep did not come to.
fn run_hooks_left(recording: &mut recorder::Recording<'_, '_>, rows: &Rows) {
    if !recording.hooks.are_wanted() {
        return;
    }
    match recovery::hooks_left(recording.ledger, rows, recording.stop) {
        Ok(left) => recording.hooks.run(left),
        Err(e) => recording.end(Abort::of(&Failure::new(
            Stage::Row,
            Reason::Database,
            chain(&e),
        ))),
    }
}

/// The named jobs that are archived already.
fn archived_before(jobs: &Jobs) -> Vec<JobKey> {
    match jobs {
        Jobs::Pending(_) => Vec::new(),
        Jobs::Chosen(heads) => {
            let again = heads.iter().filter(|h| h.status == STATUS_ARCHIVED);
            again.map(|h| h.key.clone()).collect()
        }
    }
}
