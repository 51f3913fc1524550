//! Every row of the table, briefly: what a count of the backlog needs, in pages of the key.
//!
//! No index serves such a count, so the whole table is read once, with few columns and nothing copied but cluster names
//! that were not seen yet. A page is a statement of its own: a writer never waits for the whole pass.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::{Error, open, patiently, row};
use crate::model::job::{
    JobKey, NOT_STOPPED, STATUS_FAILED, STATUS_PENDING, believable_end, unknown_end,
};
use crate::model::stop::Stop;

/// Keys looked at in one statement.
const PAGE: i64 = 20_000;

/// A row in short.
#[derive(Clone, Debug)]
pub struct Brief {
    /// The row's id in the database.
    pub id: i64,
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// The scheduler's number.
    pub job_id: i64,
    /// Unix seconds.
    pub start_time: i64,
    /// Seconds.
    pub duration: i64,
    /// `monitoring_status`.
    pub status: i64,
    /// Whether the job has stopped.
    pub stopped: bool,
    /// Whether nobody knows when it ended.
    pub unknown_end: bool,
}

impl Brief {
    /// When the job ended, Unix seconds.
    pub fn end(&self) -> i64 {
        self.start_time.saturating_add(self.duration)
    }

    /// [`believable_end`] of the row.
    pub fn believable_end(&self) -> Option<i64> {
        believable_end(self.start_time, self.duration)
    }

    /// Whether the job waits to be archived.
    pub fn is_unarchived(&self) -> bool {
        self.stopped && matches!(self.status, STATUS_PENDING | STATUS_FAILED)
    }

    /// What names the job.
    pub fn key(&self) -> JobKey {
        JobKey {
            cluster: self.cluster.to_string(),
            job_id: self.job_id,
            start_time: self.start_time,
        }
    }
}

/// Looks at every row whose id is above `after` once, by ascending row id; ends early when the stop token drains.
///
/// # Errors
/// When the database cannot be read or stays locked.
pub fn survey(
    path: &Path,
    mut after: i64,
    patience: Duration,
    stop: &Stop,
    mut each: impl FnMut(&Brief),
) -> Result<(), Error> {
    let connection = patiently(patience, stop, || open(path))?;
    let mut page = Page::default();
    loop {
        let last = patiently(patience, stop, || {
            page.read(&connection, after)
                .map_err(|source| Error::Sqlite {
                    path: path.into(),
                    doing: "cannot be read",
                    source,
                })
        })?;
        page.rows.iter().for_each(&mut each);
        let Some(last) = last.filter(|_| !stop.is_draining()) else {
            return Ok(());
        };
        after = last;
    }
}

/// How many rows the table has, and its largest id; both cost an index at most.
///
/// # Errors
/// When the database cannot be read or stays locked.
pub fn extent(path: &Path, patience: Duration, stop: &Stop) -> Result<(u64, i64), Error> {
    patiently(patience, stop, || {
        let sql = "SELECT (SELECT count(*) FROM job), (SELECT coalesce(max(id), 0) FROM job)";
        let read = |r: &rusqlite::Row<'_>| Ok((row::number_of(r, 0)?, row::number_of(r, 1)?));
        let found = open(path)?.query_row(sql, [], read);
        let (rows, last) = found.map_err(|source| Error::Sqlite {
            path: path.into(),
            doing: "cannot be read",
            source,
        })?;
        Ok((u64::try_from(rows).unwrap_or(0), last))
    })
}

#[derive(Default)]
struct Page {
    rows: Vec<Brief>,
    clusters: Vec<Arc<str>>,
}

impl Page {
    /// Reads the next page; its last key, none at the end of the table.
    fn read(&mut self, c: &Connection, after: i64) -> rusqlite::Result<Option<i64>> {
        self.rows.clear();
        let first: Option<i64> = c
            .prepare_cached("SELECT min(id) FROM job WHERE id > ?1")?
            .query_row([after], |r| r.get(0))?;
        let Some(first) = first else {
            return Ok(None);
        };
        let last = first.saturating_add(PAGE - 1);
        let mut statement = c.prepare_cached(
            "SELECT job_id, cluster, start_time, duration, job_state, monitoring_status, walltime, id FROM job \
             WHERE id >= ?1 AND id <= ?2 ORDER BY id",
        )?;
        let mut rows = statement.query(params![first, last])?;
        while let Some(r) = rows.next()? {
            let number =
                |k| -> rusqlite::Result<i64> { Ok(row::integer(r.get_ref(k)?).unwrap_or(0)) };
            let state = row::bytes_of(r, 4)?;
            let (duration, status) = (number(3)?, number(5)?);
            self.rows.push(Brief {
                id: number(7)?,
                cluster: name(&mut self.clusters, row::bytes_of(r, 1)?),
                job_id: number(0)?,
                start_time: number(2)?,
                duration,
                status,
                stopped: !NOT_STOPPED.iter().any(|s| s.as_bytes() == state),
                unknown_end: unknown_end(status, duration, state, number(6)?),
            });
        }
        Ok(Some(last))
    }
}

/// The name of a cluster, kept once.
fn name(known: &mut Vec<Arc<str>>, bytes: &[u8]) -> Arc<str> {
    if let Some(at) = known.iter().position(|k| k.as_bytes() == bytes) {
        return Arc::clone(&known[at]);
    }
    let name: Arc<str> = String::from_utf8_lossy(bytes).into();
    known.push(Arc::clone(&name));
    name
}
