//! The ledger may be lost, locked, damaged, newer or another program's: a sweep goes on, and only that is forgotten.

use std::fs;

use ccarchive::ledger::{Ledger, Run};
use ccarchive::model::message::HostPhase;
use rusqlite::Connection;
use serde_json::json;

use crate::support::engine::{Sweep, Swept};
use crate::support::program::{program, run};
use crate::support::site::{HOUR, NewJob, Site, T0};

const NOW: i64 = T0 + 13 * HOUR;

/// A complete job 7 and a job 8 that fails.
fn site() -> Site {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    site.insert(&NewJob::stopped(7, "n1", T0, 600));
    site.insert(&NewJob {
        subcluster: "gone".into(),
        ..NewJob::stopped(8, "n1", T0, 600)
    });
    site
}

/// Sweeps and asserts that both jobs came to what they should; the ledger's warnings.
#[track_caller]
fn sweep(site: &Site) -> (Swept, Vec<String>) {
    let ledger = Ledger::open(&site.path("job.db.ledger"), &site.path("job.db"));
    let mut warnings = ledger.take_warnings();
    let swept = Sweep::at(NOW).run_with(site, &ledger);
    // Set back to 1, a job that has its archive already.
    assert!(matches!(swept.outcome(7), "complete" | "adopted"));
    assert_eq!(swept.outcome(8), "failed");
    assert_eq!([7, 8].map(|j| site.status(j)), [3, 2]);
    warnings.extend(swept.warnings.iter().cloned());
    (swept, warnings)
}

fn other(site: &Site, sql: &str) -> Connection {
    let c = Connection::open(site.path("job.db.ledger")).unwrap();
    c.execute_batch(sql).unwrap();
    c
}

#[test]
fn a_lost_ledger_is_begun_anew_without_a_word() {
    let site = site();
    let (_, warnings) = sweep(&site);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(site.ledger(8, "attempts"), Some(json!(1)));
    for name in ["job.db.ledger", "job.db.ledger-wal", "job.db.ledger-shm"] {
        drop(fs::remove_file(site.path(name)));
    }
    assert_eq!(Sweep::at(NOW).run(&site).outcome(8), "failed");
    assert_eq!(site.ledger(8, "attempts"), Some(json!(1)));
}

#[test]
fn a_damaged_ledger_is_set_aside_and_begun_anew() {
    for damage in [
        "no database at all, but long enough to be one, surely, so many bytes",
        "",
    ] {
        let site = site();
        fs::write(site.path("job.db.ledger"), damage).unwrap();
        let (_, warnings) = sweep(&site);
        let kept = site.path("job.db.ledger.damaged-0");
        assert_eq!(kept.exists(), !damage.is_empty());
        assert_eq!(
            warnings.len(),
            usize::from(!damage.is_empty()),
            "{warnings:?}"
        );
        assert_eq!(site.ledger(8, "attempts"), Some(json!(1)));
    }
}

#[test]
fn a_ledger_with_damaged_pages_is_set_aside() {
    let site = site();
    sweep(&site);
    site.set(7, "monitoring_status = 1");
    let path = site.path("job.db.ledger");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 4;
    for b in &mut bytes[middle..] {
        *b = 0x5A;
    }
    fs::write(&path, bytes).unwrap();
    let (_, warnings) = sweep(&site);
    assert!(warnings[0].contains("was damaged"), "{warnings:?}");
}

#[test]
fn a_ledger_of_a_newer_version_is_not_touched() {
    let site = site();
    drop(other(
        &site,
        "PRAGMA journal_mode = WAL; CREATE TABLE news (x); PRAGMA user_version = 99",
    ));
    let before = fs::read(site.path("job.db.ledger")).unwrap();
    let (_, warnings) = sweep(&site);
    assert!(warnings[0].contains("version 99"), "{warnings:?}");
    assert_eq!(fs::read(site.path("job.db.ledger")).unwrap(), before);
}

