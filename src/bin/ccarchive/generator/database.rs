//! job.db, as cc-backend and its importer fill it.
//!
//! Rows with an even id have `resources` and `meta_data` as BLOB, which is how cc-backend binds them; the others have
//! TEXT, as an import leaves them.

use std::path::Path;

use rusqlite::types::Value as Column;
use rusqlite::{Connection, params, params_from_iter};
use serde_json::{Value, json};

use super::cluster::CLUSTER;
use super::hosts::Host;
use super::jobs::Job;
use super::plan::Plan;
use super::random::index;

const TABLES: &str = include_str!("schema.sql");
/// Columns of the indexes of the job table whose names follow from their columns.
const INDEXES: &str = "cluster, hpc_user; cluster, project; cluster, subcluster; cluster, num_nodes; cluster, num_hwthreads; \
    cluster, num_acc; cluster, energy; cluster, duration, start_time; cluster, start_time, duration; \
    cluster, cluster_partition, hpc_user; cluster, cluster_partition, project; \
    cluster, cluster_partition, job_state; cluster, cluster_partition, shared; \
    cluster, cluster_partition, duration, start_time; cluster, cluster_partition, start_time, duration; \
    cluster, job_state, start_time, duration; cluster, job_state, duration, start_time; cluster, shared, hpc_user; \
    cluster, shared, project; cluster, shared, start_time, duration; cluster, shared, duration, start_time; \
    hpc_user, start_time, duration; hpc_user, duration, start_time; project, hpc_user; \
    project, start_time, duration; project, duration, start_time; job_state, hpc_user; job_state, project; \
    job_state, start_time, duration; job_state, duration, start_time; shared, hpc_user; shared, project; \
    shared, start_time, duration; shared, duration, start_time; array_job_id, start_time; duration, start_time; \
    num_nodes, start_time; num_hwthreads, start_time; num_acc, start_time; energy, start_time; \
    start_time, duration; num_nodes, duration; num_hwthreads, duration; num_acc, duration; energy, duration; \
    start_time";
const TAGS: &str = "INSERT INTO tag (tag_type, tag_name, tag_scope, insert_ts)
    SELECT column1, column2, column3, datetime(?1, 'unixepoch') FROM (VALUES
    ('jobClass', 'cpu<load', 'global'), ('app', 'gromacs & friends', 'global'), ('note', 'ask user', 'admin'))";

/// Makes the tables and indexes of cc-backend's schema version 11.
pub(crate) fn create(c: &Connection) -> rusqlite::Result<()> {
    c.execute_batch(TABLES)?;
    for columns in INDEXES.split("; ") {
        // jobs_cluster_partition_starttime is on cluster, cluster_partition and start_time.
        let short = |column: &str| {
            column
                .replace("hpc_", "")
                .replace("cluster_p", "p")
                .replace('_', "")
        };
        let name = columns.split(", ").map(short).collect::<Vec<_>>().join("_");
        c.execute_batch(&format!("CREATE INDEX jobs_{name} ON job ({columns})"))?;
    }
    // Statistics of the version table only: what optimising a fresh, empty database leaves. The second table is made by
    // some builds of SQLite; cc-backend's does not.
    c.execute_batch("ANALYZE schema_migrations; DROP TABLE IF EXISTS sqlite_stat4;")
}

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
    create(&rows)?;
    rows.execute(TAGS, [plan.now])?;
    for (id, job) in (1..).zip(jobs) {
        insert(&rows, id, job, hosts)?;
        for tag in job.tags {
            let sql = "INSERT INTO jobtag (job_id, tag_id, insert_ts) VALUES (?1, ?2, datetime(?3, 'unixepoch'))";
            rows.execute(sql, params![id, tag, plan.now])?;
        }
    }
    rows.commit()?;
    let sql = "SELECT count(*) FROM job
        WHERE job_state NOT IN ('running', 'pending', 'suspended') AND monitoring_status IN (1, 2)";
    let unarchived = connection.query_row(sql, [], |row| row.get(0).map(index))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(unarchived)
}

fn insert(c: &Connection, id: i64, job: &Job, hosts: &[Host]) -> rusqlite::Result<()> {
    let (user, project) = job.user;
    // What cc-backend's worker for running jobs left: a number for the longer ones.
    let footprint = json!({"cpu_load_avg": job.app.uses["cpu"] * 32.0}).to_string();
    let mut row = json!({
        "id": id, "job_id": job.number, "array_job_id": 0, "job_state": "completed", "monitoring_status": 1,
        "cluster": CLUSTER, "subcluster": job.kind.name, "cluster_partition": job.kind.name,
        "hpc_user": user, "project": project, "shared": if job.is_part { "multi_user" } else { "none" },
        "start_time": job.start, "duration": job.ran, "walltime": 86_400,
        "num_nodes": job.hosts.len(), "num_hwthreads": job.threads.len() * job.hosts.len(),
        "num_acc": job.accelerators.len() * job.hosts.len(),
        "resources": resources(job, hosts), "meta_data": metadata(job),
        "footprint": (job.ran >= 1200).then_some(footprint), "energy_footprint": null,
    });
    for (column, value) in &job.set {
        row[column] = value.clone();
    }
    let row = row.as_object().into_iter().flatten();
    let names: Vec<_> = row.clone().map(|(name, _)| name.as_str()).collect();
    let (columns, marks) = (names.join(","), vec!["?"; names.len()].join(","));
    let values = row.map(|(name, value)| match (name.as_str(), value) {
        // What cc-backend binds where it has no footprint.
        ("footprint" | "energy_footprint", Value::Null) => Column::Blob(b"null".to_vec()),
        ("resources" | "meta_data", Value::String(text)) if id % 2 == 0 => {
            Column::Blob(text.clone().into())
        }
        (_, Value::String(text)) => Column::Text(text.clone()),
        (_, other) => other.as_i64().map_or(Column::Null, Column::Integer),
    });
    let sql = format!("INSERT INTO job ({columns}) VALUES ({marks})");
    c.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    Ok(())
}

/// JSON for the column `resources`.
fn resources(job: &Job, hosts: &[Host]) -> String {
    let place = |host: &usize| {
        let mut one = json!({"hostname": hosts[*host].name});
        if job.is_part {
            one["hwthreads"] = json!(job.threads);
        }
        if !job.accelerators.is_empty() {
            one["accelerators"] = json!(job.accelerators);
        }
        one
    };
    job.hosts.iter().map(place).collect::<Value>().to_string()
}

/// JSON for the column `meta_data`.
fn metadata(job: &Job) -> String {
    let (Job { app, number, .. }, (user, project)) = (job, job.user);
    let (name, nodes, script) = (&app.name, job.hosts.len(), &app.script);
    json!({
        "jobName": format!("{name}_{}", job.seed % 90 + 10),
        "jobScript": format!("#!/bin/bash -l\n#SBATCH --nodes={nodes}\n#SBATCH --account={project}\n\n{script}\n"),
        "slurmInfo": format!("JobId={number} UserId={user} Account={project}"),
    })
    .to_string()
}
