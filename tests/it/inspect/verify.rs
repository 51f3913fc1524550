//! `verify`: what is sound is called so, and every fault that is planted is found.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;

use super::{ask, swept};
use crate::faults::shim::{Report, preload};
use crate::support::program::{program, run};
use crate::support::site::{CLUSTER, Site, T0};

const START: i64 = T0 + 600;

/// What is found at a site, as words.
fn found(site: &Site, arguments: &[&str]) -> Vec<String> {
    let ran = ask(site, &[&["verify", "--json"], arguments].concat());
    let findings = ran.objects("finding").into_iter();
    let mut words: Vec<String> = findings
        .map(|f| f["fault"].as_str().unwrap().to_owned())
        .collect();
    words.dedup();
    let notes = ["not_recorded", "meta_unfinished"];
    let expected = if words.iter().all(|w| notes.contains(&w.as_str())) {
        0
    } else {
        3
    };
    assert_eq!(ran.code(), expected, "{words:?} {}", ran.err);
    words
}

#[test]
fn what_a_sweep_wrote_is_sound() {
    let site = swept();
    assert_eq!(found(&site, &["--read-data"]), [""; 0]);
}

#[test]
fn every_planted_fault_is_found() {
    type Plant = fn(&Site);
    let cases: [(&str, &[&str], Plant); 16] = [
        ("missing", &[], |s| {
            fs::remove_dir_all(s.folder(1, START)).unwrap();
        }),
        ("no_row", &[], |s| {
            let sql = "DELETE FROM job WHERE job_id = 1";
            assert_eq!(s.db().execute(sql, []).unwrap(), 1);
        }),
        ("damaged", &[], |s| {
            fs::write(s.folder(1, START).join("meta.json"), "{\"jobId\":").unwrap();
        }),
        ("damaged", &["--read-data"], tear),
        ("other_job", &[], |s| s.set(1, "duration = 1800")),
        ("statistics", &["--read-data"], |s| {
            edit(s, "\"avg\":", "\"avg\":9");
        }),
        ("footprint", &[], |s| s.set(1, "footprint = '{}'")),
        ("meta_footprint", &[], |s| {
            edit_before(s, "\"energy\":", "\"energy\":7");
        }),
        // As cc-backend's own archiver leaves it: a note.
        ("meta_unfinished", &[], |s| {
            edit_before(s, "\"monitoringStatus\":3", "\"monitoringStatus\":1");
            edit_before(s, "\"energy\":", "\"energy\":7");
        }),
        ("not_recorded", &[], |s| s.set(1, "monitoring_status = 1")),
        ("stranger", &[], |s| {
            fs::write(s.folder(1, START).join("notes.txt"), "x").unwrap();
        }),
        // More thousands of jobs than a number can count.
        ("stranger", &[], |s| {
            let folder = format!("job-archive/{CLUSTER}/9223372036854775807/001/{START}");
            fs::create_dir_all(s.path(&folder)).unwrap();
        }),
        // No three digits, so that it is the place of no job, least of all of 1001.
        ("stranger", &[], |s| {
            let folder = format!("job-archive/{CLUSTER}/0/1001/{START}");
            fs::create_dir_all(s.path(&folder)).unwrap();
        }),
        ("no_cluster_json", &[], |s| {
            fs::create_dir(s.path("job-archive/renamed")).unwrap();
        }),
        ("empty_folder", &[], |s| {
            fs::create_dir(s.folder(1, START + 1)).unwrap();
        }),
        ("two_forms", &[], |s| {
            let other = ["data.json", "data.json.gz"];
            let here = |n: &&&str| !s.folder(1, START).join(n).exists();
            let name = other.iter().find(here).unwrap();
            fs::write(s.folder(1, START).join(name), "{}").unwrap();
        }),
    ];
    for (word, arguments, plant) in cases {
        let site = swept();
        plant(&site);
        let words = found(&site, arguments);
        assert!(words.iter().any(|w| w == word), "{word}: {words:?}");
    }
}

