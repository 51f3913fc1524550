//! job.db, as cc-backend and its importer fill it.
//!
//! Rows with an even id have `resources` and `meta_data` as BLOB, which is how cc-backend binds
//! them; the others have TEXT, as an import leaves them.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value as Column;
use rusqlite::{Connection, Transaction, params, params_from_iter};
use serde_json::{Value, json};

use super::cluster::{CLUSTER, Drive, Kind};
use super::hosts::Host;
use super::jobs::{Job, Place};
use super::plan::Plan;
use super::random::index;
use super::work::WORK;

const TAGS: &str = "INSERT INTO tag (tag_type, tag_name, tag_scope, insert_ts)
    SELECT column1, column2, column3, datetime(?1, 'unixepoch') FROM (VALUES
    ('jobClass', 'cpu<load', 'global'), ('app', 'gromacs & friends', 'global'), ('note', 'ask user', 'admin'))";

/// Writes the database with its schema and all rows; how many of the jobs a sweep has to look at.
pub(super) fn write(
    path: &Path,
    plan: &Plan,
    hosts: &[Host],
    jobs: &[Job],
) -> rusqlite::Result<usize> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let rows = connection.transaction()?;
    rows.execute_batch(include_str!("schema.sql"))?;
    people(&rows)?;
    nodes(&rows, plan, hosts)?;
    rows.execute(TAGS, [plan.now])?;
    for (id, job) in (1..).zip(jobs) {
        insert(&rows, id, job, hosts)?;
        for tag in &job.tags {
            rows.execute(
                "INSERT INTO jobtag (job_id, tag_id, insert_ts) VALUES (?1, ?2, datetime(?3, 'unixepoch'))",
                params![id, tag, plan.now],
            )?;
        }
    }
    rows.commit()?;
    let unarchived = connection.query_row(
        "SELECT count(*) FROM job
         WHERE job_state NOT IN ('running', 'pending', 'suspended') AND monitoring_status IN (1, 2)",
        [],
        |row| row.get(0),
    )?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(index(unarchived))
}

fn people(rows: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut statement = rows.prepare(
        "INSERT INTO hpc_user (username, name, roles, email, projects) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for user in &WORK.users {
        let email = format!("{}@example.org", user.login);
        let projects = format!("[\"{}\"]", user.project);
        statement.execute(params![
            user.login,
            user.name,
            "[\"user\"]",
            email,
            projects
        ])?;
    }
    let none = None::<String>;
    statement.execute(params!["admin", "Administrator", "[\"admin\"]", none, "[]"])?;
    Ok(())
}

fn nodes(rows: &Transaction<'_>, plan: &Plan, hosts: &[Host]) -> rusqlite::Result<()> {
    let mut node = rows
        .prepare("INSERT INTO node (id, hostname, cluster, subcluster) VALUES (?1, ?2, ?3, ?4)")?;
    let mut state = rows.prepare(
        "INSERT INTO node_state (time_stamp, node_state, health_state, node_id) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (id, host) in (1..).zip(hosts) {
        let health = if host.healthy() { "full" } else { "partial" };
        node.execute(params![id, host.name, CLUSTER, host.kind.name()])?;
        state.execute(params![plan.now - 60, "allocated", health, id])?;
    }
    Ok(())
}

