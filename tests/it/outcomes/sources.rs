//! Sources that are the wrong one, hollow, or die in the middle, and archives that do: nothing is written off for it, and
//! a sweep from the right source archives everything. Bad hosts and folders are told from them and stop nobody.

use std::fs;
use std::path::PathBuf;

use ccarchive::model::failure::Reason;
use ccarchive::sweep::Exit;
use serde_json::json;

use crate::support::engine::{Sweep, Swept};
use crate::support::site::{CLUSTER, HOUR, NewJob, Site, T0};
use crate::support::snapshots::HostFiles;
use crate::support::trouble::Trouble;

/// So late that nothing is waited for, and that a job without data could be lost.
const NOW: i64 = T0 + 10 * 24 * HOUR;
const JOBS: i64 = 60;

/// Sixty jobs, each on a host of its own.
fn site() -> Site {
    let site = Site::new();
    for job_id in 1..=JOBS {
        let host = format!("n{job_id}");
        site.host(&host).bin(T0..T0 + HOUR);
        site.insert(&NewJob::stopped(
            job_id,
            &host,
            T0 + 60 * (job_id % 20),
            600,
        ));
    }
    site
}

/// A folder that is no store of the cluster.
fn wrong(site: &Site, what: &str) -> PathBuf {
    let root = site.path("wrong");
    match what {
        "no store" => {
            fs::create_dir_all(root.join("etc/init.d")).unwrap();
            fs::write(root.join("etc/passwd"), "x").unwrap();
        }
        "another cluster" => HostFiles::new(&root.join("beta"), "n1").bin(T0..T0 + HOUR),
        "other hosts" => HostFiles::new(&root.join(CLUSTER), "x1").bin(T0..T0 + HOUR),
        "empty hosts" => {
            for job_id in 1..=JOBS {
                fs::create_dir_all(root.join(CLUSTER).join(format!("n{job_id}"))).unwrap();
            }
        }
        "another time" => {
            for job_id in 1..=JOBS {
                let host = HostFiles::new(&root.join(CLUSTER), &format!("n{job_id}"));
                host.bin(T0 + 48 * HOUR..T0 + 49 * HOUR);
            }
        }
        _ => fs::create_dir_all(&root).unwrap(),
    }
    root
}

#[track_caller]
fn nothing_was_marked(site: &Site, but: i64, what: &str) {
    assert_eq!(site.count("monitoring_status = 2"), 0, "{what}");
    assert_eq!(site.count("monitoring_status = 1"), JOBS - but, "{what}");
    assert_eq!(i64::try_from(site.archived_jobs().len()).unwrap(), but);
}

#[test]
fn a_wrong_or_hollow_source_writes_nothing_off() {
    for what in [
        "nothing",
        "no store",
        "another cluster",
        "other hosts",
        "empty hosts",
        "another time",
    ] {
        for flag in [false, true] {
            let site = site();
            let root = wrong(&site, what);
            let swept = Sweep::at(NOW)
                .with(|s| s.accept_empty = flag)
                .from(root)
                .run(&site);
            assert_eq!(swept.summary.exit(), Exit::Aborted, "{what}");
            nothing_was_marked(&site, 0, what);
            let told = swept.summary.left + swept.summary.unproved.values().sum::<u64>();
            assert_eq!(told, 60, "{what}: {:?}", swept.summary);
            let swept = Sweep::at(NOW).run(&site);
            assert_eq!(site.count("monitoring_status = 3"), JOBS, "{what}");
            assert_eq!(swept.summary.exit(), Exit::Done, "{what}");
        }
    }
}

#[test]
fn a_source_without_a_single_job_s_samples_is_named_with_the_number_of_jobs() {
    let site = site();
    let root = wrong(&site, "other hosts");
    let swept = Sweep::at(NOW).from(root.clone()).run(&site);
    assert_eq!(swept.summary.unproved, [(CLUSTER.to_owned(), 60)].into());
    assert_eq!((swept.summary.total(), swept.summary.left), (0, 0));
    // A job of which it has samples proves it, in this sweep or an earlier one.
    HostFiles::new(&root.join(CLUSTER), "n7").bin(T0..T0 + HOUR);
    let swept = Sweep::at(NOW).from(root.clone()).run(&site);
    assert!(swept.summary.unproved.is_empty());
    assert_eq!(
        (swept.outcome(7), swept.outcome(8)),
        ("complete", "no_data")
    );
    assert_eq!(site.ledger(8, "state"), Some(json!("lost")));
    site.insert(&NewJob::stopped(100, "n100", T0, 600));
    assert_eq!(Sweep::at(NOW).from(root).run(&site).outcome(100), "no_data");
}

#[test]
fn lost_is_a_verdict_about_one_source() {
    let site = site();
    let root = wrong(&site, "other hosts");
    HostFiles::new(&root.join(CLUSTER), "n7").bin(T0..T0 + HOUR);
    let from = || Sweep::at(NOW).from(root.clone());
    assert_eq!(from().run(&site).outcome(8), "no_data");
    assert_eq!(from().run(&site).outcome(8), "");
    let swept = Sweep::at(NOW).run(&site);
    assert_eq!((swept.outcome(8), site.status(8)), ("complete", 3));
    assert_eq!(site.count("monitoring_status = 3"), JOBS);
}

