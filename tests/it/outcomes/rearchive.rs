//! Jobs that are archived again by number: never poorer, never away from 3.

use std::fs;

use ccarchive::model::failure::Reason;
use serde_json::json;

use crate::support::engine::{Sweep, Swept};
use crate::support::site::{HOUR, NewJob, Site, T0};
use crate::support::tree::Tree;

/// So late that nothing is waited for any more.
const NOW: i64 = T0 + 48 * HOUR;

/// A site with an archived job over two snapshots.
fn archived() -> Site {
    let site = Site::new();
    let n1 = site.host("n1");
    n1.bin(T0..T0 + HOUR);
    n1.bin(T0 + HOUR..T0 + 2 * HOUR);
    site.insert(&NewJob::stopped(7, "n1", T0 + HOUR - 600, 1200));
    assert_eq!(Sweep::at(NOW).run(&site).outcome(7), "complete");
    site
}

/// Archives job 7 again and asserts that row, ledger and archive stay as they are.
#[track_caller]
fn refused(site: &Site, sweep: Sweep) -> Swept {
    let archive = || Tree::of(&site.path("job-archive")).only_files();
    let ledger = || (site.ledger(7, "state"), site.ledger(7, "received"));
    let before = (archive(), ledger());
    let swept = sweep.job_id(7).run(site);
    assert_eq!(site.status(7), 3);
    assert_eq!(before.0.changes(&archive()), [""; 0]);
    assert_eq!(before.1, ledger());
    swept
}

#[test]
fn the_same_again_leaves_the_files_alone() {
    let site = archived();
    let swept = refused(&site, Sweep::at(NOW));
    assert_eq!(swept.outcome(7), "complete");
}

#[test]
fn a_poorer_archive_is_refused_and_force_takes_it() {
    let site = archived();
    site.host("n1").remove(&format!("{}.bin", T0 + HOUR));
    let swept = refused(&site, Sweep::at(NOW));
    assert_eq!(swept.job(7).unwrap().reason, Some(Reason::Poorer));
    assert_eq!(swept.summary.exit() as u8, 3);
    let swept = Sweep::at(NOW).with(|s| s.force = true).job_id(7).run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("partial", 3));
    assert_eq!(site.ledger(7, "received"), Some(json!(20)));
}

#[test]
fn a_better_archive_replaces_a_partial_one() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    site.insert(&NewJob::stopped(7, "n1", T0 + HOUR - 600, 1200));
    assert_eq!(Sweep::at(NOW).run(&site).outcome(7), "partial");
    site.host("n1").json(T0 + HOUR..T0 + 2 * HOUR);
    let swept = Sweep::at(NOW).job_id(7).run(&site);
    assert_eq!((swept.outcome(7), site.status(7)), ("complete", 3));
    assert_eq!(site.ledger(7, "received"), Some(json!(40)));
    assert_eq!(site.ledger(7, "gaps"), Some(json!(null)));
}

#[test]
fn an_archived_job_stays_archived_whatever_its_source_and_row_have_become() {
    let site = archived();
    let n1 = site.host("n1");
    n1.cut(&format!("{T0}.bin"));
    let swept = refused(&site, Sweep::at(NOW));
    assert_eq!(swept.job(7).unwrap().reason, Some(Reason::SnapshotBroken));
    for name in [T0, T0 + HOUR] {
        n1.remove(&format!("{name}.bin"));
    }
    site.host("n2").bin(T0..T0 + 2 * HOUR);
    let swept = refused(&site, Sweep::at(NOW));
    assert_eq!(swept.outcome(7), "no_data");
    let swept = refused(
        &site,
        Sweep::at(NOW).with(|s| (s.accept_empty, s.force) = (true, true)),
    );
    assert_eq!(swept.outcome(7), "no_data");
    site.set(7, "duration = 0");
    assert_eq!(refused(&site, Sweep::at(NOW)).outcome(7), "no_data");
    site.set(7, "resources = 'x'");
    assert_eq!(
        refused(&site, Sweep::at(NOW)).job(7).unwrap().reason,
        Some(Reason::RowInvalid)
    );
}

