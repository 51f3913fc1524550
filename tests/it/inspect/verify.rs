//! `verify`: what is sound is called so, and every fault that is planted is found.

use std::fs;
use std::io::Write;

use super::{ask, swept};
use crate::support::site::{Site, T0};

const START: i64 = T0 + 600;

/// What is found at a site, as words.
fn found(site: &Site, arguments: &[&str]) -> Vec<String> {
    let ran = ask(site, &[&["verify", "--json"], arguments].concat());
    let findings = ran.objects("finding").into_iter();
    let mut words: Vec<String> = findings
        .map(|f| f["fault"].as_str().unwrap().to_owned())
        .collect();
    words.dedup();
    let expected = if words.iter().all(|w| w == "not_recorded") {
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
    let cases: [(&str, &[&str], Plant); 11] = [
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
        ("not_recorded", &[], |s| s.set(1, "monitoring_status = 1")),
        ("stranger", &[], |s| {
            fs::write(s.folder(1, START).join("notes.txt"), "x").unwrap();
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
