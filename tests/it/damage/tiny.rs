//! The tiny site that is damaged: three hosts, snapshots of five values, fifteen jobs.
//!
//! | host | files | jobs in the first interval, the second, the log |
//! |---|---|---|
//! | n1 | .bin, .bin, log | 101, 102, 103; 104 over both snapshots |
//! | n2 | .json, .json | 105, 106 |
//! | n3 | .bin, .json, log | 107, 108, 109; 112 over all, 113 on one socket of it |
//!
//! The second snapshot of n2 begins with a first sample, so that each of its files tells by itself when samples came.
//! 110 ran on n1 and n2 in the first interval, 111 on n2 and n3 in the second; 114 is running, 115 is switched off.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::types::Value;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::generator::database;
use crate::generator::encode::{self, Series};
use crate::support::program::{Ran, limited, program, run};
use crate::support::site::Places;

/// Begin of the first snapshot's interval, Unix seconds.
pub(super) const T: i64 = 1_700_000_000;
/// Begin of the second's.
pub(super) const T2: i64 = T + 300;
/// Begin of the log.
pub(super) const T3: i64 = T + 600;
/// The present: whatever could still come has come.
pub(super) const NOW: i64 = T + 10 * 86_400;
/// The first sample of each host is so many seconds after T.
const FIRST: i64 = 10;

const CLUSTER: &str = r#"{"name": "tiny", "metricConfig": [
 {"name": "load", "unit": {"base": ""}, "scope": "node", "timestep": 60, "aggregation": "avg", "footprint": "avg",
  "peak": 4, "normal": 3, "caution": 2, "alert": 1},
 {"name": "mem", "unit": {"base": "B", "prefix": "G"}, "scope": "socket", "timestep": 60, "aggregation": "sum",
  "energy": "power", "peak": 4, "normal": 3, "caution": 2, "alert": 1}],
 "subClusters": [{"name": "main", "nodes": "n[1-3]",
  "topology": {"node": [0, 1], "socket": [[0], [1]], "memoryDomain": [[0, 1]], "core": [[0], [1]]}}]}
"#;

/// Job number, hosts, start after T, duration.
const JOBS: [(i64, &[&str], i64, i64); 15] = [
    (101, &["n1"], 30, 180),
    (102, &["n1"], 330, 180),
    (103, &["n1"], 660, 180),
    (104, &["n1"], 120, 360),
    (105, &["n2"], 30, 180),
    (106, &["n2"], 330, 180),
    (107, &["n3"], 30, 180),
    (108, &["n3"], 330, 180),
    (109, &["n3"], 660, 180),
    (110, &["n1", "n2"], 60, 120),
    (111, &["n2", "n3"], 360, 120),
    (112, &["n3"], 30, 840),
    (113, &["n3"], 90, 600),
    (114, &["n1"], 30, 0),
    (115, &["n1"], 30, 180),
];

/// Jobs that a sweep takes.
pub(super) const TAKEN: std::ops::RangeInclusive<i64> = 101..=113;

/// A site in a folder of its own.
pub(super) struct Site {
    _folder: TempDir,
    places: Places,
}

impl Deref for Site {
    type Target = Places;

    fn deref(&self) -> &Places {
        &self.places
    }
}

impl Site {
    pub(super) fn new() -> Self {
        let folder = scratch();
        let places = Places::of(folder.path());
        let site = Self {
            _folder: folder,
            places,
        };
        for (name, bytes) in files() {
            let path = site.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        site
    }

    /// A file of a host.
    pub(super) fn checkpoint(&self, name: &str) -> PathBuf {
        self.path("checkpoints/tiny").join(name)
    }

    /// The archive's folder of a job.
    pub(super) fn folder_of(&self, job: i64) -> PathBuf {
        let (_, _, start, _) = JOBS.iter().find(|j| j.0 == job).unwrap();
        self.path(&format!("job-archive/tiny/0/{job}/{}", T + start))
    }

    /// The database, with its checks switched off.
    pub(super) fn database(&self) -> Connection {
        let c = Connection::open(self.path("job.db")).unwrap();
        c.execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;")
            .unwrap();
        c
    }

    /// Lets every column hold anything, NULL too.
    pub(super) fn without_constraints(self) -> Self {
        let sql = "CREATE TABLE free AS SELECT * FROM job; DROP TABLE job; ALTER TABLE free RENAME TO job;";
        self.database().execute_batch(sql).unwrap();
        self
    }

    /// `ccarchive run` on the site.
    pub(super) fn run(&self, flags: &[&str]) -> Ran {
        self.run_by(program(), flags)
    }

    /// The same with so many megabytes of address space.
    pub(super) fn run_within(&self, megabytes: u32, flags: &[&str]) -> Ran {
        self.run_by(limited(&format!("-v {}", megabytes * 1024)), flags)
    }

    fn run_by(&self, mut command: Command, flags: &[&str]) -> Ran {
        command.arg("run").arg("--db").arg(self.path("job.db"));
        run(command.args(flags))
    }

    /// Sets a column of a job.
    pub(super) fn set(&self, job: i64, column: &str, value: impl rusqlite::ToSql) {
        let sql = format!("UPDATE job SET {column} = ?1 WHERE job_id = ?2");
        assert_eq!(self.database().execute(&sql, params![value, job]), Ok(1));
    }
}

/// In memory where that is possible: every sweep flushes the file system that it writes to.
pub(super) fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Every file of the site by its name, made once.
fn files() -> &'static [(&'static str, Vec<u8>)] {
    static FILES: std::sync::OnceLock<Vec<(&str, Vec<u8>)>> = std::sync::OnceLock::new();
    FILES.get_or_init(|| {
        let mut out = vec![
            ("job.db", database()),
            ("job-archive/version.txt", b"3".to_vec()),
            ("job-archive/tiny/cluster.json", CLUSTER.into()),
        ];
        let first = |host: &str| series(T, values(host));
        let second = |host: &str| series(T2, values(host));
        out.extend([
            (
                "checkpoints/tiny/n1/1700000000.bin",
                encode::binary(&first("n1"), T, T2),
            ),
            (
                "checkpoints/tiny/n1/1700000300.bin",
                encode::binary(&second("n1"), T2, T3),
            ),
            ("checkpoints/tiny/n1/current.wal", log("n1")),
            (
                "checkpoints/tiny/n2/1700000000.json",
                encode::json(&first("n2"), T, T2),
            ),
            (
                "checkpoints/tiny/n2/1700000300.json",
                encode::json(&second("n2"), T2, T3),
            ),
            (
                "checkpoints/tiny/n3/1700000000.bin",
                encode::binary(&first("n3"), T, T2),
            ),
            (
                "checkpoints/tiny/n3/1700000300.json",
                encode::json(&second("n3"), T2, T3),
            ),
            ("checkpoints/tiny/n3/current.wal", log("n3")),
        ]);
        out
    })
}

