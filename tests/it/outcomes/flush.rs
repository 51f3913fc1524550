//! Rows change after the archive says that it is durable, and never before. A flush that fails is remembered nowhere: the
//! next sweep trusts nothing but what it reads from the archive itself.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ccarchive::ledger::Ledger;
use ccarchive::model::failure::Reason;
use ccarchive::sweep::Exit;

use crate::support::engine::Sweep;
use crate::support::site::{HOUR, NewJob, Places, Site, T0};
use crate::support::trouble::Trouble;
use crate::support::wait::until;

const NOW: i64 = T0 + 48 * HOUR;
const JOBS: i64 = 40;
/// Jobs whose archives the disk does not keep.
const LOST: usize = 3;

fn site() -> Site {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    for job_id in 1..=JOBS {
        site.insert(&NewJob::stopped(job_id, "n1", T0 + job_id, 600));
    }
    site
}

/// The folders of published jobs.
fn published(site: &Site) -> Vec<PathBuf> {
    let jobs = site.published_jobs().into_iter();
    jobs.map(|(job_id, start)| site.folder(job_id, start))
        .collect()
}

#[test]
fn no_row_changes_before_the_archive_is_durable() {
    let site = site();
    let database = site.path("job.db");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let swept = Sweep::at(NOW)
        .on_flush(move || {
            let c = rusqlite::Connection::open(&database).unwrap();
            let sql = "SELECT count(*) FROM job WHERE monitoring_status = 3";
            let recorded: i64 = c.query_row(sql, [], |r| r.get(0)).unwrap();
            notes.lock().unwrap().push(recorded);
        })
        .target_trouble(Trouble::FlushFailsAt(1))
        .run(&site);
    let seen = seen.lock().unwrap();
    // The first batch is flushed before any row changes; the second is not durable, so that its rows never change.
    assert_eq!(seen[0], 0);
    assert_eq!(site.count("monitoring_status = 3"), seen[1]);
    assert!(i64::try_from(published(&site).len()).unwrap() > seen[1]);
    assert_eq!(site.count("monitoring_status = 2"), 0);
    assert_eq!(swept.summary.exit(), Exit::Aborted);
    let aborted = swept.summary.aborted.unwrap();
    assert_eq!(aborted.reason, Reason::TargetUnwritable);
}

#[test]
fn what_a_failed_flush_lost_is_written_again_though_no_ledger_tells_of_it() {
    let site = site();
    // A ledger that cannot be written: what it is told is forgotten with the sweep.
    let ledger = || Ledger::open_read_only(&site.path("no-ledger"));
    let places: Places = (*site).clone();
    let swept = Sweep::at(NOW)
        .on_flush(move || {
            until("jobs are published", || {
                places.published_jobs().len() >= LOST
            });
        })
        .target_trouble(Trouble::FlushFailsAt(0))
        .run_with(&site, &ledger());
    assert_eq!(swept.summary.exit(), Exit::Aborted);
    assert_eq!(site.count("monitoring_status != 1"), 0);
    let folders = published(&site);
    // What the disk made of pages that it could not write: zeros, a file that ends early, a file that never was.
    let data = |folder: &PathBuf| {
        let names = ["data.json", "data.json.gz"].map(|n| folder.join(n));
        names.into_iter().find(|p| p.exists()).unwrap()
    };
    let whole = fs::read(data(&folders[0])).unwrap();
    fs::write(data(&folders[0]), vec![0; whole.len()]).unwrap();
    fs::write(folders[1].join("meta.json"), "").unwrap();
    fs::remove_file(data(&folders[2])).unwrap();
    let swept = Sweep::at(NOW).run_with(&site, &ledger());
    assert_eq!(swept.summary.exit(), Exit::Done, "{:?}", swept.summary);
    assert_eq!(site.count("monitoring_status = 3"), JOBS);
    let rewritten = swept.jobs.iter().filter(|j| j.outcome == "complete");
    let kept = folders.len() - LOST;
    assert_eq!(i64::try_from(rewritten.count() + kept).unwrap(), JOBS);
    for (job_id, start) in site.published_jobs() {
        let archived = site.archived(job_id, start).unwrap();
        let values = archived.values("cpu_load", "n1").unwrap();
        assert!(values.iter().all(Option::is_some), "job {job_id}");
    }
}
