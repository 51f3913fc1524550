//! Sweeps beside others that are alive: cc-backend at the database, the metric store at its files, a second sweep.

mod database;
mod locked;
mod store;
mod two_sweeps;

use std::process::Command;

use crate::support::program::program;
use crate::support::site::{HOUR, Site};
use crate::support::wait::now;

/// A site of the present whose hosts `n1` to `n4` have data of the hour that begins at the time given back.
fn present() -> (Site, i64) {
    let begin = (now() - 3 * HOUR).div_euclid(60) * 60;
    let site = Site::new();
    for host in ["n1", "n2", "n3", "n4"] {
        site.host(host).bin(begin..begin + HOUR);
    }
    (site, begin)
}

/// `ccarchive run --json` on a site.
fn command(site: &Site, flags: &[&str]) -> Command {
    let mut command = program();
    command.arg("run").arg("--db").arg(site.path("job.db"));
    command.arg("--json").args(flags);
    command
}
