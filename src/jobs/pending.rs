//! Reading: the jobs of a selection, in pages of the key.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::{Error, is_busy, row};
use crate::model::job::{Head, JobKey, NOT_STOPPED, Row, STATUS_ARCHIVED, STATUS_DISABLED};
use crate::model::selection::Selection;
use crate::model::stop::Stop;

/// Keys looked at in one statement: some milliseconds, so that a writer never waits for a reader.
const PAGE: i64 = 10_000;

/// The first host of a job is looked for in so many bytes of its `resources`.
const HOST_WITHIN: usize = 300;

/// The clocks of hosts and scheduler may be ahead of ours by so much (seconds).
const AHEAD: i64 = 3600;

/// How long a lock of others is waited for, unless somebody says otherwise.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// A job of the backlog as it is listed: little, since a page has thousands of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Identity and guards.
    pub head: Head,
    /// The name of the job's first host, as far as the row tells it: jobs of one host are worked on together.
    pub host: Option<String>,
    /// Whether nobody knows when it ended.
    pub unknown_end: bool,
}

/// Why stopped, unarchived jobs are passed over, and how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// They stopped too short a time ago.
    pub too_young: u64,
    /// They stop in the future: their clock or ours is wrong.
    pub in_future: u64,
    /// Those of them that even start more than an hour in the future: it is our clock that is wrong, and by much.
    pub start_in_future: u64,
    /// They are not of the clusters, users, times or states that were asked for.
    pub not_selected: u64,
    /// Their data is not in the source, see [`Selection::not_clusters`].
    pub external: u64,
    /// Their monitoring is switched off.
    pub switched_off: u64,
    /// Nobody knows when they ended, and a limit leaves no place for jobs that are only counted.
    pub unknown_end: u64,
}

impl PassedOver {
    /// Adds what was passed over for other reasons.
    pub fn add(&mut self, other: Self) {
        self.too_young += other.too_young;
        self.in_future += other.in_future;
        self.start_in_future += other.start_in_future;
        self.not_selected += other.not_selected;
        self.external += other.external;
        self.switched_off += other.switched_off;
        self.unknown_end += other.unknown_end;
    }
}

/// The selection with the clock resolved.
#[derive(Clone, Debug)]
pub struct Filter {
    selection: Selection,
    /// Jobs must have ended at this time or before, Unix seconds.
    latest_end: i64,
    /// Unix seconds.
    now: i64,
}

impl Filter {
    /// `now`: Unix seconds.
    pub fn new(selection: Selection, now: i64) -> Self {
        let latest_end = now.saturating_sub(selection.min_age);
        Self {
            selection,
            latest_end,
            now,
        }
    }

    /// Whether a row is wanted; state and status were looked at by SQL.
    fn wants(&self, head: &Head, subcluster: &[u8], user: &[u8]) -> bool {
        !self.selection.is_elsewhere(&head.key.cluster, subcluster)
            && self.is_asked_for(head, subcluster, user)
    }

    /// Whether the flags ask for a row.
    fn is_asked_for(&self, head: &Head, subcluster: &[u8], user: &[u8]) -> bool {
        let s = &self.selection;
        let end = head.end();
        let one_of = |list: &[String], value: &[u8]| {
            list.is_empty() || list.iter().any(|l| l.as_bytes() == value)
        };
        s.since.is_none_or(|t| end >= t)
            && s.until.is_none_or(|t| end < t)
            && (s.statuses.is_empty()
                || s.statuses
                    .iter()
                    .any(|x| x.monitoring_status() == head.status))
            && one_of(&s.clusters, head.key.cluster.as_bytes())
            && one_of(&s.subclusters, subcluster)
            && one_of(&s.users, user)
    }