fn insert(rows: &Transaction<'_>, id: i64, job: &Job, hosts: &[Host]) -> rusqlite::Result<()> {
    let user = &WORK.users[job.user];
    let held = |what: fn(&Place) -> u64| -> u32 {
        job.places
            .iter()
            .map(|place| what(place).count_ones())
            .sum()
    };
    let mut row = BTreeMap::from([
        ("id", json!(id)),
        ("job_id", json!(job.number)),
        ("cluster", json!(CLUSTER)),
        ("subcluster", json!(job.kind.name())),
        ("start_time", json!(job.start)),
        ("hpc_user", json!(user.login)),
        ("project", json!(user.project)),
        (
            "cluster_partition",
            json!(if job.kind == Kind::Gpu { "gpu" } else { "main" }),
        ),
        ("array_job_id", json!(job.array)),
        ("duration", json!(job.ran)),
        ("walltime", json!(walltime(job.ran))),
        ("job_state", json!("completed")),
        ("meta_data", json!(metadata(job))),
        ("resources", json!(resources(job, hosts))),
        ("num_nodes", json!(job.places.len())),
        ("num_hwthreads", json!(held(|place| place.threads))),
        ("num_acc", json!(held(|place| place.accelerators))),
        ("shared", json!("none")),
        ("monitoring_status", json!(1)),
        ("footprint", footprint(job)),
        ("energy_footprint", Value::Null),
    ]);
    row.extend(
        job.set
            .iter()
            .map(|(column, value)| (column.as_str(), value.clone())),
    );
    let (names, marks) = (
        row.keys().copied().collect::<Vec<_>>(),
        vec!["?"; row.len()],
    );
    let sql = format!(
        "INSERT INTO job ({}) VALUES ({})",
        names.join(","),
        marks.join(",")
    );
    let columns = row.into_iter().map(|(name, value)| match (name, value) {
        // What cc-backend binds where it has no footprint.
        ("footprint" | "energy_footprint", Value::Null) => Column::Blob(b"null".to_vec()),
        ("resources" | "meta_data", Value::String(text)) if id % 2 == 0 => {
            Column::Blob(text.into())
        }
        (_, Value::String(text)) => Column::Text(text),
        (_, other) => other.as_i64().map_or(Column::Null, Column::Integer),
    });
    rows.prepare_cached(&sql)?
        .execute(params_from_iter(columns))?;
    Ok(())
}

/// What a user would have asked for, seconds.
fn walltime(ran: i64) -> i64 {
    let limits = [1, 2, 4, 8, 12, 24].map(|hours| hours * 3600);
    limits
        .into_iter()
        .find(|limit| *limit > ran)
        .unwrap_or(ran + 3600)
}

/// What cc-backend's worker for running jobs left: a number for the longer ones.
fn footprint(job: &Job) -> Value {
    if job.ran < 1200 {
        return Value::Null;
    }
    json!(json!({"cpu_load_avg": WORK.apps[job.app].uses(Drive::Cpu) * 32.0}).to_string())
}

/// JSON for the column `resources`.
fn resources(job: &Job, hosts: &[Host]) -> String {
    let bits = |mask: u64| (0..64).filter(move |bit| mask >> bit & 1 == 1);
    let places = job.places.iter().map(|place| {
        let mut text = format!("{{\"hostname\":\"{}\"", hosts[place.host].name);
        if !place.whole {
            text += &format!(
                ",\"hwthreads\":{}",
                json!(bits(place.threads).collect::<Vec<_>>())
            );
        }
        let ids: Vec<&str> = (job.kind.accelerators().enumerate())
            .filter_map(|(number, id)| (place.accelerators >> number & 1 == 1).then_some(id))
            .collect();
        if !ids.is_empty() {
            text += &format!(",\"accelerators\":{}", json!(ids));
        }
        text + "}"
    });
    format!("[{}]", places.collect::<Vec<_>>().join(","))
}

/// JSON for the column `meta_data`, with `<`, `>` and `&` as escapes, as cc-backend writes it.
fn metadata(job: &Job) -> String {
    let (user, app) = (&WORK.users[job.user], &WORK.apps[job.app]);
    let document = json!({
        "jobName": format!("{}_{}", app.name, job.seed % 90 + 10),
        "jobScript": format!("#!/bin/bash -l\n#SBATCH --nodes={}\n#SBATCH --account={}\n\n{}\n",
            job.places.len(), user.project, app.script),
        "slurmInfo": format!("JobId={} UserId={} Account={}", job.number, user.login, user.project),
    });
    let json = document.to_string();
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}
