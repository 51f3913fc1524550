//! The program at the command line: exit codes, selection, output, signals, hooks, environment.

mod environment;
mod exit_codes;
mod hooks;
mod job_id;
mod output;
mod places;
mod selection;
mod signals;
mod strange_names;

use std::process::Command;

use crate::support::program::{Ran, program, run};
use crate::support::site::{HOUR, NewJob, Site};
use crate::support::wait;

/// A site of the present: hosts `n1` and `n2` have data of the hour that begins at the time given back, three hours
/// ago, and no jobs.
fn present() -> (Site, i64) {
    let begin = (wait::now() - 3 * HOUR).div_euclid(60) * 60;
    let site = Site::new();
    for host in ["n1", "n2"] {
        site.host(host).bin(begin..begin + HOUR);
    }
    (site, begin)
}

/// The same with so many complete jobs on `n2`, numbered from 1.
fn with_jobs(jobs: i64) -> (Site, i64) {
    let (site, begin) = present();
    for job_id in 1..=jobs {
        site.insert(&NewJob::stopped(
            job_id,
            "n2",
            begin + job_id % 30 * 60,
            600,
        ));
    }
    (site, begin)
}

/// A job that fails whatever the source holds.
fn failing(job_id: i64, begin: i64) -> NewJob {
    NewJob {
        subcluster: "gone".into(),
        ..NewJob::stopped(job_id, "n1", begin, 600)
    }
}

/// `ccarchive run` on a site.
fn command(site: &Site, flags: &[&str]) -> Command {
    let mut command = program();
    command.arg("run").arg("--db").arg(site.path("job.db"));
    command.args(flags);
    command
}

fn sweep(site: &Site, flags: &[&str]) -> Ran {
    run(&mut command(site, flags))
}
