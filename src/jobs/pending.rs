//! Reading: the jobs of a selection, in pages of the key.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Params, params};

use super::{Error, is_busy, row};
use crate::model::job::{Head, Job, JobKey, NOT_STOPPED};
use crate::model::selection::Selection;

/// Keys looked at in one statement: some milliseconds, so that a writer never waits for a reader.
const PAGE: i64 = 10_000;

/// How long a lock of others is waited for, unless somebody says otherwise.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// A row as read: who it is about, and the job or what is wrong with it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Identity and guards.
    pub head: Head,
    /// The decoded row, or one sentence.
    pub job: Result<Job, String>,
}

/// The selection with the clock resolved.
#[derive(Clone, Debug)]
pub struct Filter {
    selection: Selection,
    /// Jobs must have ended at this time or before, Unix seconds.
    latest_end: i64,
}

impl Filter {
    /// `now`: Unix seconds.
    pub fn new(selection: Selection, now: i64) -> Self {
        let latest_end = now.saturating_sub(selection.min_age);
        Self {
            selection,
            latest_end,
        }
    }

    /// Whether a row is wanted; state and status were looked at by SQL.
    fn wants(&self, c: &Candidate) -> bool {
        let s = &self.selection;
        let end = c.head.end();
        let one_of = |list: &[String], value: Option<&[u8]>| {
            list.is_empty() || value.is_some_and(|v| list.iter().any(|l| l.as_bytes() == v))
        };
        let job = c.job.as_ref().ok();
        // A row that says it ends in a thousand years is reported now, not then.
        (end <= self.latest_end || c.head.end_is_absurd())
            && s.since.is_none_or(|t| end >= t)
            && s.until.is_none_or(|t| end < t)
            && (s.statuses.is_empty()
                || s.statuses
                    .iter()
                    .any(|x| x.monitoring_status() == c.head.status))
            && one_of(&s.clusters, Some(c.head.key.cluster.as_bytes()))
            && one_of(&s.subclusters, job.map(|j| j.subcluster.as_bytes()))
            && one_of(&s.users, job.map(|j| j.user.0.as_slice()))
    }
}

/// A cursor over the stopped, unarchived jobs of a selection, by ascending row id.
#[derive(Debug)]
pub struct Pending {
    connection: Connection,
    path: PathBuf,
    filter: Filter,
    after: i64,
    done: bool,
    /// How long a lock of others is waited for.
    patience: Duration,
    locked_since: Option<Instant>,
}

impl Pending {
    /// Opens a connection of its own for the cursor.
    ///
    /// # Errors
    /// When the database cannot be read or has another version.
    pub fn open(path: &Path, filter: Filter) -> Result<Self, Error> {
        Ok(Self {
            connection: super::open(path)?,
            path: path.into(),
            filter,
            after: i64::MIN,
            done: false,
            patience: PATIENCE,
            locked_since: None,
        })
    }

    /// The same, with another patience than 15 minutes for locks of others.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Whether all pages were read.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The wanted jobs among the next keys: none does not mean that no more follow, see [`Pending::is_done`].
    ///
    /// # Errors
    /// When `SQLite` cannot read; busy is one of the causes and may be tried again, until it is [`Error::Locked`].
    pub fn page(&mut self) -> Result<Vec<Candidate>, Error> {
        match self.read_page() {
            Err(Error::Sqlite { path, source, .. }) if is_busy(&source) => {
                let waited = self.locked_since.get_or_insert_with(Instant::now).elapsed();
                if waited >= self.patience {
                    let seconds = waited.as_secs();
                    return Err(Error::Locked { path, seconds });
                }
                let doing = "is locked";
                Err(Error::Sqlite {
                    path,
                    doing,
                    source,
                })
            }
            result => {
                self.locked_since = None;
                result
            }
        }
    }

    fn read_page(&mut self) -> Result<Vec<Candidate>, Error> {
        let fail = |source| Error::Sqlite {
            path: self.path.clone(),
            doing: "cannot be read",
            source,
        };
        let first: Option<i64> = self
            .connection
            .query_row("SELECT min(id) FROM job WHERE id > ?1", [self.after], |r| {
                r.get(0)
            })
            .map_err(fail)?;
        let Some(first) = first else {
            self.done = true;
            return Ok(Vec::new());
        };
        let last = first.saturating_add(PAGE - 1);
        let sql = format!(
            "SELECT {} FROM job WHERE id >= ?1 AND id <= ?2 AND monitoring_status IN (1, 2) \
             AND CAST(job_state AS TEXT) NOT IN ('{}') ORDER BY id",
            row::COLUMNS,
            NOT_STOPPED.join("', '")
        );
        let mut found = select(&self.connection, &sql, params![first, last]).map_err(fail)?;
        found.retain(|c| self.filter.wants(c));
        add_tags(&self.connection, &mut found).map_err(fail)?;
        self.after = last;
        Ok(found)
    }
}

/// All jobs with a scheduler number, whatever their state, by start time.
///
/// # Errors
/// When `SQLite` cannot read.
pub fn find_jobs(c: &Connection, path: &Path, job_id: i64) -> Result<Vec<Candidate>, Error> {
    let sql = format!(
        "SELECT {} FROM job WHERE job_id = ?1 ORDER BY cluster, start_time",
        row::COLUMNS
    );
    let found = select(c, &sql, [job_id]).and_then(|mut found| {
        add_tags(c, &mut found)?;
        Ok(found)
    });
    found.map_err(|source| Error::Sqlite {
        path: path.into(),
        doing: "cannot be read",
        source,
    })
}

fn select(c: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<Vec<Candidate>> {
    let mut statement = c.prepare_cached(sql)?;
    let rows = statement.query_map(params, |r| {
        let head = row::head(r)?;
        let job = row::job(r, &head)?;
        Ok(Candidate { head, job })
    })?;
    rows.collect()
}

fn add_tags(c: &Connection, found: &mut [Candidate]) -> rusqlite::Result<()> {
    let mut statement = c.prepare_cached(
        "SELECT t.tag_type, t.tag_name, t.tag_scope FROM jobtag jt JOIN tag t ON t.id = jt.tag_id \
         WHERE jt.job_id = ?1 ORDER BY t.id",
    )?;
    for candidate in found {
        if let Ok(job) = &mut candidate.job {
            job.tags = statement
                .query_map([job.head.id], row::tag)?
                .collect::<rusqlite::Result<_>>()?;
        }
    }
    Ok(())
}

/// The `monitoring_status` of a job; none where there is no such job.
///
/// # Errors
/// When `SQLite` cannot read.
pub fn status_of(c: &Connection, path: &Path, key: &JobKey) -> Result<Option<i64>, Error> {
    c.prepare_cached(
        "SELECT monitoring_status FROM job WHERE job_id = ?1 AND cluster = ?2 AND start_time = ?3",
    )
    .and_then(|mut s| {
        s.query_row(params![key.job_id, key.cluster, key.start_time], |r| {
            r.get(0)
        })
        .optional()
    })
    .map_err(|source| Error::Sqlite {
        path: path.into(),
        doing: "cannot be read",
        source,
    })
}
