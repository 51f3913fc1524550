//! Whole sweeps over golden sites: what the program makes of them is what cc-backend made of them. Both
//! judges say so where the other one is here.

mod damage;

use crate::judge::{Outcome, Site, Verdict, judge, read_after, read_at_rest, walk};
use crate::support::golden::{self, Copy};
use crate::support::{python, shared};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Jobs fail or have no data on every site of the `edges` family, and a sweep over it says so.
const SOME_JOBS_FAILED: i32 = 3;
const ALL_ARCHIVED: i32 = 0;
const NOT_SUPPORTED: i32 = 12;

fn sweep(copy: &Copy, code: i32) {
    let output = golden::sweep(copy);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(code),
        "exit code; it said:\n{said}"
    );
}

/// Sweeps a copy of a site and judges what came of it; `code` is the exit code it should have.
fn sweep_and_judge(site: &Path, code: i32) -> (Copy, Verdict) {
    let copy = golden::to_sweep(site);
    sweep(&copy, code);
    let judged = Site::open(site).expect("the golden site reads");
    let verdict = judge(&judged, &copy.path()).expect("the swept copy reads");
    println!("{verdict}");
    assert!(verdict.wrong.is_empty(), "{verdict}");
    (copy, verdict)
}

fn both_judges(site: &Path, code: i32) -> Verdict {
    let (copy, verdict) = sweep_and_judge(site, code);
    for theirs in python::compare(site, &[(copy.path(), None)])
        .iter()
        .flatten()
    {
        theirs.assert_agrees(&verdict);
    }
    verdict
}

/// The 61 descriptions are the same on every carried site.
fn assert_outcomes(verdict: &Verdict) {
    let outcomes: Vec<_> = verdict.outcomes.iter().map(|(o, n)| (*o, *n)).collect();
    let expected = [
        (Outcome::Archived, 51),
        (Outcome::NotSelected, 5),
        (Outcome::UnknownEnd, 1),
        (Outcome::NoData, 2),
        (Outcome::Failed, 2),
    ];
    assert_eq!(outcomes, expected);
}

fn carried(name: &str) {
    assert_outcomes(&both_judges(&golden::unpack(name).path(), SOME_JOBS_FAILED));
}

#[test]
fn edges_is_archived_as_by_cc_backend() {
    carried("edges");
}

#[test]
fn edges_json_is_archived_as_by_cc_backend() {
    carried("edges-json");
}

#[test]
fn restart_is_archived_as_by_cc_backend() {
    carried("restart");
}

fn archived_whole(name: &str) {
    if let Some(site) = shared::golden(name) {
        let verdict = both_judges(&site, ALL_ARCHIVED);
        assert!(
            verdict.outcomes.keys().eq(&[Outcome::Archived]),
            "{verdict}"
        );
    }
}

#[test]
fn alex_is_archived_as_by_cc_backend() {
    archived_whole("alex");
}

#[test]
fn fritz_is_archived_as_by_cc_backend() {
    archived_whole("fritz");
}

#[test]
fn emmy_is_archived_as_by_cc_backend() {
    archived_whole("emmy");
}

/// Only cc-backend's rows are kept of it.
#[test]
fn perf_has_the_rows_of_cc_backend_and_its_archives_read_back() {
    if let Some(site) = shared::golden("perf") {
        sweep_and_judge(&site, ALL_ARCHIVED);
    }
}

/// A copy of `edges` with another database in the place of its own.
fn edges_with(database: &str) -> Option<Copy> {
    let database = shared::golden(&format!("versions/{database}"))?;
    let copy = golden::unpack("edges");
    let bytes = std::fs::read(database).expect("the database");
    std::fs::write(copy.db(), bytes).expect("job.db");
    Some(copy)
}

fn older_version(database: &str) {
    if let Some(site) = edges_with(database) {
        assert_outcomes(&both_judges(&site.path(), SOME_JOBS_FAILED));
    }
}

#[test]
fn a_database_of_version_9_gives_the_same() {
    older_version("job-v9.db");
}

#[test]
fn a_database_of_version_10_gives_the_same() {
    older_version("job-v10.db");
}

/// Every file with its bytes, but for ccarchive's own ledger and lock beside the database, and for what
/// `SQLite` leaves there when it has read a database in WAL mode: shared memory and an empty log.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut content = BTreeMap::new();
    for path in walk(folder).expect("the folder reads") {
        let name = path.display().to_string();
        if path.is_dir() || name.contains("job.db.ledger") || name.ends_with("job.db-shm") {
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        if !(bytes.is_empty() && name.ends_with("job.db-wal")) {
            content.insert(path, bytes);
        }
    }
    content
}

/// The files that are not the same in both.
fn changed(
    before: &BTreeMap<PathBuf, Vec<u8>>,
    after: &BTreeMap<PathBuf, Vec<u8>>,
) -> Vec<PathBuf> {
    let all = before.keys().chain(after.keys());
    let differs = |path: &&PathBuf| before.get(*path) != after.get(*path);
    all.filter(differs).cloned().collect()
}

#[test]
fn a_database_of_version_8_is_refused_and_nothing_changes() {
    if let Some(copy) = edges_with("job-v8.db") {
        let before = content(&copy.path());
        sweep(&copy, NOT_SUPPORTED);
        assert_eq!(
            changed(&before, &content(&copy.path())),
            Vec::<PathBuf>::new()
        );
    }
}

#[test]
fn a_site_with_everything_archived_has_nothing_to_do() {
    if let Some(copy) = edges_with("real-v10.db") {
        let before = content(&copy.path());
        let rows = format!("{:?}", read_at_rest(&copy.db()).expect("job.db").jobs);
        sweep(&copy, ALL_ARCHIVED);
        let after = read_after(&copy.db()).expect("job.db").jobs;
        assert!(rows == format!("{after:?}"), "rows changed");
        assert_eq!(
            changed(&before, &content(&copy.path())),
            Vec::<PathBuf>::new()
        );
    }
}
