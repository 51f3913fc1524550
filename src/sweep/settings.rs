//! How to sweep: what the operator chose, resolved.

use std::sync::Arc;
use std::time::Duration;

use crate::format::gzip::Effort;
use crate::model::clock::Clock;
use crate::model::memory::Memory;
use crate::model::standing::Standing;

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
    /// Bytes for the series of all jobs in work, which decoded hosts may share; larger jobs are read in several passes.
    pub memory: Arc<Memory>,
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
            memory: Arc::new(Memory::of_sweep(256 << 20)),
            limit: None,
            hook: None,
            clock,
        }
    }
}
