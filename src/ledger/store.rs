//! The ledger's file: opening whatever is there, and its statements.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Entry, Record, Run};
use crate::model::job::JobKey;
use crate::model::outcome::{Coverage, Gap, Kind, Outcome, Points};
use crate::model::published::{Columns, Published};
use crate::model::standing::Standing;
use crate::model::stored::{Files, Form, Sum};

/// Version of the ledger's own schema (`PRAGMA user_version`).
const VERSION: i64 = 1;
const SCHEMA: &str = include_str!("schema.sql");
/// Nobody but a sweep writes here, and there is one sweep at a time.
const BUSY: Duration = Duration::from_secs(5);
/// Gaps kept per job by host; a job with more keeps them by metric only.
const MOST_GAPS: usize = 64;
/// Runs kept whole; of older ones one a day.
const RECENT_RUNS: i64 = 500;

pub(super) fn open(path: &Path) -> (Connection, Option<String>) {
    match try_open(path) {
        Ok(c) => (c, None),
        Err(Refusal::Damaged(why)) => match set_aside(path).and_then(|aside| {
            try_open(path)
                .map(|c| (c, aside))
                .map_err(|e| std::io::Error::other(e.to_string()))
        }) {
            Ok((c, aside)) => {
                let w = format!(
                    "the ledger {} was damaged ({why}); it is kept as {} and begun anew",
                    path.display(),
                    aside.display()
                );
                (c, Some(w))
            }
            Err(e) => (
                in_memory(),
                Some(without(
                    path,
                    &format!("damaged ({why}), and cannot be set aside: {e}"),
                )),
            ),
        },
        Err(Refusal::Other(why)) => (in_memory(), Some(without(path, &why))),
    }
}

pub(super) fn open_read_only(path: &Path) -> (Connection, Option<String>) {
    if !path.exists() {
        return (in_memory(), None);
    }
    let usable = crate::opening::sqlite::open_to_read(path).and_then(|c| {
        c.busy_timeout(BUSY)?;
        c.query_row("SELECT count(*) FROM job WHERE 0", [], |_| Ok(()))?;
        Ok(c)
    });
    match usable {
        Ok(c) => (c, None),
        Err(e) => (in_memory(), Some(without(path, &e.to_string()))),
    }
}

fn without(path: &Path, why: &str) -> String {
    format!(
        "the ledger {} cannot be used ({why}); this sweep goes on without it",
        path.display()
    )
}

enum Refusal {
    Damaged(String),
    Other(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged(s) | Self::Other(s) => f.write_str(s),
        }
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(e: rusqlite::Error) -> Self {
        match e.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::Damaged(e.to_string())
            }
            _ => Self::Other(e.to_string()),
        }
    }
}

fn try_open(path: &Path) -> Result<Connection, Refusal> {
    let c = Connection::open(path)?;
    c.busy_timeout(BUSY)?;
    let version: i64 = c.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    let tables: i64 = c.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0))?;
    // Before it is known to be ours, nothing of it may change.
    let ours = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;";
    match (version, tables) {
        (0, 0) => {
            c.execute_batch(ours)?;
            c.execute_batch(&format!(
                "BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
            ))?;
        }
        (VERSION, _) => {
            c.execute_batch(ours)?;
            let sound: String = c.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
            if sound != "ok" {
                return Err(Refusal::Damaged(sound));
            }
            // A table or column that is missing is damage too.
            if let Err(e) = c
                .query_row(
                    &format!("SELECT {COLUMNS} FROM job, run WHERE 0"),
                    [],
                    |_| Ok(()),
                )
                .optional()
            {
                return Err(Refusal::Damaged(e.to_string()));
            }
        }
        (0, _) => return Err(Refusal::Other("it is a database of something else".into())),
        (v, _) => {
            return Err(Refusal::Other(format!(
                "it has version {v}, this ccarchive knows {VERSION}"
            )));
        }
    }
    Ok(c)
}

fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let name = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    let aside = (0..1000)
        .map(|k| name(&format!(".damaged-{k}")))
        .find(|p| !p.exists())
        .ok_or_else(|| std::io::Error::other("too many set aside"))?;
    std::fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        let from = name(suffix);
        if from.exists() {
            std::fs::rename(from, format!("{}{suffix}", aside.display()))?;
        }
    }
    Ok(aside)
}

#[expect(
    clippy::expect_used,
    reason = "an empty database in memory with a constant schema"
)]
pub(super) fn in_memory() -> Connection {
    let c = Connection::open_in_memory().expect("SQLite in memory");
    c.execute_batch(SCHEMA).expect("the schema is valid");
    c
}

const COLUMNS: &str = "state, attempts, next_try, outcome, expected, received, unusable, gaps, row_print, meta_size, \
    meta_crc, data_size, data_crc, data_form, footprint, energy_footprint, energy, cluster, job_id, start_time, last_try";

