//! The metric store's Parquet files as a source, swept by the program as an operator runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ccarchive::model::clock::Clock;
use ccarchive::model::stop::Stop;
use ccarchive::rules::timeline::Interval;
use ccarchive::source::parquet::Parquet;
use ccarchive::source::{Request, Source};
use tempfile::TempDir;

use crate::support::golden::{carried, unpack};
use crate::support::program::{program, run};
use crate::support::shared::golden;

/// A folder with its content copied, as far as `wanted` says.
fn copy(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target, wanted);
        } else if wanted(&path) {
            // Written anew, since what is shared may be read-only.
            fs::write(target, fs::read(&path).unwrap()).unwrap();
        }
    }
}

/// Sweeps a golden site of which the store removed all snapshots: its logs are left, and the Parquet files.
fn swept_from_parquet(name: &str) {
    let original = golden(name);
    let folder = TempDir::new().unwrap();
    let site = folder.path();
    fs::write(
        site.join("job.db"),
        fs::read(original.join("job.db")).unwrap(),
    )
    .unwrap();
    copy(
        &original.join("job-archive"),
        &site.join("job-archive"),
        &|_| true,
    );
    let is_log = |path: &Path| path.ends_with("current.wal");
    let checkpoints = site.join("checkpoints");
    copy(&original.join("checkpoints"), &checkpoints, &is_log);
    let mut parquet = std::ffi::OsString::from("parquet:");
    parquet.push(golden("parquet").join(name));
    let mut command = program();
    command.arg("run").arg("--db").arg(site.join("job.db"));
    // A site with JSON checkpoints has no logs.
    if name != "edges-json" {
        command.arg("--source").arg(&checkpoints);
    }
    let ran = run(command.arg("--source").arg(parquet));
    assert!(matches!(ran.code(), 0 | 3), "{}", ran.err);
    let judged = Command::new("python3")
        .arg("-B")
        .arg(carried("compare.py"))
        .args([original.as_path(), site])
        .arg("-v")
        .output()
        .expect("python3 starts");
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(
        judged.status.success(),
        "compare.py rejects {name}:\n{said}"
    );
}

#[test]
#[ignore = "needs ../shared"]
fn golden_sites_are_archived_from_parquet_files_and_logs_as_from_checkpoints() {
    for name in ["edges", "edges-json", "restart", "alex", "fritz", "emmy"] {
        swept_from_parquet(name);
    }
}

/// The only Parquet file of a golden site.
fn file_of(site: &str) -> PathBuf {
    let mut folder = golden("parquet").join(site);
    while folder.is_dir() {
        folder = fs::read_dir(folder)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
    }
    folder
}

#[test]
#[ignore = "needs ../shared"]
fn a_flipped_bit_anywhere_in_a_real_file_is_damage_or_another_value_and_never_a_panic() {
    let original = file_of("alex");
    let bytes = fs::read(&original).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder
        .path()
        .join("alex")
        .join(original.file_name().unwrap());
    fs::create_dir(path.parent().unwrap()).unwrap();
    let clock = Clock::starting_at(1_795_600_000);
    let request = Request {
        cluster: "alex",
        subcluster: "",
        host: "a0604",
        metrics: &[],
        window: Interval::ALL,
    };
    let (mut caught, mut silent) = (0, 0);
    let flips = 60;
    for k in 0..flips {
        // Spread over the file, the footer as well, since that is its last part.
        let at = (bytes.len() - 1) * k / (flips - 1);
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (k % 8);
        fs::write(&path, damaged).unwrap();
        let source = Parquet::new(vec![folder.path().to_owned()], clock);
        match source.ask(&request, &Stop::new()) {
            Ok(evidence) if evidence.damaged.is_empty() => silent += 1,
            _ => caught += 1,
        }
    }
    println!("{caught} caught, {silent} without a word or of other hosts");
    assert_eq!(caught + silent, flips);
}

#[test]
fn an_operator_reads_what_is_wrong_with_a_parquet_folder() {
    let site = unpack("edges");
    let folder = TempDir::new().unwrap();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let source = |path: &Path| {
        let mut text = std::ffi::OsString::from("parquet:");
        text.push(path);
        run(program()
            .arg("run")
            .arg("--db")
            .arg(site.db())
            .arg("--source")
            .arg(text))
    };
    let ran = source(&folder.path().join("nowhere")).expect(2);
    assert!(ran.err.contains("the Parquet folder"), "{}", ran.err);
    assert!(ran.err.contains("does not exist"), "{}", ran.err);
    let ran = source(&file).expect(2);
    assert!(ran.err.contains("is a file"), "{}", ran.err);
    let ran = source(&empty).expect(1);
    let said = "holds no Parquet file of the metric store; expected one folder per cluster";
    assert!(ran.err.contains(said), "{}", ran.err);
    // A file that is being written is said and passed over.
    let half = folder.path().join("half/tiny");
    fs::create_dir_all(&half).unwrap();
    fs::write(half.join("1755000000.parquet"), "PAR1").unwrap();
    let ran = source(half.parent().unwrap());
    let said = "1755000000.parquet is passed over: no footer";
    assert!(ran.err.contains(said), "{}", ran.err);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
}
