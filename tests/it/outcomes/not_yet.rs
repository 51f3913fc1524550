//! Jobs that wait for samples, and jobs for which none will come: not yet, no data, lost.

use std::fs;

use serde_json::json;

use crate::support::engine::Sweep;
use crate::support::program::{program, run};
use crate::support::site::{HOUR, NewJob, Site, T0};
use crate::support::wait::now;

/// A site whose host `n1` has an hour of data, and a job on it.
fn site(host: &str, start: i64, duration: i64) -> Site {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    site.insert(&NewJob::stopped(7, host, start, duration));
    site
}

#[track_caller]
fn untouched(site: &Site) {
    assert_eq!(site.status(7), 1);
    assert!(site.archived_jobs().is_empty());
    assert_eq!(site.ledger(7, "attempts"), None, "not an attempt");
}

#[test]
fn a_job_that_ends_after_the_newest_data_of_its_cluster_is_not_yet() {
    let site = site("n1", T0 + HOUR - 600, 1200);
    let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "not_yet");
    assert_eq!(swept.summary.exit() as u8, 0);
    untouched(&site);
}

#[test]
fn a_job_with_samples_missing_behind_the_newest_snapshot_of_its_host_is_not_yet() {
    let site = site("n1", T0 + HOUR - 600, 1200);
    // Another host shows that the cluster's data goes on; n1 writes its next snapshot later.
    site.host("n2").log(T0 + HOUR..T0 + 2 * HOUR);
    let swept = Sweep::at(T0 + 2 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "not_yet");
    untouched(&site);
    site.host("n1").json(T0 + HOUR..T0 + 3 * HOUR);
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
fn settle_ends_the_waiting_to_the_second() {
    let site = site("n1", T0 + HOUR - 600, 1200);
    let end = T0 + HOUR + 600;
    let at = |now| Sweep::at(now).with(|s| s.settle = 5000);
    assert_eq!(at(end + 4990).run(&site).outcome(7), "not_yet");
    assert_eq!(at(end + 5000).run(&site).outcome(7), "partial");
}

#[test]
fn without_a_flag_a_longer_checkpoint_interval_is_waited_for() {
    let begin = (now() - 14 * HOUR).div_euclid(60) * 60;
    let site = Site::new();
    site.host("n1").bin(begin..begin + HOUR);
    site.insert(&NewJob::stopped(7, "n1", begin, HOUR + 60));
    let config = site.path("config.json");
    let sweep = |store: &str, flags: &[&str]| {
        let places =
            r#""main": {"db": "job.db"}, "archive": {"kind": "file", "path": "job-archive"}"#;
        let store = format!(r#"{store}, "checkpoints": {{"directory": "checkpoints"}}"#);
        let json = format!(r#"{{{places}, "metric-store": {{{store}}}}}"#);
        fs::write(&config, json).unwrap();
        let mut command = program();
        command.args(["run", "--json", "--config"]).arg(&config);
        let ran = run(command.args(flags)).expect(0);
        ran.summary()["outcomes"].clone()
    };
    let daily = r#""checkpoint-interval": "24h""#;
    assert_eq!(sweep(daily, &[])["not_yet"], 1);
    assert_eq!(
        sweep(daily, &["--settle", "12h", "--dry-run"])["partial"],
        1
    );
    assert_eq!(sweep(r#""checkpoint-interval": "1h""#, &[])["partial"], 1);
}

#[test]
fn a_source_that_soon_forgets_ends_the_waiting() {
    let site = site("n1", T0 + HOUR - 600, 1200);
    let start = T0 + HOUR - 600;
    let at = |now| Sweep::at(now).with(|s| s.retention = Some(4 * HOUR));
    assert_eq!(at(start + 3 * HOUR - 10).run(&site).outcome(7), "not_yet");
    assert_eq!(at(start + 3 * HOUR).run(&site).outcome(7), "partial");
}

#[test]
fn a_job_without_data_waits_as_long_as_a_source_could_have_some_and_is_never_quarantined() {
    let site = site("n9", T0, 600);
    let mut now = T0 + 13 * HOUR;
    for attempt in 1..=10 {
        let swept = Sweep::at(now)
            .with(|s| s.retention = Some(48 * HOUR))
            .run(&site);
        assert_eq!(swept.outcome(7), "no_data", "attempt {attempt}");
        assert_eq!(swept.summary.exit() as u8, 3);
        assert_eq!(site.status(7), 2);
        assert_eq!(site.ledger(7, "state"), Some(json!("waiting")));
        assert_eq!(site.ledger(7, "attempts"), Some(json!(attempt)));
        now += 6 * HOUR;
    }
    assert!(site.archived_jobs().is_empty());
}

#[test]
fn a_job_without_data_is_lost_when_two_retentions_are_over() {
    let site = site("n9", T0, 600);
    let at = |now| Sweep::at(now).with(|s| s.retention = Some(48 * HOUR));
    let over = T0 + 600 + 96 * HOUR;
    assert_eq!(at(over - 30).run(&site).outcome(7), "no_data");
    assert_eq!(site.ledger(7, "state"), Some(json!("waiting")));
    let swept = at(over + 6 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "no_data");
    assert_eq!(site.ledger(7, "state"), Some(json!("lost")));
    let swept = at(over + 48 * HOUR).run(&site);
    assert_eq!((swept.outcome(7), swept.summary.not_due.lost), ("", 1));
    assert_eq!(swept.summary.exit() as u8, 0);
    let swept = at(over + 48 * HOUR).with(|s| s.retry_now = true).run(&site);
    assert_eq!(swept.outcome(7), "no_data");
}

#[test]
fn a_job_older_than_every_file_is_lost_at_once() {
    let site = site("n1", T0 - 2 * HOUR, 600);
    let swept = Sweep::at(T0 + 13 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "no_data");
    assert_eq!(site.ledger(7, "state"), Some(json!("lost")));
}

#[test]
fn fresh_jobs_are_left_to_the_live_server() {
    let site = site("n1", T0, 1200);
    assert_eq!(Sweep::at(T0 + 1200 + 590).run(&site).outcome(7), "");
    assert_eq!(Sweep::at(T0 + 1200 + 600).run(&site).outcome(7), "complete");
}
