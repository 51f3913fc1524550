//! Two sweeps of one database.

use rustix::process::Signal;

use super::{command, present};
use crate::support::program::{Running, program, run};
use crate::support::site::{HOUR, NewJob, Site};
use crate::support::wait::until;

/// A sweep that cannot end since somebody holds the database's lock; it holds its own.
fn held(jobs: i64) -> (Site, rusqlite::Connection, Running) {
    let (site, begin) = present();
    for job_id in 1..=jobs {
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
    let (site, lock, first) = held(10);
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
    let (site, lock, first) = held(10);
    first.signal(Signal::KILL);
    assert_eq!(first.wait().code(), -9);
    assert_eq!(site.count("monitoring_status = 1"), 10);
    drop(lock);
    let second = run(&mut command(&site, &[])).expect(0);
    assert_eq!(second.summary()["archived"], 10);
    assert!(
        second
            .objects("job")
            .iter()
            .any(|j| j["outcome"] == "adopted")
    );
    assert_eq!(site.count("monitoring_status = 3"), 10);
    for (job_id, start) in site.archived_jobs() {
        site.archived(job_id, start).unwrap();
    }
}

#[test]
fn whoever_deletes_the_ledger_does_not_let_a_second_sweep_in() {
    let (site, lock, first) = held(10);
    for entry in std::fs::read_dir(site.root()).unwrap() {
        let path = entry.unwrap().path();
        if path.display().to_string().contains("job.db.ledger") {
            std::fs::remove_file(path).unwrap();
        }
    }
    run(&mut command(&site, &[])).expect(11);
    drop(lock);
    first.wait().expect(0);
    assert_eq!(site.count("monitoring_status = 3"), 10);
}

#[test]
fn a_sweep_whose_lock_is_removed_ends() {
    let (site, lock, first) = held(200);
    std::fs::remove_file(site.path("job.db.ccarchive.lock")).unwrap();
    drop(lock);
    let first = first.wait().expect(1);
    assert_eq!(first.summary()["aborted"]["reason"], "lock_gone");
    assert!(site.count("monitoring_status = 1") > 0);
    assert_eq!(site.count("monitoring_status = 2"), 0);
    run(&mut command(&site, &[])).expect(0);
    assert_eq!(site.count("monitoring_status = 3"), 200);
}
