//! The sweep: threads, channels and the one invariant that everything here serves.
//!
//! ```text
//! intake ══ bounded ══▶ worker × N ══ bounded ══▶ recorder ─▶ database, ledger
//!                       load, compute, store      calling thread, the only writer
//! ```
//!
//! A row changes only after its archive is durable: a worker publishes, the recorder makes the archive durable and only then
//! writes the row. So a crash anywhere costs a repeat, never a loss. When a sender is dropped, the next stage ends; no
//! stage knows how many others there are.

mod breaker;
mod choose;
mod document;
mod gate;
mod hook;
mod intake;
pub mod monitor;
mod recorder;
mod recovery;
mod summary;
mod work;
mod worker;

use std::time::Duration;

use crossbeam_channel::bounded;

use crate::format::gzip::Effort;
use crate::jobs::lock::Lock;
use crate::jobs::{Recorder, Rows};
use crate::ledger::Ledger;
use crate::model::clock::Clock;
use crate::model::cluster::Clusters;
use crate::model::failure::{Failure, Reason, Stage, chain};
use crate::model::job::{JobKey, STATUS_ARCHIVED};
use crate::model::message::{Finished, Task};
use crate::model::standing::Standing;
use crate::model::stop::Stop;
use crate::source::Source;
use crate::target::Target;
use monitor::{Event, Monitor};

pub use choose::{Chosen, Refusal, Refused, choose};
pub use intake::Jobs;
pub use recovery::recover;
pub use summary::{Abort, Exit, Failures, Group, Standings, Summary, Thin};

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
    /// Their rows.
    pub rows: &'a Rows,
    /// Where results go; none for a dry run.
    pub recorder: Option<Recorder>,
    /// The lock of this sweep; none for a dry run.
    pub lock: Option<&'a Lock>,
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
    /// The source's name in the ledger: what is proved or lost is so for a source of this name.
    pub source: String,
    /// Take jobs whose next try is not due, and quarantined ones.
    pub retry_now: bool,
    /// Take only jobs that stand so, also where they are not due; empty for all that are due.
    pub standings: Vec<Standing>,
    /// Replace archives by poorer ones.
    pub force: bool,
    /// Archive jobs without any data, where the source has proved itself or the jobs are named.
    pub accept_empty: bool,
    /// Archive jobs of unknown end up to the last sample within their walltime.
    pub walltime: bool,
    /// Archived jobs with a smaller share of their samples (0 to 1) count as thin.
    pub warn_coverage: f64,
    /// How hard to compress.
    pub compression: Effort,
    /// Bytes of series that all workers together hold at a time; larger jobs are read in several passes.
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
            source: String::new(),
            retry_now: false,
            standings: Vec::new(),
            force: false,
            accept_empty: false,
            walltime: false,
            warn_coverage: 0.0,
            compression: Effort::Normal,
            group_bytes: 256 << 20,
            limit: None,
            hook: None,
            clock,
        }
    }
}

/// What a hook gets on its input: one JSON object on one line.
fn hook_json(d: &Finished) -> String {
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
        "rawBytes": d.raw_bytes,
        "storedBytes": d.archived.as_ref().map_or(0, |a| a.stored_bytes),
    })
    .to_string();
    json.push('\n');
    json
}

/// Sweeps. Returns when every stage has ended; whatever was finished is recorded.
pub fn run(parts: Parts<'_>, settings: &Settings, monitor: &dyn Monitor, stop: &Stop) -> Summary {
    let Parts {
        source,
        target,
        clusters,
        ledger,
        jobs,
        rows,
        // Closed last of all connections, since one that only reads cannot remove the database's log.
        mut recorder,
        lock,
    } = parts;
    let dry_run = recorder.is_none();
    // If this sweep is killed, the next one looks after the archived jobs that are being archived again.
    let again = if dry_run {
        Vec::new()
    } else {
        archived_before(&jobs)
    };
    ledger.replacing(&again);
    let closed = worker::Closed::default();
    let shared = worker::Shared {
        source,
        target,
        clusters,
        rows,
        settings,
        stop,
        gate: gate::Gate::new(settings.group_bytes),
        closed: &closed,
        dry_run,
    };
    let (to_workers, tasks) = bounded::<Task>(settings.queue);
    let (to_recorder, results) = bounded::<Finished>(settings.workers.max(1) * RESULTS);
    let mut summary = std::thread::scope(|scope| {
        let parts = intake::Intake {
            ledger,
            rows,
            settings,
            monitor,
            stop,
            to_workers,
        };
        let intake = scope.spawn(move || intake::run(jobs, parts));
        for _ in 0..settings.workers.max(1) {
            let (tasks, to_recorder, shared) = (tasks.clone(), to_recorder.clone(), &shared);
            scope.spawn(move || worker::run(shared, &tasks, &to_recorder));
        }
        drop((tasks, to_recorder));
        let command = settings.hook.as_deref().filter(|_| !dry_run);
        let hooks = hook::Hooks::start(scope, command, stop);
        let mut recording = recorder::Recording {
            database: recorder.as_mut(),
            lock,
            source,
            target,
            ledger,
            settings,
            monitor,
            stop,
            closed: &closed,
            hooks: &hooks,
            breaker: breaker::Breaker::default(),
            summary: Summary::default(),
        };
        if hooks.are_wanted() {
            match recovery::hooks_left(ledger, rows, stop) {
                Ok(left) => hooks.run(left),
                Err(e) => recording.end(Abort::of(&Failure::new(
                    Stage::Row,
                    Reason::Database,
                    chain(&e),
                ))),
            }
        }
        let mut summary = recording.run(&results);
        recorder::note_hooks(hooks.finish(), ledger, monitor, &mut summary);
        match intake.join() {
            Ok(taken) => summary.close(taken, stop),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        summary
    });
    if summary.aborted.is_none() {
        ledger.replaced(&again);
    }
    summary.dry_run = dry_run;
    summary.seconds = settings.clock.elapsed().as_secs_f64();
    for warning in ledger.take_warnings() {
        monitor.event(&Event::Warning(&warning));
    }
    summary
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
