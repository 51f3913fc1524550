//! `--job-id`: who may be named, and what archiving again may change.

use std::fs;

use super::{failing, sweep, with_jobs};
use crate::support::site::{HOUR, NewJob};
use crate::support::tree::Tree;

#[test]
fn job_id_archives_the_named_jobs_and_no_others() {
    let (site, _) = with_jobs(5);
    let ran = sweep(&site, &["--job-id", "2,4", "--json"]).expect(0);
    assert_eq!(ran.objects("job").len(), 2);
    assert_eq!([1, 2, 3, 4, 5].map(|j| site.status(j)), [1, 3, 1, 3, 1]);
}

#[test]
fn job_id_again_leaves_equal_files_untouched() {
    let (site, _) = with_jobs(1);
    sweep(&site, &[]).expect(0);
    let files = || Tree::of(&site.path("job-archive")).only_files();
    let before = files();
    sweep(&site, &["--job-id", "1"]).expect(0);
    assert_eq!(before.changes(&files()), [""; 0]);
    assert_eq!(site.status(1), 3);
}

#[test]
fn job_id_refuses_a_poorer_archive_and_force_replaces_it() {
    let (site, begin) = with_jobs(0);
    site.host("n3").bin(begin..begin + 600);
    site.host("n3").bin(begin + 600..begin + HOUR);
    site.insert(&NewJob::stopped(1, "n3", begin, 1200));
    sweep(&site, &[]).expect(0);
    site.host("n3").remove(&format!("{begin}.bin"));
    let files = || Tree::of(&site.path("job-archive")).only_files();
    let before = files();
    let ran = sweep(&site, &["--job-id", "1"]).expect(3);
    assert!(
        ran.out.contains("poorer") && ran.out.contains("--force"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("20 values of cpu_load (node) on n3"),
        "{}",
        ran.out
    );
    assert_eq!((site.status(1), before.changes(&files())), (3, Vec::new()));
    sweep(&site, &["--job-id", "1", "--force"]).expect(0);
    let values = site
        .archived(1, begin)
        .unwrap()
        .values("cpu_load", "n3")
        .unwrap();
    assert_eq!(values.iter().flatten().count(), 10);
    assert_eq!(site.status(1), 3);
}

#[test]
fn job_id_refuses_running_and_unmonitored_jobs_by_name_and_archives_the_rest() {
    let (site, begin) = with_jobs(1);
    site.insert(&NewJob::running(7, "n1", begin));
    site.insert(&NewJob::stopped(8, "n1", begin, 600).status(0));
    let ran = sweep(&site, &["--job-id", "1,7,8,9"]).expect(3);
    for says in [
        "not archived: job 7: it is running",
        "not archived: job 8: monitoring is switched off",
        "not archived: job 9: no such job",
    ] {
        assert!(ran.err.contains(says), "{}", ran.err);
    }
    assert_eq!([1, 7, 8].map(|j| site.status(j)), [3, 1, 0]);
    let ran = sweep(&site, &["--job-id", "7", "--json"]).expect(2);
    assert!(
        ran.summary()["aborted"]["detail"]
            .as_str()
            .unwrap()
            .contains("it is running")
    );
}

#[test]
fn job_id_leaves_young_jobs_to_the_live_server_only_where_min_age_says_so() {
    let (site, _) = with_jobs(1);
    let ran = sweep(&site, &["--job-id", "1", "--min-age", "1d"]).expect(2);
    assert!(
        ran.err.contains("job 1: it stopped too short a time ago"),
        "{}",
        ran.err
    );
    assert_eq!(site.status(1), 1);
    sweep(&site, &["--job-id", "1", "--min-age", "1h"]).expect(0);
    assert_eq!(site.status(1), 3);
}

#[test]
fn a_number_of_several_jobs_is_refused_with_the_list_and_start_time_or_cluster_choose() {
    let (site, begin) = with_jobs(0);
    for start in [begin, begin + 900] {
        site.insert(&NewJob::stopped(7, "n1", start, 600));
    }
    site.add_cluster("beta");
    let other = NewJob {
        cluster: "beta".into(),
        ..NewJob::stopped(7, "n1", begin, 600)
    };
    site.insert(&other);
    let ran = sweep(&site, &["--job-id", "7"]).expect(2);
    for start in [begin, begin + 900] {
        let says = format!("--cluster alpha --start-time {start}");
        assert!(ran.err.contains(&says), "{}", ran.err);
    }
    let ran = sweep(&site, &["--job-id", "7", "--cluster", "alpha"]).expect(2);
    assert!(!ran.err.contains("beta"), "{}", ran.err);
    let start = (begin + 900).to_string();
    sweep(&site, &["--job-id", "7", "--start-time", &start]).expect(0);
    assert_eq!(
        site.count(&format!("monitoring_status = 3 AND start_time = {start}")),
        1
    );
    assert_eq!(site.count("monitoring_status = 3"), 1);
    sweep(&site, &["--job-id", "7", "--cluster", "beta"]).expect(3);
    assert_eq!(site.count("monitoring_status = 2 AND cluster = 'beta'"), 1);
}

#[test]
fn job_id_does_not_wait_for_the_next_try() {
    let (site, begin) = with_jobs(0);
    site.insert(&failing(7, begin));
    sweep(&site, &[]).expect(3);
    site.set(7, "subcluster = 'main'");
    assert_eq!(sweep(&site, &["--json"]).expect(0).objects("job").len(), 0);
    sweep(&site, &["--job-id", "7"]).expect(0);
    assert_eq!(site.status(7), 3);
}

#[test]
fn retry_now_takes_what_waits() {
    let (site, begin) = with_jobs(0);
    site.insert(&failing(7, begin));
    sweep(&site, &[]).expect(3);
    site.set(7, "subcluster = 'main'");
    sweep(&site, &["--retry-now"]).expect(0);
    assert_eq!(site.status(7), 3);
    assert!(fs::exists(site.folder(7, begin)).unwrap());
}
