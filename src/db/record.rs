//! Writing: what became of jobs, in one short guarded transaction per batch.
//!
//! A row is only changed while it is as it was read: same id, job, state, status and length. Otherwise the update
//! hits no row, and the caller is told.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};

use super::{Error, check_version, connect, is_busy};
use crate::job::Head;
use crate::stop::Stop;

/// The new content of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Status 3 with the columns that an archived job has.
    Archived {
        /// JSON text.
        footprint: String,
        /// JSON text.
        energy_footprint: String,
        /// kWh.
        energy: f64,
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
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        check_version(&connection, path)?;
        // SQLite opens a file without write permission all the same.
        if connection.is_readonly(rusqlite::MAIN_DB).unwrap_or(false) {
            return Err(Error::ReadOnly(path.into()));
        }
        connection
            .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
            .map_err(|source| Error::Sqlite {
                path: path.into(),
                doing: "cannot be opened",
                source,
            })?;
        Ok(Self {
            connection,
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
        loop {
            match self.try_apply(updates) {
                Ok(hits) => return Ok(hits),
                Err(e) if !is_busy(&e) => {
                    return Err(Error::Sqlite {
                        path: self.path.clone(),
                        doing: "cannot be written",
                        source: e,
                    });
                }
                // A shutdown still waits its grace, so that what is finished is recorded if that is possible at all.
                Err(_) if begun.elapsed() >= self.patience || stop.is_cancelled() => {
                    return Err(Error::Locked {
                        path: self.path.clone(),
                        seconds: begun.elapsed().as_secs(),
                    });
                }
                Err(_) => {}
            }
        }
    }

    fn try_apply(&mut self, updates: &[Update]) -> rusqlite::Result<Vec<bool>> {
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
    const GUARD: &str = "WHERE id = ?1 AND monitoring_status = ?2 AND job_state = ?3 AND job_id = ?4 \
        AND start_time = ?5 AND duration = ?6";
    let h = &u.head;
    let key = &h.key;
    let n = match &u.change {
        Change::Archived { footprint, energy_footprint, energy } => tx
            .prepare_cached(&format!(
                "UPDATE job SET footprint = ?7, energy_footprint = ?8, energy = ?9, monitoring_status = 3 {GUARD}"
            ))?
            .execute(params![
                h.id, h.status, h.state, key.job_id, key.start_time, h.duration, footprint, energy_footprint, energy
            ])?,
        Change::Failed => tx
            .prepare_cached(&format!("UPDATE job SET monitoring_status = 2 {GUARD}"))?
            .execute(params![h.id, h.status, h.state, key.job_id, key.start_time, h.duration])?,
    };
    Ok(n == 1)
}
