//! `verify --repair`: what is safe is repaired after it was said, and the rest comes with the command that mends it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use ccarchive::jobs::lock;
use ccarchive::model::stop::Stop;
use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use super::verify::tear;
use super::{ask, swept};
use crate::support::site::{NewJob, Site, T0};

const START: i64 = T0 + 600;

/// The files of the archive.
fn archive(site: &Site) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![site.path("job-archive")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    files
}

/// A file of a sweep that was killed some time ago.
fn leave(path: &Path) {
    fs::write(path, "{").unwrap();
    let file = File::options().write(true).open(path).unwrap();
    let before = SystemTime::UNIX_EPOCH + Duration::from_secs(T0.unsigned_abs());
    file.set_modified(before).unwrap();
}

/// Gives job 1 the other form of its data too.
fn add_other_form(site: &Site, text: &str) {
    let folder = site.folder(1, START);
    let names = ["data.json", "data.json.gz"].map(|n| folder.join(n));
    let missing = names.iter().find(|p| !p.exists()).unwrap();
    let bytes = if missing.ends_with("data.json.gz") {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    } else {
        text.as_bytes().to_vec()
    };
    fs::write(missing, bytes).unwrap();
}

fn words(findings: &[Value]) -> Vec<&str> {
    findings
        .iter()
        .map(|f| f["fault"].as_str().unwrap())
        .collect()
}

