//! The flags of `run` as types.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ccarchive::site::quantity;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use super::places::PlaceArgs;
use super::values;
use super::when::When;

pub(super) const EXIT_CODES: &str = "\
Exit codes:
    0  nothing failed in this sweep: what was due is archived, or there was nothing to do
    1  could not run, or stopped early; what was finished is recorded
    2  usage or configuration
    3  finished, but a job failed, has no data or is below --warn-coverage, or all hooks failed
   11  another sweep of this database is running
   12  version of the database or of the archive not supported
  124  time box reached, work is left
  130  interrupted by a signal; what was finished is recorded";

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) behaviour: BehaviourArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Ids of the arguments whose value comes from the environment.
    #[arg(skip)]
    pub(super) from_environment: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Selection (lists may be repeated or separated by commas)")]
pub(crate) struct SelectArgs {
    /// Archive exactly these stopped jobs, again if they are archived already
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = values::job)]
    pub(crate) job_id: Vec<i64>,
    /// Start time that tells a requeued job from its other runs; with a single --job-id, and local as TIME below
    #[arg(long, value_name = "TIME")]
    pub(crate) start_time: Option<When>,
    /// Only jobs of this cluster
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    pub(crate) cluster: Vec<String>,
    /// Only jobs of this subcluster
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    pub(crate) subcluster: Vec<String>,
    /// Only jobs of this user
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    pub(crate) user: Vec<String>,
    /// Only jobs that stopped at TIME or later: '2026-11-20 12:00', RFC 3339, unix seconds,
    /// yesterday, 2d, '2 days ago'; local (TZ) where it names no zone
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<When>,
    /// Only jobs that stopped before TIME
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<When>,
    /// Only jobs that were never archived (pending) or that failed, or of the failed those that are quarantined or lost,
    /// which are tried again at once [default: pending and failed, as they are due]
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) status: Vec<StatusArg>,
    /// Take at most N jobs [default: all]
    #[arg(long, value_name = "N", value_parser = |text: &str| values::whole::<u64>(text, 1, None))]
    pub(crate) limit: Option<u64>,
    /// Leave jobs that stopped more recently to cc-backend [default: 10m; 0 with --job-id]
    #[arg(long, value_name = "DUR", env = "CCARCHIVE_MIN_AGE", hide_env_values = true,
          value_parser = quantity::duration)]
    pub(crate) min_age: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Behaviour")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct BehaviourArgs {
    /// Do everything except writing, and say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Jobs to work on at the same time [default: number of cores, and 32 more where the archive is in S3]
    #[arg(long, value_name = "N", env = "CCARCHIVE_WORKERS", hide_env_values = true,
          value_parser = values::workers)]
    pub(crate) workers: Option<NonZeroUsize>,
    /// Jobs that may wait for a worker
    #[arg(long, value_name = "N", env = "CCARCHIVE_QUEUE", hide_env_values = true,
          default_value = "128", value_parser = values::queue)]
    pub(crate) queue: NonZeroUsize,
    /// Time that jobs in work get to finish after a signal or at the end of --max-duration
    #[arg(long, value_name = "DUR", env = "CCARCHIVE_TIMEOUT", hide_env_values = true,
          default_value = "30s", value_parser = quantity::duration)]
    pub(crate) timeout: Duration,
    /// If another sweep is running, wait this long for its end [default: 0, exit with 11]
    #[arg(long, value_name = "DUR", env = "CCARCHIVE_WAIT_LOCK", hide_env_values = true,
          value_parser = quantity::duration)]
    pub(crate) wait_lock: Option<Duration>,
    /// Wait this long for a database that others keep locked
    #[arg(long, value_name = "DUR", env = "CCARCHIVE_LOCK_TIMEOUT", hide_env_values = true,
          default_value = "15m", value_parser = quantity::duration)]
    pub(crate) lock_timeout: Duration,
    /// Stop taking jobs after this time and exit with 124 if work is left [default: no limit]
    #[arg(long, value_name = "DUR", env = "CCARCHIVE_MAX_DURATION", hide_env_values = true,
          value_parser = values::time_box)]
    pub(crate) max_duration: Option<Duration>,
    /// Memory that a sweep may use: bytes, 512M, 2G. With more of it fewer files are read twice, and more giant jobs are
    /// worked on at a time
    #[arg(long, value_name = "SIZE", env = "CCARCHIVE_MEMORY", hide_env_values = true,
          default_value = "256M", value_parser = quantity::size)]
    pub(crate) memory: u64,
    /// Wait this long after a job's end for samples that may still reach the checkpoints [default: 12h, or the
    /// checkpoint interval if that is longer]
    #[arg(long, value_name = "DUR", env = "CCARCHIVE_SETTLE", hide_env_values = true,
          value_parser = quantity::duration)]
    pub(crate) settle: Option<Duration>,
    /// Try waiting, quarantined and lost jobs at once
    #[arg(long)]
    pub(crate) retry_now: bool,
    /// Replace an archived job even by one with less data
    #[arg(long)]
    pub(crate) force: bool,
    /// Archive jobs without any data as empty, as cc-backend does; only where the source has held data of their cluster,
    /// or with --job-id
    #[arg(long)]
    pub(crate) accept_empty: bool,
    /// Archive jobs without a known end up to the last sample within their walltime
    #[arg(long, value_name = "END")]
    pub(crate) zero_duration: Option<ZeroDuration>,
    /// Exit with 3 if an archived job has less than this share of its samples [default: never]
    #[arg(long, value_name = "PERCENT", env = "CCARCHIVE_WARN_COVERAGE", hide_env_values = true,
          value_parser = values::percent)]
    pub(crate) warn_coverage: Option<f64>,
    /// How hard to compress: fastest, as cc-backend does, or to the smallest files
    #[arg(
        long,
        value_name = "LEVEL",
        env = "CCARCHIVE_COMPRESSION",
        hide_env_values = true,
        default_value = "normal"
    )]
    pub(crate) compression: Compression,
    /// Command to run for every archived job, with a JSON object on its input
    #[arg(long, value_name = "CMD", env = "CCARCHIVE_HOOK", hide_env_values = true,
          value_parser = NonEmptyStringValueParser::new())]
    pub(crate) hook: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// One JSON object a line on standard output; the last is the summary
    #[arg(long)]
    pub(crate) json: bool,
    /// Also write figures for the textfile collector of Prometheus' node exporter; not in a dry run
    #[arg(
        long,
        value_name = "FILE",
        env = "CCARCHIVE_METRICS_FILE",
        hide_env_values = true
    )]
    pub(crate) metrics_file: Option<PathBuf>,
    /// Say nothing unless something failed; another sweep that is running is no failure
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say what happens to each job
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Also append what happens to FILE, one line an event with a time, a level and stable keys
    #[arg(
        long,
        value_name = "FILE",
        env = "CCARCHIVE_LOG_FILE",
        hide_env_values = true
    )]
    pub(crate) log_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusArg {
    Pending,
    Failed,
    Quarantined,
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ZeroDuration {
    Walltime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compression {
    Fast,
    Normal,
    Small,
}
