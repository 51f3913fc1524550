//! Jobs that are archived: complete, partial, empty, and of unknown end.

use serde_json::json;

use crate::support::engine::Sweep;
use crate::support::site::{HOUR, NewJob, Site, T0};
use crate::support::snapshots::{METRICS, times, value};

/// Long after everything: nothing is waited for.
const LATE: i64 = T0 + 48 * HOUR;

#[test]
fn a_job_whose_samples_are_all_there_is_complete() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    site.insert(&NewJob::stopped(7, "n1", T0 + 600, 1200));
    let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "complete");
    assert_eq!((site.status(7), swept.flushes), (3, 1));
    let archived = site.archived(7, T0 + 600).unwrap();
    for metric in METRICS {
        let expected: Vec<_> = times(&(T0 + 600..T0 + 1800))
            .map(|t| Some(f64::from(value("n1", metric, t))))
            .collect();
        assert_eq!(archived.values(metric, "n1"), Some(expected));
    }
    assert_eq!(archived.meta["monitoringStatus"], 3);
    assert_eq!(site.ledger(7, "state"), Some(json!("done")));
    assert_eq!(site.ledger(7, "gaps"), Some(json!(null)));
}

#[test]
fn a_job_with_gaps_is_partial_with_nulls_and_its_coverage_in_the_ledger() {
    let site = Site::new();
    let n1 = site.host("n1");
    n1.bin(T0..T0 + 1200);
    n1.bin(T0 + 1800..T0 + HOUR);
    site.insert(&NewJob::stopped(7, "n1", T0 + 900, 1200));
    let swept = Sweep::at(LATE).run(&site);
    assert_eq!(swept.outcome(7), "partial");
    let job = swept.job(7).unwrap();
    assert_eq!((job.expected, job.received), (40, 20));
    let values = site
        .archived(7, T0 + 900)
        .unwrap()
        .values("cpu_load", "n1")
        .unwrap();
    assert_eq!(values.len(), 20);
    assert!(values[..5].iter().all(Option::is_some));
    assert!(values[5..15].iter().all(Option::is_none));
    assert!(values[15..].iter().all(Option::is_some));
    let ledger = |column| site.ledger(7, column).unwrap();
    assert_eq!(
        (ledger("expected"), ledger("received")),
        (json!(40), json!(20))
    );
    let gaps: serde_json::Value = serde_json::from_str(ledger("gaps").as_str().unwrap()).unwrap();
    assert_eq!(
        gaps,
        json!({"cpu_load": {"n1": [20, 10]}, "net_bw": {"n1": [20, 10]}})
    );
}

#[test]
fn a_host_that_is_missing_makes_a_job_partial_and_the_others_keep_their_series() {
    let site = Site::new();
    site.host("n1").json(T0..T0 + HOUR);
    let mut job = NewJob::stopped(7, "n1", T0, 600);
    job.hosts.push("n2".into());
    site.insert(&job);
    let swept = Sweep::at(LATE).run(&site);
    assert_eq!(swept.outcome(7), "partial");
    let archived = site.archived(7, T0).unwrap();
    assert!(archived.values("cpu_load", "n1").is_some());
    assert!(archived.values("cpu_load", "n2").is_none());
}

#[test]
fn a_job_of_length_0_is_archived_empty() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    site.insert(&NewJob::stopped(7, "n1", T0 + 60, 0));
    let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("empty", 3));
    assert_eq!(site.archived(7, T0 + 60).unwrap().data, json!({}));
}

#[test]
fn accept_empty_archives_jobs_without_data_once_the_source_has_proved_itself() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    site.insert(&NewJob::stopped(7, "n9", T0, 600));
    let accept = |now| Sweep::at(now).with(|s| s.accept_empty = true);
    let swept = accept(LATE).run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("", 1));
    assert_eq!(swept.summary.unproved["alpha"], 1);
    assert_eq!(swept.summary.exit() as u8, 1);
    site.insert(&NewJob::stopped(8, "n1", T0, 600));
    let swept = accept(LATE).run(&site);
    assert_eq!([7, 8].map(|j| swept.outcome(j)), ["no_data", "complete"]);
    let swept = accept(LATE + 300).run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("empty", 3));
}

#[test]
fn accept_empty_archives_a_job_without_data_that_somebody_named() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    site.insert(&NewJob::stopped(7, "n9", T0, 600));
    let swept = Sweep::at(LATE)
        .with(|s| s.accept_empty = true)
        .job_id(7)
        .run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("empty", 3));
}

#[test]
fn a_job_of_unknown_end_is_left_alone_and_is_no_failure() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    let job = |job_id, state: &str, walltime| NewJob {
        walltime,
        state: state.into(),
        ..NewJob::stopped(job_id, "n1", T0, 0).status(2)
    };
    site.insert(&job(7, "failed", HOUR));
    // The walltime check made none of these.
    site.insert(&job(8, "cancelled", HOUR));
    site.insert(&job(9, "failed", 0));
    let swept = Sweep::at(LATE).run(&site);
    assert_eq!(
        [7, 8, 9].map(|j| (swept.outcome(j), site.status(j))),
        [("unknown_end", 2), ("empty", 3), ("empty", 3)]
    );
    assert_eq!(swept.summary.exit() as u8, 0);
    assert_eq!(site.ledger(7, "state"), None);
}

#[test]
fn zero_duration_walltime_archives_up_to_the_last_sample() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + 1800);
    let walltime = |walltime, job_id| NewJob {
        walltime,
        state: "failed".into(),
        ..NewJob::stopped(job_id, "n1", T0 + 600, 0).status(2)
    };
    site.insert(&walltime(24 * HOUR, 7));
    site.insert(&walltime(300, 8));
    // Within the walltime and --settle more could come for the long one.
    let early = Sweep::at(T0 + 600 + 35 * HOUR)
        .with(|s| s.walltime = true)
        .run(&site);
    assert_eq!((early.outcome(7), site.status(7)), ("not_yet", 2));
    let swept = Sweep::at(T0 + 600 + 61 * HOUR)
        .with(|s| s.walltime = true)
        .run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("complete", 3));
    // The last slot ends half a timestep after its sample.
    let long = site.archived(7, T0 + 600).unwrap();
    assert_eq!(long.meta["duration"], 1170);
    assert_eq!(long.values("net_bw", "n1").unwrap().len(), 20);
    assert_eq!(site.archived(8, T0 + 600).unwrap().meta["duration"], 300);
    assert_eq!(site.column(7, "duration"), Some(0), "the row stays");
}
