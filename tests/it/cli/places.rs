//! Where things are: the configuration, external metric stores, odd paths, who else is at work.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, UNIX_EPOCH};

use super::{command, failing, present, sweep, with_jobs};
use crate::support::program::{Ran, program, run};
use crate::support::site::{HOUR, NewJob, Site};

/// A site whose configuration has these sections beside the places.
fn configured(site: &Site, sections: &str) -> Vec<String> {
    let config = format!(
        r#"{{"main": {{"db": "job.db"}}, "archive": {{"kind": "file", "path": "job-archive"}},
            "metric-store": {{"checkpoints": {{"directory": "checkpoints"}}}}{sections}}}"#
    );
    fs::write(site.path("config.json"), config).unwrap();
    let path = site.path("config.json").display().to_string();
    ["run", "--config", &path].map(str::to_owned).to_vec()
}

fn with_config(site: &Site, sections: &str, flags: &[&str]) -> Ran {
    run(program().args(configured(site, sections)).args(flags))
}

fn external(scope: &str) -> String {
    format!(
        r#", "metric-store-external": [{{"scope": "{scope}", "url": "http://h", "token": "t"}}]"#
    )
}

/// Where the files have everything, nobody waits for a store.
#[cfg(feature = "http")]
#[test]
fn clusters_of_an_external_store_are_archived_from_files_as_far_as_these_go() {
    let (site, _) = with_jobs(3);
    let ran = with_config(&site, &external("alpha"), &["--json"]).expect(0);
    assert_eq!(site.count("monitoring_status = 3"), 3);
    assert_eq!(ran.summary()["passedOver"]["external"], 0);
}

#[cfg(not(feature = "http"))]
#[test]
fn clusters_of_an_external_store_stay_untouched_unless_a_source_is_named() {
    for (scope, touched) in [
        ("alpha", 0),
        ("*", 0),
        ("alpha-main", 0),
        ("alpha-gpu", 3),
        ("al", 3),
    ] {
        let (site, _) = with_jobs(3);
        let ran = with_config(&site, &external(scope), &["--json"]).expect(0);
        assert_eq!(site.count("monitoring_status = 3"), touched, "{scope}");
        assert_eq!(site.count("monitoring_status = 1"), 3 - touched, "{scope}");
        assert_eq!(
            ran.summary()["passedOver"]["external"],
            3 - touched,
            "{scope}"
        );
        assert!(ran.err.contains("external metric stores"), "{}", ran.err);
    }
    let (site, _) = with_jobs(3);
    let ran = with_config(&site, &external("alpha"), &[]).expect(0);
    assert!(
        ran.out.contains(
            "3 stopped jobs that are of clusters whose data is in an external metric store"
        ),
        "{}",
        ran.out
    );
    let ran = with_config(&site, &external("alpha"), &["--job-id", "1"]).expect(2);
    assert!(ran.err.contains("external metric store"), "{}", ran.err);
    assert_eq!(site.count("monitoring_status = 1"), 3);
    let source = site.path("checkpoints").display().to_string();
    with_config(&site, &external("alpha"), &["--source", &source]).expect(0);
    assert_eq!(site.count("monitoring_status = 3"), 3);
}

