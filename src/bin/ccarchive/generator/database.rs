//! job.db, as cc-backend and its importer fill it.
//!
//! Rows with an even id have `resources` and `meta_data` as BLOB, which is how cc-backend binds
//! them; the others have TEXT, as an import leaves them.

use std::fmt::Write as _;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, params};
use serde_json::json;

use super::apps::{APPS, USERS};
use super::cluster::CLUSTER;
use super::hosts::Host;
use super::jobs::{Job, Metadata};
use super::metrics::Drive;
use super::plan::Plan;

/// Tags, by id from 1: type, name, scope.
const TAGS: [(&str, &str, &str); 3] = [
    ("jobClass", "cpu<load", "global"),
    ("app", "gromacs & friends", "global"),
    ("note", "ask user", "admin"),
];

/// Writes the database with its schema and all rows.
pub(super) fn write(
    path: &Path,
    plan: &Plan,
    hosts: &[Host],
    jobs: &[Job],
) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let rows = connection.transaction()?;
    rows.execute_batch(include_str!("schema.sql"))?;
    people(&rows)?;
    nodes(&rows, plan, hosts)?;
    let inserted: String =
        rows.query_row("SELECT datetime(?1, 'unixepoch')", [plan.now], |row| {
            row.get(0)
        })?;
    for (kind, name, scope) in TAGS {
        rows.execute(
            "INSERT INTO tag (tag_type, tag_name, tag_scope, insert_ts) VALUES (?1, ?2, ?3, ?4)",
            params![kind, name, scope, inserted],
        )?;
    }
    for (id, job) in (1..).zip(jobs) {
        insert(&rows, id, job, hosts)?;
        for tag in &job.tags {
            rows.execute(
                "INSERT INTO jobtag (job_id, tag_id, insert_ts) VALUES (?1, ?2, ?3)",
                params![id, tag, inserted],
            )?;
        }
    }
    rows.commit()?;
    connection.close().map_err(|(_, error)| error)
}

fn people(rows: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut statement = rows.prepare(
        "INSERT INTO hpc_user (username, name, roles, email, projects) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (login, name, project) in USERS {
        let (roles, projects) = (json!(["user"]), json!([project]));
        let email = format!("{login}@example.org");
        statement.execute(params![
            login,
            name,
            roles.to_string(),
            email,
            projects.to_string()
        ])?;
    }
    statement.execute(params![
        "admin",
        "Administrator",
        json!(["admin"]).to_string(),
        None::<String>,
        "[]"
    ])?;
    Ok(())
}

fn nodes(rows: &Transaction<'_>, plan: &Plan, hosts: &[Host]) -> rusqlite::Result<()> {
    for (id, host) in (1..).zip(hosts) {
        rows.prepare_cached(
            "INSERT INTO node (id, hostname, cluster, subcluster) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![id, host.name, CLUSTER, host.kind.name()])?;
        rows.prepare_cached(
            "INSERT INTO node_state (time_stamp, node_state, health_state, node_id) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![plan.now - 60, "allocated", if host.healthy() { "full" } else { "partial" }, id])?;
    }
    Ok(())
}

fn insert(rows: &Transaction<'_>, id: i64, job: &Job, hosts: &[Host]) -> rusqlite::Result<()> {
    let mut statement = rows.prepare_cached(
        "INSERT INTO job (id, job_id, cluster, subcluster, start_time, hpc_user, project, cluster_partition,
         array_job_id, duration, walltime, job_state, meta_data, resources, num_nodes, num_hwthreads, num_acc,
         shared, monitoring_status, footprint, energy_footprint) VALUES
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
    )?;
    let bound = |text: String| {
        if id % 2 == 0 {
            Value::Blob(text.into_bytes())
        } else {
            Value::Text(text)
        }
    };
    let (user, _, project) = USERS[job.user];
    let threads: u32 = job
        .places
        .iter()
        .map(|place| place.threads.count_ones())
        .sum();
    let accelerators: u32 = job
        .places
        .iter()
        .map(|place| place.accelerators.count_ones())
        .sum();
    let nodes = i64::try_from(job.places.len()).unwrap_or(i64::MAX);
    let resources = bound(job.resources(hosts));
    let metadata = metadata(job).map_or(Value::Null, bound);
    statement.execute(params![
        id,
        job.number,
        job.cluster,
        job.subcluster,
        job.start,
        user,
        project,
        job.partition,
        job.array,
        job.duration,
        job.walltime,
        job.state,
        metadata,
        resources,
        nodes,
        threads,
        accelerators,
        job.shared,
        job.status,
        footprint(job),
        Value::Blob(b"null".to_vec()),
    ])?;
    Ok(())
}

/// What cc-backend's worker for running jobs left: numbers as TEXT for the longer ones, else `null`.
fn footprint(job: &Job) -> Value {
    if job.ran < 1200 {
        return Value::Blob(b"null".to_vec());
    }
    Value::Text(json!({"cpu_load_avg": APPS[job.app].uses(Drive::Cpu) * 32.0}).to_string())
}

fn metadata(job: &Job) -> Option<String> {
    match job.metadata {
        Metadata::Null => None,
        Metadata::Empty => Some("{}".to_owned()),
        Metadata::Broken => Some("{\"jobName\":".to_owned()),
        Metadata::Full => {
            let (user, _, project) = USERS[job.user];
            let app = &APPS[job.app];
            let document = json!({
                "jobName": format!("{}_{}", app.name, job.seed % 90 + 10),
                "jobScript": format!("#!/bin/bash -l\n#SBATCH --nodes={}\n#SBATCH --account={project}\n\n{}\n",
                    job.places.len(), app.script),
                "slurmInfo": format!("JobId={} UserId={user} Account={project}", job.number),
            });
            Some(escaped(&document.to_string()))
        }
    }
}

/// With `<`, `>` and `&` as escapes, as cc-backend writes JSON.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' | '>' | '&' => write!(text, "\\u{:04x}", u32::from(character)).unwrap_or_default(),
            other => text.push(other),
        }
    }
    text
}
