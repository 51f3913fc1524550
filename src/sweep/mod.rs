//! The sweep: threads, channels and the one invariant that everything here serves.
//!
//! ```text
//! intake ══ bounded ══▶ worker × N ══ bounded ══▶ recorder ─▶ database, ledger
//!                       load, compute, store      calling thread, the only writer
//! ```
//!
//! A row changes only after its archive is durable: a worker publishes, the recorder flushes the archive and only then
//! writes the row. So a crash anywhere costs a repeat, never a loss. When a sender is dropped, the next stage ends; no
//! stage knows how many others there are.

mod breaker;
mod document;
mod hook;
mod intake;
mod judge;
pub mod monitor;
mod recorder;
mod summary;
mod worker;

use std::time::Duration;

use crossbeam_channel::bounded;

use crate::format::gzip::Effort;
use crate::jobs;
use crate::ledger::Ledger;
use crate::model::clock::Clock;
use crate::model::cluster::Clusters;
use crate::model::job::Head;
use crate::model::outcome::{Coverage, Outcome};
use crate::model::published::{Columns, Published};
use crate::model::stop::Stop;
use crate::source::Source;
use crate::sweep::monitor::{Event, Monitor};
use crate::target::Target;

pub use intake::{Chosen, Jobs, Refused, choose};
pub use summary::{Abort, Exit, Failures, Skipped, Stages, Summary};

/// Results of each worker that may wait for the recorder: so many that nobody waits while it flushes.
const RESULTS: usize = 16;

/// The media of a sweep.
#[expect(missing_debug_implementations, reason = "ports have none")]
pub struct Parts<'a> {
    /// Where samples come from.
    pub source: &'a dyn Source,
    /// Where archives go.
    pub archive: &'a dyn Target,
    /// The clusters' configuration.
    pub clusters: &'a Clusters,
    /// Our own memory.
    pub ledger: &'a Ledger,
    /// Which jobs.
    pub jobs: Jobs,
    /// Where results go; none for a dry run.
    pub recorder: Option<jobs::Recorder>,
}

/// How to sweep.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Settings {
    /// Number of workers.
    pub workers: usize,
    /// Jobs that may wait for a worker.
    pub queue: usize,
    /// What jobs in hand get after a signal.
    pub timeout: Duration,
    /// After this time nothing new is taken.
    pub max_duration: Option<Duration>,
    /// Seconds after a job's end during which samples may still reach the source.
    pub settle: i64,
    /// Seconds that the source remembers, if that is known.
    pub retention: Option<i64>,
    /// Take jobs whose next try is not due, and quarantined ones.
    pub retry_now: bool,
    /// Replace archives by poorer ones.
    pub force: bool,
    /// Archive jobs without any data.
    pub accept_empty: bool,
    /// Archive jobs of unknown end up to the last sample within their walltime.
    pub walltime: bool,
    /// How hard to compress.
    pub compression: Effort,
    /// Bytes of series that a worker holds at a time; larger jobs are read in several passes.
    pub group_bytes: usize,
    /// At most so many jobs.
    pub limit: Option<u64>,
    /// Run for every archived job, with a JSON object on its input.
    pub hook: Option<String>,
    /// The time.
    pub clock: Clock,
}

impl Settings {
    /// What `ccarchive run` does without flags.
    pub fn new(clock: Clock) -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            queue: 128,
            timeout: Duration::from_secs(30),
            max_duration: None,
            settle: 12 * 3600,
            retention: None,
            retry_now: false,
            force: false,
            accept_empty: false,
            walltime: false,
            compression: Effort::Normal,
            group_bytes: 256 << 20,
            limit: None,
            hook: None,
            clock,
        }
    }
}

/// A job on its way to a worker.
#[derive(Clone, Debug)]
pub struct Task {
    /// The row.
    pub candidate: jobs::Candidate,
    /// Attempts before this one.
    pub attempts: u32,
    /// Those of them that count towards quarantine.
    pub failures: u32,
    /// What a sweep that died had published.
    pub published: Option<Published>,
}

/// A job on its way to the recorder.
#[derive(Debug)]
struct Done {
    head: Head,
    outcome: Outcome,
    coverage: Coverage,
    /// Of archived jobs.
    columns: Columns,
    /// Attempts of this kind before this one.
    attempts: u32,
    /// Whether no source can have the job's data any more.
    lost: bool,
    raw_bytes: u64,
    stored_bytes: u64,
    note: Option<String>,
    resumed: bool,
    stages: Stages,
}

/// What a hook gets on its input: one JSON object on one line.
fn hook_json(d: &Done) -> String {
    let key = &d.head.key;
    let mut json = serde_json::json!({
        "type": "archived",
        "id": d.head.id,
        "jobId": key.job_id,
        "cluster": key.cluster,
        "startTime": key.start_time,
        "outcome": d.outcome.name(),
        "expected": d.coverage.points.expected,
        "received": d.coverage.points.received,
        "bytes": d.stored_bytes,
    })
    .to_string();
    json.push('\n');
    json
}

/// Sweeps. Returns when every stage has ended; whatever was finished is recorded.
pub fn run(parts: Parts<'_>, settings: &Settings, monitor: &dyn Monitor, stop: &Stop) -> Summary {
    let Parts {
        source,
        archive,
        clusters,
        ledger,
        jobs,
        // Closed last of all connections, since one that only reads cannot remove the database's log.
        mut recorder,
    } = parts;
    let dry_run = recorder.is_none();
    let shared = worker::Shared {
        source,
        archive,
        clusters,
        ledger,
        settings,
        stop,
        dry_run,
    };
    let (to_workers, tasks) = bounded::<Task>(settings.queue);
    let (to_recorder, results) = bounded::<Done>(settings.workers.max(1) * RESULTS);
    let mut summary = std::thread::scope(|scope| {
        let intake =
            scope.spawn(move || intake::run(jobs, ledger, settings, monitor, stop, &to_workers));
        for _ in 0..settings.workers.max(1) {
            let (tasks, to_recorder, shared) = (tasks.clone(), to_recorder.clone(), &shared);
            scope.spawn(move || worker::run(shared, &tasks, &to_recorder));
        }
        drop((tasks, to_recorder));
        let hooks = hook::Hooks::start(scope, settings.hook.as_deref(), stop);
        let recording = recorder::Recording {
            database: recorder.as_mut(),
            archive,
            ledger,
            settings,
            monitor,
            stop,
            hooks: &hooks,
            summary: Summary::default(),
            flush_failed: false,
        };
        let mut summary = recording.run(&results);
        for failure in hooks.finish() {
            summary.hooks_failed += 1;
            monitor.event(&Event::Warning(&failure));
        }
        match intake.join() {
            Ok(taken) => summary.add_intake(taken),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        summary
    });
    summary.dry_run = dry_run;
    summary.seconds = settings.clock.elapsed().as_secs_f64();
    summary.close(stop);
    for warning in ledger.take_warnings() {
        monitor.event(&Event::Warning(&warning));
    }
    summary
}
