//! A small site made by hand: one cluster of a few hosts, an empty job table of cc-backend's schema, checkpoints.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::generator::database;

use super::gzip;
use super::snapshots::{HostFiles, METRICS, STEP};
use super::tree::Tree;

/// The cluster's name.
pub(crate) const CLUSTER: &str = "alpha";
/// A whole minute to count from.
pub(crate) const T0: i64 = 1_780_000_020;
/// An hour, seconds.
pub(crate) const HOUR: i64 = 3600;

/// Where a site keeps things; may be shared between threads.
#[derive(Clone, Debug)]
pub(crate) struct Places(PathBuf);

/// A site in a folder of its own.
#[derive(Debug)]
pub(crate) struct Site {
    dir: TempDir,
    places: Places,
    /// Stands for cc-backend: as long as it is open, nobody else is the last to close the database.
    db: Connection,
}

/// A row of the job table, before it is inserted.
#[derive(Clone, Debug)]
pub(crate) struct NewJob {
    pub(crate) job_id: i64,
    pub(crate) cluster: String,
    pub(crate) subcluster: String,
    pub(crate) user: String,
    pub(crate) start: i64,
    pub(crate) duration: i64,
    pub(crate) walltime: i64,
    pub(crate) state: String,
    pub(crate) status: i64,
    pub(crate) hosts: Vec<String>,
}

impl NewJob {
    /// A stopped job, not archived, on one host.
    pub(crate) fn stopped(job_id: i64, host: &str, start: i64, duration: i64) -> Self {
        Self {
            job_id,
            cluster: CLUSTER.into(),
            subcluster: "main".into(),
            user: "ada".into(),
            start,
            duration,
            walltime: 0,
            state: "completed".into(),
            status: 1,
            hosts: vec![host.into()],
        }
    }

    pub(crate) fn running(job_id: i64, host: &str, start: i64) -> Self {
        Self {
            state: "running".into(),
            ..Self::stopped(job_id, host, start, 0)
        }
    }

    pub(crate) fn status(self, status: i64) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn insert(&self, c: &Connection) -> i64 {
        let resources: Vec<Value> = self.hosts.iter().map(|h| json!({"hostname": h})).collect();
        let sql = "INSERT INTO job (job_id, cluster, subcluster, start_time, hpc_user, project, cluster_partition,
            array_job_id, duration, walltime, job_state, resources, num_nodes, num_hwthreads, num_acc, shared,
            monitoring_status, footprint) VALUES (?1, ?2, ?3, ?4, ?5, 'p', 'main', 0, ?6, ?7, ?8, ?9, ?10, 0, 0, 'none',
            ?11, '{}')";
        c.prepare_cached(sql)
            .unwrap()
            .execute(params![
                self.job_id,
                self.cluster,
                self.subcluster,
                self.start,
                self.user,
                self.duration,
                self.walltime,
                self.state,
                Value::from(resources).to_string().into_bytes(),
                i64::try_from(self.hosts.len()).unwrap(),
                self.status,
            ])
            .unwrap();
        c.last_insert_rowid()
    }
}

/// Opens a database as cc-backend does.
pub(crate) fn connect(path: &Path) -> Connection {
    let c = Connection::open(path).unwrap();
    c.busy_timeout(Duration::from_secs(60)).unwrap();
    c.pragma_update(None, "foreign_keys", true).unwrap();
    c.pragma_update(None, "synchronous", "NORMAL").unwrap();
    c
}

/// The bytes of a database without jobs; made once.
fn template() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("job.db");
        let c = Connection::open(&path).unwrap();
        c.pragma_update(None, "journal_mode", "WAL").unwrap();
        database::create(&c).unwrap();
        drop(c);
        fs::read(path).unwrap()
    })
}

fn cluster_json(name: &str) -> String {
    let metrics: Vec<Value> = METRICS
        .iter()
        .map(|name| {
            json!({"name": name, "unit": {"base": ""}, "scope": "node", "timestep": STEP, "aggregation": "avg",
                "footprint": "avg", "peak": 100, "normal": 50, "caution": 10, "alert": 5})
        })
        .collect();
    let subcluster = |name, nodes| {
        json!({"name": name, "nodes": nodes,
            "topology": {"node": [0, 1], "socket": [[0, 1]], "memoryDomain": [[0, 1]], "core": [[0], [1]]}})
    };
    let subclusters = [subcluster("main", "n[1-9]"), subcluster("gpu", "g[1-9]")];
    json!({"name": name, "metricConfig": metrics, "subClusters": subclusters}).to_string()
}

/// Writes a cluster's configuration into the archive of a site.
fn configure(root: &Path, cluster: &str) {
    let folder = root.join("job-archive").join(cluster);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("cluster.json"), cluster_json(cluster)).unwrap();
}

/// What the archive holds of a job.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Archived {
    pub(crate) meta: Value,
    pub(crate) data: Value,
}

impl Archived {
    /// The values of a metric on a host; none where the archive has no such series.
    pub(crate) fn values(&self, metric: &str, host: &str) -> Option<Vec<Option<f64>>> {
        let series = self.data.get(metric)?.get("node")?.get("series")?;
        let one = series
            .as_array()
            .unwrap()
            .iter()
            .find(|s| s["hostname"] == host)?;
        Some(
            one["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(Value::as_f64)
                .collect(),
        )
    }
}

impl Deref for Site {
    type Target = Places;

