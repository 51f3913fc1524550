//! The commands and their flags as types. Parsing touches nothing but arguments and environment.

pub(crate) mod convert;
pub(crate) mod inspect;
pub(crate) mod places;
mod read;
pub(crate) mod run;
mod values;
mod when;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use run::RunArgs;

use crate::version;

const EXAMPLES: &str = "\
Examples:
  ccarchive demo                               see it at work on a made-up site
  ccarchive run --db var/job.db --dry-run      say what a sweep would do
  ccarchive run --config config.json           archive what cc-backend left behind";

/// Archives the stopped jobs that cc-backend left behind
#[derive(Debug, Parser)]
#[command(name = "ccarchive", version = version::SHORT, long_version = version::long(), max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Archive every stopped job that is not archived yet
    #[command(after_help = run::EXIT_CODES)]
    Run(Box<RunArgs>),
    /// Say how the backlog stands and how long the source still has its data
    #[command(after_help = inspect::STATUS_EXIT_CODES)]
    Status(Box<inspect::StatusArgs>),
    /// Say what is the matter with one job and what the next sweep would do
    #[command(after_help = inspect::EXPLAIN_EXIT_CODES)]
    Explain(Box<inspect::ExplainArgs>),
    /// Show an archived job: statistics, footprint, roofline, a curve per metric
    #[command(after_help = inspect::SHOW_EXIT_CODES)]
    Show(Box<inspect::ShowArgs>),
    /// Compare database, archive and its contents; --repair mends what loses nothing
    #[command(after_help = inspect::VERIFY_EXIT_CODES)]
    Verify(Box<inspect::VerifyArgs>),
    /// Write a small site with jobs of every kind, and sweep it
    Demo(DemoArgs),
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// New or empty folder for the site, or an earlier demo, which is written anew
    #[arg(value_name = "DIR", default_value = "ccarchive-demo")]
    pub(crate) dir: PathBuf,
    /// Only write the site
    #[arg(long)]
    pub(crate) no_run: bool,
}

#[cfg(test)]
mod tests;
