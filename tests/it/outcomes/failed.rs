//! Jobs that fail: back-off, quarantine, the last attempt, and what a failure leaves untouched.

use ccarchive::model::failure::Reason;
use serde_json::json;

use crate::support::engine::Sweep;
use crate::support::site::{HOUR, NewJob, Site, T0};
use crate::support::snapshots::HostFiles;

/// Pauses in minutes after each of the first seven attempts.
const PAUSES: [i64; 7] = [5, 10, 20, 40, 80, 160, 320];

/// A job that needs two snapshots, the second of them cut short.
fn broken() -> Site {
    let site = Site::new();
    let n1 = site.host("n1");
    n1.bin(T0..T0 + HOUR);
    n1.bin(T0 + HOUR..T0 + 2 * HOUR);
    n1.cut(&format!("{}.bin", T0 + HOUR));
    site.insert(&NewJob::stopped(7, "n1", T0 + HOUR - 600, 1200));
    site
}

#[test]
fn a_broken_snapshot_fails_its_jobs_with_growing_pauses_until_the_last_attempt_archives_them() {
    let site = broken();
    let mut now = T0 + 40 * HOUR;
    for (attempt, pause) in (1..).zip(PAUSES) {
        let swept = Sweep::at(now).run(&site);
        let job = swept.job(7).unwrap();
        assert_eq!(
            (job.outcome, job.reason),
            ("failed", Some(Reason::SnapshotBroken))
        );
        assert_eq!((swept.summary.exit() as u8, site.status(7)), (3, 2));
        assert_eq!(site.ledger(7, "attempts"), Some(json!(attempt)));
        assert_eq!(site.ledger(7, "next_try"), Some(json!(now + pause * 60)));
        // A second early nothing is tried, and nothing is counted as a failure.
        let early = Sweep::at(now + pause * 60 - 10).run(&site);
        assert_eq!((early.outcome(7), early.summary.not_due.waiting), ("", 1));
        assert_eq!(early.summary.exit() as u8, 0);
        now += pause * 60;
    }
    let swept = Sweep::at(now).run(&site);
    let job = swept.job(7).unwrap();
    assert_eq!((job.outcome, site.status(7)), ("partial", 3));
    assert!(
        job.note
            .as_ref()
            .unwrap()
            .contains(&format!("{}.bin", T0 + HOUR))
    );
    assert_eq!((job.expected, job.received), (40, 20));
}

#[test]
fn a_snapshot_that_comes_back_is_used_at_the_next_attempt() {
    let site = broken();
    let now = T0 + 13 * HOUR;
    assert_eq!(Sweep::at(now).run(&site).outcome(7), "failed");
    site.host("n1").bin(T0 + HOUR..T0 + 2 * HOUR);
    assert_eq!(Sweep::at(now + 300).run(&site).outcome(7), "complete");
}

#[test]
fn a_job_that_was_asked_for_in_vain_fails_as_often_as_any_other() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    let n2 = site.host("n2");
    site.insert(&NewJob::stopped(7, "n2", T0 + HOUR - 600, 1200));
    site.insert(&NewJob::stopped(8, "n1", T0, 600));
    let mut now = T0 + 40 * HOUR;
    for _ in 0..9 {
        assert_eq!(Sweep::at(now).run(&site).outcome(7), "no_data");
        now += 6 * HOUR;
    }
    n2.bin(T0..T0 + HOUR);
    n2.bin(T0 + HOUR..T0 + 2 * HOUR);
    n2.cut(&format!("{}.bin", T0 + HOUR));
    for attempt in 1..8 {
        assert_eq!(Sweep::at(now).run(&site).outcome(7), "failed");
        assert_eq!(site.ledger(7, "failures"), Some(json!(attempt)));
        assert_eq!(site.ledger(7, "attempts"), Some(json!(9 + attempt)));
        now += 6 * HOUR;
    }
    assert_eq!(Sweep::at(now).run(&site).outcome(7), "partial");
}

#[test]
fn failures_for_other_causes_do_not_use_up_the_patience_for_damage() {
    let site = broken();
    site.set(7, "subcluster = 'gone'");
    let mut now = T0 + 40 * HOUR;
    let mut sweep = || {
        now += 6 * HOUR;
        Sweep::at(now).run(&site).outcome(7)
    };
    for _ in 0..7 {
        assert_eq!(sweep(), "failed");
    }
    site.set(7, "subcluster = 'main'");
    for attempt in 1..8 {
        assert_eq!(sweep(), "failed");
        assert_eq!(site.ledger(7, "failures"), Some(json!(attempt)));
        assert_eq!(site.ledger(7, "state"), Some(json!("waiting")));
    }
    assert_eq!(sweep(), "partial");
}

