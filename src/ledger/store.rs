//! The ledger's statements.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::entry::{Entry, Hook, Record, Run};
use crate::model::job::JobKey;
use crate::model::message::HostPhase;
use crate::model::outcome::{Filled, Gap, Kind};
use crate::model::standing::Standing;
use crate::rules::timeline::Phase;

/// Gaps kept per job by host; a job with more keeps them by metric only.
const MOST_GAPS: usize = 64;
/// Runs kept whole; of older ones one a day.
const RECENT_RUNS: i64 = 500;

const ENTRY: &str =
    "state, attempts, failures, last_try, next_try, source, newest, outcome, reason";

fn entry(r: &Row<'_>) -> rusqlite::Result<Entry> {
    let state: String = r.get(0)?;
    let outcome: String = r.get(7)?;
    let reason: Option<String> = r.get(8)?;
    Ok(Entry {
        standing: state.parse().unwrap_or(Standing::Waiting),
        attempts: r.get(1)?,
        // Only where the last attempt failed: one that found no data ends a row of failures.
        failures: if outcome == Kind::NoData.name() {
            0
        } else {
            r.get(2)?
        },
        reason: reason.and_then(|r| r.parse().ok()),
        last_try: r.get::<_, Option<i64>>(3)?.unwrap_or(0),
        next_try: r.get::<_, Option<i64>>(4)?.unwrap_or(0),
        source: r.get(5)?,
        newest: r.get(6)?,
    })
}

pub(super) fn job(c: &Connection, key: &JobKey) -> rusqlite::Result<Option<Entry>> {
    c.prepare_cached(&format!(
        "SELECT {ENTRY} FROM job WHERE cluster = ?1 AND job_id = ?2 AND start_time = ?3"
    ))?
    .query_row(params![key.cluster, key.job_id, key.start_time], entry)
    .optional()
}

/// Jobs of a standing in the order of their keys, after `after`, at most `limit`.
pub(super) fn of_standing(
    c: &Connection,
    standing: Standing,
    after: Option<&JobKey>,
    limit: usize,
) -> rusqlite::Result<Vec<JobKey>> {
    let condition = format!("state = '{}' AND state != 'done'", standing.name());
    keys(c, &condition, after, limit)
}

/// Jobs whose archives were being replaced.
pub(super) fn half_replaced(
    c: &Connection,
    after: Option<&JobKey>,
    limit: usize,
) -> rusqlite::Result<Vec<JobKey>> {
    keys(c, "replacing IS NOT NULL", after, limit)
}

fn keys(
    c: &Connection,
    condition: &str,
    after: Option<&JobKey>,
    limit: usize,
) -> rusqlite::Result<Vec<JobKey>> {
    let start = JobKey {
        cluster: String::new(),
        job_id: i64::MIN,
        start_time: i64::MIN,
    };
    let after = after.unwrap_or(&start);
    c.prepare_cached(&format!(
        "SELECT cluster, job_id, start_time FROM job WHERE {condition} \
         AND (cluster, job_id, start_time) > (?1, ?2, ?3) ORDER BY cluster, job_id, start_time LIMIT ?4"
    ))?
    .query_map(
        params![
            after.cluster,
            after.job_id,
            after.start_time,
            i64::try_from(limit).unwrap_or(i64::MAX)
        ],
        key,
    )?
    .collect()
}