/// Tells the hosts' values apart.
fn values(host: &str) -> f32 {
    f32::from(host.as_bytes()[1] - b'0') * 100.0
}

/// The sample number `k` since T of a host.
fn value(base: f32, k: i64) -> f32 {
    base + f32::from(i16::try_from(k).unwrap()) * 0.5
}

const SERIES: [(&str, &str); 3] = [("", "load"), ("socket0", "mem"), ("socket1", "mem")];

/// What a snapshot of five minutes from `from` holds.
pub(super) fn series(from: i64, base: f32) -> Vec<Series<'static>> {
    // The first sample ever begins a series; later ones stand on the snapshot's own grid.
    let begins = from == T || base.total_cmp(&values("n2")).is_eq();
    let start = if begins { from + FIRST } else { from };
    let first = (from - T) / 60;
    SERIES
        .iter()
        .map(|&(child, metric)| Series {
            child,
            metric,
            step: 60,
            start,
            values: (first..first + 5).map(|k| value(base, k)).collect(),
        })
        .collect()
}

fn log(host: &str) -> Vec<u8> {
    let mut log = encode::log();
    for k in 10..15 {
        for (child, metric) in SERIES {
            encode::record(
                &mut log,
                T + FIRST + 60 * k,
                child,
                metric,
                value(values(host), k),
            );
        }
    }
    log
}

fn database() -> Vec<u8> {
    let folder = scratch();
    let path = folder.path().join("job.db");
    let c = Connection::open(&path).unwrap();
    database::create(&c).unwrap();
    c.execute_batch(
        "INSERT INTO tag (id, tag_type, tag_name) VALUES (1, 'class', 'good'), (2, 'class', 'bad')",
    )
    .unwrap();
    for (id, (job, hosts, start, duration)) in (1_i64..).zip(JOBS) {
        insert(&c, (id, job), hosts, (start, duration));
    }
    c.execute_batch("INSERT INTO jobtag (job_id, tag_id) VALUES (5, 1), (13, 2)")
        .unwrap();
    c.close().unwrap();
    fs::read(path).unwrap()
}

fn insert(c: &Connection, (id, job): (i64, i64), hosts: &[&str], (start, duration): (i64, i64)) {
    let threads = if job == 113 { ",\"hwthreads\":[1]" } else { "" };
    let hosts: Vec<String> = (hosts.iter())
        .map(|h| format!("{{\"hostname\":\"{h}\"{threads}}}"))
        .collect();
    let text = |t: String| match id % 2 {
        0 => Value::Blob(t.into_bytes()),
        _ => Value::Text(t),
    };
    let resources = text(format!("[{}]", hosts.join(",")));
    let state = if job == 114 { "running" } else { "completed" };
    let nodes = i64::try_from(hosts.len()).unwrap();
    c.execute(
        "INSERT INTO job (id, job_id, cluster, subcluster, start_time, hpc_user, project, cluster_partition,
         array_job_id, duration, walltime, job_state, meta_data, resources, num_nodes, num_hwthreads, num_acc,
         shared, monitoring_status, footprint) VALUES
         (?1, ?2, 'tiny', 'main', ?3, 'ann', 'lab', 'p', 0, ?4, 3600, ?5, ?6, ?7, ?8, 2, 0, 'none', ?9, 'null')",
        params![
            id,
            job,
            T + start,
            duration,
            state,
            text(format!("{{\"jobName\":\"j{job}\"}}")),
            resources,
            nodes,
            i64::from(job != 115),
        ],
    )
    .unwrap();
}

/// Puts something at a path with a command of the shell, such as `mkfifo` or `ln -s nothing`.
pub(super) fn make(command: &str, path: &Path) {
    let script = format!("{command} \"$0\"");
    let made = Command::new("sh").args(["-c", &script]).arg(path).status();
    assert!(made.unwrap().success(), "{command} {}", path.display());
}