    /// Whether a job stopped long enough ago. A row that says it ends in a thousand years is reported now, not then.
    fn is_old_enough(&self, head: &Head) -> bool {
        head.believable_end()
            .is_none_or(|end| end <= self.latest_end)
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
    passed_over: PassedOver,
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
            passed_over: PassedOver::default(),
            patience: PATIENCE,
            locked_since: None,
        })
    }

    /// The same, with another patience than 15 minutes for locks of others.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The jobs that were passed over so far.
    pub fn passed_over(&self) -> PassedOver {
        self.passed_over
    }

    /// Whether a row is one of the selection, apart from its age and status.
    pub fn wants(&self, row: &Row) -> bool {
        let texts = row
            .job
            .as_ref()
            .map(|j| (j.subcluster.as_bytes(), j.user.0.as_slice()));
        let (subcluster, user) = texts.unwrap_or_default();
        let any_status = Filter {
            selection: Selection {
                statuses: Vec::new(),
                ..self.filter.selection.clone()
            },
            ..self.filter
        };
        any_status.wants(&row.head, subcluster, user)
    }

    /// Whether all pages were read.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The wanted jobs among the next keys: none does not mean that no more follow, see [`Pending::is_done`].
    ///
    /// # Errors
    /// When `SQLite` cannot read; busy is one of the causes and may be tried again, until it is [`Error::Locked`].
    pub fn page(&mut self) -> Result<Vec<Listed>, Error> {
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

    fn read_page(&mut self) -> Result<Vec<Listed>, Error> {
        let path = self.path.clone();
        let fail = |source| Error::Sqlite {
            path: path.clone(),
            doing: "cannot be read",
            source,
        };
        let Some((first, last)) = next_keys(&self.connection, self.after).map_err(fail)? else {
            self.done = true;
            return Ok(Vec::new());
        };
        let sql = format!(
            "SELECT {}, subcluster, hpc_user, substr(resources, 1, {HOST_WITHIN}), walltime FROM job \
             WHERE id >= ?1 AND id <= ?2 AND monitoring_status IN (0, 1, 2) \
             AND CAST(job_state AS TEXT) NOT IN ('{}') ORDER BY id",
            row::HEAD_COLUMNS,
            NOT_STOPPED.join("', '")
        );
        let found = self.list(&sql, first, last).map_err(fail)?;
        self.after = last;
        Ok(found)
    }

    fn list(&mut self, sql: &str, first: i64, last: i64) -> rusqlite::Result<Vec<Listed>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![first, last])?;
        let mut found = Vec::new();
        while let Some(r) = rows.next()? {
            let head = row::head(r)?;
            let (subcluster, user) = (row::bytes_of(r, 7)?, row::bytes_of(r, 8)?);
            if !self.filter.is_asked_for(&head, subcluster, user) {
                self.passed_over.not_selected += 1;
            } else if head.status == STATUS_DISABLED {
                self.passed_over.switched_off += 1;
            } else if !self.filter.wants(&head, subcluster, user) {
                self.passed_over.external += 1;
            } else if self.filter.is_old_enough(&head) {
                let host = first_host(row::bytes_of(r, 9)?);
                let unknown_end = head.has_unknown_end(row::number_of(r, 10)?);
                found.push(Listed {
                    head,
                    host,
                    unknown_end,
                });
            } else if head.end() > self.filter.now {
                let much_later = self.filter.now.saturating_add(AHEAD);
                self.passed_over.in_future += 1;
                self.passed_over.start_in_future += u64::from(head.key.start_time > much_later);
            } else {
                self.passed_over.too_young += 1;
            }
        }
        Ok(found)
    }
}

/// A cursor over the archived jobs of a selection that ended at a time or later, by ascending row id.
#[derive(Debug)]
pub struct Archived {
    connection: Connection,
    path: PathBuf,
    filter: Filter,
    since: i64,
    after: i64,
}

impl Archived {
    /// Opens a connection of its own for the cursor. `since`: Unix seconds.
    ///
    /// # Errors
    /// When the database cannot be read or has another version.
    pub fn open(path: &Path, filter: Filter, since: i64) -> Result<Self, Error> {
        Ok(Self {
            connection: super::open(path)?,
            path: path.into(),
            filter,
            since,
            after: i64::MIN,
        })
    }

    /// The jobs among the next keys; none when all keys were looked at.
    ///
    /// # Errors
    /// When the database cannot be read, or stays locked by others for 15 minutes.
    pub fn page(&mut self, stop: &Stop) -> Result<Option<Vec<JobKey>>, Error> {
        super::patiently(PATIENCE, stop, || {
            self.read_page().map_err(|source| Error::Sqlite {
                path: self.path.clone(),
                doing: "cannot be read",
                source,
            })
        })
    }

    fn read_page(&mut self) -> rusqlite::Result<Option<Vec<JobKey>>> {
        let Some((first, last)) = next_keys(&self.connection, self.after)? else {
            return Ok(None);
        };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {}, subcluster, hpc_user FROM job WHERE id >= ?1 AND id <= ?2 AND monitoring_status = {STATUS_ARCHIVED} \
             AND start_time + duration >= ?3 ORDER BY id",
            row::HEAD_COLUMNS
        ))?;
        let mut rows = statement.query(params![first, last, self.since])?;
        let mut found = Vec::new();
        while let Some(r) = rows.next()? {
            let head = row::head(r)?;
            let wanted = self
                .filter
                .wants(&head, row::bytes_of(r, 7)?, row::bytes_of(r, 8)?);
            found.extend(wanted.then_some(head.key));
        }
        self.after = last;
        Ok(Some(found))
    }
}

/// The first and the last id of the next page; none where no row follows.
fn next_keys(c: &Connection, after: i64) -> rusqlite::Result<Option<(i64, i64)>> {
    let sql = "SELECT min(id) FROM job WHERE id > ?1";
    let first: Option<i64> = c.query_row(sql, [after], |r| r.get(0))?;
    Ok(first.map(|first| (first, first.saturating_add(PAGE - 1))))
}

/// The first host's name out of the beginning of a `resources` column.
fn first_host(json: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(json);
    let (_, rest) = text.split_once("\"hostname\"")?;
    let (_, rest) = rest.split_once('"')?;
    rest.split_once('"').map(|(name, _)| name.to_owned())
}
