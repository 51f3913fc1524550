//! Jobs of which samples may still come: what is there is archived at once and made better later, never poorer; a job
//! without any sample so far is left alone.

use std::fs;

use ccarchive::model::memory::Memory;
use rusqlite::Connection;
use serde_json::json;

use crate::generator::encode;
use crate::support::engine::Sweep;
use crate::support::program::{program, run};
use crate::support::site::{HOUR, NewJob, Site, T0};
use crate::support::snapshots::METRICS;
use crate::support::tree::Tree;
use crate::support::trouble::Trouble;
use crate::support::wait::now;

/// A site whose host `n1` has an hour of data, and a job on it.
fn site(start: i64, duration: i64) -> Site {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    site.insert(&NewJob::stopped(7, "n1", start, duration));
    site
}

/// The same with a job that reaches ten minutes beyond the data.
fn beyond() -> Site {
    site(T0 + HOUR - 600, 1200)
}

/// How many of the samples of a metric the archive of job 7 of [`beyond`] holds.
fn held(site: &Site) -> usize {
    let archived = site.archived(7, T0 + HOUR - 600).unwrap();
    let values = archived.values("cpu_load", "n1").unwrap();
    values.iter().filter(|v| v.is_some()).count()
}

#[track_caller]
fn untouched(site: &Site) {
    assert_eq!(site.status(7), 1);
    assert!(site.archived_jobs().is_empty());
    assert_eq!(site.ledger(7, "attempts"), None, "not an attempt");
}

#[test]
fn a_job_without_any_sample_so_far_is_left_alone() {
    let site = site(T0 + HOUR + 60, 1200);
    let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "not_yet");
    assert_eq!(swept.summary.exit() as u8, 0);
    untouched(&site);
    site.host("n1").bin(T0 + HOUR..T0 + 2 * HOUR);
    assert_eq!(Sweep::at(T0 + 2 * HOUR).run(&site).outcome(7), "complete");
}

#[test]
fn what_is_there_is_archived_at_once_and_made_better_when_more_comes() {
    let site = beyond();
    let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("provisional", 3));
    assert_eq!(swept.summary.exit() as u8, 0);
    assert_eq!(site.ledger(7, "state"), Some(json!("provisional")));
    assert_eq!(held(&site), 10);
    // Nothing new came: nothing is read, and nothing counted.
    let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "not_yet");
    assert_eq!(site.ledger(7, "attempts"), Some(json!(1)));
    site.host("n1").log(T0 + HOUR..T0 + HOUR + 300);
    let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
    assert_eq!((swept.outcome(7), held(&site)), ("provisional", 15));
    site.host("n1").rotate(T0 + HOUR..T0 + 2 * HOUR);
    let swept = Sweep::at(T0 + 3 * HOUR).run(&site);
    assert_eq!((swept.outcome(7), held(&site)), ("complete", 20));
    assert_eq!(site.ledger(7, "state"), Some(json!("done")));
    assert_eq!(Sweep::at(T0 + 3 * HOUR).run(&site).outcome(7), "");
}

#[test]
fn a_source_that_loses_what_a_provisional_archive_has_does_not_make_it_poorer() {
    let site = beyond();
    let n1 = site.host("n1");
    n1.log(T0 + HOUR..T0 + HOUR + 300);
    assert_eq!(
        Sweep::at(T0 + 2 * HOUR).run(&site).outcome(7),
        "provisional"
    );
    // After a crash the next snapshot deletes the log without having saved what it held.
    n1.remove("current.wal");
    n1.bin(T0 + HOUR + 900..T0 + 3 * HOUR);
    let swept = Sweep::at(T0 + 3 * HOUR).run(&site);
    assert_eq!((swept.outcome(7), held(&site)), ("adopted", 15));
    assert_eq!(site.ledger(7, "state"), Some(json!("done")));
    assert_eq!(
        site.ledger(7, "received"),
        Some(json!(30)),
        "of the archive"
    );
    assert_eq!(swept.summary.exit() as u8, 0);
}