#[test]
fn nothing_to_do_says_what_was_passed_over() {
    let (site, begin) = present();
    let job = |job_id, start| NewJob::stopped(job_id, "n1", start, 600);
    site.insert(&job(1, begin + 48 * HOUR));
    site.insert(&job(2, begin + 3 * HOUR - 900));
    site.insert(&job(3, begin).status(0));
    // A job that even starts in the future says that the clock of this machine is wrong: so that also -q tells.
    let quiet = sweep(&site, &["-q"]).expect(1);
    let clock = "check the clock of this machine";
    assert!(quiet.out.contains(clock), "{}", quiet.out);
    site.set(
        1,
        "start_time = start_time - 48 * 3600, duration = 48 * 3600",
    );
    let ran = sweep(&site, &[]).expect(0);
    assert!(ran.out.starts_with("nothing to do\n"), "{}", ran.out);
    for part in [
        "1 stopped job that stops in the future",
        "1 stopped job that stopped too short a time ago",
        "1 stopped job that has its monitoring switched off",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    site.insert(&job(4, begin));
    let ran = sweep(&site, &["--user", "nobody"]).expect(0);
    assert!(ran.out.contains("of other clusters, users"), "{}", ran.out);
}

#[test]
fn quarantined_and_lost_jobs_can_be_selected() {
    let (site, begin) = with_jobs(2);
    for job_id in [7, 8] {
        site.insert(&failing(job_id, begin));
    }
    sweep(&site, &[]).expect(3);
    rusqlite::Connection::open(site.path("job.db.ledger"))
        .unwrap()
        .execute("UPDATE job SET state = 'quarantined' WHERE job_id = 8", [])
        .unwrap();
    let taken = |status: &str| {
        let ran = sweep(&site, &["--status", status, "--dry-run", "--json"]);
        let jobs = ran.objects("job");
        jobs.iter().map(|j| j["jobId"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(taken("quarantined"), [8]);
    assert!(taken("lost").is_empty() && taken("failed").is_empty());
}

#[test]
fn a_sweep_waits_for_another_one_if_asked_to_and_quiet_does_not_tell_of_it() {
    let (site, _) = with_jobs(1);
    let held = fs::File::create(site.path("job.db.ccarchive.lock")).unwrap();
    held.lock().unwrap();
    let ran = sweep(&site, &["-q"]).expect(11);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    assert!(sweep(&site, &[]).expect(11).err.contains("another sweep"));
    assert_eq!(
        sweep(&site, &["-q", "--json"]).expect(11).summary()["exit"],
        11
    );
    sweep(&site, &["--wait-lock", "100ms"]).expect(11);
    let mut waiting = command(&site, &["--wait-lock", "1h"]);
    let waiting = crate::support::program::Running::start(&mut waiting);
    held.unlock().unwrap();
    waiting.wait().expect(0);
    assert_eq!(site.status(1), 3);
}

#[test]
fn a_misspelt_key_is_warned_about_and_a_folder_is_no_configuration() {
    let (site, _) = with_jobs(1);
    let ran = with_config(&site, r#", "metricstore-external": []"#, &["--dry-run"]).expect(0);
    assert!(
        ran.err.contains("is metric-store-external meant?"),
        "{}",
        ran.err
    );
    let folder = site.path("checkpoints").display().to_string();
    let ran = run(program().args(["run", "--config", &folder])).expect(2);
    assert!(ran.err.contains("is a folder"), "{}", ran.err);
}

#[test]
fn a_database_whose_path_is_not_utf_8_is_swept_like_any_other() {
    let (site, _) = with_jobs(1);
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"s\xffte"));
    std::os::unix::fs::symlink(site.root(), &odd).unwrap();
    let flags = |dry: bool| {
        let mut c = program();
        c.arg("run").arg("--db").arg(odd.join("job.db"));
        c.args(dry.then_some("--dry-run"));
        c
    };
    run(&mut flags(true)).expect(0);
    run(&mut flags(false)).expect(0);
    assert_eq!(site.status(1), 3);
}

#[test]
fn the_start_says_what_was_seen_of_the_site_if_asked_to() {
    let (site, _) = with_jobs(1);
    let ran = sweep(&site, &["-v", "--dry-run"]).expect(0);
    for part in [
        "version 11",
        "archive ",
        "writable",
        "alpha has 2 hosts, newest file 20",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
}

#[test]
fn a_source_is_doubted_for_the_clusters_of_the_archive_alone() {
    let (site, _) = with_jobs(1);
    // Another archive's cluster in the same store, silent for months.
    let old = site.path("checkpoints/beta/b1/1780000000.json");
    fs::create_dir_all(old.parent().unwrap()).unwrap();
    let file = fs::File::create(old).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1_780_000_000))
        .unwrap();
    let ran = sweep(&site, &["--dry-run"]).expect(0);
    assert!(!ran.err.contains("beta"), "{}", ran.err);

    // Folders in folders, as a metric store's, but of something else.
    let wrong = tempfile::tempdir().unwrap();
    for service in ["nginx", "ssh"] {
        let folder = wrong.path().join(service).join("conf.d");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("default.conf"), "").unwrap();
    }
    let wrong = wrong.path().display().to_string();
    let ran = sweep(&site, &["--dry-run", "--source", &wrong]).expect(1);
    let doubt = format!("{wrong} holds no checkpoint file of alpha");
    assert_eq!(ran.err.matches(&doubt).count(), 1, "{}", ran.err);
    assert!(!ran.err.contains("still report"), "{}", ran.err);
}

#[test]
fn the_newest_file_of_a_cluster_that_stopped_reporting_is_named() {
    let (site, _) = with_jobs(1);
    for host in fs::read_dir(site.path("checkpoints/alpha")).unwrap() {
        for file in fs::read_dir(host.unwrap().path()).unwrap() {
            let file = fs::File::options()
                .append(true)
                .open(file.unwrap().path())
                .unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(1_780_000_000))
                .unwrap();
        }
    }
    let ran = sweep(&site, &["--dry-run"]);
    let doubt = "does this cluster still report to this metric store?";
    assert!(
        ran.err.contains("the newest file of alpha") && ran.err.contains(doubt),
        "{}",
        ran.err
    );
}
