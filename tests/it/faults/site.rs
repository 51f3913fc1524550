//! A generated site, what an undisturbed sweep makes of it, and what stands in a copy of it.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Bound;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::generator::{self, Plan};
use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;

use super::sweep::Sweep;
use crate::support::tree::copy_tree;

/// Jobs of the site; most are everyday ones.
const JOBS: u32 = 320;
/// Columns of the ledger that differ from sweep to sweep.
const TIMES: [&str; 3] = ["first_try", "last_try", "next_try"];

/// The site as it was written, and as a sweep leaves it.
pub(super) struct Base {
    root: TempDir,
    pub(super) pristine: State,
    pub(super) swept: State,
    /// Seconds of an undisturbed sweep.
    pub(super) seconds: f64,
    pub(super) binary: PathBuf,
}

impl Base {
    /// The present of the site is two days back, so that no data is still to come and no result depends on the clock.
    pub(super) fn new() -> Self {
        let now = jiff::Timestamp::now().as_second() / 3600 * 3600 - 2 * 86_400;
        let plan = Plan {
            broken: true,
            ..Plan::sized(now, 16, 3, JOBS)
        };
        let root = folder();
        // Other users take part in the tests.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let site = root.path().join("pristine");
        generator::write(&site, &plan).unwrap();
        let mut base = Self {
            pristine: State::of(&site),
            swept: State::default(),
            root,
            seconds: 0.0,
            binary: env!("CARGO_BIN_EXE_ccarchive").into(),
        };
        let copy = base.copy("swept");
        let begun = std::time::Instant::now();
        let ended = Sweep::new(&copy, &base.scratch("swept")).run();
        base.seconds = begun.elapsed().as_secs_f64();
        assert_eq!(ended.status.code(), Some(3), "{}", ended.said);
        base.swept = State::of(&copy);
        base
    }

    /// A copy of the site as it was written; one of that name is replaced.
    pub(super) fn copy(&self, name: &str) -> PathBuf {
        self.copy_of("pristine", name)
    }

    /// A copy of `pristine` or `swept`. What its ledger knows of the source holds for the copy's own.
    pub(super) fn copy_of(&self, which: &str, name: &str) -> PathBuf {
        let (from, to) = (self.root.path().join(which), self.root.path().join(name));
        if to.exists() {
            fs::remove_dir_all(&to).unwrap();
        }
        copy_tree(&from, &to);
        let ledger = to.join("job.db.ledger");
        if ledger.exists() {
            let connection = Connection::open(ledger).unwrap();
            for table in ["job", "source"] {
                let sql = format!("UPDATE {table} SET source = ?2 WHERE source = ?1");
                let renamed = connection.execute(&sql, [source_of(&from), source_of(&to)]);
                assert!(renamed.unwrap() > 0, "{table}");
            }
        }
        to
    }

    /// Copies the program to where other users can start it.
    pub(super) fn share_binary(&mut self) {
        let to = self.root.path().join("ccarchive");
        fs::copy(&self.binary, &to).unwrap();
        self.binary = to;
    }

    /// For the output of sweeps over that copy.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.root.path().join(format!("{name}-sweep"))
    }
}

/// The name of a site's source in its ledger.
fn source_of(site: &Path) -> String {
    let folder = fs::canonicalize(site).unwrap().join("checkpoints");
    folder.display().to_string()
}

/// A new folder, in memory where that is possible: what is killed is a process, not the kernel.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// A row of the job table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) status: i64,
    pub(super) duration: i64,
    pub(super) resources: String,
    /// `cluster/number/start` as in the ledger.
    pub(super) key: String,
    /// The job's folder below the site's.
    pub(super) folder: PathBuf,
    /// All columns but the status.
    columns: BTreeMap<String, String>,
}

impl Row {
    /// Whether the other differs in nothing but the status.
    pub(super) fn same_but_status(&self, other: &Self) -> bool {
        self.columns == other.columns
    }
}

/// Columns of a row by name, as text.
pub(super) type Columns = BTreeMap<String, String>;

/// All that stands in a site.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    pub(super) rows: BTreeMap<i64, Row>,
    /// The ledger's jobs, without times.
    pub(super) ledger: BTreeMap<String, Columns>,
    /// Every path below the site, with content where it is a file of no database.
    pub(super) files: BTreeMap<PathBuf, Option<Vec<u8>>>,
}

impl State {
    pub(super) fn of(site: &Path) -> Self {
        let mut files = BTreeMap::new();
        add_files(site, site, &mut files);
        Self {
            rows: rows(&site.join("job.db")),
            ledger: ledger(site),
            files,
        }
    }

    /// What the ledger has of a job.
    pub(super) fn of_ledger(&self, row: &Row) -> Columns {
        self.ledger.get(&row.key).cloned().unwrap_or_default()
    }

    /// With what another one's ledger has of jobs that were adopted, whose samples were not counted, and of archived jobs
    /// that are missing here: a sweep that is killed between the rows and the ledger leaves no trace there.
    pub(super) fn with_adopted_as_in(mut self, other: &Self) -> Self {
        let archived: Vec<&String> = self
            .rows
            .values()
            .filter(|r| r.status == 3)
            .map(|r| &r.key)
            .collect();
        for key in archived {
            let is_open = self
                .ledger
                .get(key)
                .is_some_and(|job| job["outcome"] != "adopted" || job["state"] != "done");
            if let Some(job) = other.ledger.get(key).filter(|_| !is_open) {
                self.ledger.insert(key.clone(), job.clone());
            }
        }
        self
    }

