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

use crate::faults::shim::{Report, preload};
use crate::support::documents::{Documents, in_tree};
use crate::support::golden::{Unpacked, carried, unpack};
use crate::support::parquet_files::write;
use crate::support::program::{program, run};
use crate::support::shared::golden;
use crate::support::site::{CLUSTER, HOUR, NewJob, Site, folders};
use crate::support::snapshots::{STEP, rows};
use crate::support::tree::copy_tree;
use crate::support::wait::{now, short_or_long};

/// Sweeps a golden site of which the store removed snapshots: its logs are left, the Parquet files, and of the snapshots of each
/// host every `kept`th from the first on; none for 0.
fn swept_from_parquet(name: &str, kept: usize) {
    let original = golden(name);
    let folder = TempDir::new().unwrap();
    let site = folder.path();
    let database = fs::read(original.join("job.db")).unwrap();
    fs::write(site.join("job.db"), database).unwrap();
    let checkpoints = site.join("checkpoints");
    for part in ["job-archive", "checkpoints"] {
        copy_tree(&original.join(part), &site.join(part));
    }
    for host in folders(&checkpoints).iter().flat_map(|c| folders(c)) {
        for (k, snapshot) in snapshots(&host).iter().enumerate() {
            if kept == 0 || k % kept > 0 {
                fs::remove_file(snapshot).unwrap();
            }
        }
    }
    let mut parquet = std::ffi::OsString::from("parquet:");
    parquet.push(golden("parquet").join(name));
    let mut command = program();
    command.arg("run").arg("--db").arg(site.join("job.db"));
    // A site with JSON checkpoints has no logs.
    if name != "edges-json" || kept > 0 {
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
        "compare.py rejects {name}, of which every {kept}th snapshot is kept:\n{said}"
    );
}

/// The snapshots of a host, oldest first: their names have equally many digits.
fn snapshots(host: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(host).unwrap().map(|f| f.unwrap().path());
    let mut snapshots: Vec<_> = files.filter(|f| !f.ends_with("current.wal")).collect();
    snapshots.sort();
    snapshots
}

#[test]
#[ignore = "needs ../shared"]
fn golden_sites_are_archived_from_parquet_files_and_logs_as_from_checkpoints() {
    for name in ["edges", "edges-json", "restart", "alex", "fritz", "emmy"] {
        swept_from_parquet(name, 0);
    }
}

/// Some snapshots stayed behind, and the file holds them, too.
#[test]
#[ignore = "needs ../shared"]
fn golden_sites_are_archived_from_what_stayed_behind_and_parquet_files_between_it() {
    for name in ["edges", "edges-json", "restart", "alex", "fritz"] {
        swept_from_parquet(name, 2);
    }
}

/// What the real store made of the snapshots of four hosts of the carried site `edges`.
const REAL: &str = "edges-parquet";
/// The only file in it, of this cluster.
const FILE: &str = "1796057703.parquet";
const OF: &str = "tiny";
/// Jobs on these hosts: long and short ones, of part of a host, with accelerators, of two hosts.
const JOBS: &str = "1001,1010,1011,1012,1013,1016,1017,1018,1030,1031,1032,1044";

/// The site without its snapshots.
fn without_snapshots() -> Unpacked {
    let site = unpack("edges");
    for host in hosts(&site) {
        for snapshot in snapshots(&host) {
            fs::remove_file(snapshot).unwrap();
        }
    }
    site
}

/// The folders of its hosts.
fn hosts(site: &Unpacked) -> Vec<PathBuf> {
    folders(&site.path().join("checkpoints").join(OF))
}

/// A sweep of those jobs from the site's checkpoints, and from the Parquet files of the real store after them.
fn sweep_of(site: &Unpacked) -> Command {
    let mut command = program();
    command.arg("run").arg("--db").arg(site.db());
    command.args(["--job-id", JOBS]);
    command.arg("--source").arg(site.path().join("checkpoints"));
    let parquet = format!("parquet:{}", carried(REAL).display());
    command.args(["--source", &parquet]);
    command
}

/// The documents of those jobs.
fn documents(site: &Unpacked) -> Documents {
    in_tree(&site.path().join("job-archive").join(OF))
}

/// The documents that the snapshots give.
fn from_snapshots() -> Documents {
    let site = unpack("edges");
    run(&mut sweep_of(&site)).expect(0);
    let documents = documents(&site);
    assert_eq!(documents.len(), 12);
    documents
}