#[test]
fn the_next_sweep_makes_sure_of_an_archive_whose_replacement_failed() {
    let site = archived();
    let replacing = || site.ledger(7, "replacing");
    Sweep::at(NOW).job_id(7).run(&site);
    assert_eq!(replacing(), Some(json!(null)), "it came to its end");
    site.host("n1").cut(&format!("{T0}.bin"));
    let swept = Sweep::at(NOW).job_id(7).run(&site);
    assert_eq!(swept.outcome(7), "failed");
    assert_eq!(replacing(), Some(json!(1)));
    let swept = Sweep::at(NOW).run(&site);
    assert_eq!(swept.warnings, [""; 0], "it is whole");
    assert_eq!(replacing(), Some(json!(null)));
}

#[test]
fn an_archive_that_is_damaged_or_gone_is_written_again() {
    let site = archived();
    let folder = site.folder(7, T0 + HOUR - 600);
    let before = site.archived(7, T0 + HOUR - 600);
    let data = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| !p.ends_with("meta.json"));
    fs::write(data.unwrap(), "half").unwrap();
    assert_eq!(Sweep::at(NOW).job_id(7).run(&site).outcome(7), "complete");
    assert_eq!(site.archived(7, T0 + HOUR - 600), before);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(Sweep::at(NOW).job_id(7).run(&site).outcome(7), "complete");
    assert_eq!(site.archived(7, T0 + HOUR - 600), before);
}

#[test]
fn jobs_that_run_or_are_not_monitored_are_refused_by_name() {
    let site = archived();
    site.insert(&NewJob::running(8, "n1", T0));
    site.insert(&NewJob::stopped(9, "n1", T0, 60).status(0));
    for (job, why) in [
        (8, "it is running"),
        (9, "monitoring is switched off"),
        (10, "no such job"),
    ] {
        let swept = Sweep::at(NOW).job_id(job).run(&site);
        assert_eq!(swept.jobs, []);
        assert!(
            swept.refused[0].why.to_string().contains(why),
            "{:?}",
            swept.refused
        );
    }
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let site = archived();
    site.host("n1").bin(T0 + 2 * HOUR..T0 + 3 * HOUR);
    site.insert(&NewJob::stopped(8, "n1", T0 + 2 * HOUR, 600));
    site.insert(&NewJob::stopped(9, "n5", T0, 600));
    let before = site.files();
    let swept = Sweep::at(NOW).dry().run(&site);
    assert_eq!([8, 9].map(|j| swept.outcome(j)), ["complete", "no_data"]);
    assert_eq!(swept.flushes, 0);
    let mut changes = before.changes(&site.files());
    // Where readers stand, which SQLite notes in memory that it shares with the live server.
    changes.retain(|c| !c.starts_with("job.db-shm"));
    assert_eq!(changes, [""; 0]);
}

#[test]
fn what_is_wrong_with_an_archived_job_of_length_0_is_put_right() {
    let site = archived();
    site.insert(&NewJob::stopped(8, "n1", T0 + 600, 0));
    assert_eq!(Sweep::at(NOW).run(&site).outcome(8), "empty");
    let sound = site.archived(8, T0 + 600);
    let folder = site.folder(8, T0 + 600);
    let losses: [&dyn Fn(); 4] = [
        &|| (),
        &|| fs::remove_dir_all(&folder).unwrap(),
        &|| fs::remove_file(folder.join("meta.json")).unwrap(),
        &|| site.set(8, "footprint = 'gone', energy = 7"),
    ];
    for lose in losses {
        lose();
        let swept = Sweep::at(NOW).job_id(8).run(&site);
        assert_eq!(swept.outcome(8), "empty");
        assert_eq!(site.archived(8, T0 + 600), sound);
        assert_eq!(site.status(8), 3);
        assert_eq!(
            site.column(8, "energy = 0 AND footprint <> 'gone'"),
            Some(1)
        );
    }
}