fn entry(r: &Row<'_>) -> rusqlite::Result<(JobKey, Entry)> {
    let key = JobKey {
        cluster: r.get(17)?,
        job_id: r.get(18)?,
        start_time: r.get(19)?,
    };
    let state: String = r.get(0)?;
    let (attempts, outcome): (u32, String) = (r.get(1)?, r.get(3)?);
    let entry = Entry {
        state: state.parse().unwrap_or(Standing::Waiting),
        attempts,
        failures: if outcome == Kind::NoData.name() {
            0
        } else {
            attempts
        },
        last_try: r.get::<_, Option<i64>>(20)?.unwrap_or(0),
        next_try: r.get::<_, Option<i64>>(2)?.unwrap_or(0),
        published: published(r)?,
    };
    Ok((key, entry))
}

fn published(r: &Row<'_>) -> rusqlite::Result<Option<Published>> {
    let Some(row_print) = r.get::<_, Option<u32>>(8)? else {
        return Ok(None);
    };
    let outcome: String = r.get(3)?;
    let form: Option<String> = r.get(13)?;
    let number = |k: usize| -> rusqlite::Result<u64> {
        Ok(r.get::<_, Option<i64>>(k)?.unwrap_or(0).unsigned_abs())
    };
    let gaps: Option<String> = r.get(7)?;
    Ok(Some(Published {
        row_print,
        files: Files {
            meta: Sum {
                size: number(9)?,
                crc: r.get(10)?,
            },
            data: Sum {
                size: number(11)?,
                crc: r.get(12)?,
            },
            form: if form.as_deref() == Some("gzip") {
                Form::Gzip
            } else {
                Form::Plain
            },
        },
        outcome: match outcome.as_str() {
            "complete" => Outcome::Complete,
            "provisional" => Outcome::Provisional,
            "adopted" => Outcome::Adopted,
            "empty" => Outcome::Empty,
            _ => Outcome::Partial,
        },
        coverage: Coverage {
            points: Points {
                expected: number(4)?,
                received: number(5)?,
            },
            unusable: number(6)?,
            gaps: gaps_from(gaps.as_deref().unwrap_or("{}")),
        },
        columns: Columns {
            footprint: r.get(14)?,
            energy_footprint: r.get(15)?,
            energy: r.get(16)?,
        },
    }))
}

pub(super) fn open_jobs(c: &Connection) -> rusqlite::Result<HashMap<JobKey, Entry>> {
    let mut s = c.prepare(&format!("SELECT {COLUMNS} FROM job WHERE state != 'done'"))?;
    s.query_map([], entry)?.collect()
}

pub(super) fn job(c: &Connection, key: &JobKey) -> rusqlite::Result<Option<Entry>> {
    c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM job WHERE cluster = ?1 AND job_id = ?2 AND start_time = ?3"
    ))?
    .query_row(params![key.cluster, key.job_id, key.start_time], entry)
    .optional()
    .map(|found| found.map(|(_, e)| e))
}

/// Metric → host → [expected, received]; over [`MOST_GAPS`] hosts are summed up under `*`.
fn gaps_json(gaps: &[Gap]) -> Option<String> {
    if gaps.is_empty() {
        return None;
    }
    let mut map: BTreeMap<&str, BTreeMap<&str, [u64; 2]>> = BTreeMap::new();
    for g in gaps {
        let host = if gaps.len() > MOST_GAPS { "*" } else { &g.host };
        let p = map.entry(&g.metric).or_default().entry(host).or_default();
        p[0] += g.points.expected;
        p[1] += g.points.received;
    }
    serde_json::to_string(&map).ok()
}