    /// Without what a further attempt changes.
    pub(super) fn without_attempts(mut self) -> Self {
        for job in self.ledger.values_mut() {
            job.remove("attempts");
            job.remove("failures");
        }
        self
    }

    /// The content of a folder.
    pub(super) fn below(&self, folder: &Path) -> BTreeMap<&Path, &Option<Vec<u8>>> {
        // Paths are in the order of their components, so what is below a folder follows it.
        self.files
            .range::<Path, _>((Bound::Included(folder), Bound::Unbounded))
            .take_while(|(path, _)| path.starts_with(folder))
            .map(|(path, content)| (path.as_path(), content))
            .collect()
    }

    /// Where the other differs, in words; at most some places.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let mut out = Vec::new();
        compare("row", &self.rows, &other.rows, &mut out);
        compare("ledger", &self.ledger, &other.ledger, &mut out);
        let short = |s: &Self| -> BTreeMap<_, _> {
            let short = |c: &Option<Vec<u8>>| c.as_ref().map(|b| (b.len(), crc32fast::hash(b)));
            s.files.iter().map(|(p, c)| (p.clone(), short(c))).collect()
        };
        compare("file", &short(self), &short(other), &mut out);
        out
    }
}

fn compare<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    a: &BTreeMap<K, V>,
    b: &BTreeMap<K, V>,
    out: &mut Vec<String>,
) {
    for key in a.keys().chain(b.keys().filter(|k| !a.contains_key(k))) {
        if a.get(key) != b.get(key) && out.len() < 6 {
            out.push(format!(
                "{what} {key:?}: {:?} != {:?}",
                a.get(key),
                b.get(key)
            ));
        }
    }
}

fn add_files(site: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Option<Vec<u8>>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(site).unwrap().to_path_buf();
        if path.is_dir() {
            files.insert(name, None);
            add_files(site, &path, files);
        } else {
            let database = name.to_string_lossy().starts_with("job.db");
            let content = (!database).then(|| fs::read(&path).unwrap());
            files.insert(name, content);
        }
    }
}

/// A copy of a database, read so that the database stays as a killed sweep left it.
struct Copy {
    connection: Connection,
    _folder: TempDir,
}

fn open(path: &Path) -> Copy {
    let folder = folder();
    for suffix in ["", "-wal"] {
        let name = format!("{}{suffix}", path.display());
        // The log may not be there.
        drop(fs::copy(name, folder.path().join(format!("copy{suffix}"))));
    }
    Copy {
        connection: Connection::open(folder.path().join("copy")).unwrap(),
        _folder: folder,
    }
}

/// All rows of a table, as text by column.
fn table(c: &Connection, name: &str) -> Vec<Columns> {
    let mut s = c.prepare(&format!("SELECT * FROM {name}")).unwrap();
    let names: Vec<String> = s.column_names().map(ToOwned::to_owned).collect();
    let rows = s.query_map([], |r| {
        let value = |(k, name): (usize, &String)| Ok((name.clone(), text(&r.get(k)?)));
        names.iter().enumerate().map(value).collect()
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn text(v: &Value) -> String {
    match v {
        Value::Text(t) => t.clone(),
        Value::Integer(n) => n.to_string(),
        Value::Blob(b) => String::from_utf8_lossy(b).into_owned(),
        Value::Real(_) | Value::Null => format!("{v:?}"),
    }
}

fn rows(database: &Path) -> BTreeMap<i64, Row> {
    let mut out = BTreeMap::new();
    for mut columns in table(&open(database).connection, "job") {
        let number = |name: &str| columns[name].parse::<i64>().unwrap();
        let (job, start, cluster) = (number("job_id"), number("start_time"), &columns["cluster"]);
        let row = Row {
            status: number("monitoring_status"),
            duration: number("duration"),
            resources: columns["resources"].clone(),
            key: format!("{cluster}/{job}/{start}"),
            folder: format!(
                "job-archive/{cluster}/{}/{:03}/{start}",
                job / 1000,
                job % 1000
            )
            .into(),
            columns: Columns::new(),
        };
        let id = number("id");
        columns.remove("monitoring_status");
        out.insert(id, Row { columns, ..row });
    }
    out
}

/// What the ledger has of jobs; the site's own source is called by the same name wherever the site lies.
fn ledger(site: &Path) -> BTreeMap<String, Columns> {
    let path = site.join("job.db.ledger");
    if !path.exists() {
        return BTreeMap::new();
    }
    let own = source_of(site);
    // A sweep may be killed before it has made the tables, and a test may have damaged the file.
    let copy = open(&path);
    let connection = &copy.connection;
    let sound = connection.query_row("PRAGMA quick_check", [], |r| r.get::<_, String>(0));
    let tables = connection.query_row("SELECT count(*) FROM sqlite_master", [], |r| {
        r.get::<_, i64>(0)
    });
    if sound.as_deref() != Ok("ok") || tables == Ok(0) {
        return BTreeMap::new();
    }
    let mut out = BTreeMap::new();
    for mut job in table(connection, "job") {
        for name in TIMES {
            job.remove(name);
        }
        if let Some(source) = job.get_mut("source").filter(|s| **s == own) {
            *source = "checkpoints".into();
        }
        let key = format!("{}/{}/{}", job["cluster"], job["job_id"], job["start_time"]);
        out.insert(key, job);
    }
    out
}