#[test]
fn a_medium_that_refuses_is_told_from_damage_and_nothing_is_removed_for_it() {
    let site = swept();
    let folder = site.folder(1, START);
    let [plain, gzip] = ["data.json", "data.json.gz"].map(|n| folder.join(n));
    let (here, other) = if plain.exists() {
        (plain, gzip)
    } else {
        (gzip, plain)
    };
    let sick = |arguments: &[&str], file: &Path| {
        let mut command = program();
        command.args(arguments).arg("--db").arg(site.path("job.db"));
        let rule = format!(
            "read|{START}/{}$|1|0|E5",
            file.file_name().unwrap().display()
        );
        let report = site.path("report");
        preload(&mut command, &[rule], &report);
        let ran = run(&mut command);
        assert!(Report::read(&report).done(0) > 0, "{}", ran.out);
        ran
    };
    let ran = sick(&["verify", "--read-data", "--json"], &here).expect(3);
    let faults: Vec<_> = ran.objects("finding");
    let faults: Vec<_> = faults
        .iter()
        .map(|f| f["fault"].as_str().unwrap())
        .collect();
    assert_eq!(faults, ["unreadable"]);
    // The form that cannot be read now may be the right one.
    fs::write(&other, "{}").unwrap();
    let ran = sick(&["verify", "--repair", "--json"], &here).expect(3);
    let repairs = ran.objects("repair");
    assert!(repairs.iter().all(|r| r["done"] == false), "{repairs:?}");
    assert!(here.exists() && other.exists());
}

#[test]
fn a_link_to_what_is_not_mounted_is_no_archive_that_is_missing() {
    let site = swept();
    let part = site.path(&format!("job-archive/{CLUSTER}/0"));
    fs::rename(&part, site.path("elsewhere")).unwrap();
    symlink(site.path("not-mounted"), &part).unwrap();
    let words = found(&site, &[]);
    assert!(words.iter().any(|w| w == "unreadable"), "{words:?}");
    assert!(!words.iter().any(|w| w == "missing"), "{words:?}");
}

/// Cuts the data file.
pub(super) fn tear(site: &Site) {
    let names = ["data.json", "data.json.gz"];
    let path = names
        .map(|n| site.folder(1, START).join(n))
        .into_iter()
        .find(|p| p.exists())
        .unwrap();
    let bytes = fs::read(&path).unwrap();
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(&bytes[..bytes.len() / 2]).unwrap();
}

/// Replaces a text in what meta.json says before the statistics.
fn edit_before(site: &Site, from: &str, to: &str) {
    let path = site.folder(1, START).join("meta.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
}

/// Replaces a text in meta.json, once.
fn edit(site: &Site, from: &str, to: &str) {
    let path = site.folder(1, START).join("meta.json");
    let text = fs::read_to_string(&path).unwrap();
    let at = text.find("\"statistics\"").unwrap();
    let (head, tail) = text.split_at(at);
    fs::write(&path, format!("{head}{}", tail.replacen(from, to, 1))).unwrap();
}

#[test]
fn a_run_goes_on_behind_the_row_where_another_ended() {
    let site = swept();
    fs::remove_dir_all(site.folder(1, START)).unwrap();
    assert_eq!(found(&site, &["--after", "1"]), [""; 0]);
    let boxed = ask(&site, &["verify", "--json", "--max-duration", "1ns"]).expect(124);
    assert_eq!(boxed.summary()["goOnAfter"], 0);
    assert_eq!(boxed.summary()["complete"], false);
}

#[test]
fn an_archive_of_another_version_is_a_finding() {
    let site = swept();
    fs::write(site.path("job-archive/version.txt"), "2\n").unwrap();
    let ran = ask(&site, &["verify", "--json"]).expect(12);
    let found = ran.objects("finding");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["fault"], "version");
    assert_eq!(found[0]["severity"], "error");
    assert!(found[0]["remedy"].as_str().unwrap().contains("version 3"));
    assert_eq!(ran.summary()["errors"], 1);
    assert_eq!(ran.summary()["complete"], false);
    let ran = ask(&site, &["verify", "--repair"]).expect(12);
    assert!(ran.out.starts_with("v "), "{}", ran.out);
    assert!(ran.out.contains("archive-migration"), "{}", ran.out);
    // The other commands have nothing to say about such an archive.
    ask(&site, &["status"]).refused(12, "version");
}

#[test]
fn database_and_archive_of_two_users_are_a_finding() {
    let site = swept();
    if chown(site.path("job.db"), Some(4242), Some(4242)).is_err() {
        println!("only root can give files away");
        return;
    }
    let ran = ask(&site, &["verify", "--json"]).expect(3);
    let found = ran.objects("finding");
    assert_eq!(found[0]["fault"], "owners", "{found:?}");
    assert!(
        found[0]["detail"].as_str().unwrap().contains("user 4242"),
        "{found:?}"
    );
    for folder in ["job-archive", "job-archive/alpha"] {
        chown(site.path(folder), Some(4242), Some(4242)).unwrap();
    }
    let ran = ask(&site, &["verify", "--json"]);
    assert!(
        ran.objects("finding")
            .iter()
            .all(|f| f["fault"] != "owners"),
        "{}",
        ran.out
    );
}
