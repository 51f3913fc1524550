//! Snapshots that are whole and say something impossible: wrong types, absurd numbers, deep nesting.

use std::fs;

use super::tiny::{Site, T, T2, series};
use crate::generator::encode;

/// Jobs that need the first snapshot of n2, which is JSON.
const JSON: [i64; 2] = [105, 110];
/// Jobs that need the first snapshot of n1, which is binary.
const BINARY: [i64; 3] = [101, 104, 110];

/// Each text as a JSON snapshot is refused with these words.
fn all_refused<const N: usize>(cases: [(String, &str); N]) {
    for (text, words) in cases {
        let site = Site::new();
        fs::write(site.checkpoint("n2/1700000000.json"), &text).unwrap();
        let swept = site.sweep();
        let detail = swept.only_fail(&JSON, "snapshot_broken");
        println!("{detail}");
        assert!(detail.contains(words), "{text:.80}: {detail}");
    }
}

#[test]
fn a_json_snapshot_of_wrong_types_or_times_is_refused_with_what_was_expected() {
    all_refused([
        ("[]".to_owned(), "a level of a snapshot"),
        ("null".to_owned(), "a level of a snapshot"),
        ("\"x\"".to_owned(), "a level of a snapshot"),
        (
            r#"{"metrics":[],"from":1,"to":2}"#.into(),
            "an object of metrics",
        ),
        (
            r#"{"children":{"socket0":7},"from":1,"to":2}"#.into(),
            "a level of a snapshot",
        ),
        (
            r#"{"from":"1700000000","to":2}"#.into(),
            "invalid type: string",
        ),
        (
            r#"{"from":1.5,"to":2}"#.into(),
            "invalid type: floating point",
        ),
        (
            r#"{"from":2,"to":1}"#.into(),
            "the second not before the first",
        ),
        (
            r#"{"from":0,"to":9223372036854775807}"#.into(),
            "expected two times in seconds",
        ),
        (
            r#"{"from":-9223372036854775808,"to":0}"#.into(),
            "expected two times in seconds",
        ),
        (r#"{"from":1e400,"to":0}"#.into(), "line 1 column"),
    ]);
}

#[test]
fn a_json_snapshot_with_an_impossible_series_is_refused_with_what_was_expected() {
    let series = |text: &str| {
        format!(r#"{{"metrics":{{"load":{text}}},"from":1700000000,"to":1700000300}}"#)
    };
    all_refused([
        (series("null"), "a series (an object"),
        (
            series(r#"{"frequency":60,"start":1700000010,"data":{}}"#),
            "an array of numbers and nulls",
        ),
        (
            series(r#"{"frequency":60,"start":1700000010,"data":[1,"2"]}"#),
            "invalid type: string",
        ),
        (
            series(r#"{"frequency":60,"start":1700000010,"data":[1e999]}"#),
            "out of range",
        ),
        (
            series(r#"{"frequency":60,"start":1700000010,"data":[NaN]}"#),
            "line 1 column",
        ),
        (
            series(r#"{"frequency":0,"start":1700000010,"data":[1]}"#),
            "`load` has 1 values with frequency 0",
        ),
        (
            series(r#"{"frequency":-60,"start":1700000010,"data":[1]}"#),
            "with frequency -60",
        ),
        (
            series(r#"{"frequency":9223372036854775807,"start":0,"data":[1]}"#),
            "expected seconds",
        ),
        (
            series(r#"{"frequency":1000000000000,"start":1,"data":[1,2,3]}"#),
            "expected seconds",
        ),
        (
            series(r#"{"frequency":60,"start":9223372036854775807,"data":[1]}"#),
            "expected seconds",
        ),
        (
            series(r#"{"frequency":60.5,"start":1,"data":[1]}"#),
            "invalid type: floating point",
        ),
        ("{\"children\":{\"a\":".repeat(1 << 16), "recursion limit"),
        ("[".repeat(1 << 20), "a level of a snapshot"),
        (
            format!("{{\"x\":{}", "[".repeat(1 << 20)),
            "EOF while parsing",
        ),
    ]);
}

#[test]
fn a_binary_snapshot_with_absurd_numbers_is_refused_with_what_was_expected() {
    let whole = encode::binary(&series(T, 100.0), T, T2);
    let cases: [(usize, &[u8], &str); 12] = [
        (0, &[0], "the mark of a binary snapshot"),
        (4, &i64::MAX.to_le_bytes(), "expected two times in seconds"),
        (12, &i64::MIN.to_le_bytes(), "expected two times in seconds"),
        (
            12,
            &(T - 1).to_le_bytes(),
            "the second not before the first",
        ),
        (20, &u32::MAX.to_le_bytes(), "expected seconds"),
        (20, &0_u32.to_le_bytes(), "bytes were expected"),
        (24, &u16::MAX.to_le_bytes(), "65535 bytes were expected"),
        (
            30,
            &0_i64.to_le_bytes(),
            "`load` has 5 values with frequency 0",
        ),
        (30, &(1_i64 << 39).to_le_bytes(), "expected seconds"),
        (38, &i64::MIN.to_le_bytes(), "expected seconds"),
        (
            46,
            &u32::MAX.to_le_bytes(),
            "17179869180 bytes were expected",
        ),
        (
            70,
            &1_u32.to_le_bytes(),
            "the snapshot ends at byte 136, but the file has 198 bytes",
        ),
    ];
    for (at, bytes, words) in cases {
        let site = Site::new();
        let mut file = whole.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        fs::write(site.checkpoint("n1/1700000000.bin"), &file).unwrap();
        let swept = site.sweep();
        let detail = swept.only_fail(&BINARY, "snapshot_broken");
        println!("byte {at}: {detail}");
        assert!(detail.contains(words), "byte {at}: {detail}");
    }
}

#[test]
fn a_binary_snapshot_that_nests_too_deep_is_refused() {
    let site = Site::new();
    let mut file = encode::binary(&[], T, T2);
    file.truncate(20);
    for _ in 0..10_000 {
        file.extend([0, 0, 0, 0, 1, 0, 0, 0, 1, 0, b'a']);
    }
    fs::write(site.checkpoint("n1/1700000000.bin"), file).unwrap();
    let swept = site.sweep();
    let detail = swept.only_fail(&BINARY, "snapshot_broken");
    assert!(detail.contains("levels nest deeper than 16"), "{detail}");
}

#[test]
fn a_sample_that_is_not_finite_costs_that_sample_only() {
    let site = Site::new();
    let mut bad = series(T, 100.0);
    bad[0].values.to_mut()[1] = f32::INFINITY;
    bad[0].values.to_mut()[2] = f32::NEG_INFINITY;
    fs::write(
        site.checkpoint("n1/1700000000.bin"),
        encode::binary(&bad, T, T2),
    )
    .unwrap();
    let json = r#"{"metrics":{"load":{"frequency":60,"start":1700000010,"data":[200,1e39,-1e39,201.5,202]}},"from":1700000000,"to":1700000300}"#;
    fs::write(site.checkpoint("n2/1700000000.json"), json).unwrap();
    let mut log = encode::log();
    for (k, value) in [
        (10, 1.0),
        (11, f32::NEG_INFINITY),
        (12, 2.0),
        (13, f32::NAN),
    ] {
        encode::record(&mut log, T + 10 + 60 * k, "", "load", value);
    }
    fs::write(site.checkpoint("n3/current.wal"), log).unwrap();
    let swept = site.sweep();
    swept.others_are_sound(&[101, 104, 105, 109, 110, 112, 113]);
    let load = |job: i64| {
        let data: serde_json::Value =
            serde_json::from_slice(&swept.job(job).files["data.json"]).unwrap();
        let series = data["load"]["node"]["series"].as_array().unwrap().clone();
        series
            .iter()
            .map(|s| s["data"].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(load(101), ["[100.0,null,null]"]);
    assert_eq!(load(105), ["[200.0,null,null]"]);
    // A series of which nothing is left is left out.
    assert!(!String::from_utf8_lossy(&swept.job(110).files["data.json"]).contains("load"));
    assert_eq!(load(109), ["[null,2.0,null]"]);
    for (job, unusable) in [(101, 2), (105, 2), (109, 1), (110, 4)] {
        let j = swept.job(job);
        assert_eq!((j.outcome, j.unusable), ("partial", unusable), "job {job}");
    }
}
