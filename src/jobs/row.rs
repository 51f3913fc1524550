//! One row of `job` to a [`Job`]: every column is checked, since others wrote it.
//!
//! The JSON columns come as TEXT or as BLOB (cc-backend binds byte slices); numbers that may be NULL read as 0.

use rusqlite::Row;
use rusqlite::types::{Value, ValueRef};

use crate::model::job::{
    Head, Job, JobKey, LATEST_START, LONGEST_JOB, STATES, Shown, Tag, Text, is_path_component,
    parse_meta_data, parse_resources,
};

/// The columns that [`head`] reads, in this order.
pub(super) const HEAD_COLUMNS: &str =
    "id, job_id, cluster, start_time, duration, job_state, monitoring_status";

/// The columns that [`head`] and [`job`] read, in this order.
pub(super) const COLUMNS: &str = "id, job_id, cluster, start_time, duration, job_state, monitoring_status, \
    subcluster, hpc_user, project, cluster_partition, shared, array_job_id, walltime, smt, num_nodes, \
    num_hwthreads, num_acc, resources, meta_data";

/// The bytes of a text column; none where it holds something else.
pub(super) fn bytes_of<'r>(r: &'r Row<'_>, k: usize) -> rusqlite::Result<&'r [u8]> {
    Ok(bytes(r.get_ref(k)?).unwrap_or_default())
}

/// A number; 0 where the column holds something else.
pub(super) fn number_of(r: &Row<'_>, k: usize) -> rusqlite::Result<i64> {
    Ok(integer(r.get_ref(k)?).unwrap_or(0))
}

/// Who the row is about; columns of a wrong type read as zero values here and are reported by [`job`].
pub(super) fn head(r: &Row<'_>) -> rusqlite::Result<Head> {
    let number = |k: usize| number_of(r, k);
    let text = |k: usize| -> rusqlite::Result<String> {
        Ok(String::from_utf8_lossy(bytes(r.get_ref(k)?).unwrap_or_default()).into_owned())
    };
    Ok(Head {
        id: number(0)?,
        key: JobKey {
            cluster: text(2)?,
            job_id: number(1)?,
            start_time: number(3)?,
        },
        duration: number(4)?,
        state: text(5)?,
        status: number(6)?,
    })
}

/// The whole row, tags aside; `Err` holds the sentence that says what is wrong with it.
pub(super) fn job(r: &Row<'_>, head: &Head) -> rusqlite::Result<Result<Job, String>> {
    let values: Vec<Value> = (0..20)
        .map(|k| r.get_ref(k).map(value))
        .collect::<Result<_, _>>()?;
    Ok(decode(&values, head))
}

/// A column's value; a text that is no UTF-8 comes as its bytes.
fn value(v: ValueRef<'_>) -> Value {
    Value::try_from(v).unwrap_or_else(|_| Value::Blob(bytes(v).unwrap_or_default().to_vec()))
}

fn decode(values: &[Value], head: &Head) -> Result<Job, String> {
    let row = Columns(values);
    for (k, name) in [(1, "job_id"), (3, "start_time"), (4, "duration")] {
        if row.number(k, name)? < 0 {
            return Err(format!("{name} is negative"));
        }
    }
    if head.key.start_time >= LATEST_START {
        return Err(format!(
            "start_time is {}; expected seconds since 1970",
            head.key.start_time
        ));
    }
    if head.duration > LONGEST_JOB {
        return Err(format!(
            "duration is {} s; expected at most {LONGEST_JOB}",
            head.duration
        ));
    }
    let cluster = row.utf8(2, "cluster")?;
    if !is_path_component(&cluster) {
        return Err(format!(
            "cluster `{}` cannot be the name of a folder",
            Shown(&cluster)
        ));
    }
    let state = row.utf8(5, "job_state")?;
    if !STATES.contains(&state.as_str()) {
        return Err(format!(
            "job_state is `{}`; expected one of {}",
            Shown(&state),
            STATES.join(", ")
        ));
    }
    let num_nodes = row.small(15, "num_nodes")?;
    if num_nodes < 1 {
        return Err(format!("num_nodes is {num_nodes}; expected at least 1"));
    }
    Ok(Job {
        head: head.clone(),
        subcluster: row.utf8(7, "subcluster")?,
        user: row.text(8, "hpc_user")?,
        project: row.text(9, "project")?,
        partition: row.optional_text(10, "cluster_partition")?,
        shared: row.text(11, "shared")?,
        array_job_id: row.optional_number(12, "array_job_id")?,
        walltime: row.number(13, "walltime")?,
        smt: row.small(14, "smt")?,
        num_nodes,
        num_hwthreads: row.optional_small(16, "num_hwthreads")?,
        num_acc: row.optional_small(17, "num_acc")?,
        resources: parse_resources(&row.text(18, "resources")?.0)?,
        meta_data: parse_meta_data(Some(&row.optional_text(19, "meta_data")?.0))?,
        tags: Vec::new(),
    })
}

