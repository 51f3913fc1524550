//! The flags of the commands that only read.

use std::path::PathBuf;
use std::time::Duration;

use ccarchive::inspect::verify::Mark;
use ccarchive::ledger::Listing;
use ccarchive::model::standing::Standing;
use ccarchive::site::quantity;
use clap::{Args, ValueEnum};

use super::places::SiteArgs;
use super::values::{job, percent, time_box, whole};
use super::when::When;

pub(super) const STATUS_EXIT_CODES: &str = "\
Exit codes:
    0  nothing needs a person: no data is lost within 6 hours, no job is quarantined, every source answers
    1  could not look
    2  usage or configuration
    3  something needs a person; the lines with a ! say what
   12  version of the database or of the archive not supported";

pub(super) const EXPLAIN_EXIT_CODES: &str = "\
Exit codes:
    0  the job is archived, is none of ours, or gets archived without a person
    1  could not look
    2  usage or configuration; no such job, or several share the number
    3  the job needs a person
   12  version of the database or of the archive not supported";

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// List the jobs that stand so, instead of the overview
    #[arg(long, value_name = "KIND")]
    pub(crate) list: Option<ListArg>,
    /// List at most N jobs
    #[arg(long, value_name = "N", default_value = "50", value_parser = |text: &str| whole::<usize>(text, 1, None))]
    pub(crate) limit: usize,
    /// Archived jobs with less than this share of their samples are thin, in percent
    #[arg(long, value_name = "PERCENT", default_value = "90", value_parser = percent)]
    pub(crate) thin: f64,
    /// Also write figures for the textfile collector of Prometheus' node exporter
    #[arg(long, value_name = "FILE", conflicts_with = "list")]
    pub(crate) metrics_file: Option<PathBuf>,
    /// Also write a page for a browser: one file that a web server can show
    #[arg(long, value_name = "FILE", conflicts_with = "list")]
    pub(crate) html: Option<PathBuf>,
    /// Show the last N sweeps
    #[arg(long, value_name = "N", default_value = "5", value_parser = |text: &str| whole::<usize>(text, 0, None))]
    pub(crate) runs: usize,
    /// Show the outcomes of the last N days
    #[arg(long, value_name = "N", default_value = "14", value_parser = |text: &str| whole::<u16>(text, 1, Some(3660)))]
    pub(crate) days: u16,
    /// As for run: jobs that stopped more recently are left to cc-backend [default: 10m]
    #[arg(long, value_name = "DUR", env = "CCARCHIVE_MIN_AGE", hide_env_values = true,
          value_parser = quantity::duration)]
    pub(crate) min_age: Option<Duration>,
    /// One JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) site: SiteArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    /// One JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// As for run: how long after a job's end missing samples are waited for [default: 12h, or the checkpoint interval if
    /// that is longer]
    #[arg(long, value_name = "DUR", env = "CCARCHIVE_SETTLE", hide_env_values = true,
          value_parser = quantity::duration)]
    pub(crate) settle: Option<Duration>,
    /// As for run: jobs that stopped more recently are left to cc-backend [default: 10m]
    #[arg(long, value_name = "DUR", env = "CCARCHIVE_MIN_AGE", hide_env_values = true,
          value_parser = quantity::duration)]
    pub(crate) min_age: Option<Duration>,
    #[command(flatten)]
    pub(crate) site: SiteArgs,
}

/// Which job.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The scheduler's number of the job
    #[arg(value_name = "JOB", value_parser = job)]
    pub(crate) job: i64,
    /// The job of this cluster
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// The job that started then; tells a requeued job from its other runs
    #[arg(long, value_name = "TIME")]
    pub(crate) start_time: Option<When>,
}

/// What may be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListArg {
    /// Waiting for their next try
    Waiting,
    /// Archived with what there was, to be made better
    Provisional,
    /// Tried too often
    Quarantined,
    /// The source cannot have their data any more
    Lost,
    /// Archived with less than --thin percent of their samples
    Thin,
}

