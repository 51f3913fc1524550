//! `ccarchive completions`: the script for a shell, from the parser itself.

use ccarchive::sweep::Exit;
use clap::CommandFactory;
use clap_complete::Shell;

use super::Stopped;
use crate::cli::Cli;
use crate::report;

/// Prints the script.
pub(crate) fn completions(shell: Shell) -> Result<Exit, Stopped> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ccarchive", &mut script);
    report::out(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