    fn deref(&self) -> &Places {
        &self.places
    }
}

impl Places {
    pub(crate) fn of(root: &Path) -> Self {
        Self(root.to_owned())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// Another connection to the job database.
    pub(crate) fn connect(&self) -> Connection {
        connect(&self.path("job.db"))
    }

    /// Adds a cluster like the first, without checkpoints.
    pub(crate) fn add_cluster(&self, cluster: &str) {
        configure(&self.0, cluster);
    }

    pub(crate) fn host(&self, host: &str) -> HostFiles {
        HostFiles::new(&self.path("checkpoints").join(CLUSTER), host)
    }

    /// The folder of a job in the archive.
    pub(crate) fn folder(&self, job_id: i64, start: i64) -> PathBuf {
        let (thousands, rest) = (job_id / 1000, job_id % 1000);
        self.path("job-archive")
            .join(format!("{CLUSTER}/{thousands}/{rest:03}/{start}"))
    }

    /// What the archive holds of a job, as cc-backend reads it; a folder that is there must be whole.
    pub(crate) fn archived(&self, job_id: i64, start: i64) -> Option<Archived> {
        let folder = self.folder(job_id, start);
        folder.is_dir().then(|| read_archived(&folder))
    }

    /// Folders of jobs in the archive, as (job id, start).
    pub(crate) fn archived_jobs(&self) -> Vec<(i64, i64)> {
        let number =
            |p: &Path| -> i64 { p.file_name().unwrap().to_str().unwrap().parse().unwrap() };
        let mut out = Vec::new();
        for thousands in folders(&self.path("job-archive").join(CLUSTER)) {
            for rest in folders(&thousands) {
                for start in folders(&rest) {
                    out.push((number(&thousands) * 1000 + number(&rest), number(&start)));
                }
            }
        }
        out
    }

    /// Those of them whose files have their names: meta.json is the last to get it, long after the folder is made.
    pub(crate) fn published_jobs(&self) -> Vec<(i64, i64)> {
        let mut jobs = self.archived_jobs();
        jobs.retain(|(job_id, start)| self.folder(*job_id, *start).join("meta.json").exists());
        jobs
    }

    /// Every file and folder of the site.
    pub(crate) fn files(&self) -> Tree {
        Tree::of(&self.0)
    }
}

impl Site {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        configure(dir.path(), CLUSTER);
        fs::write(dir.path().join("job-archive/version.txt"), "3\n").unwrap();
        fs::create_dir_all(dir.path().join("checkpoints").join(CLUSTER)).unwrap();
        let path = dir.path().join("job.db");
        fs::write(&path, template()).unwrap();
        let db = connect(&path);
        let places = Places::of(dir.path());
        Self { dir, places, db }
    }

    /// The folder, with nobody at the database any more.
    pub(crate) fn leave(self) -> TempDir {
        self.dir
    }

    pub(crate) fn db(&self) -> &Connection {
        &self.db
    }

    pub(crate) fn insert(&self, job: &NewJob) -> i64 {
        job.insert(&self.db)
    }

    /// The `monitoring_status` of a job, by its number.
    pub(crate) fn status(&self, job_id: i64) -> i64 {
        self.column(job_id, "monitoring_status").unwrap()
    }

    /// A number in a job's row.
    pub(crate) fn column(&self, job_id: i64, column: &str) -> Option<i64> {
        let sql = format!("SELECT {column} FROM job WHERE job_id = ?1");
        self.db
            .query_row(&sql, [job_id], |r| r.get(0))
            .optional()
            .unwrap()
    }

    /// How many rows meet a condition.
    pub(crate) fn count(&self, condition: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM job WHERE {condition}");
        self.db.query_row(&sql, [], |r| r.get(0)).unwrap()
    }

    pub(crate) fn set(&self, job_id: i64, assignment: &str) {
        let sql = format!("UPDATE job SET {assignment} WHERE job_id = ?1");
        assert_eq!(self.db.execute(&sql, [job_id]).unwrap(), 1, "{sql}");
    }

    /// A number from the ledger; none where it has no such row.
    pub(crate) fn ledger(&self, job_id: i64, column: &str) -> Option<Value> {
        let c = Connection::open(self.path("job.db.ledger")).unwrap();
        let sql = format!("SELECT {column} FROM job WHERE job_id = ?1");
        c.query_row(&sql, [job_id], |r| {
            Ok(match r.get_ref(0)? {
                rusqlite::types::ValueRef::Integer(n) => Value::from(n),
                rusqlite::types::ValueRef::Real(x) => Value::from(x),
                rusqlite::types::ValueRef::Text(t) => Value::from(String::from_utf8_lossy(t)),
                rusqlite::types::ValueRef::Null | rusqlite::types::ValueRef::Blob(_) => Value::Null,
            })
        })
        .optional()
        .unwrap()
    }
}

/// Folders in a folder; none where it is missing.
pub(crate) fn folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_dir())
        .collect()
}

/// Reads a job's folder as cc-backend does; panics where it is not whole, or holds something else.
pub(crate) fn read_archived(folder: &Path) -> Archived {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let data = match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["data.json", "meta.json"] => fs::read(folder.join("data.json")).unwrap(),
        ["data.json.gz", "meta.json"] => {
            gzip::unpack(&fs::read(folder.join("data.json.gz")).unwrap())
        }
        _ => panic!("{} holds {names:?}", folder.display()),
    };
    Archived {
        meta: serde_json::from_slice(&fs::read(folder.join("meta.json")).unwrap()).unwrap(),
        data: serde_json::from_slice(&data).unwrap(),
    }
}