#[test]
fn a_cluster_whose_folder_comes_back_late_costs_no_job() {
    let site = broken();
    site.host("n1").bin(T0 + HOUR..T0 + 2 * HOUR);
    site.add_cluster("beta");
    let (there, away) = (site.path("checkpoints/alpha"), site.path("away"));
    HostFiles::new(&site.path("checkpoints/beta"), "x1").bin(T0..T0 + HOUR);
    std::fs::rename(&there, &away).unwrap();
    let mut now = T0 + 3 * HOUR;
    for attempt in 1..=12 {
        let swept = Sweep::at(now).run(&site);
        let job = swept.job(7).unwrap();
        assert_eq!(job.reason, Some(Reason::SourceMissing), "{swept:?}");
        assert_eq!(site.ledger(7, "attempts"), Some(json!(attempt)));
        assert_eq!(site.ledger(7, "state"), Some(json!("waiting")));
        now += 6 * HOUR;
    }
    std::fs::rename(&away, &there).unwrap();
    assert_eq!(Sweep::at(now).run(&site).outcome(7), "complete");
}

#[test]
fn a_broken_snapshot_fails_only_the_jobs_that_overlap_it() {
    let site = broken();
    let (early, late) = (
        NewJob::stopped(8, "n1", T0, 1200),
        NewJob::stopped(9, "n1", T0 + 3 * HOUR, 60),
    );
    site.insert(&early);
    site.insert(&late);
    site.host("n1").bin(T0 + 3 * HOUR..T0 + 4 * HOUR);
    let swept = Sweep::at(T0 + 13 * HOUR).run(&site);
    assert_eq!(
        [7, 8, 9].map(|j| swept.outcome(j)),
        ["failed", "complete", "complete"]
    );
}

#[test]
fn a_job_that_keeps_failing_is_quarantined_after_eight_attempts_until_retry_now() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    site.insert(&NewJob {
        subcluster: "gone".into(),
        ..NewJob::stopped(7, "n1", T0, 600)
    });
    let mut now = T0 + 13 * HOUR;
    for _ in 0..8 {
        let swept = Sweep::at(now).run(&site);
        assert_eq!(
            swept.job(7).unwrap().reason,
            Some(Reason::SubclusterUnknown)
        );
        now += 6 * HOUR;
    }
    assert_eq!(site.ledger(7, "state"), Some(json!("quarantined")));
    let swept = Sweep::at(now).run(&site);
    assert_eq!(
        (swept.outcome(7), swept.summary.not_due.quarantined),
        ("", 1)
    );
    assert_eq!(swept.summary.exit() as u8, 0);
    site.set(7, "subcluster = 'main'");
    let swept = Sweep::at(now).with(|s| s.retry_now = true).run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("complete", 3));
}

#[test]
fn a_failure_changes_the_status_and_nothing_else_of_the_row() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    let job = NewJob {
        subcluster: "gone".into(),
        ..NewJob::stopped(7, "n1", T0, 600)
    };
    site.insert(&job);
    site.set(
        7,
        "footprint = '{\"kept\":1}', energy = 1.5, energy_footprint = 'x', meta_data = '{}'",
    );
    Sweep::at(T0 + 13 * HOUR).run(&site);
    let kept = "footprint = '{\"kept\":1}' AND energy = 1.5 AND energy_footprint = 'x' AND meta_data = '{}'";
    assert_eq!(
        site.count(&format!(
            "{kept} AND monitoring_status = 2 AND job_state = 'completed'"
        )),
        1
    );
}

#[test]
fn a_clock_that_was_ahead_does_not_make_jobs_wait_or_give_them_up() {
    let site = broken();
    site.insert(&NewJob::stopped(8, "n9", T0, 600));
    let (now, ahead) = (T0 + 13 * HOUR, T0 + 10_000 * HOUR);
    let swept = Sweep::at(ahead).run(&site);
    assert_eq!([7, 8].map(|j| swept.outcome(j)), ["failed", "no_data"]);
    assert_eq!(site.ledger(8, "state"), Some(json!("lost")));
    site.host("n1").bin(T0 + HOUR..T0 + 2 * HOUR);
    site.host("n9").bin(T0..T0 + HOUR);
    let swept = Sweep::at(now).run(&site);
    assert_eq!([7, 8].map(|j| swept.outcome(j)), ["complete", "complete"]);
}

#[test]
fn the_summary_says_how_many_jobs_stand_where_after_the_sweep() {
    let site = broken();
    site.insert(&NewJob::stopped(8, "n1", T0 - 9 * HOUR, 600));
    let now = T0 + 13 * HOUR;
    let standing = |s: &ccarchive::sweep::Summary| {
        let s = s.standing();
        (s.waiting, s.quarantined, s.lost)
    };
    let at = |now| {
        let sweep = Sweep::at(now).with(|s| s.retention = Some(10 * HOUR));
        standing(&sweep.run(&site).summary)
    };
    assert_eq!(at(now), (1, 0, 1));
    assert_eq!(at(now + 60), (1, 0, 1));
}
