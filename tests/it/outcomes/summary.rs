//! What a sweep says about itself: never more than is true, and always what is left.

use std::fs;
use std::time::Duration;

use ccarchive::ledger::{Hook, Ledger};
use ccarchive::model::job::JobKey;
use ccarchive::sweep::Exit;
use serde_json::json;

use crate::support::engine::Sweep;
use crate::support::site::{CLUSTER, HOUR, NewJob, Site, T0};
use crate::support::wait::pause;

const NOW: i64 = T0 + 48 * HOUR;

fn site(jobs: i64) -> Site {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    for job_id in 1..=jobs {
        site.insert(&NewJob::stopped(job_id, "n1", T0 + job_id, 600));
    }
    site
}

#[test]
fn a_limit_counts_every_job_that_is_worked_on() {
    let site = site(3);
    // Its end is unknown: it is only counted, and takes nobody's place.
    site.insert(&NewJob {
        walltime: HOUR,
        state: "failed".into(),
        ..NewJob::stopped(10, "n1", T0, 0).status(2)
    });
    // These ended at once.
    for job_id in [11, 12] {
        site.insert(&NewJob::stopped(job_id, "n1", T0 - 600, 0).status(2));
    }
    let swept = Sweep::at(NOW).with(|s| s.limit = Some(1)).run(&site);
    assert_eq!(swept.summary.archived(), 1);
    assert!(!swept.summary.saw_all);
    let swept = Sweep::at(NOW).run(&site);
    assert_eq!(swept.summary.archived(), 4);
    assert!(swept.summary.saw_all);
}

#[test]
fn a_boxed_sweep_says_that_work_is_left() {
    let site = site(5);
    let swept = Sweep::at(NOW)
        .with(|s| s.max_duration = Some(Duration::ZERO))
        .run(&site);
    assert_eq!(swept.summary.exit(), Exit::TimeBox);
    assert!(!swept.summary.saw_all);
    assert_eq!(site.count("monitoring_status = 1"), 5);
}

#[test]
fn jobs_that_a_time_box_keeps_from_the_workers_are_left() {
    let site = site(5);
    let swept = Sweep::at(NOW)
        .with(|s| {
            s.workers = 1;
            s.max_duration = Some(Duration::from_millis(200));
        })
        .after_reading(|| pause(Duration::from_millis(400)))
        .run(&site);
    let done = swept.summary.archived();
    assert_eq!(swept.summary.left, 5 - done);
    assert_eq!(swept.summary.exit(), Exit::TimeBox);
    assert!(!swept.summary.interrupted);
}

#[test]
fn a_cancelled_job_is_left_marked_and_no_attempt() {
    let site = site(5);
    let sweep = Sweep::at(NOW).with(|s| s.workers = 1);
    let stop = sweep.stop();
    let swept = sweep.after_reading(move || stop.cancel()).run(&site);
    assert_eq!((swept.summary.left, swept.summary.archived()), (5, 0));
    assert_eq!(swept.summary.exit(), Exit::Interrupted);
    assert_eq!(site.count("monitoring_status = 2"), 1);
    assert_eq!(site.ledger(1, "attempts"), None);
    assert!(site.archived_jobs().is_empty());
}

#[test]
fn a_draining_sweep_finishes_what_is_in_hand() {
    let site = site(5);
    let sweep = Sweep::at(NOW).with(|s| s.workers = 1);
    let stop = sweep.stop();
    let swept = sweep
        .after_reading(move || stop.drain(Duration::from_secs(3600)))
        .run(&site);
    assert_eq!((swept.summary.left, swept.summary.archived()), (4, 1));
    assert_eq!(swept.summary.exit(), Exit::Interrupted);
    assert_eq!(site.count("monitoring_status = 1"), 4);
}

#[test]
fn jobs_that_are_passed_over_are_counted_by_cause() {
    let site = site(1);
    site.insert(&NewJob::stopped(2, "n1", NOW - 700, 300));
    site.insert(&NewJob::stopped(3, "n1", NOW + HOUR, 600));
    site.insert(&NewJob::stopped(5, "n1", NOW + HOUR + 1, 600));
    site.insert(&NewJob {
        user: "bob".into(),
        ..NewJob::stopped(4, "n1", T0, 600)
    });
    let mut sweep = Sweep::at(NOW);
    sweep.selection.users = vec!["ada".into()];
    let swept = sweep.run(&site);
    let passed = swept.summary.passed_over;
    assert_eq!(
        (passed.too_young, passed.in_future, passed.not_selected),
        (1, 2, 1)
    );
    // One that ends in the future may be a mistake in its row.
    assert_eq!(passed.start_in_future, 1);
    assert_eq!(swept.summary.exit(), Exit::Aborted);
}

