//! What a sweep left of a site, as one line per document and row: the form in which the repository keeps the result that
//! compare.py approved.
//!
//! A line changes if anything that cc-backend could read changes: a byte of a document once it is unpacked, whether it is
//! packed, a column of a job's row and its storage class, another table, a file too many or too few. Lines depend neither
//! on the time nor on the machine, nor on how hard a document is compressed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use crate::support::gzip;

/// The columns that archiving a job changes.
const CHANGED: [&str; 4] = [
    "monitoring_status",
    "energy",
    "footprint",
    "energy_footprint",
];

/// What was looked at (`job 1001 on tiny at 1755000000: data.json.gz`) and what it holds.
#[derive(Debug, PartialEq)]
pub(super) struct Sums(BTreeMap<String, String>);

impl Sums {
    /// Of a site at rest.
    pub(super) fn of(site: &Path) -> Sums {
        let mut lines = BTreeMap::new();
        documents(&site.join("job-archive"), &mut Vec::new(), &mut lines);
        database(&site.join("job.db"), &mut lines);
        Sums(lines)
    }

    pub(super) fn parse(text: &str) -> Sums {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pair = |line: &str| {
            let (what, holds) = line.split_once(" = ").expect("a line of sums");
            (what.to_owned(), holds.to_owned())
        };
        Sums(lines.map(pair).collect())
    }

    pub(super) fn write(&self) -> String {
        self.0
            .iter()
            .fold(String::new(), |mut text, (what, holds)| {
                writeln!(text, "{what} = {holds}").expect("a string takes everything");
                text
            })
    }

    /// What is not as it was approved, one sentence each.
    pub(super) fn differences(&self, approved: &Sums) -> Vec<String> {
        let mut all: Vec<&String> = self.0.keys().chain(approved.0.keys()).collect();
        all.sort();
        all.dedup();
        let nothing = "nothing".to_owned();
        let mut differences = Vec::new();
        for what in all {
            let is = self.0.get(what).unwrap_or(&nothing);
            let should = approved.0.get(what).unwrap_or(&nothing);
            if is != should {
                differences.push(format!("{what} is {is}; approved is {should}"));
            }
        }
        differences
    }
}

/// The name of a file in the archive, with the job it belongs to if it lies in a job's folder.
fn title(path: &[String]) -> String {
    if let [cluster, high, low, start, document] = path
        && let (Ok(high), Ok(low)) = (high.parse::<i64>(), low.parse::<i64>())
    {
        return job(high * 1000 + low, cluster, start, document);
    }
    format!("archive: {}", path.join("/"))
}

fn job(id: i64, cluster: &str, start: &str, what: &str) -> String {
    format!("job {id} on {cluster} at {start}: {what}")
}

fn sum(bytes: &[u8]) -> String {
    format!("{:08x} ({} bytes)", crc32fast::hash(bytes), bytes.len())
}

fn documents(folder: &Path, path: &mut Vec<String>, lines: &mut BTreeMap<String, String>) {
    let entries: Vec<_> = fs::read_dir(folder).expect("a folder").collect();
    if entries.is_empty() {
        lines.insert(title(path), "an empty folder".to_owned());
    }
    for entry in entries {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        path.push(name);
        if entry.path().is_dir() {
            documents(&entry.path(), path, lines);
        } else {
            lines.insert(title(path), sum(&content(&entry.path())));
        }
        path.pop();
    }
}

/// The bytes of a file once it is unpacked.
fn content(file: &Path) -> Vec<u8> {
    let bytes = fs::read(file).expect("a file of the archive");
    if file.extension().is_some_and(|extension| extension == "gz") {
        gzip::unpack(&bytes)
    } else {
        bytes
    }
}

/// A line per row of the table of jobs, one per other table, and one for the schema.
fn database(file: &Path, lines: &mut BTreeMap<String, String>) {
    let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("job.db");
    let schema = "SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name";
    lines.insert("database: schema".to_owned(), sum(&rows(&db, schema)));
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'job'";
    let mut statement = db.prepare(tables).expect("the schema");
    let names = statement.query_map([], |row| row.get::<_, String>(0));
    for name in names.expect("the tables").map(|name| name.expect("a name")) {
        let all = rows(&db, &format!("SELECT * FROM \"{name}\""));
        lines.insert(format!("database: table {name}"), sum(&all));
    }
    let mut statement = db.prepare("SELECT * FROM job").expect("the jobs");
    let columns = statement
        .column_names()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    let mut jobs = statement.query([]).expect("the jobs");
    while let Some(row) = jobs.next().expect("a row") {
        let start = row.get::<_, i64>("start_time").expect("a start");
        let cluster: String = row.get("cluster").expect("a cluster");
        let id = row.get("job_id").expect("a job id");
        let what = job(id, &cluster, &start.to_string(), "row");
        lines.insert(what, job_row(row, &columns));
    }
}

fn job_row(row: &Row<'_>, columns: &[String]) -> String {
    let (mut said, mut rest) = (String::new(), Vec::new());
    for (k, column) in columns.iter().enumerate() {
        let value = stored(row, k);
        if CHANGED.contains(&column.as_str()) {
            write!(said, "{column} {value}, ").expect("a string takes everything");
        } else {
            rest.extend(format!("{column} {value}\n").bytes());
        }
    }
    said + "other columns " + &sum(&rest)
}

/// A value with its storage class.
fn stored(row: &Row<'_>, column: usize) -> String {
    match row.get_ref(column).expect("a column") {
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text).replace('\n', "\\n");
            format!("'{text}'")
        }
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Blob(bytes) => format!("blob '{}'", bytes.escape_ascii()),
        ValueRef::Null => "null".to_owned(),
    }
}

/// Everything that a query answers, as bytes.
fn rows(db: &Connection, query: &str) -> Vec<u8> {
    let mut statement = db.prepare(query).expect("a query");
    let columns = statement.column_count();
    let mut all = Vec::new();
    let mut rows = statement.query([]).expect("its rows");
    while let Some(row) = rows.next().expect("a row") {
        for column in 0..columns {
            all.extend(stored(row, column).bytes());
            all.push(b'\n');
        }
    }
    all
}
