//! Jobs of which the source has no sample and will have none: no data, and lost once it cannot have any.

use std::fs;

use serde_json::json;

use crate::support::engine::Sweep;
use crate::support::program::{program, run};
use crate::support::site::{HOUR, NewJob, Site, T0};
use crate::support::wait::now;

/// A job on a host without data, and one that proves that the source is the right one.
fn site(host: &str, start: i64) -> Site {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    site.insert(&NewJob::stopped(7, host, start, 600));
    site.insert(&NewJob::stopped(8, "n1", T0, 600));
    site
}

#[test]
fn it_waits_as_long_as_a_source_could_have_some_and_is_never_quarantined() {
    let site = site("n9", T0);
    let mut now = T0 + 40 * HOUR;
    for attempt in 1..=9 {
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
    assert_eq!(site.archived_jobs(), [(8, T0)]);
}

#[test]
fn it_is_lost_when_two_retentions_are_over() {
    let site = site("n9", T0);
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
fn it_is_not_lost_where_the_folder_holds_nothing_so_old() {
    // The file system with the older files may not be mounted yet, and the store has begun to write below its mount point.
    let site = site("n1", T0 - 2 * HOUR);
    let swept = Sweep::at(T0 + 13 * HOUR).run(&site);
    assert_eq!(swept.outcome(7), "no_data");
    assert_eq!(site.ledger(7, "state"), Some(json!("waiting")));
    site.host("n1").bin(T0 - 3 * HOUR..T0);
    assert_eq!(Sweep::at(T0 + 14 * HOUR).run(&site).outcome(7), "complete");
}

#[test]
fn a_job_of_unknown_end_without_a_sample_is_lost_when_the_source_cannot_have_any() {
    let unknown = |job_id| NewJob {
        walltime: 2 * HOUR,
        state: "failed".into(),
        ..NewJob::stopped(job_id, "n9", T0, 0).status(2)
    };
    let over = T0 + 2 * HOUR + 7 * 24 * HOUR;
    let at = |now| Sweep::at(now).with(|s| s.walltime = true);
    for (now, state) in [(over - 30, "waiting"), (over, "lost")] {
        let site = site("n1", T0);
        site.insert(&unknown(9));
        assert_eq!(at(now).run(&site).outcome(9), "no_data");
        assert_eq!(site.ledger(9, "state"), Some(json!(state)));
        let swept = at(over + HOUR).run(&site);
        let lost = state == "lost";
        assert_eq!(swept.summary.exit() as u8, if lost { 0 } else { 3 });
        let swept = at(over + 2 * HOUR)
            .with(|s| (s.accept_empty, s.retry_now) = (true, true))
            .run(&site);
        assert_eq!((swept.outcome(9), site.status(9)), ("empty", 3));
    }
}

#[test]
fn without_a_known_retention_it_is_lost_after_a_week() {
    let over = T0 + 600 + 7 * 24 * HOUR;
    for (now, state) in [(over - 30, "waiting"), (over, "lost")] {
        let site = site("n9", T0);
        assert_eq!(Sweep::at(now).run(&site).outcome(7), "no_data");
        assert_eq!(site.ledger(7, "state"), Some(json!(state)));
    }
}

#[test]
fn the_retention_of_the_configuration_says_when_it_is_lost() {
    let begin = (now() - 5 * 24 * HOUR).div_euclid(60) * 60;
    for (retention, state) in [
        ("\"retention-in-memory\": \"48h\",", "lost"),
        ("", "waiting"),
    ] {
        let site = Site::new();
        site.host("n1").bin(begin..begin + HOUR);
        site.insert(&NewJob::stopped(7, "n9", begin, 600));
        site.insert(&NewJob::stopped(8, "n1", begin, 600));
        let config = site.path("config.json");
        let places =
            r#""main": {"db": "job.db"}, "archive": {"kind": "file", "path": "job-archive"}"#;
        let store = format!(r#"{retention} "checkpoints": {{"directory": "checkpoints"}}"#);
        let json = format!(r#"{{{places}, "metric-store": {{{store}}}}}"#);
        fs::write(&config, json).unwrap();
        run(program().args(["run", "--config"]).arg(&config)).expect(3);
        assert_eq!(site.ledger(7, "state"), Some(json!(state)));
    }
}