#[test]
fn a_provisional_archive_stays_for_good_when_the_source_forgets_the_job() {
    let site = beyond();
    assert_eq!(
        Sweep::at(T0 + 2 * HOUR).run(&site).outcome(7),
        "provisional"
    );
    site.host("n1").remove(&format!("{T0}.bin"));
    site.host("n1").bin(T0 + 40 * HOUR..T0 + 41 * HOUR);
    let swept = Sweep::at(T0 + 48 * HOUR).run(&site);
    assert_eq!((swept.outcome(7), held(&site)), ("adopted", 10));
    assert_eq!((site.status(7), swept.summary.exit() as u8), (3, 0));
    assert_eq!(site.ledger(7, "state"), Some(json!("done")));
}

#[test]
fn samples_missing_behind_the_newest_snapshot_of_their_host_may_come_though_the_cluster_goes_on() {
    let site = beyond();
    // n1 writes its next snapshot later.
    site.host("n2").log(T0 + HOUR..T0 + 2 * HOUR);
    let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "provisional");
    site.host("n1").json(T0 + HOUR..T0 + 3 * HOUR);
    let swept = Sweep::at(T0 + 3 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "complete");
}

#[test]
fn a_slot_that_straddles_the_end_of_the_newest_snapshot_may_come() {
    let site = Site::new();
    // The slot that begins half a minute before the end is in no file until the next snapshot.
    site.host("n1")
        .bin_until(T0..T0 + HOUR - 30, T0 + HOUR - 60);
    site.host("n2").log(T0..T0 + 2 * HOUR);
    site.insert(&NewJob::stopped(7, "n1", T0, HOUR));
    let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "provisional");
    site.host("n1").bin(T0 + HOUR - 60..T0 + 2 * HOUR);
    let swept = Sweep::at(T0 + 3 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "complete");
}

#[test]
fn samples_missing_before_the_newest_snapshot_are_not_waited_for() {
    let site = Site::new();
    let n1 = site.host("n1");
    n1.bin(T0..T0 + 600);
    n1.bin(T0 + 1200..T0 + HOUR);
    site.insert(&NewJob::stopped(7, "n1", T0, HOUR));
    let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "partial");
}

#[test]
fn settle_and_the_time_of_writing_a_snapshot_end_the_waiting_to_the_second() {
    let end = T0 + HOUR + 600;
    let at = |now: i64| {
        let site = beyond();
        site.host("n2").log(T0..T0 + 4 * HOUR);
        let first = Sweep::at(end + 600).with(|s| s.settle = 5000).run(&site);
        assert_eq!(first.outcome(7), "provisional");
        let swept = Sweep::at(now).with(|s| s.settle = 5000).run(&site);
        (swept.outcome(7), site.ledger(7, "state").unwrap())
    };
    assert_eq!(at(end + 5885), ("not_yet", json!("provisional")));
    assert_eq!(at(end + 5900), ("adopted", json!("done")));
    let site = beyond();
    site.host("n2").log(T0..T0 + 4 * HOUR);
    let swept = Sweep::at(end + 5900).with(|s| s.settle = 5000).run(&site);
    assert_eq!(swept.outcome(7), "partial");
}

#[test]
fn a_clock_that_is_hours_ahead_freezes_no_hole() {
    let site = beyond();
    let swept = Sweep::at(T0 + 2 * HOUR + 13 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "provisional");
    site.host("n1").bin(T0 + HOUR..T0 + 2 * HOUR);
    assert_eq!(Sweep::at(T0 + 2 * HOUR).run(&site).outcome(7), "complete");
}

