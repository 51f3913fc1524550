//! The program on damaged sites: config.json and database, exit codes, and bounded memory.

use std::fmt::Write as _;
use std::fs;

use super::tiny::Site;
use crate::support::program::{Ran, limited, program, run};
use crate::support::site as small;

/// Enough for the program and its threads (their stacks are only reserved), not for an absurd count.
const MEGABYTES: u32 = 400;

const CONFIG: &str = r#"{"main": {"db": "job.db"}, "archive": {"kind": "file", "path": "job-archive"},
 "metric-store": {"checkpoints": {"directory": "checkpoints"}, "retention-in-memory": "48h"}}"#;

fn with_config(site: &Site, text: &[u8]) -> Ran {
    let path = site.path("config.json");
    fs::write(&path, text).unwrap();
    let mut command = program();
    command.arg("run").arg("--config").arg(path);
    run(command.args(["--json", "--dry-run"]))
}

#[test]
fn a_config_cut_anywhere_is_refused_and_a_flipped_one_refused_or_used() {
    let site = Site::new();
    with_config(&site, CONFIG.as_bytes()).expect(0);
    for length in (0..CONFIG.len()).step_by(7) {
        with_config(&site, &CONFIG.as_bytes()[..length]).refused(2, "config.json line");
    }
    for at in (0..CONFIG.len()).step_by(5) {
        let mut bytes = CONFIG.as_bytes().to_vec();
        bytes[at] ^= 1 << (at % 7);
        let answer = with_config(&site, &bytes);
        answer.assert_printable();
        assert!(
            [0, 1, 2, 3].contains(&answer.code()),
            "byte {at}: {}",
            answer.err
        );
    }
    for text in [
        "[",
        "\u{1b}[31m",
        &"[".repeat(1 << 20),
        "\"x\"",
        r#"{"main": {"db": "\u001b[31m"}}"#,
    ] {
        with_config(&site, text.as_bytes()).refused(2, "ccarchive: ");
    }
}

#[test]
fn a_damaged_database_ends_the_program_with_its_reason() {
    let whole = fs::read(Site::new().path("job.db")).unwrap();
    let damaged = |bytes: &[u8]| {
        let site = Site::new();
        fs::write(site.path("job.db"), bytes).unwrap();
        site.run(&["--json"])
    };
    for length in [
        0,
        1,
        50,
        100,
        1024,
        4096,
        5000,
        9000,
        12_288,
        whole.len() / 2,
        whole.len() - 4096,
    ] {
        let answer = damaged(&whole[..length]);
        answer.assert_printable();
        println!(
            "{length} bytes: {} {}",
            answer.code(),
            answer.err.lines().last().unwrap_or_default()
        );
        assert!(
            [1, 12].contains(&answer.code()),
            "{length} bytes: {} {}",
            answer.code(),
            answer.err
        );
    }
    damaged(b"this is no database at all").refused(1, "is not a database");
    let mut page = whole.clone();
    page[4096..].fill(0xA5);
    let answer = damaged(&page);
    answer.assert_printable();
    assert_eq!(answer.code(), 1, "{}", answer.err);
}

#[test]
fn absurd_counts_and_sizes_take_no_memory() {
    let site = Site::new();
    let mut bin = fs::read(site.checkpoint("n1/1700000000.bin")).unwrap();
    bin[46..50].copy_from_slice(&u32::MAX.to_le_bytes());
    fs::write(site.checkpoint("n1/1700000000.bin"), &bin).unwrap();
    let huge = fs::File::options()
        .write(true)
        .open(site.checkpoint("n1/1700000300.bin"));
    huge.unwrap().set_len(1 << 30).unwrap();
    let json = r#"{"metrics":{"load":{"frequency":1,"start":-1000000000,"data":[1]}},"from":0,"to":1700000300}"#;
    fs::write(site.checkpoint("n2/1700000000.json"), json).unwrap();
    fs::File::create(site.checkpoint("n2/current.wal"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    let answer = site.run_within(MEGABYTES, &["--json", "--workers", "2"]);
    answer.assert_printable();
    println!("{}", answer.err);
    assert_eq!(
        (answer.code(), answer.summary()["archived"].as_u64()),
        (3, Some(8)),
        "{}",
        answer.out
    );
}

#[test]
fn absurd_rows_and_cluster_files_take_no_memory() {
    let site = Site::new();
    site.set(101, "duration", i64::from(i32::MAX));
    site.set(102, "start_time", i64::MAX);
    site.set(103, "num_nodes", i64::from(i32::MAX));
    site.set(104, "duration", 399 * 86_400);
    let text = fs::read_to_string(site.path("job-archive/tiny/cluster.json")).unwrap();
    let nodes = text.replace("n[1-3]", "n[1-3],x[0000000000-2147483647]");
    fs::write(site.path("job-archive/tiny/cluster.json"), nodes).unwrap();
    let answer = site.run_within(MEGABYTES, &["--json", "--workers", "2"]);
    answer.assert_printable();
    println!("{}", answer.err);
    let reasons: Vec<String> = (answer.out.lines())
        .filter(|l| l.contains("row_invalid") && l.contains("\"job\""))
        .map(str::to_owned)
        .collect();
    assert_eq!((answer.code(), reasons.len()), (3, 2), "{reasons:?}");
    let of_399_days = "\"id\":4,\"jobId\":104,\"outcome\":\"partial\"";
    assert!(answer.out.contains(of_399_days), "{}", answer.out);
}

#[test]
fn large_rows_take_no_memory_while_they_wait() {
    let site = small::Site::new();
    site.host("n1").bin(small::T0..small::T0 + small::HOUR);
    for job_id in 1..=300 {
        site.insert(&small::NewJob::stopped(
            job_id,
            "n1",
            small::T0 + job_id,
            600,
        ));
    }
    let script = "'{\"jobScript\":\"' || hex(zeroblob(700000)) || '\"}'";
    site.db()
        .execute(&format!("UPDATE job SET meta_data = {script}"), [])
        .unwrap();
    let mut command = limited(&format!("-v {}", MEGABYTES * 1024));
    command.arg("run").arg("--db").arg(site.path("job.db"));
    let answer = run(command.args(["--json", "--workers", "2", "--limit", "10"]));
    assert_eq!(
        (answer.code(), answer.summary()["archived"].as_u64()),
        (0, Some(10)),
        "{}",
        answer.err
    );
}

#[test]
fn a_host_that_takes_more_memory_than_is_given_fails_alone_and_is_archived_with_more() {
    let site = Site::new();
    let snapshot = site.checkpoint("n2/1700000000.json");
    let mut many = String::from("\"metrics\":{");
    for k in 0..200_000 {
        let start = "\"frequency\":60,\"start\":1700000010";
        write!(many, "\"m{k}\":{{{start},\"data\":[1]}},").unwrap();
    }
    let text = fs::read_to_string(&snapshot).unwrap();
    assert!(text.starts_with("{\"metrics\":{\""));
    fs::write(&snapshot, text.replacen("\"metrics\":{", &many, 1)).unwrap();
    let answer = site.run_within(MEGABYTES, &["--workers", "2", "--memory", "20M"]);
    assert_eq!(answer.code(), 3, "{}", answer.err);
    println!("{}", answer.err);
    for words in [
        "failed, load (host_too_large)",
        "n2/1700000000.json cannot be read: with it the files of this host hold more than the 128 MiB of memory that one host may take",
        "give the sweep more memory; --memory SIZE sets it",
    ] {
        assert!(answer.err.contains(words), "{words}: {}", answer.err);
    }
    site.run(&["--memory", "512M", "--retry-now"]).expect(0);
}
