//! The promises to scripts. Code 11 is tested with the neighbours, 130 with the signals.

use std::fs;

use super::{command, failing, sweep, with_jobs};
use crate::support::program::{Running, program, run};
use crate::support::site::{HOUR, NewJob};
use crate::support::stall::Stall;
use crate::support::wait::pause;

#[test]
fn exit_0_when_everything_is_archived_and_when_there_is_nothing_to_do() {
    let (site, _) = with_jobs(3);
    let ran = sweep(&site, &[]).expect(0);
    assert!(ran.out.contains("archived 3 of 3 jobs"), "{}", ran.out);
    let ran = sweep(&site, &[]).expect(0);
    assert!(ran.out.contains("nothing to do"), "{}", ran.out);
}

#[test]
fn exit_1_when_the_source_is_empty_and_no_job_is_marked() {
    let (site, _) = with_jobs(3);
    for host in ["n1", "n2"] {
        fs::remove_dir_all(site.path("checkpoints/alpha").join(host)).unwrap();
    }
    fs::remove_dir(site.path("checkpoints/alpha")).unwrap();
    let ran = sweep(&site, &["--json"]).expect(1);
    assert_eq!(ran.summary()["aborted"]["reason"], "source_gone");
    assert_eq!(site.count("monitoring_status = 1"), 3);
    assert_eq!(site.ledger(1, "attempts"), None);
}

#[test]
fn exit_1_when_the_database_cannot_be_written() {
    let (site, _) = with_jobs(1);
    site.db()
        .execute_batch(
            "CREATE TRIGGER no BEFORE UPDATE ON job BEGIN SELECT raise(FAIL, 'no space left'); END",
        )
        .unwrap();
    let ran = sweep(&site, &["--json"]).expect(1);
    assert_eq!(ran.summary()["aborted"]["reason"], "database");
    assert_eq!(site.status(1), 1);
}

#[test]
fn exit_2_for_usage_and_configuration() {
    let (site, _) = with_jobs(1);
    for flags in [
        &["--no-such-flag"][..],
        &["--workers", "0"],
        &["--since", "today", "--until", "yesterday"],
        &["--job-id", "1", "--user", "ada"],
        &["--start-time", "5"],
        &["--max-duration", "0"],
        &["--archive", "s3://bucket"],
        &["--quiet", "--verbose"],
        &["--job-id", "99"],
    ] {
        let ran = sweep(&site, flags).expect(2);
        assert!(!ran.err.is_empty() && ran.out.is_empty(), "{flags:?}");
    }
    run(program().arg("run")).expect(2);
    run(program().arg("sweep")).expect(2);
    run(&mut program()).expect(2);
    assert_eq!(site.status(1), 1);
}

#[test]
fn exit_3_when_a_job_failed_or_has_no_data_and_not_for_what_waits_since() {
    let (site, begin) = with_jobs(2);
    site.insert(&failing(7, begin));
    sweep(&site, &[]).expect(3);
    let ran = sweep(&site, &["--json"]).expect(0);
    let summary = ran.summary();
    assert_eq!(
        (&summary["waiting"], &summary["notTried"]),
        (&1.into(), &1.into())
    );
    site.insert(&NewJob::stopped(8, "n9", begin, 600));
    sweep(&site, &["--settle", "0"]).expect(3);
    assert_eq!((site.status(7), site.status(8)), (2, 2));
}

#[test]
fn exit_12_for_versions_that_are_not_known() {
    let (site, _) = with_jobs(1);
    let version = |sql: &str| site.db().execute_batch(sql).unwrap();
    for (sql, says) in [
        ("UPDATE schema_migrations SET version = 8", "-migrate-db"),
        (
            "UPDATE schema_migrations SET version = 12",
            "newer ccarchive",
        ),
        (
            "UPDATE schema_migrations SET version = 11, dirty = 1",
            "not finished",
        ),
        (
            "DROP TABLE schema_migrations",
            "not cc-backend's job database",
        ),
    ] {
        version(sql);
        sweep(&site, &[]).refused(12, says);
        // Nothing of ours is left beside a database that is not understood.
        assert!(!site.path("job.db.ccarchive.lock").exists(), "{sql}");
    }
    version(
        "CREATE TABLE schema_migrations (version, dirty); INSERT INTO schema_migrations VALUES (11, 0)",
    );
    fs::write(site.path("job-archive/version.txt"), "2\n").unwrap();
    sweep(&site, &[]).expect(12);
    fs::write(site.path("job-archive/version.txt"), "3\n").unwrap();
    sweep(&site, &[]).expect(0);
}

#[test]
fn exit_124_when_the_time_box_is_reached_with_jobs_in_the_queue() {
    let (site, begin) = with_jobs(20);
    // The oldest job is taken first.
    let slow = begin - 24 * HOUR;
    site.host("n3").bin(slow..slow + HOUR);
    site.insert(&NewJob::stopped(99, "n3", slow, 600));
    let flags = ["--workers", "1", "--max-duration", "1s", "--json"];
    let mut command = command(&site, &flags);
    let figures = site.path("ccarchive.prom");
    command.arg("--metrics-file").arg(&figures);
    let stall = Stall::new(&mut command, "/n3/");
    let sweeping = Running::start(&mut command);
    stall.reached();
    pause(std::time::Duration::from_millis(1500));
    stall.release();
    let ran = sweeping.wait().expect(124);
    assert_eq!(ran.summary()["timeBox"], true);
    assert_eq!(
        (site.status(99), site.count("monitoring_status = 1")),
        (3, 20)
    );
    let figures = fs::read_to_string(figures).unwrap();
    for line in [
        "ccarchive_last_sweep_exit_code 124\n",
        "ccarchive_unarchived_jobs 20\n",
    ] {
        assert!(figures.contains(line), "{figures}");
    }
    sweep(&site, &["--max-duration", "1h"]).expect(0);
    assert_eq!(site.count("monitoring_status = 3"), 21);
}