impl StatusArgs {
    /// What to list, if something is to be listed.
    pub(crate) fn listing(&self) -> Option<Listing> {
        Some(match self.list? {
            ListArg::Waiting => Listing::Standing(Standing::Waiting),
            ListArg::Provisional => Listing::Standing(Standing::Provisional),
            ListArg::Quarantined => Listing::Standing(Standing::Quarantined),
            ListArg::Lost => Listing::Standing(Standing::Lost),
            ListArg::Thin => Listing::Thin(self.thin),
        })
    }
}

pub(super) const SHOW_EXIT_CODES: &str = "\
Exit codes:
    0  shown
    1  could not look, or the archive holds nothing whole of the job
    2  usage or configuration; no such job, or several share the number; no such metric or host
   12  version of the database or of the archive not supported";

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    /// Only this metric; may be repeated or separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) metric: Vec<String>,
    /// Only the series of this host; may be repeated or separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) host: Vec<String>,
    /// Also write a page for a browser: one file that a web server can show
    #[arg(long, value_name = "FILE", conflicts_with = "csv")]
    pub(crate) html: Option<PathBuf>,
    /// Every value as a line of CSV: metric, scope, host, id, Unix seconds, value
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// One JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) site: SiteArgs,
}

pub(super) const VERIFY_EXIT_CODES: &str = "\
Exit codes:
    0  sound: notes at most, or everything else was repaired
    1  could not look, or could not repair
    2  usage or configuration
    3  errors or warnings were found (and are left, with --repair)
   11  a sweep is running, so that nothing was repaired
   12  version of the database or of the archive not supported
  124  time box reached; --after goes on where it ended
  130  interrupted by a signal; --after goes on where it ended";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct VerifyArgs {
    /// Decode the data of every job and compare it with the statistics
    #[arg(long)]
    pub(crate) read_data: bool,
    /// Look at this share of the archived jobs and of the archive's folders, another one every day: 5%, 0.5%
    #[arg(long, value_name = "PERCENT", default_value = "100%", value_parser = share)]
    pub(crate) sample: u32,
    /// Stop after this time, say where, and exit with 124 [default: no limit]
    #[arg(long, value_name = "DUR", value_parser = time_box)]
    pub(crate) max_duration: Option<Duration>,
    /// Go on where a run ended early, as it said
    #[arg(long, value_name = "MARK", default_value = "0", value_parser = mark)]
    pub(crate) after: Mark,
    /// Only this cluster; may be repeated or separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) cluster: Vec<String>,
    /// Repair what can be repaired without losing anything, then archive again what cannot, as run --job-id does; what is
    /// to be done is said before
    #[arg(long)]
    pub(crate) repair: bool,
    /// With --repair: if a sweep is running, wait this long for its end [default: 0, exit with 11]
    #[arg(long, value_name = "DUR", requires = "repair", value_parser = quantity::duration)]
    pub(crate) wait_lock: Option<Duration>,
    /// As for run: jobs that stopped more recently are left to cc-backend [default: 10m]
    #[arg(long, value_name = "DUR", env = "CCARCHIVE_MIN_AGE", hide_env_values = true,
          value_parser = quantity::duration)]
    pub(crate) min_age: Option<Duration>,
    /// One JSON object a line on standard output; the last is the summary
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing unless something is wrong
    #[arg(short, long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) site: SiteArgs,
}

fn mark(text: &str) -> Result<Mark, String> {
    text.parse().map_err(|()| {
        "expected a row number or CLUSTER/NUMBER, as a run that ended early says".to_owned()
    })
}

/// A share in percent, as so many of 10,000.
fn share(text: &str) -> Result<u32, String> {
    const EXPECTED: &str = "expected a share in percent, from 0.01% to 100%";
    let number = text.trim().trim_end_matches('%').trim_end();
    let percent: f64 = number.parse().map_err(|_e| EXPECTED.to_owned())?;
    let of_10_000 = (percent * 100.0).round();
    if !(1.0..=10_000.0).contains(&of_10_000) {
        return Err(EXPECTED.to_owned());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 1 to 10,000"
    )]
    Ok(of_10_000 as u32)
}