/// Whether two sets of documents are the same.
fn assert_same(expected: &Documents, found: &Documents) {
    for (key, document) in expected {
        assert!(found.get(key) == Some(document), "{key:?} differs");
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn a_file_of_the_real_store_gives_the_documents_that_its_snapshots_give() {
    let site = without_snapshots();
    run(&mut sweep_of(&site)).expect(0);
    assert_same(&from_snapshots(), &documents(&site));
}

/// What the store cannot read it leaves where it is, for ever; so the oldest snapshot of a host may be a torn one.
#[test]
fn a_torn_snapshot_that_stayed_behind_hides_no_parquet_file() {
    let site = without_snapshots();
    for host in hosts(&site) {
        fs::write(host.join("1000000000.bin"), "torn").unwrap();
    }
    run(&mut sweep_of(&site)).expect(0);
    assert_same(&from_snapshots(), &documents(&site));
}

/// One read that fails, wherever that is: among the rows of a job's host, of another one, or in the footer.
#[test]
fn a_read_that_fails_is_told_as_that_and_the_next_sweep_archives_everything() {
    let expected = from_snapshots();
    let folder = TempDir::new().unwrap();
    let report = folder.path().join("report");
    let swept = |rule: String| {
        let site = without_snapshots();
        let mut command = sweep_of(&site);
        preload(&mut command, &[rule], &report);
        let ran = run(command.args(["--workers", "2"]));
        (site, ran, Report::read(&report))
    };
    let (_, _, counted) = swept("read|.parquet|1|0|M0".into());
    let moments = short_or_long(12, 120).min(counted.calls(0));
    assert!(moments > 3, "{counted:?}");
    let mut hits = 0;
    for k in 0..moments {
        let at = 1 + (counted.calls(0) - 1) * k / (moments - 1);
        let (site, ran, hit) = swept(format!("read|.parquet|{at}|1|E5"));
        let said = format!("{}{}", ran.out, ran.err);
        hits += hit.done(0);
        for wrong in ["went away", "damaged", "footer"] {
            assert!(!said.contains(wrong), "read {at}: {said}");
        }
        if ran.code() != 0 {
            assert!(said.contains("Input/output error"), "read {at}: {said}");
        }
        run(&mut sweep_of(&site)).expect(0);
        assert_same(&expected, &documents(&site));
    }
    // How often two workers read the same footer is chance, so that a late moment may never come.
    assert!(hits * 2 > moments, "{hits} of {moments}");
}

/// Hazard 22.
#[test]
fn a_flipped_bit_anywhere_in_a_real_file_is_damage_or_another_value_and_never_a_panic() {
    let bytes = fs::read(carried(REAL).join(OF).join(FILE)).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(OF).join(FILE);
    fs::create_dir(path.parent().unwrap()).unwrap();
    let clock = Clock::starting_at(1_795_600_000);
    let request = Request {
        cluster: OF,
        subcluster: "",
        host: "t020",
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
    assert!(
        caught > 0,
        "a file has no checksum, but limits of its values"
    );
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

/// Hazard 16. All hosts begin where the snapshot does, so that nothing tells between which times their samples lie.
#[test]
fn a_phase_that_had_to_be_guessed_is_in_the_ledger_and_said() {
    let site = Site::new();
    let begin = (now() - 3 * HOUR).div_euclid(STEP) * STEP;
    site.insert(&NewJob::stopped(1, "n1", begin + HOUR, HOUR));
    let held = begin..begin + 2 * HOUR;
    let folder = site.path("parquet");
    let file = folder.join(CLUSTER).join(format!("{begin}.parquet"));
    write(&file, &[rows("n1", &held), rows("n2", &held)]);
    let source = format!("parquet:{}", folder.display());
    let ran = |arguments: &[&str]| {
        let mut command = program();
        command.args(arguments).arg("--db").arg(site.path("job.db"));
        run(command.args(["--source", &source])).expect(0)
    };
    let said = ran(&["run", "--dry-run", "-v"]);
    let said = format!("{}{}", said.out, said.err);
    assert!(
        said.contains("alpha has 1 Parquet file, newest file "),
        "{said}"
    );
    let swept = ran(&["run", "--json"]);
    assert_eq!(swept.objects("job")[0]["phaseGuessed"], true);
    assert_eq!(site.ledger(1, "guessed").unwrap(), 1);
    let told = ran(&["explain", "1"]).out;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("may stand one timestep too early or too late"),
        "{told}"
    );
    let again = ran(&["run", "-v", "--job-id", "1", "--force"]);
    let said = format!("{}{}", again.out, again.err);
    assert!(said.contains("may stand one step early or late"), "{said}");
}
