//! Whole rows, one at a time: for whoever is about to work on a job, and once more before its archive is published.
//!
//! cc-backend and other tools change rows while a sweep runs. So a worker takes the row as it is now, not as it was when
//! the backlog was listed, and only the jobs in work have their whole rows in memory.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Params};

use super::{Error, PAUSE, open, persist, row};
use crate::model::job::{JobKey, Row};
use crate::model::row_columns::Columns;
use crate::model::stop::Stop;

/// Reads rows of one database; shared by threads, each of which gets a connection while it reads.
#[derive(Debug)]
pub struct Rows {
    path: PathBuf,
    /// How long a lock of others is waited for.
    patience: Duration,
    idle: Mutex<Vec<Connection>>,
    /// The last to be dropped: see [`Rows::hold`].
    last: Mutex<Option<Connection>>,
}

impl Rows {
    /// Of a database; nothing is opened yet.
    pub fn new(path: &Path, patience: Duration) -> Self {
        Self {
            path: path.into(),
            patience,
            idle: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// Keeps a connection until the end, for programs that only read. The first connection to a database that nobody has
    /// open may remove the log that reading creates, and does so only when it is the last to close; so it must be held
    /// before any other is opened.
    ///
    /// # Errors
    /// When the database cannot be read or stays locked.
    pub fn hold(&self, stop: &Stop) -> Result<(), Error> {
        // The version was read with it, so that it has the log open.
        let first = super::patiently(self.patience, stop, || open(&self.path))?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(first);
        Ok(())
    }

    /// The row with that id and its tags; none where it is gone.
    ///
    /// # Errors
    /// When the database cannot be read or stays locked.
    pub fn by_id(&self, id: i64, stop: &Stop) -> Result<Option<Row>, Error> {
        self.with(stop, |c| {
            one(
                c,
                &format!("SELECT {} FROM job WHERE id = ?1", row::COLUMNS),
                [id],
            )
        })
    }

    /// The row of a job; none where it is gone.
    ///
    /// # Errors
    /// When the database cannot be read or stays locked.
    pub fn by_key(&self, key: &JobKey, stop: &Stop) -> Result<Option<Row>, Error> {
        let sql = format!(
            "SELECT {} FROM job WHERE job_id = ?1 AND cluster = ?2 AND start_time = ?3",
            row::COLUMNS
        );
        self.with(stop, |c| {
            one(c, &sql, (key.job_id, key.cluster.as_str(), key.start_time))
        })
    }

    /// The rows with these ids, those that are there, with footprint, energy footprint and energy as far as these are of the
    /// right types. Tags are not read. All are of one state of the database, so ask for few at a time.
    ///
    /// # Errors
    /// When the database cannot be read or stays locked.
    pub fn several(&self, ids: &[i64], stop: &Stop) -> Result<Vec<(Row, Columns)>, Error> {
        let sql = format!(
            "SELECT {}, footprint, energy_footprint, energy FROM job WHERE id = ?1",
            row::COLUMNS
        );
        self.with(stop, |c| {
            let transaction = c.unchecked_transaction()?;
            let mut statement = transaction.prepare_cached(&sql)?;
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                let row = statement.query_row([id], |r| Ok((decoded(r)?, columns(r)?)));
                found.extend(row.optional()?);
            }
            Ok(found)
        })
    }

    /// `monitoring_status` of a cluster's jobs whose numbers are in a range, by number and start.
    ///
    /// # Errors
    /// When the database cannot be read or stays locked.
    pub fn statuses(
        &self,
        cluster: &str,
        numbers: RangeInclusive<i64>,
        stop: &Stop,
    ) -> Result<HashMap<(i64, i64), i64>, Error> {
        let sql = "SELECT job_id, start_time, monitoring_status FROM job \
             WHERE job_id BETWEEN ?1 AND ?2 AND cluster = ?3";
        self.with(stop, |c| {
            let mut statement = c.prepare_cached(sql)?;
            let mut rows = statement.query((numbers.start(), numbers.end(), cluster))?;
            let mut found = HashMap::new();
            while let Some(r) = rows.next()? {
                let number = |k| row::number_of(r, k);
                found.insert((number(0)?, number(1)?), number(2)?);
            }
            Ok(found)
        })
    }

    /// All jobs with a scheduler's number, whatever their state, by cluster and start time.
    ///
    /// # Errors
    /// When the database cannot be read or stays locked.
    pub fn by_number(&self, job_id: i64, stop: &Stop) -> Result<Vec<Row>, Error> {
        let sql = format!(
            "SELECT {} FROM job WHERE job_id = ?1 ORDER BY cluster, start_time",
            row::COLUMNS
        );
        self.with(stop, |c| many(c, &sql, [job_id]))
    }

    /// Closes the connections that nobody is using. One that only reads cannot remove the database's log: whoever writes
    /// closes after it.
    pub fn close(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn with<T>(
        &self,
        stop: &Stop,
        mut read: impl FnMut(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        // A shutdown still waits its grace, so that what is in hand comes to its end if that is possible at all.
        let pause = || {
            std::thread::park_timeout(PAUSE);
            !stop.is_cancelled()
        };
        persist(self.patience, pause, || {
            let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = idle().pop();
            let connection = kept.map_or_else(|| open(&self.path), Ok)?;
            let answer = read(&connection).map_err(|source| Error::Sqlite {
                path: self.path.clone(),
                doing: "cannot be read",
                source,
            });
            idle().push(connection);
            answer
        })
    }
}

/// What follows [`row::COLUMNS`].
fn columns(r: &rusqlite::Row<'_>) -> rusqlite::Result<Columns> {
    let text = |k| -> rusqlite::Result<String> {
        Ok(String::from_utf8_lossy(row::bytes_of(r, k)?).into_owned())
    };
    Ok(Columns {
        footprint: text(20)?,
        energy_footprint: text(21)?,
        energy: match r.get_ref(22)? {
            ValueRef::Real(energy) => energy,
            ValueRef::Integer(energy) => energy as f64,
            ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => 0.0,
        },
    })
}

/// A row and its tags.
pub(super) fn one(c: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<Option<Row>> {
    let found = c
        .prepare_cached(sql)?
        .query_row(params, decoded)
        .optional()?;
    found.map(|row| with_tags(c, row)).transpose()
}

fn many(c: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<Vec<Row>> {
    let rows: Vec<Row> = c
        .prepare_cached(sql)?
        .query_map(params, decoded)?
        .collect::<rusqlite::Result<_>>()?;
    rows.into_iter().map(|row| with_tags(c, row)).collect()
}

fn decoded(r: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let head = row::head(r)?;
    let job = row::job(r, &head)?;
    Ok(Row { head, job })
}

fn with_tags(c: &Connection, mut row: Row) -> rusqlite::Result<Row> {
    if let Ok(job) = &mut row.job {
        job.tags = c
            .prepare_cached(
                "SELECT t.tag_type, t.tag_name, t.tag_scope FROM jobtag jt JOIN tag t ON t.id = jt.tag_id \
                 WHERE jt.job_id = ?1 ORDER BY t.id",
            )?
            .query_map([job.head.id], row::tag)?
            .collect::<rusqlite::Result<_>>()?;
    }
    Ok(row)
}
