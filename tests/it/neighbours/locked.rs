//! A database that others keep locked: a sweep waits, as long as it was told to.

use std::time::{Duration, Instant};

use ccarchive::jobs::{Error, Filter, Pending, Rows};
use ccarchive::model::selection::Selection;
use ccarchive::model::stop::Stop;
use rusqlite::Connection;
use rustix::process::Signal;

use super::{command, present};
use crate::support::engine::{Sweep, forgetful};
use crate::support::program::{Running, run};
use crate::support::site::{NewJob, Places, Site};
use crate::support::wait::{now, pause, short_or_long, until};

fn site() -> Site {
    let (site, begin) = present();
    for job_id in 1..=40 {
        site.insert(&NewJob::stopped(job_id, "n1", begin + job_id * 30, 600));
    }
    site
}

#[test]
fn a_database_that_is_locked_for_long_is_waited_for_and_nothing_is_lost() {
    let site = site();
    let lock = site.connect();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let sweeping = Running::start(&mut command(&site, &[]));
    pause(short_or_long(
        Duration::from_secs(5),
        Duration::from_secs(60),
    ));
    lock.execute_batch("COMMIT").unwrap();
    let ran = sweeping.wait().expect(0);
    assert_eq!(ran.summary()["archived"], 40);
    assert_eq!(site.count("monitoring_status = 3"), 40);
}

/// Somebody reads and writes without a log, as before cc-backend is first started: its lock also keeps readers out.
fn exclusive(site: Site) -> (tempfile::TempDir, Connection) {
    let dir = site.leave();
    let c = Connection::open(dir.path().join("job.db")).unwrap();
    c.execute_batch("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE")
        .unwrap();
    (dir, c)
}

#[test]
fn a_database_that_cannot_even_be_read_is_waited_for_from_the_start() {
    // SQLite gives up after two seconds.
    let waits = [&[][..], &["--job-id", "1,2,3"], &["--dry-run"]].map(|flags| {
        let (dir, lock) = exclusive(site());
        let mut command = crate::support::program::program();
        command
            .arg("run")
            .arg("--db")
            .arg(dir.path().join("job.db"))
            .args(flags);
        (Running::start(&mut command), lock, dir)
    });
    pause(Duration::from_millis(2500));
    for (mut sweeping, lock, _dir) in waits {
        assert!(sweeping.is_running(), "{}", sweeping.err());
        lock.execute_batch("COMMIT").unwrap();
        sweeping.wait().expect(0);
    }
}

#[test]
fn a_database_that_is_locked_while_the_backlog_is_read_is_waited_for() {
    let (dir, lock) = exclusive(site());
    lock.execute_batch("COMMIT").unwrap();
    let (locked, to_unlock) = std::sync::mpsc::channel();
    let lock_it = move || {
        lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
        locked.send(lock).unwrap();
    };
    let swept = std::thread::scope(|scope| {
        scope.spawn(move || {
            let lock: Connection = to_unlock.recv().unwrap();
            // SQLite itself waits for half a second.
            pause(Duration::from_millis(1200));
            lock.execute_batch("COMMIT").unwrap();
        });
        Sweep::at(now())
            .on_begin(lock_it)
            .run_with(&Places::of(dir.path()), &forgetful())
    });
    assert_eq!(swept.summary.aborted, None);
    assert_eq!(swept.jobs.len(), 40);
}

#[test]
fn the_backlog_is_read_with_the_patience_that_was_asked_for() {
    let (dir, lock) = exclusive(site());
    lock.execute_batch("COMMIT").unwrap();
    let filter = Filter::new(Selection::default(), now());
    let pending = Pending::open(&dir.path().join("job.db"), filter).unwrap();
    let mut pending = pending.with_patience(Duration::ZERO);
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert!(matches!(pending.page(), Err(Error::Locked { .. })));
    lock.execute_batch("COMMIT").unwrap();
    assert_eq!(pending.page().unwrap().len(), 40);
}