fn outage(swept: &Swept) -> (Reason, Option<&str>, u64) {
    let o = &swept.summary.outages[0];
    assert_eq!(
        swept.summary.outages.len(),
        1,
        "{:?}",
        swept.summary.outages
    );
    (o.reason, o.cluster.as_deref(), o.unmarked)
}

#[test]
fn a_source_that_dies_in_the_middle_marks_no_job() {
    for dies_at in [0, 1, 7, 20, 39] {
        let site = site();
        let swept = Sweep::at(NOW)
            .source_trouble(Trouble::DiesAt(dies_at))
            .run(&site);
        let done = i64::try_from(dies_at).unwrap();
        nothing_was_marked(&site, done, &dies_at.to_string());
        let (reason, cluster, unmarked) = outage(&swept);
        assert_eq!((reason, cluster), (Reason::SourceUnreadable, Some(CLUSTER)));
        // How many came back before the source was asked depends on the workers.
        assert!(unmarked > 0, "{unmarked}");
        assert_eq!(swept.summary.left, 60 - done.unsigned_abs());
        assert_eq!(swept.summary.exit(), Exit::Aborted);
        let swept = Sweep::at(NOW).run(&site);
        assert_eq!(swept.summary.exit(), Exit::Done);
        assert_eq!(site.count("monitoring_status = 3"), JOBS);
    }
}

#[test]
fn jobs_of_hosts_that_are_remembered_do_not_hide_that_the_source_died() {
    let site = site();
    for job_id in 1..=40 {
        // Between the others in time, on a host that is read at the start.
        let start = T0 + 60 * (job_id % 20) + 1;
        site.insert(&NewJob::stopped(1000 + job_id, "n1", start, 600));
    }
    let swept = Sweep::at(NOW)
        .with(|s| s.workers = 1)
        .source_trouble(Trouble::DiesAt(3))
        .run(&site);
    assert!(site.count("monitoring_status = 2") <= 1);
    assert_eq!(outage(&swept).0, Reason::SourceUnreadable);
}

#[test]
fn the_death_of_one_cluster_s_source_leaves_the_others_alone() {
    let site = site();
    site.add_cluster("beta");
    let beta = site.path("checkpoints").join("beta");
    HostFiles::new(&beta, "n1").bin(T0..T0 + HOUR);
    for job_id in 101..=140 {
        site.insert(&NewJob {
            cluster: "beta".into(),
            ..NewJob::stopped(job_id, "n1", T0 + 60, 600)
        });
    }
    fs::remove_dir_all(site.path("checkpoints").join(CLUSTER)).unwrap();
    let swept = Sweep::at(NOW).run(&site);
    assert_eq!(outage(&swept).1, Some(CLUSTER));
    assert_eq!(site.count("monitoring_status = 3 AND cluster = 'beta'"), 40);
    assert_eq!(site.count("monitoring_status = 1"), JOBS);
}

#[test]
fn bad_hosts_fail_and_stop_nobody_however_many_they_are() {
    let site = site();
    for job_id in (1..=JOBS).step_by(2) {
        // The kernel lets nobody open it.
        let folder = site
            .path("checkpoints")
            .join(CLUSTER)
            .join(format!("n{job_id}"));
        fs::remove_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(&folder, &folder).unwrap();
    }
    let swept = Sweep::at(NOW).with(|s| s.workers = 1).run(&site);
    assert_eq!(swept.summary.exit(), Exit::Failures, "{:?}", swept.summary);
    assert_eq!(site.count("monitoring_status = 3"), JOBS - 30);
    assert_eq!(site.count("monitoring_status = 2"), 30);
    assert_eq!(site.ledger(5, "reason"), Some(json!("source_unreadable")));
}

#[test]
fn bad_folders_in_the_archive_fail_and_stop_nobody_however_many_they_are() {
    let site = site();
    for job_id in 1..=30 {
        let folder = site.folder(job_id, T0);
        fs::create_dir_all(folder.parent().unwrap().parent().unwrap()).unwrap();
        fs::write(folder.parent().unwrap(), "a file where a folder belongs").unwrap();
    }
    let swept = Sweep::at(NOW).with(|s| s.workers = 1).run(&site);
    assert_eq!(swept.summary.exit(), Exit::Failures, "{:?}", swept.summary);
    assert_eq!(site.count("monitoring_status = 3"), JOBS - 30);
    assert_eq!(site.ledger(5, "reason"), Some(json!("target_unwritable")));
}

#[test]
fn an_archive_that_dies_after_the_first_successes_marks_no_job() {
    for dies_at in [0, 1, 7, 20] {
        let site = site();
        let swept = Sweep::at(NOW)
            .target_trouble(Trouble::DiesAt(dies_at))
            .run(&site);
        assert_eq!(site.count("monitoring_status = 2"), 0, "{dies_at}");
        assert!(!swept.summary.interrupted);
        let aborted = swept.summary.aborted.as_ref().unwrap();
        assert_eq!(aborted.reason, Reason::TargetUnwritable);
        assert!(aborted.unmarked > 0, "{aborted:?}");
        let done = u64::try_from(site.count("monitoring_status = 3")).unwrap();
        assert_eq!(swept.summary.left, 60 - done);
        Sweep::at(NOW).run(&site);
        assert_eq!(site.count("monitoring_status = 3"), JOBS);
    }
}
