//! Writing: what became of jobs, in one short guarded transaction per batch.
//!
//! A row becomes archived only while it is as the archive says: everything that meta.json took from it, tags included, is
//! compared within the transaction. Other changes need the same id, job, state, status and length. Otherwise nothing
//! changes, and the caller is told.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::{Error, PAUSE, is_busy, open_to_write, row, rows};
use crate::model::job::Head;
use crate::model::row_columns::{Columns, row_print};
use crate::model::stop::Stop;

/// So long a lock of others is waited for once the sweep is cancelled.
const AT_LAST: Duration = Duration::from_secs(5);

/// The new content of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Status 3 with the columns that an archived job has, if the row is still the one that was archived.
    Archived {
        /// Checksum of the row that was archived, see [`row_print`].
        row_print: u32,
        /// What the row gets.
        columns: Columns,
    },
    /// Status 2, nothing else.
    Failed,
}

/// A change of one row.
#[derive(Clone, Debug)]
pub struct Update {
    /// The row as it was read.
    pub head: Head,
    /// What to write.
    pub change: Change,
}

/// The writing connection.
#[derive(Debug)]
pub struct Recorder {
    connection: Connection,
    path: PathBuf,
    patience: Duration,
}

impl Recorder {
    /// Opens the database for writing; `patience` is how long a lock of others is waited for.
    ///
    /// # Errors
    /// When the database cannot be opened or has another version.
    pub fn open(path: &Path, patience: Duration) -> Result<Self, Error> {
        Ok(Self {
            connection: open_to_write(path)?,
            path: path.into(),
            patience,
        })
    }

    /// Applies all updates in one transaction; per update whether it hit its row.
    ///
    /// # Errors
    /// When the lock was not to be had in time (nothing is written), or `SQLite` cannot write.
    pub fn apply(&mut self, updates: &[Update], stop: &Stop) -> Result<Vec<bool>, Error> {
        let begun = Instant::now();
        let mut cancelled: Option<Instant> = None;
        loop {
            // A shutdown still waits a little, so that what is finished is recorded if that is possible at all.
            let is_over = begun.elapsed() >= self.patience
                || stop.is_cancelled()
                    && cancelled.get_or_insert_with(Instant::now).elapsed() >= AT_LAST;
            match self.try_apply(updates) {
                Ok(hits) => return Ok(hits),
                Err(e) if !is_busy(&e) => {
                    return Err(Error::Sqlite {
                        path: self.path.clone(),
                        doing: "cannot be written",
                        source: e,
                    });
                }
                Err(_) if is_over => {
                    return Err(Error::Locked {
                        path: self.path.clone(),
                        seconds: begun.elapsed().as_secs(),
                    });
                }
                // Some locks are refused at once.
                Err(_) => std::thread::park_timeout(PAUSE),
            }
        }
    }

    fn try_apply(&mut self, updates: &[Update]) -> rusqlite::Result<Vec<bool>> {
        // Immediate, so that rows are compared and written under one lock. A deferred transaction would be as right, but
        // would have to begin anew whenever somebody writes between its first reading and its first writing.
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let hits = updates
            .iter()
            .map(|u| apply(&tx, u))
            .collect::<rusqlite::Result<_>>()?;
        tx.commit()?;
        Ok(hits)
    }
}

fn apply(tx: &Transaction<'_>, u: &Update) -> rusqlite::Result<bool> {
    // As `row::head` reads them: a number of a wrong type is 0, a missing name is empty, bytes that are no UTF-8 are
    // not compared.
    const GUARD: &str = "WHERE id = ?1 AND monitoring_status = ?2 \
        AND (CAST(job_state AS TEXT) = ?3 OR instr(?3, char(65533)) > 0) \
        AND iif(typeof(job_id) = 'integer', job_id, 0) = ?4 \
        AND iif(typeof(start_time) = 'integer', start_time, 0) = ?5 \
        AND iif(typeof(duration) = 'integer', duration, 0) = ?6 \
        AND (?7 IS NULL OR ifnull(CAST(cluster AS TEXT), '') = ?7)";
    let h = &u.head;
    let key = &h.key;
    // A name that is no UTF-8 was read with replacements and cannot be compared.
    let cluster = Some(&key.cluster).filter(|c| !c.contains(char::REPLACEMENT_CHARACTER));
    let n = match &u.change {
        Change::Archived {
            row_print: print,
            columns,
        } => {
            if !is_unchanged(tx, h.id, *print)? {
                return Ok(false);
            }
            tx
            .prepare_cached(&format!(
                "UPDATE job SET footprint = ?8, energy_footprint = ?9, energy = ?10, monitoring_status = 3 {GUARD}"
            ))?
            .execute(params![
                h.id, h.status, h.state, key.job_id, key.start_time, h.duration, cluster, columns.footprint,
                columns.energy_footprint, columns.energy
            ])?
        }
        Change::Failed => tx
            .prepare_cached(&format!("UPDATE job SET monitoring_status = 2 {GUARD}"))?
            .execute(params![
                h.id,
                h.status,
                h.state,
                key.job_id,
                key.start_time,
                h.duration,
                cluster
            ])?,
    };
    Ok(n == 1)
}

/// Whether a row, tags included, is the one with that checksum.
fn is_unchanged(tx: &Transaction<'_>, id: i64, print: u32) -> rusqlite::Result<bool> {
    let sql = format!("SELECT {} FROM job WHERE id = ?1", row::COLUMNS);
    let now = rows::one(tx, &sql, [id])?.and_then(|r| r.job.ok());
    Ok(now.is_some_and(|job| row_print(&job) == print))
}
