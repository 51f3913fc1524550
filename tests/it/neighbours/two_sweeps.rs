//! Two sweeps of one database.

use rustix::process::Signal;

use super::{command, present};
use crate::support::program::{Running, program, run};
use crate::support::site::{HOUR, NewJob, Site};
use crate::support::wait::until;

/// A sweep that cannot end since somebody holds the database's lock; it holds its own.
fn held() -> (Site, rusqlite::Connection, Running) {
    let (site, begin) = present();
    for job_id in 1..=10 {
        site.insert(&NewJob::stopped(job_id, "n1", begin, HOUR));
    }
    let lock = site.connect();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let first = Running::start(&mut command(&site, &[]));
    until("the first sweep has published", || {
        !site.published_jobs().is_empty()
    });
    (site, lock, first)
}

#[test]
fn the_second_sweep_exits_11_and_names_the_process_of_the_first() {
    let (site, lock, first) = held();
    let second = run(&mut command(&site, &[])).expect(11);
    let says = format!("process {}", first.pid());
    assert!(second.err.contains(&says), "{}", second.err);
    assert_eq!(second.summary()["exit"], 11);
    // Another name of the database is no way round the lock.
    let link = site.path("link.db");
    std::os::unix::fs::symlink(site.path("job.db"), &link).unwrap();
    run(program().arg("run").arg("--db").arg(link)).expect(11);
    drop(lock);
    let first = first.wait().expect(0);
    assert_eq!(first.summary()["archived"], 10);
    run(&mut command(&site, &[])).expect(0);
}

#[test]
fn the_lock_of_a_killed_sweep_is_free_and_its_work_is_taken_over() {
    let (site, lock, first) = held();
    first.signal(Signal::KILL);
    assert_eq!(first.wait().code(), -9);
    assert_eq!(site.count("monitoring_status = 1"), 10);
    drop(lock);
    let second = run(&mut command(&site, &[])).expect(0);
    assert_eq!(second.summary()["archived"], 10);
    assert!(second.objects("job").iter().any(|j| j["resumed"] == true));
    assert_eq!(site.count("monitoring_status = 3"), 10);
    for (job_id, start) in site.archived_jobs() {
        site.archived(job_id, start).unwrap();
    }
}