struct Columns<'a>(&'a [Value]);

impl Columns<'_> {
    fn number(&self, k: usize, name: &str) -> Result<i64, String> {
        let value = &self.0[k];
        let Value::Integer(n) = value else {
            return Err(format!("{name} is {}; expected an integer", kind(value)));
        };
        Ok(*n)
    }

    fn optional_number(&self, k: usize, name: &str) -> Result<i64, String> {
        if self.0[k] == Value::Null {
            Ok(0)
        } else {
            self.number(k, name)
        }
    }

    /// A number that cc-backend reads into 32 bits, from the row as from meta.json.
    fn small(&self, k: usize, name: &str) -> Result<i64, String> {
        let n = self.number(k, name)?;
        match i32::try_from(n) {
            Ok(_) => Ok(n),
            Err(_) => Err(format!("{name} is {n}; expected a number of 32 bits")),
        }
    }

    fn optional_small(&self, k: usize, name: &str) -> Result<i64, String> {
        if self.0[k] == Value::Null {
            Ok(0)
        } else {
            self.small(k, name)
        }
    }

    fn text(&self, k: usize, name: &str) -> Result<Text, String> {
        match &self.0[k] {
            Value::Text(t) => Ok(Text(t.clone().into_bytes())),
            Value::Blob(b) => Ok(Text(b.clone())),
            other @ (Value::Null | Value::Integer(_) | Value::Real(_)) => {
                Err(format!("{name} is {}; expected a text", kind(other)))
            }
        }
    }

    fn optional_text(&self, k: usize, name: &str) -> Result<Text, String> {
        if self.0[k] == Value::Null {
            Ok(Text::default())
        } else {
            self.text(k, name)
        }
    }

    fn utf8(&self, k: usize, name: &str) -> Result<String, String> {
        String::from_utf8(self.text(k, name)?.0).map_err(|_e| format!("{name} is no UTF-8 text"))
    }
}

fn kind(v: &Value) -> String {
    match v {
        Value::Null => "NULL".into(),
        Value::Integer(n) => format!("the integer {n}"),
        Value::Real(x) => format!("the number {x}"),
        Value::Text(_) => "a text".into(),
        Value::Blob(_) => "a blob".into(),
    }
}

pub(super) fn integer(v: ValueRef<'_>) -> Option<i64> {
    if let ValueRef::Integer(n) = v {
        Some(n)
    } else {
        None
    }
}

fn bytes(v: ValueRef<'_>) -> Option<&[u8]> {
    match v {
        ValueRef::Text(b) | ValueRef::Blob(b) => Some(b),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => None,
    }
}

/// Columns `tag_type, tag_name, tag_scope` to a tag.
pub(super) fn tag(r: &Row<'_>) -> rusqlite::Result<Tag> {
    let text = |k: usize| -> rusqlite::Result<Text> {
        Ok(Text(bytes(r.get_ref(k)?).unwrap_or_default().to_vec()))
    };
    Ok(Tag {
        kind: text(0)?,
        name: text(1)?,
        scope: text(2)?,
    })
}
