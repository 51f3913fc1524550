//! What the read-only commands ask of the ledger. Nothing here changes it.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::Ledger;
use super::entry::Run;
use super::store::key;
use crate::model::job::{JobKey, camel};
use crate::model::standing::Standing;

/// Metric → host → expected and received samples; the host `*` stands for all.
pub type Gaps = BTreeMap<String, BTreeMap<String, [u64; 2]>>;

/// All that the ledger says of a job.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// The job.
    #[serde(flatten, serialize_with = "camel")]
    pub key: JobKey,
    /// Where it stands, as the word in the file.
    pub standing: String,
    /// Outcome of the last attempt.
    pub outcome: String,
    /// Code of what went wrong in the last attempt.
    pub reason: Option<String>,
    /// Where it went wrong.
    pub stage: Option<String>,
    /// What went wrong, in words.
    pub detail: Option<String>,
    /// Attempts so far.
    pub attempts: u32,
    /// Those of them that count towards quarantine.
    pub failures: u32,
    /// Unix seconds.
    pub first_try: Option<i64>,
    /// Unix seconds.
    pub last_try: Option<i64>,
    /// Unix seconds.
    pub next_try: Option<i64>,
    /// Of a lost job: the source that cannot have its data.
    pub source: Option<String>,
    /// Of a provisional archive: Unix seconds of the cluster's newest data when it was made.
    pub newest: Option<i64>,
    /// Samples of the last archive.
    pub expected: Option<u64>,
    /// Those of them that were found.
    pub received: Option<u64>,
    /// Samples that could not be used.
    pub unusable: Option<u64>,
    /// Metrics and hosts with samples missing.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub gaps: Gaps,
    /// Samples that others than the first source gave, by source.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub filled: BTreeMap<String, u64>,
    /// Whether values may stand one slot off, since a source had to guess their slots.
    pub phase_guessed: bool,
}

/// An unfinished job in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open<'a> {
    /// Its cluster.
    pub cluster: &'a str,
    /// The scheduler's number.
    pub job_id: i64,
    /// Unix seconds.
    pub start_time: i64,
    /// Where it stands.
    pub standing: Standing,
    /// Code of what went wrong in the last attempt.
    pub reason: Option<&'a str>,
    /// Unix seconds of the last attempt; 0 where there was none.
    pub last_try: i64,
    /// Unix seconds; 0 for at once.
    pub next_try: i64,
    /// Of a lost job: the source.
    pub source: Option<&'a str>,
}

/// Jobs whose last attempt was on one day and had one outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DayCount {
    /// Days since 1970 in the zone that was asked for.
    pub day: i64,
    /// The outcome's word.
    pub outcome: String,
    /// How many jobs.
    pub jobs: u64,
    /// Those of them whose archive lacks more than what was asked for.
    pub thin: u64,
}

/// Which jobs to list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Listing {
    /// Those that stand so.
    Standing(Standing),
    /// Archived ones with a smaller share of their samples, the thinnest first.
    Thin(f64),
}

const COLUMNS: &str = "cluster, job_id, start_time, state, outcome, reason, stage, detail, attempts, failures, \
    first_try, last_try, next_try, source, newest, expected, received, unusable, gaps";

/// Archived with a smaller share than ?1.
const THIN: &str = "outcome IN ('complete', 'partial', 'provisional', 'empty') AND expected > 0 \
    AND received < ?1 * expected";

fn told(r: &Row<'_>) -> rusqlite::Result<Told> {
    let gaps: Option<String> = r.get(18)?;
    Ok(Told {
        key: key(r)?,
        standing: r.get(3)?,
        outcome: r.get(4)?,
        reason: r.get(5)?,
        stage: r.get(6)?,
        detail: r.get(7)?,
        attempts: r.get(8)?,
        failures: r.get(9)?,
        first_try: r.get(10)?,
        last_try: r.get(11)?,
        next_try: r.get(12)?,
        source: r.get(13)?,
        newest: r.get(14)?,
        expected: count(r, 15)?,
        received: count(r, 16)?,
        unusable: count(r, 17)?,
        gaps: gaps
            .and_then(|g| serde_json::from_str(&g).ok())
            .unwrap_or_default(),
        filled: BTreeMap::new(),
        phase_guessed: false,
    })
}

/// Where the samples of a job came from. An older ledger does not know.
fn provenance(c: &Connection, of: &JobKey) -> rusqlite::Result<(BTreeMap<String, u64>, bool)> {
    c.prepare_cached(
        "SELECT filled, guessed FROM job WHERE cluster = ?1 AND job_id = ?2 AND start_time = ?3",
    )?
    .query_row(params![of.cluster, of.job_id, of.start_time], |r| {
        let filled: Option<String> = r.get(0)?;
        let filled = filled.and_then(|f| serde_json::from_str(&f).ok());
        let guessed: Option<bool> = r.get(1)?;
        Ok((filled.unwrap_or_default(), guessed.unwrap_or(false)))
    })
}

fn with_provenance(c: &Connection, mut told: Told) -> Told {
    if let Ok((filled, guessed)) = provenance(c, &told.key) {
        (told.filled, told.phase_guessed) = (filled, guessed);
    }
    told
}

