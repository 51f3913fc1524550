//! Whole sweeps over golden sites: what the program makes of them is what cc-backend made of them.
//!
//! compare.py judges that, and CI holds every golden site to it (`.ci/run`). Here the sites that the repository carries
//! are held to the sums of a result that compare.py approved, which needs neither Python nor cc-backend's result. When a
//! result changes for a reason, `CCARCHIVE_TEST_RENEW=1 cargo test --test it approved` has compare.py judge the new one and
//! writes its sums, if compare.py approves.

mod damage;
mod sums;
mod wrong_source;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::golden::{self, Unpacked};
use crate::support::shared;
use sums::Sums;

/// Jobs fail or have no data on every site of the `edges` family, and a sweep over it says so.
const SOME_JOBS_FAILED: i32 = 3;
const ALL_ARCHIVED: i32 = 0;
const NOT_SUPPORTED: i32 = 12;
const RENEW: &str = "CCARCHIVE_TEST_RENEW=1 cargo test --test it approved";

fn sweep(site: &Unpacked, code: i32) {
    golden::sweep(site).expect(code);
}

/// A site that the repository carries, swept.
fn swept(name: &str) -> Unpacked {
    let site = golden::unpack(name);
    sweep(&site, SOME_JOBS_FAILED);
    site
}

fn approved(name: &str) -> Sums {
    let file = golden::carried(&format!("{name}.sums"));
    Sums::parse(&fs::read_to_string(file).expect("the approved sums"))
}

/// Writes the sums of a result, once compare.py has approved it.
fn renew(name: &str, result: &Path) {
    let judged = Command::new("python3")
        .arg("-B")
        .arg(golden::carried("compare.py"))
        .args([&shared::golden(name), result])
        .arg("-v")
        .output()
        .expect("python3 starts");
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "compare.py rejects it:\n{said}");
    let header = format!(
        "# What a sweep makes of the site {name}: checksums (CRC-32) of documents once unpacked, columns of rows.\n\
         # compare.py approved it. Never edit; {RENEW} renews.\n"
    );
    let file = golden::carried(&format!("{name}.sums"));
    fs::write(file, header + &Sums::of(result).write()).expect("the sums");
}

fn is_as_approved(name: &str) {
    let site = swept(name);
    if std::env::var_os("CCARCHIVE_TEST_RENEW").is_some() {
        renew(name, &site.path());
    }
    let differences = Sums::of(&site.path()).differences(&approved(name));
    assert!(
        differences.is_empty(),
        "{name} is not archived as approved:\n{}\nIf that is intended, run {RENEW}",
        differences.join("\n")
    );
}

#[test]
fn edges_is_archived_as_compare_py_approved() {
    is_as_approved("edges");
}

#[test]
fn edges_json_is_archived_as_compare_py_approved() {
    is_as_approved("edges-json");
}

#[test]
fn restart_is_archived_as_compare_py_approved() {
    is_as_approved("restart");
}

/// Every file of a folder with its bytes, but for ccarchive's own ledger and lock beside the database, and for what
/// `SQLite` leaves there when it has read a database in WAL mode: shared memory and an empty log.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut content = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(each) = folders.pop() {
        for entry in fs::read_dir(each).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .strip_prefix(folder)
                .expect("below")
                .display()
                .to_string();
            if path.is_dir() {
                folders.push(path);
            } else if !name.contains("job.db.ledger")
                && !name.ends_with("job.db.ccarchive.lock")
                && !name.ends_with("job.db-shm")
            {
                let bytes = fs::read(&path).expect("a file");
                if !(bytes.is_empty() && name.ends_with("job.db-wal")) {
                    content.push((name, bytes));
                }
            }
        }
    }
    content.sort();
    content
}

/// The files that are not the same in both.
fn changed<'a>(one: &'a [(String, Vec<u8>)], other: &'a [(String, Vec<u8>)]) -> Vec<&'a str> {
    let lacks = |files: &[(String, Vec<u8>)], file| !files.contains(file);
    let first = one.iter().filter(|file| lacks(other, file));
    let second = other.iter().filter(|file| lacks(one, file));
    first.chain(second).map(|(name, _)| name.as_str()).collect()
}

#[test]
#[ignore = "needs ../shared"]
fn the_packages_and_the_judge_are_those_of_shared() {
    for name in ["edges", "edges-json", "restart"] {
        let (site, original) = (golden::unpack(name), shared::golden(name));
        for folder in ["checkpoints", "job-archive"] {
            let ours = content(&site.path().join(folder));
            let theirs = content(&original.join(folder));
            assert_eq!(changed(&ours, &theirs), [""; 0], "{name}/{folder}");
        }
        let databases =
            [site.db(), original.join("job.db")].map(|file| fs::read(file).expect("job.db"));
        assert!(databases[0] == databases[1], "{name}/job.db");
    }
    for script in ["compare.py", "timeline.py"] {
        let texts = [golden::carried(script), shared::golden(script)]
            .map(|file| fs::read(file).expect("a script"));
        assert!(texts[0] == texts[1], "{script}");
    }
}

/// The site `edges` with another database in the place of its own.
fn edges_with(database: &str) -> Unpacked {
    let site = golden::unpack("edges");
    let bytes = fs::read(shared::golden(&format!("versions/{database}"))).expect("the database");
    fs::write(site.db(), bytes).expect("job.db");
    site
}

fn sweep_changes_nothing(database: &str, code: i32) {
    let site = edges_with(database);
    let before = content(&site.path());
    sweep(&site, code);
    assert_eq!(changed(&before, &content(&site.path())), [""; 0]);
}

#[test]
#[ignore = "needs ../shared"]
fn a_database_of_version_8_is_refused_and_nothing_changes() {
    sweep_changes_nothing("job-v8.db", NOT_SUPPORTED);
}

#[test]
#[ignore = "needs ../shared"]
fn a_site_with_everything_archived_has_nothing_to_do() {
    sweep_changes_nothing("real-v10.db", ALL_ARCHIVED);
}
