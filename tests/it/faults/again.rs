//! An archived job is archived again by name, and that sweep is killed: no sweep has to come to the job once more, so
//! the next one, whatever it is for, leaves the old archive or the new one, whole.

use std::collections::BTreeMap;
use std::path::Path;

use super::faulty::write_old;
use super::matrix::victim;
use super::site::{Base, Row, State};
use super::sweep::Sweep;

/// Where it is killed, and whether the new archive stays; by the form that the old data has. The new one is gzip.
const POINTS: [(&str, &str, bool); 11] = [
    ("data.json.gz", "rename|data.json|1|1|K0", false),
    ("data.json.gz", "rename|data.json|1|1|A0", false),
    ("data.json.gz", "rename|meta.json|1|1|K0", false),
    ("data.json.gz", "rename|meta.json|1|1|A0", true),
    ("data.json.gz", "unlink|.ccarchive-old-gzip|1|1|K0", true),
    ("data.json", "rename|data.json|1|1|K0", false),
    ("data.json", "rename|data.json|1|1|A0", false),
    ("data.json", "rename|meta.json|1|1|K0", false),
    ("data.json", "rename|meta.json|1|1|A0", true),
    ("data.json", "unlink|/data.json|1|1|K0", true),
    ("data.json", "unlink|/data.json|1|1|A0", true),
];

type Content<'a> = BTreeMap<&'a Path, &'a Option<Vec<u8>>>;

/// A sweep that is to archive a job again, over data of that form, after it was killed at that point.
fn killed(base: &Base, site: &Path, row: &Row, old: &str, point: &str) -> Sweep {
    write_old(&site.join(&row.folder), old);
    if old == "data.json" {
        std::fs::remove_file(site.join(&row.folder).join("data.json.gz")).unwrap();
    }
    // As if the new archive had other statistics than the one whose row this is.
    let database = rusqlite::Connection::open(site.join("job.db")).unwrap();
    let sql = "UPDATE job SET footprint = '{}', energy = 1 WHERE job_id = ?1";
    let job_id = row.key.split('/').nth(1).unwrap();
    assert_eq!(database.execute(sql, [job_id]).unwrap(), 1);
    drop(database);
    let mut key = row.key.split('/').skip(1);
    let mut word = || key.next().unwrap().to_owned();
    let mut sweep = Sweep::new(site, &base.scratch("again"));
    sweep.arguments = vec!["--job-id".into(), word(), "--start-time".into(), word()];
    sweep.rules = vec![point.into()];
    let ended = sweep.run();
    assert!(ended.report.killed(), "{point}: {}", ended.said);
    sweep.rules.clear();
    sweep
}

#[test]
fn archiving_again_and_being_killed_leaves_one_whole_archive() {
    let base = Base::new();
    let victim = victim(&base);
    let row = &base.swept.rows[&victim.id];
    for (old, point, new) in POINTS {
        let site = base.copy_of("swept", "again");
        // As it is before: what the sweep finds.
        write_old(&site.join(&row.folder), old);
        if old == "data.json" {
            std::fs::remove_file(site.join(&row.folder).join("data.json.gz")).unwrap();
        }
        let before = State::of(&site);
        let site = base.copy_of("swept", "again");
        let mut sweep = killed(&base, &site, row, old, point);
        sweep.arguments.clear();
        let ended = sweep.run();
        assert_eq!(ended.status.code(), Some(0), "{point}: {}", ended.said);
        let after = State::of(&site);
        let wanted: Content<'_> = if new { &base.swept } else { &before }.below(&row.folder);
        assert!(after.below(&row.folder) == wanted, "{point}: {:?}", {
            let there = after.below(&row.folder);
            there
                .keys()
                .map(|p| p.display().to_string())
                .collect::<Vec<_>>()
        });
        assert_eq!(after.rows[&victim.id].status, 3);
        if new {
            assert!(
                after.rows[&victim.id].same_but_status(row),
                "{point}: the row is that of the new archive"
            );
        }
        // What the ledger knew of the job it still knows.
        assert_eq!(after.of_ledger(row), before.of_ledger(row), "{point}");
    }
}

#[test]
fn without_the_ledger_a_killed_replacement_is_brought_in_order_when_its_job_is_named_again() {
    let base = Base::new();
    let victim = victim(&base);
    let row = &base.swept.rows[&victim.id];
    for (old, point, _) in POINTS {
        let site = base.copy_of("swept", "named-again");
        let sweep = killed(&base, &site, row, old, point);
        for suffix in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(
                site.join(format!("job.db.ledger{suffix}")),
            ));
        }
        let ended = sweep.run();
        assert_eq!(ended.status.code(), Some(0), "{point}: {}", ended.said);
        let after = State::of(&site);
        let is_new = after.below(&row.folder) == base.swept.below(&row.folder);
        assert!(is_new, "{point}");
    }
}