fn run(r: &Row<'_>) -> rusqlite::Result<Run> {
    let started = r.get(0)?;
    Ok(Run {
        started,
        ended: r.get::<_, Option<i64>>(1)?.unwrap_or(started),
        exit: r.get::<_, Option<i64>>(2)?.unwrap_or(0),
        figures: r.get::<_, Option<String>>(3)?.unwrap_or_default(),
    })
}

fn count(r: &Row<'_>, k: usize) -> rusqlite::Result<Option<u64>> {
    Ok(r.get::<_, Option<i64>>(k)?
        .and_then(|n| u64::try_from(n).ok()))
}

impl Ledger {
    /// All that is known of a job.
    pub fn told(&self, of: &JobKey) -> Option<Told> {
        self.with("be read", |c| {
            let sql = format!(
                "SELECT {COLUMNS} FROM job WHERE cluster = ?1 AND job_id = ?2 AND start_time = ?3"
            );
            let key = params![of.cluster, of.job_id, of.start_time];
            let told = c.prepare_cached(&sql)?.query_row(key, told).optional()?;
            Ok(told.map(|t| with_provenance(c, t)))
        })
    }

    /// The jobs of a listing, at most `limit`.
    pub fn list(&self, listing: Listing, limit: usize) -> Vec<Told> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.with("be read", |c| {
            let listed = match listing {
                Listing::Standing(s) => {
                    let sql = format!(
                        "SELECT {COLUMNS} FROM job WHERE state = ?1 AND state != 'done' \
                         ORDER BY next_try, cluster, start_time, job_id LIMIT ?2"
                    );
                    all(c, &sql, params![s.name(), limit], told)?
                }
                Listing::Thin(below) => {
                    let sql = format!(
                        "SELECT {COLUMNS} FROM job WHERE {THIN} \
                         ORDER BY received * 1.0 / expected, cluster, start_time, job_id LIMIT ?2"
                    );
                    all(c, &sql, params![below, limit], told)?
                }
            };
            Ok(listed.into_iter().map(|t| with_provenance(c, t)).collect())
        })
    }

    /// Hands over every job that is not done, one at a time: there may be a million.
    pub fn each_open(&self, mut each: impl FnMut(Open<'_>)) {
        self.with("be read", |c| {
            let sql = "SELECT cluster, job_id, start_time, state, reason, last_try, next_try, source FROM job \
                 WHERE state != 'done'";
            let mut statement = c.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            while let Some(r) = rows.next()? {
                each(Open {
                    cluster: r.get_ref(0)?.as_str()?,
                    job_id: r.get(1)?,
                    start_time: r.get(2)?,
                    standing: r.get_ref(3)?.as_str()?.parse().unwrap_or(Standing::Waiting),
                    reason: r.get_ref(4)?.as_str_or_null()?,
                    last_try: r.get::<_, Option<i64>>(5)?.unwrap_or(0),
                    next_try: r.get::<_, Option<i64>>(6)?.unwrap_or(0),
                    source: r.get_ref(7)?.as_str_or_null()?,
                });
            }
            Ok(())
        });
    }

    /// Jobs by the day of their last attempt and its outcome, since a time (Unix seconds). `offset`: seconds by which the
    /// days are ahead of UTC. `below`: the share of its samples with less of which an archive counts as thin.
    pub fn days(&self, since: i64, offset: i64, below: f64) -> Vec<DayCount> {
        self.with("be read", |c| {
            let sql = format!(
                "SELECT (last_try + ?2) / 86400, outcome, count(*), sum({THIN}) FROM job \
                 WHERE last_try >= ?3 GROUP BY 1, 2 ORDER BY 1, 2"
            );
            all(c, &sql, params![below, offset, since], |r| {
                Ok(DayCount {
                    day: r.get(0)?,
                    outcome: r.get(1)?,
                    jobs: count(r, 2)?.unwrap_or(0),
                    thin: count(r, 3)?.unwrap_or(0),
                })
            })
        })
    }

    /// How many archives are thin, see [`Ledger::days`].
    pub fn thin(&self, below: f64) -> u64 {
        self.with("be read", |c| {
            let sql = format!("SELECT count(*) FROM job WHERE {THIN}");
            c.query_row(&sql, [below], |r| count(r, 0))
        })
        .unwrap_or(0)
    }

    /// The last sweeps, the newest first.
    pub fn runs(&self, limit: usize) -> Vec<Run> {
        self.with("be read", |c| {
            let sql = "SELECT started, ended, exit, figures FROM run ORDER BY id DESC LIMIT ?1";
            all(c, sql, [i64::try_from(limit).unwrap_or(i64::MAX)], run)
        })
    }

    /// The sweeps that began at a time (Unix seconds) or later, the oldest first.
    pub fn runs_since(&self, since: i64) -> Vec<Run> {
        self.with("be read", |c| {
            let sql =
                "SELECT started, ended, exit, figures FROM run WHERE started >= ?1 ORDER BY id";
            all(c, sql, [since], run)
        })
    }

    /// When the last sweep ended that came through: Unix seconds.
    pub fn last_success(&self) -> Option<i64> {
        self.with("be read", |c| {
            let sql = "SELECT max(ended) FROM run WHERE exit IN (0, 3)";
            c.query_row(sql, [], |r| r.get(0))
        })
    }
}

fn all<T>(
    c: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    c.prepare_cached(sql)?.query_map(params, read)?.collect()
}