#[test]
fn everything_that_is_safe_is_repaired_and_the_archive_is_as_the_sweep_left_it() {
    let site = swept();
    let sound = archive(&site);
    let folder = site.folder(1, START);
    leave(&folder.join(".ccarchive-data-00ff.tmp"));
    fs::create_dir(site.folder(1, START + 1)).unwrap();
    add_other_form(&site, "{}");
    fs::set_permissions(folder.join("meta.json"), fs::Permissions::from_mode(0o000)).unwrap();
    site.set(6, "monitoring_status = 2");

    let looked = ask(&site, &["verify", "--json"]).expect(3);
    let mut found = looked.objects("finding");
    found.sort_by_key(|f| f["fault"].to_string());
    let expected = [
        "empty_folder",
        "leftover",
        "not_recorded",
        "rights",
        "two_forms",
    ];
    assert_eq!(words(&found), expected);
    assert!(found.iter().all(|f| f["repair"] == "safe"), "{found:#?}");

    let said = ask(&site, &["verify", "--repair"]).expect(0);
    let (first, then) = said.out.split_once("To be repaired now").unwrap();
    assert!(!first.contains("repaired"), "{}", said.out);
    assert!(then.contains("6 on alpha"), "{}", said.out);
    assert!(
        then.contains("5 repairs; nothing that is wrong is left."),
        "{}",
        said.out
    );

    assert!(sound == archive(&site));
    let mode = fs::metadata(folder.join("meta.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o600, 0o600);
    assert_eq!(site.status(6), 3);
    let again = ask(&site, &["verify", "--json", "--read-data"]).expect(0);
    assert_eq!(words(&again.objects("finding")), [""; 0]);
}

#[test]
fn a_repair_in_json_tells_each_step_and_what_is_left() {
    let site = swept();
    fs::create_dir(site.folder(1, START + 1)).unwrap();
    fs::write(site.folder(1, START).join("notes.txt"), "x").unwrap();
    let closed = site.folder(6, T0 + 3 * 3600).join("meta.json");
    fs::set_permissions(closed, fs::Permissions::from_mode(0o000)).unwrap();
    let ran = ask(&site, &["verify", "--json", "--repair"]).expect(3);
    let repairs = ran.objects("repair");
    assert_eq!(words(&repairs), ["rights", "empty_folder"]);
    assert!(repairs.iter().all(|r| r["done"] == true), "{repairs:?}");
    assert_eq!(repairs[1]["job"]["startTime"], START + 1);
    assert_eq!(ran.summary()["repaired"], 2);
    assert_eq!(ran.summary()["left"], 1);
}

#[test]
fn what_no_repair_touched_is_left_also_in_the_place_of_a_job_that_was_archived_again() {
    let site = swept();
    tear(&site);
    fs::write(site.folder(1, START).join("notes.txt"), "x").unwrap();
    let ran = ask(&site, &["verify", "--read-data", "--json", "--repair"]).expect(3);
    assert_eq!(words(&ran.objects("repair")), ["damaged"]);
    assert_eq!(ran.summary()["repaired"], 1);
    assert_eq!(ran.summary()["left"], 1);
}

#[test]
fn what_is_wrong_with_a_folder_besides_its_rights_is_left() {
    let site = swept();
    let stray = site.path("job-archive/beta");
    fs::create_dir(&stray).unwrap();
    fs::set_permissions(&stray, fs::Permissions::from_mode(0o000)).unwrap();
    let ran = ask(&site, &["verify", "--json"]).expect(3);
    let mut found = ran.objects("finding");
    found.sort_by_key(|f| f["fault"].to_string());
    assert_eq!(words(&found), ["no_cluster_json", "rights"]);
    let ran = ask(&site, &["verify", "--json", "--repair"]).expect(3);
    assert_eq!(words(&ran.objects("repair")), ["rights"]);
    assert_eq!(ran.summary()["left"], 1);
}

#[test]
fn the_commands_that_are_printed_archive_the_jobs_again() {
    let site = swept();
    let sound = archive(&site);
    fs::remove_dir_all(site.folder(6, T0 + 3 * 3600)).unwrap();
    tear(&site);
    let ran = ask(&site, &["verify", "--read-data", "--json"]).expect(3);
    let found = ran.objects("finding");
    assert_eq!(words(&found), ["damaged", "missing"]);
    let program = Path::new(env!("CARGO_BIN_EXE_ccarchive"));
    for finding in found {
        let command = finding["command"].as_str().unwrap();
        let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
        let ended = Command::new("sh")
            .args(["-c", command])
            .env("PATH", path)
            .output()
            .unwrap();
        assert!(ended.status.success(), "{command}: {ended:?}");
    }
    assert!(sound == archive(&site));
    ask(&site, &["verify", "--read-data"]).expect(0);
}

#[test]
fn nothing_is_repaired_beside_a_sweep() {
    let site = swept();
    let empty = site.folder(1, START + 1);
    fs::create_dir(&empty).unwrap();
    let lock = lock::take(&site.path("job.db"), "now", Duration::ZERO, &Stop::new()).unwrap();
    let ran = ask(&site, &["verify", "--repair"]).expect(11);
    assert!(
        ran.err.contains("another sweep holds the lock"),
        "{}",
        ran.err
    );
    // What was found is told all the same.
    let ran = ask(&site, &["verify", "--repair", "--json"]).expect(11);
    assert_eq!(words(&ran.objects("finding")), ["empty_folder"]);
    assert_eq!(ran.summary()["repaired"], 0);
    assert_eq!(ran.summary()["left"], 1);
    assert!(empty.exists());
    drop(lock);
    ask(&site, &["verify", "--repair"]).expect(0);
    assert!(!empty.exists());
}

#[test]
fn what_a_living_sweep_is_writing_is_no_finding() {
    let site = swept();
    let path = site.folder(1, START).join(".ccarchive-data-00ff.tmp");
    leave(&path);
    let file = File::open(&path).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    ask(&site, &["verify", "--repair"]).expect(0);
    assert!(path.exists());
    // A program that another test is just starting may still have a copy of the file: closing ours would not end the lock.
    flock(&file, FlockOperation::Unlock).unwrap();
    ask(&site, &["verify"]).expect(3);
    ask(&site, &["verify", "--repair"]).expect(0);
    assert!(!path.exists());
}

#[test]
fn data_that_holds_more_than_what_meta_json_describes_is_left_to_a_person() {
    let site = swept();
    let folder = site.folder(1, START);
    let archived = site.archived(1, START).unwrap();
    let mut more = archived.data;
    let metric = more.as_object().unwrap().keys().next().unwrap().clone();
    let series = &mut more[&metric]["node"]["series"];
    let mut another = series[0].clone();
    another["hostname"] = "n9".into();
    series.as_array_mut().unwrap().push(another);
    add_other_form(&site, &more.to_string());
    let ran = ask(&site, &["verify", "--repair"]).expect(3);
    assert!(
        ran.out
            .contains("not repaired: the data that does not belong"),
        "{}",
        ran.out
    );
    assert!(folder.join("data.json").exists() && folder.join("data.json.gz").exists());
}

#[test]
fn what_cannot_be_repaired_in_place_is_archived_again_after_it_was_said() {
    let site = swept();
    let sound = archive(&site);
    fs::remove_dir_all(site.folder(6, T0 + 3 * 3600)).unwrap();
    tear(&site);
    // Whether it may be replaced is the sweep's to say: this one's source has nothing of it.
    site.set(2, "monitoring_status = 3");
    let ran = ask(&site, &["verify", "--read-data", "--repair"]).expect(3);
    let (first, then) = ran.out.split_once("To be archived again now").unwrap();
    assert!(!first.contains("archived again"), "{}", ran.out);
    assert!(
        then.contains("job 1 on alpha (started") && then.contains(": archived again"),
        "{then}"
    );
    assert!(
        then.contains("not repaired: none of the"),
        "why job 2 was not: {then}"
    );
    assert!(
        then.contains("--job-id 2 ") && !then.contains("--job-id 1 "),
        "{then}"
    );
    assert!(sound == archive(&site));
    site.set(2, "monitoring_status = 2");
    ask(&site, &["verify", "--read-data"]).expect(0);
}

#[test]
fn after_a_repair_only_the_jobs_that_were_not_archived_again_are_named() {
    let site = swept();
    let many: Vec<i64> = (100..130).collect();
    for id in &many {
        site.insert(&NewJob::stopped(*id, "n1", START, 0));
    }
    ask(&site, &["run"]).expect(0);
    for id in &many {
        fs::remove_dir_all(site.folder(*id, START)).unwrap();
    }
    let ran = ask(&site, &["verify"]).expect(3);
    assert!(ran.out.contains("\u{2026} and more: each"), "{}", ran.out);
    let ran = ask(&site, &["verify", "--repair"]).expect(0);
    assert!(ran.out.contains("30 repairs; nothing"), "{}", ran.out);
    assert!(!ran.out.contains("and more: each"), "{}", ran.out);
}