fn gaps_from(json: &str) -> Vec<Gap> {
    let map: BTreeMap<String, BTreeMap<String, [u64; 2]>> =
        serde_json::from_str(json).unwrap_or_default();
    map.into_iter()
        .flat_map(|(metric, hosts)| {
            hosts
                .into_iter()
                .map(move |(host, [expected, received])| Gap {
                    metric: metric.clone(),
                    host,
                    points: Points { expected, received },
                })
        })
        .collect()
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn publishing(c: &Connection, key: &JobKey, p: &Published) -> rusqlite::Result<()> {
    let form = match p.files.form {
        Form::Plain => "plain",
        Form::Gzip => "gzip",
    };
    c.prepare_cached(
        "INSERT INTO job (cluster, job_id, start_time, state, outcome, expected, received, unusable, gaps, row_print, \
         meta_size, meta_crc, data_size, data_crc, data_form, footprint, energy_footprint, energy) \
         VALUES (?1, ?2, ?3, 'published', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) \
         ON CONFLICT DO UPDATE SET state = excluded.state, outcome = excluded.outcome, reason = NULL, stage = NULL, \
         detail = NULL, expected = excluded.expected, received = excluded.received, unusable = excluded.unusable, \
         gaps = excluded.gaps, row_print = excluded.row_print, meta_size = excluded.meta_size, \
         meta_crc = excluded.meta_crc, data_size = excluded.data_size, data_crc = excluded.data_crc, \
         data_form = excluded.data_form, footprint = excluded.footprint, \
         energy_footprint = excluded.energy_footprint, energy = excluded.energy",
    )?
    .execute(params![
        key.cluster,
        key.job_id,
        key.start_time,
        p.outcome.name(),
        signed(p.coverage.points.expected),
        signed(p.coverage.points.received),
        signed(p.coverage.unusable),
        gaps_json(&p.coverage.gaps),
        p.row_print,
        signed(p.files.meta.size),
        p.files.meta.crc,
        signed(p.files.data.size),
        p.files.data.crc,
        form,
        p.columns.footprint,
        p.columns.energy_footprint,
        p.columns.energy,
    ])?;
    Ok(())
}

pub(super) fn record(c: &mut Connection, records: &[Record<'_>], now: i64) -> rusqlite::Result<()> {
    let tx = c.transaction()?;
    for r in records {
        let failure = r.outcome.failure();
        let next_try = (r.next.state == Standing::Waiting).then_some(r.next.next_try);
        let archived = r.outcome.is_archived();
        tx.prepare_cached(
            "INSERT INTO job (cluster, job_id, start_time, state, outcome, reason, stage, detail, attempts, first_try, \
             last_try, next_try, expected, received, unusable, gaps) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13, ?14, ?15) \
             ON CONFLICT DO UPDATE SET state = excluded.state, outcome = excluded.outcome, reason = excluded.reason, \
             stage = excluded.stage, detail = excluded.detail, attempts = excluded.attempts, \
             first_try = coalesce(first_try, excluded.first_try), last_try = excluded.last_try, \
             next_try = excluded.next_try, expected = excluded.expected, received = excluded.received, \
             unusable = excluded.unusable, gaps = excluded.gaps, row_print = NULL, meta_size = NULL, meta_crc = NULL, \
             data_size = NULL, data_crc = NULL, data_form = NULL, footprint = NULL, energy_footprint = NULL, \
             energy = NULL",
        )?
        .execute(params![
            r.key.cluster,
            r.key.job_id,
            r.key.start_time,
            r.next.state.name(),
            r.outcome.name(),
            failure.map(|f| f.reason.code()),
            failure.map(|f| f.stage.name()),
            failure.map(|f| f.detail.as_str()),
            r.next.attempts,
            now,
            next_try,
            archived.then_some(signed(r.coverage.points.expected)),
            archived.then_some(signed(r.coverage.points.received)),
            archived.then_some(signed(r.coverage.unusable)),
            if archived { gaps_json(&r.coverage.gaps) } else { None },
        ])?;
    }
    tx.commit()
}

pub(super) fn settle(
    c: &mut Connection,
    done: &[JobKey],
    undone: &[JobKey],
) -> rusqlite::Result<()> {
    let tx = c.transaction()?;
    for key in undone {
        tx.prepare_cached(
            "DELETE FROM job WHERE cluster = ?1 AND job_id = ?2 AND start_time = ?3",
        )?
        .execute(params![key.cluster, key.job_id, key.start_time])?;
    }
    for key in done {
        tx.prepare_cached(
            "UPDATE job SET state = 'done', attempts = attempts + 1, next_try = NULL, row_print = NULL, \
             meta_size = NULL, meta_crc = NULL, data_size = NULL, data_crc = NULL, data_form = NULL, footprint = NULL, \
             energy_footprint = NULL, energy = NULL \
             WHERE cluster = ?1 AND job_id = ?2 AND start_time = ?3 AND state = 'published'",
        )?
        .execute(params![key.cluster, key.job_id, key.start_time])?;
    }
    tx.commit()
}

pub(super) fn distrust(c: &Connection) -> rusqlite::Result<()> {
    c.execute_batch("UPDATE job SET row_print = NULL WHERE state = 'published'")
}

pub(super) fn finish_run(c: &mut Connection, run: &Run) -> rusqlite::Result<()> {
    let tx = c.transaction()?;
    tx.execute(
        "INSERT INTO run (started, ended, exit, figures) VALUES (?1, ?2, ?3, ?4)",
        params![run.started, run.ended, run.exit, run.figures],
    )?;
    tx.execute(
        "DELETE FROM run WHERE id <= (SELECT max(id) FROM run) - ?1 \
         AND id NOT IN (SELECT max(id) FROM run GROUP BY started / 86400)",
        [RECENT_RUNS],
    )?;
    tx.commit()
}
