//! Rows that change between reading and recording: the sweep's update must not hit them.

use std::fs;

use crate::support::engine::Sweep;
use crate::support::site::{HOUR, NewJob, Site, T0, connect};

const NOW: i64 = T0 + 13 * HOUR;

/// Sweeps one complete job while that SQL is run between publishing and recording.
fn race(sql: &'static str) -> Site {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    site.insert(&NewJob::stopped(7, "n1", T0, 600));
    let path = site.path("job.db");
    let swept = Sweep::at(NOW)
        .on_flush(move || connect(&path).execute_batch(sql).unwrap())
        .run(&site);
    assert_eq!(swept.outcome(7), "raced", "{sql}");
    assert_eq!(swept.summary.exit() as u8, 0, "{sql}");
    assert_eq!(site.count("energy_footprint IS NOT NULL"), 0, "{sql}");
    site
}

#[test]
fn a_row_that_changed_under_the_sweep_stays_as_the_other_left_it() {
    for sql in [
        "UPDATE job SET monitoring_status = 3, footprint = '{\"theirs\":1}'",
        "UPDATE job SET monitoring_status = 2",
        "UPDATE job SET monitoring_status = 0",
        "UPDATE job SET duration = 660",
        "UPDATE job SET job_state = 'failed'",
        "UPDATE job SET job_state = 'running', duration = 0",
        "UPDATE job SET start_time = start_time + 1",
        "UPDATE job SET job_id = 8",
        "UPDATE job SET cluster = 'beta'",
        "DELETE FROM job",
    ] {
        race(sql);
    }
}

#[test]
fn a_raced_job_is_taken_by_the_next_sweep_as_it_is_then() {
    let site = race("UPDATE job SET duration = 660");
    let swept = Sweep::at(NOW).run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("complete", 3));
    let archived = site.archived(7, T0).unwrap();
    assert_eq!(archived.meta["duration"], 660);
    assert_eq!(archived.values("cpu_load", "n1").unwrap().len(), 11);
}

#[test]
fn a_job_that_turned_out_shorter_is_not_held_against_its_longer_archive() {
    let site = race("UPDATE job SET duration = 300");
    let swept = Sweep::at(NOW).run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("complete", 3));
    assert_eq!(site.archived(7, T0).unwrap().meta["duration"], 300);
}

#[test]
fn a_row_that_changes_while_the_job_is_worked_on_is_archived_as_it_is_then() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    site.insert(&NewJob::stopped(7, "n1", T0, 600));
    let path = site.path("job.db");
    let swept = Sweep::at(NOW)
        .after_reading(move || {
            let tag = "INSERT INTO tag (id, tag_type, tag_name, tag_scope) VALUES (5, 'a', 'b', 'global');
                INSERT INTO jobtag (job_id, tag_id) SELECT id, 5 FROM job;
                UPDATE job SET meta_data = '{\"jobName\":\"new\"}'";
            connect(&path).execute_batch(tag).unwrap();
        })
        .run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("complete", 3));
    let meta = site.archived(7, T0).unwrap().meta;
    assert_eq!(meta["tags"][0]["name"], "b");
    assert_eq!(meta["metaData"]["jobName"], "new");
}

#[test]
fn rows_that_another_archives_meanwhile_are_left_alone() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    for job_id in 1..=40 {
        site.insert(&NewJob::stopped(job_id, "n1", T0 + job_id, 600));
    }
    let path = site.path("job.db");
    let swept = Sweep::at(NOW)
        .after_reading(move || {
            let theirs = "UPDATE job SET monitoring_status = 3, footprint = '{\"theirs\":1}'";
            connect(&path).execute_batch(theirs).unwrap();
        })
        .run(&site);
    assert_eq!(swept.jobs.len(), 40);
    assert!(swept.jobs.iter().all(|j| j.outcome == "raced"));
    assert!(site.archived_jobs().is_empty());
    assert_eq!(site.count("footprint = '{\"theirs\":1}'"), 40);
    let swept = Sweep::at(NOW).run(&site);
    assert_eq!((swept.jobs.len(), swept.warnings.len()), (0, 0));
}

#[test]
fn a_tag_that_is_set_between_archive_and_row_is_in_the_archive_of_the_next_sweep() {
    let site = race(
        "INSERT INTO tag (id, tag_type, tag_name, tag_scope) VALUES (5, 'a', 'b', 'global');
        INSERT INTO jobtag (job_id, tag_id) SELECT id, 5 FROM job",
    );
    assert!(site.archived(7, T0).unwrap().meta.get("tags").is_none());
    let swept = Sweep::at(NOW).run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("complete", 3));
    assert_eq!(site.archived(7, T0).unwrap().meta["tags"][0]["name"], "b");
    assert_eq!(site.count("energy_footprint IS NOT NULL"), 1);
}

#[test]
fn an_archive_that_another_made_meanwhile_is_not_replaced_by_a_poorer_one() {
    let whole = Site::new();
    whole.host("n1").bin(T0..T0 + HOUR);
    whole.insert(&NewJob::stopped(7, "n1", T0, HOUR));
    assert_eq!(Sweep::at(NOW).run(&whole).outcome(7), "complete");
    let site = Site::new();
    site.host("n1").bin(T0..T0 + 1800);
    site.host("n2").bin(T0..T0 + 12 * HOUR);
    site.insert(&NewJob::stopped(7, "n1", T0, HOUR));
    let (from, to) = (whole.folder(7, T0), site.folder(7, T0));
    let swept = Sweep::at(T0 + 48 * HOUR)
        .after_reading(move || {
            fs::create_dir_all(&to).unwrap();
            for file in fs::read_dir(&from).unwrap().map(Result::unwrap) {
                fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        })
        .run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("adopted", 3));
    let held = site.archived(7, T0).unwrap();
    let values = held.values("cpu_load", "n1").unwrap();
    assert!(values.iter().all(Option::is_some), "{values:?}");
}