#[test]
fn a_snapshot_that_is_written_while_the_job_is_worked_on_is_not_taken_for_read() {
    let site = beyond();
    site.host("n2").log(T0 + HOUR..T0 + 2 * HOUR);
    let n1 = site.host("n1");
    let swept = Sweep::at(T0 + 2 * HOUR)
        .after_reading(move || n1.bin(T0 + HOUR..T0 + 2 * HOUR))
        .run(&site);
    assert_eq!(swept.outcome(7), "provisional");
    assert_eq!(Sweep::at(T0 + 2 * HOUR).run(&site).outcome(7), "complete");
}

#[test]
fn without_a_flag_a_longer_checkpoint_interval_is_waited_for() {
    let begin = (now() - 40 * HOUR).div_euclid(60) * 60;
    let outcomes = |store: &str, flags: &[&str], code: i32| {
        let site = Site::new();
        site.host("n1").bin(begin..begin + HOUR);
        site.insert(&NewJob::stopped(7, "n1", begin, HOUR + 60));
        let config = site.path("config.json");
        let places =
            r#""main": {"db": "job.db"}, "archive": {"kind": "file", "path": "job-archive"}"#;
        let store = format!(r#"{store}, "checkpoints": {{"directory": "checkpoints"}}"#);
        let json = format!(r#"{{{places}, "metric-store": {{{store}}}}}"#);
        fs::write(&config, json).unwrap();
        let mut command = program();
        command.args(["run", "--json", "--config"]).arg(&config);
        let ran = run(command.args(flags)).expect(code);
        ran.objects("job")[0]["outcome"].clone()
    };
    let daily = r#""checkpoint-interval": "24h""#;
    // What comes once a day should have come long ago.
    assert_eq!(outcomes(daily, &[], 1), "provisional");
    assert_eq!(outcomes(daily, &["--settle", "12h"], 0), "partial");
    assert_eq!(
        outcomes(r#""checkpoint-interval": "1h""#, &[], 0),
        "partial"
    );
}

#[test]
fn a_source_that_soon_forgets_ends_the_waiting_for_a_job_of_which_nothing_is_secured() {
    let start = T0 + HOUR;
    let at = |now| {
        let site = site(start, 1200);
        let sweep = Sweep::at(now).with(|s| s.retention = Some(4 * HOUR));
        // Another job proves the source.
        site.insert(&NewJob::stopped(8, "n1", T0, 600));
        sweep.run(&site).outcome(7)
    };
    assert_eq!(at(start + 3 * HOUR - 15), "not_yet");
    assert_eq!(at(start + 3 * HOUR), "no_data");
}

#[test]
fn the_end_of_a_job_that_is_longer_than_the_source_remembers_is_waited_for() {
    let site = site(T0 + 60, 6 * HOUR);
    let end = T0 + 60 + 6 * HOUR;
    let sweep = |now| Sweep::at(now).with(|s| s.retention = Some(4 * HOUR));
    assert_eq!(sweep(end + 600).run(&site).outcome(7), "provisional");
    assert_eq!(sweep(end + 1200).run(&site).outcome(7), "not_yet");
    site.host("n1").bin(T0 + HOUR..end + HOUR);
    assert_eq!(sweep(end + 2 * HOUR).run(&site).outcome(7), "complete");
}

#[test]
fn without_the_ledger_archives_that_may_become_better_are_looked_at_once_more() {
    for lost in ["deleted", "damaged", "another program's"] {
        let site = beyond();
        assert_eq!(
            Sweep::at(T0 + 2 * HOUR).run(&site).outcome(7),
            "provisional"
        );
        let path = site.path("job.db.ledger");
        for suffix in ["-wal", "-shm"] {
            drop(fs::remove_file(
                site.path(&format!("job.db.ledger{suffix}")),
            ));
        }
        fs::remove_file(&path).unwrap();
        match lost {
            "damaged" => fs::write(&path, "no database at all, but long enough to be one").unwrap(),
            "another program's" => Connection::open(&path)
                .unwrap()
                .execute_batch("CREATE TABLE x (y)")
                .unwrap(),
            _ => {}
        }
        site.host("n1").bin(T0 + HOUR..T0 + 2 * HOUR);
        let swept = Sweep::at(T0 + 3 * HOUR).swept_before().run(&site);
        assert_eq!((swept.outcome(7), held(&site)), ("complete", 20), "{lost}");
        let said = swept.warnings.join(" ");
        assert!(
            said.contains("compared with the source once more"),
            "{said}"
        );
        // What became known is known then.
        let swept = Sweep::at(T0 + 3 * HOUR).swept_before().run(&site);
        let again = if lost == "another program's" {
            "adopted"
        } else {
            ""
        };
        assert_eq!(swept.outcome(7), again, "{lost}");
    }
}

#[test]
fn the_program_knows_by_the_lock_s_file_that_a_ledger_was_deleted() {
    let begin = (now() - 3 * HOUR).div_euclid(60) * 60;
    let site = Site::new();
    site.host("n1").bin(begin..begin + HOUR);
    site.insert(&NewJob::stopped(7, "n1", begin + HOUR - 600, 1200));
    let sweep = || {
        let mut command = program();
        let db = site.path("job.db");
        run(command.args(["run", "--json", "--db"]).arg(db)).expect(0)
    };
    assert_eq!(sweep().objects("job")[0]["outcome"], "provisional");
    assert!(!sweep().err.contains("ledger"));
    for name in ["job.db.ledger", "job.db.ledger-wal", "job.db.ledger-shm"] {
        drop(fs::remove_file(site.path(name)));
    }
    site.host("n1").bin(begin + HOUR..begin + 2 * HOUR);
    // A sweep of another job must not make the next one believe that the ledger knows everything.
    site.insert(&NewJob::stopped(8, "n1", begin, 600));
    let of = |name: &str, flags: &[&str]| {
        let mut command = program();
        let db = site.path("job.db");
        run(command.arg(name).arg("--db").arg(db).args(flags)).expect(0)
    };
    let said = of("run", &["--job-id", "8"]).err;
    assert!(said.contains("within the last 37 hours (1) are"), "{said}");
    let said = of("explain", &["7"]).out;
    assert!(
        said.contains("no sweep has worked on it since the ledger was begun"),
        "{said}"
    );
    let swept = sweep();
    assert_eq!(swept.objects("job")[0]["outcome"], "complete");
    assert!(!sweep().err.contains("ledger"));
}

#[test]
fn the_first_sweep_of_a_site_leaves_archived_jobs_alone() {
    let site = beyond();
    Sweep::at(T0 + 2 * HOUR).run(&site);
    let archive = || Tree::of(&site.path("job-archive")).only_files();
    let before = archive();
    for name in ["job.db.ledger", "job.db.ledger-wal", "job.db.ledger-shm"] {
        drop(fs::remove_file(site.path(name)));
    }
    site.host("n1").bin(T0 + HOUR..T0 + 2 * HOUR);
    assert_eq!(Sweep::at(T0 + 3 * HOUR).run(&site).outcome(7), "");
    assert_eq!(before.changes(&archive()), [""; 0]);
}

#[test]
fn what_no_ledger_can_remember_stays_a_job_of_the_backlog() {
    let site = beyond();
    // Another program's: it is not touched.
    let path = site.path("job.db.ledger");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE x (y)").unwrap();
    let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("not_yet", 1));
    assert_eq!(held(&site), 10, "what there is, is secured");
    assert_eq!(swept.summary.rows_archived, 0);
    site.host("n1").log(T0 + HOUR..T0 + HOUR + 300);
    assert_eq!(Sweep::at(T0 + 2 * HOUR).run(&site).outcome(7), "not_yet");
    assert_eq!((held(&site), site.status(7)), (15, 1));
    drop(other);
    fs::remove_file(&path).unwrap();
    assert_eq!(
        Sweep::at(T0 + 2 * HOUR).run(&site).outcome(7),
        "provisional"
    );
    assert_eq!((held(&site), site.status(7)), (15, 3));
}

#[test]
fn fresh_jobs_are_left_to_the_live_server() {
    let site = site(T0, 1200);
    let swept = Sweep::at(T0 + 1200 + 590).run(&site);
    assert_eq!(swept.outcome(7), "");
    assert_eq!(swept.summary.passed_over.too_young, 1);
    assert_eq!(Sweep::at(T0 + 1200 + 600).run(&site).outcome(7), "complete");
}

#[test]
fn of_several_metrics_the_latest_missing_sample_decides() {
    // One is complete up to minute 50 and never goes on, the other lacks only its first minutes.
    for (short, long) in [(METRICS[0], METRICS[1]), (METRICS[1], METRICS[0])] {
        let site = Site::new();
        let n1 = site.host("n1");
        n1.bin_of(
            T0..T0 + HOUR,
            &[(short, T0..T0 + 3000), (long, T0 + 600..T0 + HOUR)],
        );
        site.host("n2").log(T0..T0 + 2 * HOUR);
        site.insert(&NewJob::stopped(7, "n1", T0, HOUR + 60));
        let swept = Sweep::at(T0 + 2 * HOUR)
            .with(|s| s.memory = Memory::new(4).into())
            .run(&site);
        assert_eq!(swept.outcome(7), "provisional", "{short}");
    }
}

#[test]
fn a_metric_that_the_host_never_had_is_waited_for_until_the_others_reach_beyond_the_job() {
    // The job ends where the newest slot begins, or a slot later.
    for (end, outcome) in [(T0 + HOUR - 60, "partial"), (T0 + HOUR, "provisional")] {
        let site = Site::new();
        let span = T0..T0 + HOUR;
        site.host("n1")
            .bin_of(T0..T0 + HOUR - 30, &[(METRICS[0], span)]);
        site.host("n2").log(T0..T0 + 2 * HOUR);
        site.insert(&NewJob::stopped(7, "n1", T0, end - T0));
        let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
        assert_eq!(swept.outcome(7), outcome);
    }
}

#[test]
fn a_metric_that_the_host_never_had_is_waited_for_until_its_other_data_goes_on_behind_the_job() {
    // The eleventh slot of a minute is the first one behind the job.
    for (slots, outcome) in [(10, "provisional"), (11, "partial")] {
        let site = Site::new();
        let mut log = encode::log();
        for slot in 0..slots {
            encode::record(&mut log, T0 + slot * 60 + 30, "", "cpu_load", 1.0);
        }
        fs::write(site.host("n1").path("current.wal"), log).unwrap();
        // The cluster as a whole has gone on.
        site.host("n2").log(T0..T0 + HOUR);
        site.insert(&NewJob::stopped(7, "n1", T0, 600));
        let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
        assert_eq!(swept.outcome(7), outcome, "{slots} slots");
    }
}

#[test]
fn a_provisional_archive_whose_row_was_set_back_is_worked_on_once() {
    let site = beyond();
    assert_eq!(
        Sweep::at(T0 + 2 * HOUR).run(&site).outcome(7),
        "provisional"
    );
    site.set(7, "monitoring_status = 1");
    // So many others stand before it in the ledger that its row is written while the intake goes through them.
    let ledger = Connection::open(site.path("job.db.ledger")).unwrap();
    let others = "WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < 3000)
        INSERT INTO job SELECT 'a', 1000 + n, start_time, state, outcome, reason, stage, detail, attempts, failures, first_try,
            last_try, next_try, source, newest, expected, received, unusable, gaps, filled, guessed, hook, replacing
        FROM k, job";
    assert_eq!(ledger.execute(others, []).unwrap(), 3000);
    drop(ledger);
    site.host("n1").bin(T0 + HOUR..T0 + 2 * HOUR);
    let swept = Sweep::at(T0 + 400 * HOUR).run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("complete", 3));
}

#[test]
fn a_better_archive_whose_row_was_not_written_gets_its_columns_from_the_next_sweep() {
    let (site, swept) = (beyond(), beyond());
    let columns = |site: &Site| -> (String, String, f64) {
        let sql = "SELECT footprint, energy_footprint, energy FROM job";
        let columns = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get(1)?, r.get(2)?));
        site.db().query_row(sql, [], columns).unwrap()
    };
    let [first, ..] = [&site, &swept].map(|site| {
        let outcome = Sweep::at(T0 + 2 * HOUR).run(site).outcome(7);
        assert_eq!(outcome, "provisional");
        site.host("n1").bin(T0 + HOUR..T0 + 2 * HOUR);
        columns(site)
    });
    // Between the archive and its row the disk fails.
    let broken = Sweep::at(T0 + 3 * HOUR)
        .target_trouble(Trouble::FlushFailsAt(0))
        .run(&site);
    assert!(broken.summary.aborted.is_some());
    assert_eq!((held(&site), columns(&site)), (20, first.clone()));
    let next = Sweep::at(T0 + 3 * HOUR).run(&site);
    assert_eq!(next.outcome(7), "adopted");
    assert_eq!(site.ledger(7, "state"), Some(json!("done")));
    assert_eq!(Sweep::at(T0 + 3 * HOUR).run(&swept).outcome(7), "complete");
    assert_ne!(columns(&site), first);
    assert_eq!(columns(&site), columns(&swept));
}

