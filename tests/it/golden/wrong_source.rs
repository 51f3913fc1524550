//! A sweep from a wrong source writes nothing off: the next one, from the right source, makes what it would have made.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use tempfile::TempDir;

use super::sums::Sums;
use super::{SOME_JOBS_FAILED, approved, golden, sweep};
use crate::support::program::{program, run};
use crate::support::shared;

fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).unwrap();
    let mut all: Vec<PathBuf> = read.map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

/// The same clusters with a host that runs no job.
fn wrong(right: &Path, to: &Path) {
    for cluster in entries(right).iter().filter(|p| p.is_dir()) {
        let stranger = to.join(cluster.file_name().unwrap()).join("stranger");
        fs::create_dir_all(&stranger).unwrap();
        let hosts = entries(cluster);
        let files = hosts.iter().filter(|p| p.is_dir()).flat_map(|h| entries(h));
        let file = files
            .into_iter()
            .find(|f| !f.ends_with("current.wal"))
            .expect("a snapshot");
        fs::copy(&file, stranger.join(file.file_name().unwrap())).unwrap();
    }
}

#[test]
fn after_a_sweep_from_a_wrong_source_the_right_one_archives_everything() {
    for name in ["edges", "restart"] {
        let site = golden::unpack(name);
        let folder = tempfile::tempdir().unwrap();
        wrong(&site.path().join("checkpoints"), folder.path());
        let mut command = program();
        command.arg("run").arg("--db").arg(site.db());
        run(command.arg("--source").arg(folder.path())).expect(1);
        sweep(&site, SOME_JOBS_FAILED);
        let differences = Sums::of(&site.path()).differences(&approved(name));
        assert!(
            differences.is_empty(),
            "{name}:\n{}",
            differences.join("\n")
        );
    }
}

/// A copy of a golden site that is no part of the repository: database, archive and checkpoints.
fn copy(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    // Databases of older versions hold the jobs of `edges`.
    let (site, database) = match name {
        "v9" => ("edges", "versions/job-v9.db"),
        "v10" => ("edges", "versions/job-v10.db"),
        site => (site, ""),
    };
    for part in ["job.db", "job-archive", "checkpoints"] {
        let from = match part {
            "job.db" if !database.is_empty() => shared::golden(database),
            part => shared::golden(site).join(part),
        };
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(from).arg(folder.path().join(part));
        assert!(copy.status().unwrap().success());
    }
    if name == "perf" {
        // Of the largest by far one job in twenty is enough; the others have every kind of job.
        let db = Connection::open(folder.path().join("job.db")).unwrap();
        db.execute("DELETE FROM job WHERE id % 20 <> 0", [])
            .unwrap();
    }
    folder
}

#[test]
#[ignore = "needs ../shared"]
fn a_wrong_source_costs_no_golden_site_a_job() {
    for name in ["alex", "fritz", "emmy", "edges-json", "v9", "v10", "perf"] {
        let [undisturbed, disturbed] = [copy(name), copy(name)];
        let sweep = |site: &TempDir| {
            let mut command = program();
            run(command
                .arg("run")
                .arg("--db")
                .arg(site.path().join("job.db")))
        };
        let code = sweep(&undisturbed).code();
        let folder = tempfile::tempdir().unwrap();
        wrong(&disturbed.path().join("checkpoints"), folder.path());
        let mut command = program();
        command
            .arg("run")
            .arg("--db")
            .arg(disturbed.path().join("job.db"));
        let ran = run(command.arg("--source").arg(folder.path()));
        assert!(matches!(ran.code(), 1 | 3), "{name}: {:?}", ran.code());
        assert_eq!(sweep(&disturbed).code(), code, "{name}");
        let differences = Sums::of(disturbed.path()).differences(&Sums::of(undisturbed.path()));
        assert!(
            differences.is_empty(),
            "{name}:\n{}",
            differences.join("\n")
        );
    }
}
