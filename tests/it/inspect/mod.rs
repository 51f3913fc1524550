//! The commands that only read: what they say is true, nothing is changed by them, and their JSON is as documented.

mod answers;
mod contract;
mod media;
mod pages;
mod repair;
mod verify;

use crate::support::program::{Ran, program, run};
use crate::support::site::{HOUR, NewJob, Site, T0};

/// A site with one job of each kind that matters here: whole (1), without data (2), of an unknown subcluster (3), running (4),
/// of unknown end (5), with half of its samples (6).
pub(super) fn site() -> Site {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + 4 * HOUR);
    site.insert(&NewJob::stopped(1, "n1", T0 + 600, HOUR));
    site.insert(&NewJob::stopped(2, "n2", T0 + 600, HOUR));
    let mut unknown = NewJob::stopped(3, "n1", T0 + 600, HOUR);
    unknown.subcluster = "old".into();
    site.insert(&unknown);
    site.insert(&NewJob::running(4, "n1", T0));
    let mut endless = NewJob::stopped(5, "n1", T0, 0).status(2);
    endless.state = "failed".into();
    endless.walltime = HOUR;
    site.insert(&endless);
    site.insert(&NewJob::stopped(6, "n1", T0 + 3 * HOUR, 2 * HOUR));
    site
}

/// A command over a site.
pub(super) fn ask(site: &Site, arguments: &[&str]) -> Ran {
    run(program()
        .args(arguments)
        .arg("--db")
        .arg(site.path("job.db")))
}

/// The site after a sweep.
pub(super) fn swept() -> Site {
    let site = site();
    ask(&site, &["run"]).expect(3);
    site
}