#[test]
fn an_archive_that_cc_backend_made_is_adopted_and_stays_as_it_is() {
    let site = site(2);
    Sweep::at(NOW).run(&site);
    let meta = site.folder(1, T0 + 1).join("meta.json");
    let before = (
        fs::read(&meta).unwrap(),
        fs::metadata(&meta).unwrap().modified().unwrap(),
    );
    // cc-backend dies between the files and the row.
    let columns = "monitoring_status = 1, footprint = '{}', energy = 0";
    site.set(1, columns);
    site.set(2, columns);
    for host in ["with its data", "without"] {
        if host == "without" {
            site.host("n1").remove(&format!("{T0}.bin"));
            site.host("n1").bin(T0 + 40 * HOUR..T0 + 41 * HOUR);
            site.set(1, columns);
        }
        let swept = Sweep::at(NOW).run(&site);
        assert_eq!((swept.outcome(1), site.status(1)), ("adopted", 3), "{host}");
        assert_eq!(swept.summary.exit(), Exit::Done);
        assert!(swept.summary.worst.is_empty() && swept.summary.thin == 0);
        assert_eq!(site.count("footprint != '{}'"), 2);
        assert_eq!(site.ledger(1, "state"), Some(json!("done")));
    }
    let after = (
        fs::read(&meta).unwrap(),
        fs::metadata(&meta).unwrap().modified().unwrap(),
    );
    assert_eq!(before, after);
}

#[test]
fn hooks_that_all_fail_make_the_sweep_fail() {
    let site = site(2);
    let hook = |h: &str| Some(h.to_owned());
    let swept = Sweep::at(NOW).with(|s| s.hook = hook("false")).run(&site);
    assert_eq!(
        (swept.summary.hooks_run, swept.summary.hooks_failed),
        (2, 2)
    );
    assert_eq!(swept.summary.exit(), Exit::Failures);
    assert_eq!(site.count("monitoring_status = 3"), 2);
}

#[test]
fn a_hook_that_a_killed_sweep_did_not_come_to_is_run_by_the_next() {
    let site = site(2);
    Sweep::at(NOW).run(&site);
    site.set(2, "monitoring_status = 1");
    let ledger = Ledger::open(&site.path("job.db.ledger"), &site.path("job.db"));
    let due = |job_id: i64| Hook {
        key: JobKey {
            cluster: CLUSTER.into(),
            job_id,
            start_time: T0 + job_id,
        },
        json: format!("{{\"job\":{job_id}}}\n"),
    };
    // It was killed after it had written the row of the first and before that of the second.
    ledger.hooks_due(&[due(1), due(2)]);
    let seen = site.path("seen");
    let hook = Some(format!("cat >> {}", seen.display()));
    let swept = Sweep::at(NOW)
        .with(|s| s.hook = hook.clone())
        .run_with(&site, &ledger);
    assert_eq!(swept.summary.hooks_run, 2);
    let seen = fs::read_to_string(seen).unwrap();
    assert!(
        seen.contains("{\"job\":1}") && seen.contains("\"jobId\":2"),
        "{seen}"
    );
    assert!(!seen.contains("{\"job\":2}"), "{seen}");
    assert_eq!(ledger.hooks_left(), []);
}

#[test]
fn a_named_job_that_does_not_change_keeps_its_standing() {
    let site = site(1);
    site.set(1, "duration = 4200");
    assert_eq!(
        Sweep::at(T0 + 2 * HOUR).run(&site).outcome(1),
        "provisional"
    );
    let swept = Sweep::at(T0 + 2 * HOUR).job_id(1).run(&site);
    assert_eq!(swept.outcome(1), "provisional");
    assert_eq!(site.ledger(1, "state"), Some(json!("provisional")));
    site.host("n1").remove(&format!("{T0}.bin"));
    site.host("n1").bin(T0 + HOUR..T0 + 2 * HOUR);
    let swept = Sweep::at(T0 + 2 * HOUR).job_id(1).run(&site);
    assert_eq!((swept.outcome(1), site.status(1)), ("failed", 3));
    assert_eq!(site.ledger(1, "state"), Some(json!("provisional")));
}
