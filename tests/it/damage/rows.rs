//! Rows of `job`: every column with what it should never hold.

use rusqlite::types::Value;

use super::swept::{Swept, sound};
use super::tiny::{Site, T, TAKEN};

fn text(t: &str) -> Value {
    Value::Text(t.into())
}

fn blob(b: &[u8]) -> Value {
    Value::Blob(b.into())
}

const NULL: Value = Value::Null;
const HUGE: Value = Value::Integer(1 << 40);
const MINUS: Value = Value::Integer(-1);
const LARGEST: Value = Value::Integer(i64::MAX);

/// Sweeps with one column of job 101 replaced.
fn with(column: &str, value: &Value) -> Swept {
    let site = Site::new().without_constraints();
    site.set(101, column, value);
    site.sweep()
}

/// Whether the job fails for its row, with these words, and leaves the others alone.
fn refused(column: &str, value: &Value, words: &str) {
    let swept = with(column, value);
    let detail = swept.only_fail(&[101], "row_invalid");
    println!("{detail}");
    assert!(
        detail.contains(column) && detail.contains(words),
        "{column} {value:?}: {detail}"
    );
    assert!(detail.len() < 3000, "{column}: {} bytes", detail.len());
}

#[test]
fn a_number_of_a_wrong_type_or_size_is_refused_by_the_name_of_its_column() {
    for column in ["start_time", "duration", "walltime", "smt", "num_nodes"] {
        refused(column, &NULL, "is NULL; expected an integer");
    }
    for column in [
        "start_time",
        "duration",
        "walltime",
        "smt",
        "num_nodes",
        "num_acc",
        "num_hwthreads",
        "array_job_id",
    ] {
        refused(column, &text("x"), "is a text; expected an integer");
        refused(column, &blob(b"60"), "is a blob; expected an integer");
        refused(
            column,
            &Value::Real(1.5),
            "is the number 1.5; expected an integer",
        );
    }
    for column in ["start_time", "duration"] {
        refused(column, &MINUS, "is negative");
        refused(column, &Value::Integer(i64::MIN), "is negative");
        refused(column, &LARGEST, "expected");
        refused(column, &Value::Integer(T * 1000), "expected");
    }
    refused(
        "duration",
        &Value::Integer(i64::from(i32::MAX)),
        "expected at most 34560000",
    );
    for column in ["num_nodes", "smt", "num_hwthreads", "num_acc"] {
        refused(column, &HUGE, "expected a number of 32 bits");
        refused(column, &LARGEST, "expected a number of 32 bits");
    }
    for n in [0, -1] {
        refused("num_nodes", &Value::Integer(n), "expected at least 1");
    }
}

#[test]
fn a_job_without_a_usable_number_is_refused_all_the_same() {
    for value in [NULL, text("x"), blob(b"1"), Value::Real(0.5)] {
        let site = Site::new().without_constraints();
        site.set(101, "job_id", &value);
        let swept = site.sweep();
        let detail = swept.only_fail(&[101], "row_invalid");
        println!("{detail}");
        assert!(
            detail.starts_with("job_id is") && detail.ends_with("expected an integer"),
            "{detail}"
        );
    }
    for value in [-1, i64::MIN] {
        let swept = with("job_id", &Value::Integer(value));
        assert_eq!(swept.only_fail(&[101], "row_invalid"), "job_id is negative");
    }
    let swept = with("job_id", &LARGEST);
    assert_eq!(swept.job(101).outcome, "complete");
}

#[test]
fn a_text_that_names_things_must_be_one() {
    for column in ["cluster", "subcluster", "job_state"] {
        refused(column, &blob(b"ti\xffny"), "is no UTF-8 text");
    }
    for column in ["cluster", "subcluster", "hpc_user", "project", "shared"] {
        refused(column, &NULL, "is NULL; expected a text");
    }
    for name in [
        "",
        ".",
        "..",
        "../tiny",
        "tiny/..",
        "/tiny",
        "ti\0ny",
        "a\\b",
        "\u{1b}[31m/",
        &"x".repeat(300),
    ] {
        refused("cluster", &text(name), "cannot be the name of a folder");
    }
    for state in ["", "weird", "Completed", "stopped", "\u{1b}[31m"] {
        refused(
            "job_state",
            &text(state),
            "expected one of boot_fail, cancelled, completed",
        );
    }
}

#[test]
fn a_cluster_or_subcluster_that_is_not_configured_is_named_as_a_terminal_may_see_it() {
    let unknown = |column, value: &str, reason, words: &str| {
        let swept = with(column, &text(value));
        let detail = swept.only_fail(&[101], reason);
        println!("{detail}");
        assert!(detail.contains(words), "{detail}");
    };
    unknown(
        "cluster",
        "other",
        "cluster_unknown",
        "cluster `other` has no cluster.json",
    );
    unknown(
        "cluster",
        "Tiny",
        "cluster_unknown",
        "cluster `Tiny` has no cluster.json",
    );
    unknown(
        "cluster",
        "a\u{7}\n",
        "cluster_unknown",
        "cluster `a\\u{7}\\n` has no",
    );
    unknown(
        "subcluster",
        "",
        "subcluster_unknown",
        "has no subcluster ``",
    );
    unknown(
        "subcluster",
        "ma\u{202e}in",
        "subcluster_unknown",
        "has no subcluster `ma\\u{202e}in`",
    );
}