#[test]
fn the_patience_for_a_lock_ends_with_exit_1_and_the_work_is_recorded_next_time() {
    let site = site();
    let lock = site.connect();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = run(&mut command(&site, &["--lock-timeout", "1s"])).expect(1);
    assert_eq!(ran.summary()["aborted"]["reason"], "database");
    assert!(
        ran.summary()["aborted"]["detail"]
            .as_str()
            .unwrap()
            .contains("stayed locked")
    );
    assert_eq!(site.count("monitoring_status = 1"), 40);
    lock.execute_batch("COMMIT").unwrap();
    let ran = run(&mut command(&site, &[])).expect(0);
    assert!(ran.objects("job").iter().any(|j| j["outcome"] == "adopted"));
    assert_eq!(site.count("monitoring_status = 3"), 40);
    drop(lock);
    let (dir, _lock) = exclusive(site);
    let mut command = crate::support::program::program();
    command
        .arg("run")
        .arg("--db")
        .arg(dir.path().join("job.db"));
    let ran = run(command.args(["--lock-timeout", "1s"])).expect(1);
    assert!(ran.err.contains("stayed locked"), "{}", ran.err);
}

#[test]
fn a_signal_ends_the_wait_for_a_lock() {
    let (dir, _lock) = exclusive(site());
    let mut command = crate::support::program::program();
    command
        .arg("run")
        .arg("--json")
        .arg("--db")
        .arg(dir.path().join("job.db"));
    let mut sweeping = Running::start(&mut command);
    until("it has the database open", || {
        let files = std::fs::read_dir(format!("/proc/{}/fd", sweeping.pid())).unwrap();
        let mut targets = files.filter_map(|f| std::fs::read_link(f.ok()?.path()).ok());
        targets.any(|t| t.ends_with("job.db"))
    });
    sweeping.signal(Signal::INT);
    sweeping.until_err("stopping");
    let begun = Instant::now();
    let ran = sweeping.wait().expect(130);
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(ran.summary()["exit"], 130);
}

#[test]
fn a_sweep_that_is_stopped_while_it_waits_for_a_lock_records_what_is_finished_when_the_lock_comes()
{
    let site = site();
    let lock = site.connect();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut sweeping = Running::start(&mut command(&site, &["--workers", "1"]));
    until("something is published", || {
        !site.published_jobs().is_empty()
    });
    sweeping.signal(Signal::TERM);
    sweeping.until_err("stopping: no new jobs");
    lock.execute_batch("COMMIT").unwrap();
    let ran = sweeping.wait().expect(130);
    let archived = i64::try_from(site.archived_jobs().len()).unwrap();
    assert_eq!(ran.summary()["archived"], archived);
    assert_eq!(site.count("monitoring_status = 3"), archived);
}

#[test]
fn a_sweep_whose_grace_is_over_still_records_what_is_finished_when_the_lock_comes_soon() {
    let site = site();
    let lock = site.connect();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut sweeping = Running::start(&mut command(&site, &["--workers", "1", "--timeout", "0s"]));
    until("something is published", || {
        !site.published_jobs().is_empty()
    });
    sweeping.signal(Signal::TERM);
    sweeping.until_err("stopping: no new jobs");
    // Longer than SQLite itself waits.
    pause(Duration::from_millis(1500));
    lock.execute_batch("COMMIT").unwrap();
    let ran = sweeping.wait().expect(130);
    let archived = i64::try_from(site.archived_jobs().len()).unwrap();
    assert!(archived > 0);
    assert_eq!(ran.summary()["archived"], archived);
}

#[test]
fn a_cancelled_sweep_does_not_wait_for_a_row() {
    let (dir, _lock) = exclusive(site());
    let rows = Rows::new(&dir.path().join("job.db"), Duration::from_secs(3600));
    let stop = Stop::new();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| rows.by_id(1, &stop));
        stop.cancel();
        assert!(waiting.join().unwrap().unwrap_err().is_locked());
    });
}
