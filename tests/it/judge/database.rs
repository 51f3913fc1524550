//! Everything in a job database: the job rows column by column with their storage class, tags, and every
//! other table and the schema as text.

use anyhow::{Context, Result, bail};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) jobs: BTreeMap<i64, Row>,
    /// Type, name and scope of a job's tags by ascending tag id.
    pub(crate) tags: HashMap<i64, Vec<[String; 3]>>,
    /// Rows of all other tables, sorted, and the schema.
    pub(crate) others: BTreeMap<String, Vec<String>>,
}

/// One row of the job table.
#[derive(Debug)]
pub(crate) struct Row {
    columns: Vec<(String, Value)>,
    pub(crate) id: i64,
    pub(crate) job_id: i64,
    pub(crate) cluster: String,
    pub(crate) subcluster: String,
    pub(crate) start: i64,
    pub(crate) duration: i64,
    pub(crate) nodes: i64,
    pub(crate) state: String,
    pub(crate) status: i64,
}

impl Row {
    fn new(columns: Vec<(String, Value)>) -> Result<Row> {
        let mut row = Row {
            columns,
            id: 0,
            job_id: 0,
            cluster: String::new(),
            subcluster: String::new(),
            start: 0,
            duration: 0,
            nodes: 0,
            state: String::new(),
            status: 0,
        };
        row.id = row.integer("id")?;
        row.job_id = row.integer("job_id")?;
        row.cluster = row.text("cluster")?;
        row.subcluster = row.text("subcluster")?;
        row.start = row.integer("start_time")?;
        row.duration = row.integer("duration")?;
        row.nodes = row.integer("num_nodes")?;
        row.state = row.text("job_state")?;
        row.status = row.integer("monitoring_status")?;
        Ok(row)
    }

    pub(crate) fn value(&self, column: &str) -> Result<&Value> {
        let found = self.columns.iter().find(|(name, _)| name == column);
        Ok(&found.with_context(|| format!("no column {column}"))?.1)
    }

    fn integer(&self, column: &str) -> Result<i64> {
        let value = self.value(column)?;
        let Value::Integer(n) = value else {
            bail!("column {column} holds {value:?}");
        };
        Ok(*n)
    }

    /// TEXT or BLOB.
    pub(crate) fn text(&self, column: &str) -> Result<String> {
        match self.value(column)? {
            Value::Text(text) => Ok(text.clone()),
            Value::Blob(bytes) => Ok(String::from_utf8(bytes.clone())?),
            other @ (Value::Null | Value::Integer(_) | Value::Real(_)) => {
                bail!("column {column} holds {other:?}")
            }
        }
    }

    /// The columns that `after` holds otherwise, storage class included.
    pub(crate) fn changed(&self, after: &Row, except: &[&str]) -> Vec<&str> {
        let differs = |(name, value): &&(String, Value)| {
            let same = after.value(name).is_ok_and(|v| v == value);
            !same && !except.contains(&name.as_str())
        };
        let names = self.columns.iter().filter(differs);
        names.map(|(name, _)| name.as_str()).collect()
    }
}

/// Reads a database that nobody writes, without leaving a trace beside it.
pub(crate) fn read_at_rest(path: &Path) -> Result<Database> {
    let uri = format!("file:{}?immutable=1", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    read(&Connection::open_with_flags(uri, flags)?)
}

/// Reads a database as a sweep left it, its write-ahead log included.
pub(crate) fn read_after(path: &Path) -> Result<Database> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    read(&Connection::open_with_flags(path, flags)?)
}

fn read(db: &Connection) -> Result<Database> {
    let mut jobs = BTreeMap::new();
    for columns in rows(db, "SELECT * FROM job")? {
        let row = Row::new(columns)?;
        jobs.insert(row.id, row);
    }
    Ok(Database {
        jobs,
        tags: tags(db)?,
        others: others(db)?,
    })
}

fn rows(db: &Connection, sql: &str) -> Result<Vec<Vec<(String, Value)>>> {
    let mut statement = db.prepare(sql)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let read = |row: &rusqlite::Row<'_>| {
        let columns = names.iter().enumerate();
        columns
            .map(|(i, name)| Ok((name.clone(), row.get(i)?)))
            .collect()
    };
    Ok(statement
        .query_map([], read)?
        .collect::<rusqlite::Result<_>>()?)
}

fn tags(db: &Connection) -> Result<HashMap<i64, Vec<[String; 3]>>> {
    let mut tags: HashMap<i64, Vec<[String; 3]>> = HashMap::new();
    let sql = "SELECT jt.job_id, t.tag_type, t.tag_name, t.tag_scope \
               FROM jobtag jt JOIN tag t ON t.id = jt.tag_id ORDER BY t.id";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let tag = [row.get(1)?, row.get(2)?, row.get(3)?];
        tags.entry(row.get(0)?).or_default().push(tag);
    }
    Ok(tags)
}

/// `SQLite`'s own tables hold nothing but estimates.
fn others(db: &Connection) -> Result<BTreeMap<String, Vec<String>>> {
    let mut others = BTreeMap::new();
    let mut statement = db.prepare(
        "SELECT name FROM sqlite_master \
         WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name != 'job'",
    )?;
    let names: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for name in names {
        let content = rows(db, &format!("SELECT * FROM \"{name}\""))?;
        let mut lines: Vec<String> = content.iter().map(|row| format!("{row:?}")).collect();
        lines.sort();
        others.insert(format!("table {name}"), lines);
    }
    let mut schema: Vec<String> = rows(db, "SELECT sql FROM sqlite_master")?
        .iter()
        .map(|row| format!("{row:?}"))
        .collect();
    schema.sort();
    others.insert("schema".to_owned(), schema);
    Ok(others)
}