#[test]
fn a_text_that_is_only_carried_over_may_be_anything() {
    for (column, key) in [
        ("hpc_user", "user"),
        ("project", "project"),
        ("cluster_partition", "partition"),
        ("shared", "shared"),
    ] {
        for (bytes, meta) in [
            (b"a\xff\xfe<b>".as_slice(), "a\u{fffd}\u{fffd}<b>"),
            (b"\"\\\x01\n\0", "\"\\\u{1}\n\0"),
            (b"\xf0\x9f\xa6\x80", "\u{1f980}"),
        ] {
            for value in [blob(bytes), Value::Text("\u{fffd}".into())] {
                let swept = with(column, &value);
                swept.others_are_sound(&[101]);
                let j = swept.job(101);
                assert_eq!(j.outcome, "complete", "{column}: {}", j.brief());
                let document: serde_json::Value =
                    serde_json::from_slice(&j.files["meta.json"]).unwrap();
                let expected = if value == blob(bytes) {
                    meta
                } else {
                    "\u{fffd}"
                };
                assert_eq!(document[key], expected, "{column}");
            }
        }
    }
}

#[test]
fn a_text_column_whose_text_is_no_utf8_is_read_as_its_bytes() {
    let site = Site::new();
    let sql = "UPDATE job SET hpc_user = CAST(x'61FF' AS TEXT), meta_data = CAST(x'7B2261223A22FF227D' AS TEXT) WHERE job_id = 101";
    site.database().execute(sql, []).unwrap();
    let sql = "UPDATE job SET cluster = CAST(x'FF' AS TEXT) WHERE job_id = 102";
    site.database().execute(sql, []).unwrap();
    let swept = site.sweep();
    swept.others_are_sound(&[101, 102]);
    assert_eq!(swept.job(101).outcome, "complete");
    let meta = String::from_utf8_lossy(&swept.job(101).files["meta.json"]).into_owned();
    assert!(meta.contains(r#""user":"a\ufffd""#), "{meta}");
    assert_eq!(swept.job(102).detail, "cluster is no UTF-8 text");
}

#[test]
fn numbers_that_may_be_missing_or_mean_nothing_do_not_stop_a_job() {
    for (column, value) in [
        ("array_job_id", NULL),
        ("array_job_id", LARGEST),
        ("num_hwthreads", NULL),
        ("num_hwthreads", MINUS),
        ("num_acc", NULL),
        ("num_acc", MINUS),
        ("walltime", LARGEST),
        ("walltime", MINUS),
        ("smt", MINUS),
        ("cluster_partition", NULL),
        ("meta_data", NULL),
        ("submit_time", text("x")),
        ("energy", text("x")),
        ("footprint", blob(b"\xff{")),
        ("energy_footprint", Value::Integer(7)),
    ] {
        let swept = with(column, &value);
        swept.others_are_sound(&[101]);
        assert_eq!(
            swept.job(101).outcome,
            "complete",
            "{column}: {}",
            swept.job(101).brief()
        );
        assert_eq!(swept.job(101).row, sound().job(101).row, "{column}");
    }
}

#[test]
fn metadata_that_is_no_object_of_texts_is_refused() {
    for bad in [
        "{",
        "[]",
        "1",
        "\"x\"",
        r#"{"a":1}"#,
        r#"{"a":{}}"#,
        r#"{"a":"b""#,
        "{1:2}",
        "\u{1b}",
    ] {
        for value in [text(bad), blob(bad.as_bytes())] {
            refused("meta_data", &value, "is not a JSON object of texts");
        }
    }
    refused(
        "meta_data",
        &blob(&b"[".repeat(1 << 20)),
        "is not a JSON object of texts",
    );
    refused(
        "meta_data",
        &text(&format!("\"{}\"", "x".repeat(1 << 20))),
        "is not a JSON object of texts",
    );
    for fine in [
        "",
        "null",
        "{}",
        r#"{"a":null}"#,
        r#"{"a":"b"} and more"#,
        r#"{"a":"1","a":"2"}"#,
        "{\"\":\"\\u0000\"}",
    ] {
        let swept = with("meta_data", &text(fine));
        assert_eq!(
            swept.job(101).outcome,
            "complete",
            "{fine}: {}",
            swept.job(101).brief()
        );
    }
}

#[test]
fn jobs_that_have_not_stopped_or_are_not_monitored_are_never_touched() {
    let states = [
        blob(b"running"),
        text("running"),
        text("pending"),
        blob(b"suspended"),
        NULL,
    ];
    let statuses = [
        NULL,
        Value::Integer(0),
        Value::Integer(3),
        Value::Integer(7),
        text("x"),
        Value::Real(1.5),
    ];
    let cases = (states.iter().map(|v| ("job_state", v)))
        .chain(statuses.iter().map(|v| ("monitoring_status", v)));
    for (column, value) in cases {
        let swept = with(column, value);
        assert_eq!(swept.jobs.len(), TAKEN.count() - 1, "{column} {value:?}");
        assert!(!swept.jobs.contains_key(&1), "{column} {value:?}");
    }
}

#[test]
fn tags_may_be_anything_and_orphans_are_passed_over() {
    let site = Site::new();
    site.database()
        .execute_batch(
            "INSERT INTO tag (id, tag_type, tag_name, tag_scope) VALUES
               (3, CAST(x'FF' AS TEXT), x'00', CAST(x'C3' AS TEXT)), (4, '', '\"\\', '');
             INSERT INTO jobtag (job_id, tag_id) VALUES (1, 4), (1, 3), (1, 99), (77, 1), (NULL, 1), (1, NULL);",
        )
        .unwrap();
    let swept = site.sweep();
    swept.others_are_sound(&[101]);
    let meta: serde_json::Value =
        serde_json::from_slice(&swept.job(101).files["meta.json"]).unwrap();
    let tag = |kind: &str, name: &str, scope: &str| serde_json::json!({"type": kind, "name": name, "scope": scope, "id": 0});
    let expected = [tag("\u{fffd}", "\0", "\u{fffd}"), tag("", "\"\\", "")];
    assert_eq!(meta["tags"].as_array().unwrap(), &expected);
}