#[test]
fn another_programs_database_is_not_touched() {
    let site = site();
    drop(other(
        &site,
        "CREATE TABLE mail (x); INSERT INTO mail VALUES (1)",
    ));
    let before = fs::read(site.path("job.db.ledger")).unwrap();
    let (_, warnings) = sweep(&site);
    assert!(warnings[0].contains("something else"), "{warnings:?}");
    assert_eq!(fs::read(site.path("job.db.ledger")).unwrap(), before);
}

#[test]
fn a_locked_ledger_is_done_without_after_one_short_wait() {
    let site = site();
    sweep(&site);
    site.set(7, "monitoring_status = 1");
    let lock = other(&site, "BEGIN IMMEDIATE");
    // It can be read: the failing job's next try is known.
    let ledger = Ledger::open(&site.path("job.db.ledger"), &site.path("job.db"));
    let swept = Sweep::at(NOW).run_with(&site, &ledger);
    assert_eq!((swept.outcome(7), swept.outcome(8)), ("adopted", ""));
    assert_eq!(swept.warnings.len(), 1, "{:?}", swept.warnings);
    assert!(swept.warnings[0].contains("goes on without it"));
    drop(lock);
}

#[test]
fn done_rows_are_small() {
    let site = site();
    sweep(&site);
    let large = "next_try, reason, detail, gaps, source, newest, hook, replacing";
    for column in large.split(", ") {
        assert_eq!(site.ledger(7, column), Some(json!(null)), "{column}");
    }
}

#[test]
fn a_job_that_failed_before_is_done_when_it_is_archived() {
    let site = site();
    sweep(&site);
    site.set(8, "subcluster = 'main'");
    let swept = Sweep::at(NOW + 300).run(&site);
    assert_eq!(swept.outcome(8), "complete");
    assert_eq!(site.ledger(8, "state"), Some(json!("done")));
    assert_eq!(site.ledger(8, "attempts"), Some(json!(2)));
    assert_eq!(site.ledger(8, "reason"), Some(json!(null)));
}

#[test]
fn every_run_is_noted_with_its_exit_code() {
    let site = site();
    for k in 1..=2 {
        let mut command = program();
        run(command
            .arg("run")
            .arg("--db")
            .arg(site.path("job.db"))
            .arg("--retry-now"))
        .expect(3);
        let c = other(&site, "");
        let noted: (i64, i64) = c
            .query_row("SELECT count(*), min(exit) FROM run", [], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
            .unwrap();
        assert_eq!(noted, (k, 3));
    }
}

#[test]
fn a_phase_that_a_sweep_saw_is_known_to_later_ones() {
    let site = site();
    site.host("n1").log(T0 + HOUR..T0 + 2 * HOUR);
    sweep(&site);
    let ledger = Ledger::open(&site.path("job.db.ledger"), &site.path("job.db"));
    let phases = ledger.phases();
    let of_n1 = &phases[&("alpha".to_owned(), "n1".to_owned())];
    assert_eq!((of_n1.len(), of_n1[0].frequency), (1, 60));
    let other = HostPhase {
        host: "n1".into(),
        frequency: 60,
        phase: (of_n1[0].phase + 7) % 60,
    };
    ledger.remember("alpha", std::slice::from_ref(&other));
    assert_eq!(
        ledger.phases()[&("alpha".into(), "n1".into())][0].phase,
        other.phase
    );
}

#[test]
fn the_history_of_runs_is_thinned_out_to_one_a_day() {
    let site = Site::new();
    let ledger = Ledger::open(&site.path("job.db.ledger"), &site.path("job.db"));
    let day = 86_400;
    for k in 0..620 {
        let started = T0 / day * day + k * (day / 24);
        ledger.finish_run(&Run {
            started,
            ended: started + 1,
            exit: 0,
            figures: "{}".into(),
        });
    }
    assert_eq!(ledger.take_warnings(), [""; 0]);
    let c = Connection::open(site.path("job.db.ledger")).unwrap();
    let (runs, days): (i64, i64) = c
        .query_row(
            "SELECT count(*), count(DISTINCT started / 86400) FROM run",
            [],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )
        .unwrap();
    assert_eq!(
        (runs, days),
        (505, 26),
        "500 recent ones and one of each older day"
    );
}
