//! The flags of `run` as the library's plain values.
//!
//! What clap cannot say about flags that do not go together is said here, as an error of clap's own
//! kind: on standard error, exit code 2.

use std::time::Duration;

use super::when::When;
use ccarchive::model::selection::{JobStatus, Selection};
use ccarchive::model::standing::Standing;
use ccarchive::site::Places;
use clap::CommandFactory;
use clap::error::ErrorKind;
use jiff::Zoned;

use super::Cli;
use super::run::{OutputArgs, RunArgs, SelectArgs, StatusArg};
use crate::report::Mode;

/// Stopped jobs are left to the live server for so long.
pub(crate) const MIN_AGE: Duration = Duration::from_secs(600);

impl RunArgs {
    /// The places that are named, each with its origin.
    pub(crate) fn places(&self) -> Places {
        self.place.places(&self.from_environment)
    }

    fn is_from_environment(&self, id: &str) -> bool {
        self.from_environment.iter().any(|known| known == id)
    }

    /// The jobs to take in, with times resolved at `now` and in its zone.
    pub(crate) fn selection(&self, now: &Zoned) -> Result<Selection, clap::Error> {
        let select = &self.select;
        let unix = |flag: &str, when: &Option<When>| match when {
            Some(when) => when
                .unix(now)
                .map(Some)
                .map_err(|error| usage(ErrorKind::ValueValidation, format!("{flag}: {error}"))),
            None => Ok(None),
        };
        let since = unix("--since", &select.since)?;
        let until = unix("--until", &select.until)?;
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            let message = "--since is not before --until, so that no job could be selected";
            return Err(usage(ErrorKind::ValueValidation, message));
        }
        Ok(Selection {
            clusters: select.cluster.clone(),
            subclusters: select.subcluster.clone(),
            users: select.user.clone(),
            job_ids: select.job_id.clone(),
            start_time: unix("--start-time", &select.start_time)?,
            since,
            until,
            statuses: select.statuses(),
            not_clusters: Vec::new(),
            limit: select.limit,
            min_age: i64::try_from(self.min_age().as_secs()).unwrap_or(i64::MAX),
        })
    }

    /// Who names a job wants it now; a minimum that the site's environment sets is meant for cron.
    fn min_age(&self) -> Duration {
        let named = !self.select.job_id.is_empty();
        match self.select.min_age {
            Some(min_age) if !named || !self.is_from_environment("min_age") => min_age,
            _ if named => Duration::ZERO,
            _ => MIN_AGE,
        }
    }
}

impl OutputArgs {
    /// How much is said, and in which form.
    pub(crate) fn mode(&self, dry_run: bool) -> Mode {
        Mode {
            dry_run,
            json: self.json,
            quiet: self.quiet,
            verbose: self.verbose,
        }
    }
}

impl SelectArgs {
    /// Whether the flags go together.
    pub(super) fn check(&self) -> Result<(), clap::Error> {
        if let Some(start_time) = &self.start_time {
            let message = match self.job_id.len() {
                1 if start_time.is_fixed() => None,
                1 => Some("--start-time needs the exact start of the job, such as 1795172400"),
                0 => Some("--start-time belongs to a job: give its --job-id too, or use --since"),
                _ => Some("--start-time belongs to one job: give a single --job-id"),
            };
            if let Some(message) = message {
                return Err(usage(ErrorKind::ArgumentConflict, message));
            }
        }
        self.check_statuses()?;
        let others = self.filters();
        if self.job_id.is_empty() || others.is_empty() {
            return Ok(());
        }
        let message = format!(
            "--job-id names the jobs themselves: omit {}, or --job-id",
            others.join(", ")
        );
        Err(usage(ErrorKind::ArgumentConflict, message))
    }

    /// Quarantined and lost jobs are failed ones.
    fn check_statuses(&self) -> Result<(), clap::Error> {
        if self.standings().is_empty() || self.statuses().is_empty() {
            return Ok(());
        }
        let message = "--status quarantined and lost are kinds of failed jobs: give them without pending and failed";
        Err(usage(ErrorKind::ArgumentConflict, message))
    }

    /// Which values of `monitoring_status` are asked for; empty for all.
    fn statuses(&self) -> Vec<JobStatus> {
        let status = |s: &StatusArg| match s {
            StatusArg::Pending => Some(JobStatus::Pending),
            StatusArg::Failed => Some(JobStatus::Failed),
            StatusArg::Quarantined | StatusArg::Lost => None,
        };
        self.status.iter().filter_map(status).collect()
    }

    /// Which standings in the ledger are asked for; empty for all that are due.
    pub(crate) fn standings(&self) -> Vec<Standing> {
        let standing = |s: &StatusArg| match s {
            StatusArg::Quarantined => Some(Standing::Quarantined),
            StatusArg::Lost => Some(Standing::Lost),
            StatusArg::Pending | StatusArg::Failed => None,
        };
        self.status.iter().filter_map(standing).collect()
    }

    /// Whether a time is given that means another second in another time zone.
    pub(crate) fn has_local_times(&self) -> bool {
        let times = [&self.start_time, &self.since, &self.until];
        times.into_iter().flatten().any(When::is_local)
    }

    /// The flags that are given and make no sense for jobs that are named; a cluster does, because
    /// two clusters may have jobs of the same id.
    fn filters(&self) -> Vec<&'static str> {
        let all = [
            ("--subcluster", !self.subcluster.is_empty()),
            ("--user", !self.user.is_empty()),
            ("--since", self.since.is_some()),
            ("--until", self.until.is_some()),
            ("--status", !self.status.is_empty()),
            ("--limit", self.limit.is_some()),
        ];
        all.iter()
            .filter(|(_, given)| *given)
            .map(|(flag, _)| *flag)
            .collect()
    }
}

/// An error as clap reports its own about `run`.
fn usage(kind: ErrorKind, message: impl std::fmt::Display) -> clap::Error {
    let mut command = Cli::command();
    command.build();
    match command.find_subcommand_mut("run") {
        Some(run) => run.error(kind, message),
        None => command.error(kind, message),
    }
}