#[test]
fn what_could_not_be_read_is_read_again_though_nothing_newer_comes() {
    let site = beyond();
    let n1 = site.host("n1");
    assert_eq!(
        Sweep::at(T0 + 2 * HOUR).run(&site).outcome(7),
        "provisional"
    );
    // The store is writing its snapshots: that of another host is whole already.
    site.host("n2").bin(T0..T0 + 2 * HOUR);
    n1.bin(T0 + HOUR..T0 + 2 * HOUR);
    let path = n1.path(&format!("{}.bin", T0 + HOUR));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let swept = Sweep::at(T0 + 3 * HOUR).run(&site);
    assert_eq!((swept.outcome(7), held(&site)), ("failed", 10));
    fs::write(&path, whole).unwrap();
    let swept = Sweep::at(T0 + 3 * HOUR + 600).run(&site);
    assert_eq!((swept.outcome(7), held(&site)), ("complete", 20));
}

#[test]
fn a_provisional_archive_of_a_job_of_unknown_end_is_made_better() {
    let site = Site::new();
    let n1 = site.host("n1");
    n1.bin(T0..T0 + HOUR);
    site.host("n2").bin(T0..T0 + 4 * HOUR);
    site.insert(&NewJob {
        walltime: 2 * HOUR,
        state: "failed".into(),
        hosts: vec!["n1".into(), "n2".into()],
        ..NewJob::stopped(7, "n1", T0, 0).status(2)
    });
    let sweep = || {
        Sweep::at(T0 + 5 * HOUR)
            .with(|s| s.walltime = true)
            .run(&site)
    };
    assert_eq!((sweep().outcome(7), site.status(7)), ("provisional", 3));
    let held = || {
        let archived = site.archived(7, T0).unwrap();
        let values = archived.values("cpu_load", "n1").unwrap();
        values.iter().filter(|v| v.is_some()).count()
    };
    assert_eq!(held(), 60);
    assert_eq!(sweep().outcome(7), "not_yet", "nothing new");
    n1.bin(T0 + HOUR..T0 + 4 * HOUR);
    site.host("n2").bin(T0 + 4 * HOUR..T0 + 5 * HOUR);
    let swept = sweep();
    assert_eq!((swept.outcome(7), held()), ("complete", 120));
    assert_eq!(site.column(7, "duration"), Some(0), "the row stays");
}