/// The job of a row that begins with its columns.
pub(super) fn key(r: &Row<'_>) -> rusqlite::Result<JobKey> {
    Ok(JobKey {
        cluster: r.get(0)?,
        job_id: r.get(1)?,
        start_time: r.get(2)?,
    })
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

/// Source → values that it gave besides the first one.
fn filled_json(filled: &[Filled]) -> Option<String> {
    let map: BTreeMap<&str, u64> = filled.iter().map(|f| (&*f.source, f.values)).collect();
    serde_json::to_string(&map).ok().filter(|_| !map.is_empty())
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Whether anything was ever noted.
pub(super) fn is_used(c: &Connection) -> rusqlite::Result<bool> {
    c.prepare_cached("SELECT 1 FROM job UNION ALL SELECT 1 FROM run")?
        .exists([])
}

/// Notes that the archives of these jobs are about to be replaced. What is known of them stays.
pub(super) fn replacing(c: &mut Connection, keys: &[JobKey]) -> rusqlite::Result<()> {
    durably(c, |c| {
        for_each_key(
            c,
            keys,
            "INSERT INTO job (cluster, job_id, start_time, state, outcome, replacing) \
             VALUES (?1, ?2, ?3, 'done', 'complete', 1) ON CONFLICT DO UPDATE SET replacing = 1",
        )
    })
}

/// Notes that the archives of these jobs may become better. What is known of them stays.
pub(super) fn may_become_better(c: &mut Connection, keys: &[JobKey]) -> rusqlite::Result<()> {
    for_each_key(
        c,
        keys,
        "INSERT INTO job (cluster, job_id, start_time, state, outcome) \
         VALUES (?1, ?2, ?3, 'provisional', 'provisional') ON CONFLICT DO NOTHING",
    )
}

/// Runs a statement for each of these keys, in one transaction.
fn for_each_key(c: &mut Connection, keys: &[JobKey], sql: &str) -> rusqlite::Result<()> {
    let tx = c.transaction()?;
    for key in keys {
        tx.prepare_cached(sql)?
            .execute(params![key.cluster, key.job_id, key.start_time])?;
    }
    tx.commit()
}

/// Does something that is on disk afterwards: other notes may be lost with the power.
fn durably(
    c: &mut Connection,
    f: impl FnOnce(&mut Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    c.execute_batch("PRAGMA synchronous = FULL")?;
    f(c)?;
    c.execute_batch("PRAGMA synchronous = NORMAL")
}

/// Notes that these jobs are in order again.
pub(super) fn replaced(c: &mut Connection, keys: &[JobKey]) -> rusqlite::Result<()> {
    for_each_key(
        c,
        keys,
        "UPDATE job SET replacing = NULL WHERE cluster = ?1 AND job_id = ?2 AND start_time = ?3",
    )
}

/// The same as [`record`], on disk afterwards.
pub(super) fn record_durably(
    c: &mut Connection,
    records: &[Record<'_>],
    now: i64,
) -> rusqlite::Result<()> {
    durably(c, |c| record(c, records, now))
}

pub(super) fn record(c: &mut Connection, records: &[Record<'_>], now: i64) -> rusqlite::Result<()> {
    let tx = c.transaction()?;
    for r in records {
        let failure = r.outcome.failure();
        let next_try = (r.next.next_try > 0).then_some(r.next.next_try);
        tx.prepare_cached(
            "INSERT INTO job (cluster, job_id, start_time, state, outcome, reason, stage, detail, attempts, failures, \
             first_try, last_try, next_try, source, newest, expected, received, unusable, gaps, filled, guessed) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) \
             ON CONFLICT DO UPDATE SET state = excluded.state, outcome = excluded.outcome, reason = excluded.reason, \
             stage = excluded.stage, detail = excluded.detail, attempts = excluded.attempts, \
             failures = excluded.failures, first_try = coalesce(first_try, excluded.first_try), \
             last_try = excluded.last_try, next_try = excluded.next_try, source = excluded.source, \
             newest = excluded.newest, expected = coalesce(excluded.expected, expected), \
             received = coalesce(excluded.received, received), unusable = coalesce(excluded.unusable, unusable), \
             gaps = iif(excluded.expected IS NULL, gaps, excluded.gaps), \
             filled = iif(excluded.expected IS NULL, filled, excluded.filled), \
             guessed = iif(excluded.expected IS NULL, guessed, excluded.guessed)",
        )?
        .execute(params![
            r.key.cluster,
            r.key.job_id,
            r.key.start_time,
            r.next.standing.name(),
            r.outcome.name(),
            failure.map(|f| f.reason.code()),
            failure.map(|f| f.stage.name()),
            failure.map(|f| f.detail.as_str()),
            r.next.attempts,
            r.next.failures,
            now,
            next_try,
            r.source,
            r.newest.filter(|_| r.next.standing == Standing::Provisional),
            r.coverage.map(|c| signed(c.points.expected)),
            r.coverage.map(|c| signed(c.points.received)),
            r.coverage.map(|c| signed(c.unusable)),
            r.coverage.and_then(|c| gaps_json(&c.gaps)),
            r.coverage.and_then(|c| filled_json(&c.filled)),
            r.coverage.filter(|c| c.phase_guessed).map(|_| 1),
        ])?;
    }
    tx.commit()
}

pub(super) fn hooks_due(c: &mut Connection, hooks: &[Hook]) -> rusqlite::Result<()> {
    let tx = c.transaction()?;
    for h in hooks {
        tx.prepare_cached(
            "INSERT INTO job (cluster, job_id, start_time, state, outcome, hook) \
             VALUES (?1, ?2, ?3, 'waiting', 'interrupted', ?4) ON CONFLICT DO UPDATE SET hook = excluded.hook",
        )?
        .execute(params![h.key.cluster, h.key.job_id, h.key.start_time, h.json])?;
    }
    tx.commit()
}

pub(super) fn hook_done(c: &Connection, key: &JobKey) -> rusqlite::Result<()> {
    let key = params![key.cluster, key.job_id, key.start_time];
    // A row that is there for its hook alone goes with it.
    for sql in [
        "DELETE FROM job WHERE cluster = ?1 AND job_id = ?2 AND start_time = ?3 \
         AND outcome = 'interrupted' AND last_try IS NULL",
        "UPDATE job SET hook = NULL WHERE cluster = ?1 AND job_id = ?2 AND start_time = ?3",
    ] {
        c.prepare_cached(sql)?.execute(key)?;
    }
    Ok(())
}

pub(super) fn all_hooks(c: &Connection) -> rusqlite::Result<Vec<Hook>> {
    c.prepare("SELECT cluster, job_id, start_time, hook FROM job WHERE hook IS NOT NULL")?
        .query_map([], |r| {
            Ok(Hook {
                key: key(r)?,
                json: r.get(3)?,
            })
        })?
        .collect()
}

pub(super) fn is_proved(c: &Connection, cluster: &str, source: &str) -> rusqlite::Result<bool> {
    c.prepare_cached("SELECT 1 FROM source WHERE cluster = ?1 AND source = ?2")?
        .exists([cluster, source])
}

pub(super) fn prove(c: &Connection, cluster: &str, source: &str, now: i64) -> rusqlite::Result<()> {
    c.execute(
        "INSERT INTO source (cluster, source, proved) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![cluster, source, now],
    )
    .map(drop)
}

pub(super) fn phases(c: &Connection) -> rusqlite::Result<HashMap<(String, String), Vec<Phase>>> {
    let mut statement = c.prepare("SELECT cluster, host, frequency, phase FROM phase")?;
    let mut rows = statement.query([])?;
    let mut all: HashMap<_, Vec<Phase>> = HashMap::new();
    while let Some(r) = rows.next()? {
        let of_host = all.entry((r.get(0)?, r.get(1)?)).or_default();
        of_host.push(Phase {
            frequency: r.get(2)?,
            phase: r.get(3)?,
        });
    }
    Ok(all)
}

pub(super) fn remember(
    c: &mut Connection,
    cluster: &str,
    phases: &[HostPhase],
) -> rusqlite::Result<()> {
    let tx = c.transaction()?;
    for p in phases {
        tx.prepare_cached(
            "INSERT INTO phase (cluster, host, frequency, phase) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT DO UPDATE SET phase = excluded.phase WHERE phase != excluded.phase",
        )?
        .execute(params![cluster, p.host, p.frequency, p.phase])?;
    }
    tx.commit()
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
