//! cc-backend's job database: the only SQL on it.
//!
//! It belongs to cc-backend, which may be running: its mode and schema are never changed, reads come in short
//! statements over ranges of the key (no index serves the selection), writes in short guarded transactions.

pub mod lock;
mod pending;
mod record;
mod row;
mod rows;
mod survey;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::model::stop::Stop;
use crate::opening::sqlite;

pub use pending::{Archived, Filter, Listed, PassedOver, Pending};
pub use record::{Change, Recorder, Update};
pub use rows::Rows;
pub use survey::{Brief, extent, survey};

/// Versions of cc-backend's schema that have the columns used here.
pub const VERSIONS: std::ops::RangeInclusive<i64> = 9..=11;
/// How long `SQLite` itself waits for a lock before the caller is asked whether to go on.
const BUSY: Duration = Duration::from_millis(500);

/// Between two tries to get a lock, each of which waits itself where SQLite does.
const PAUSE: Duration = Duration::from_millis(20);

/// What can go wrong with the database as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its schema is none that is known.
    #[error("{0}")]
    Version(String),
    /// `SQLite`'s word.
    #[error("the job database {path} {doing}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What failed, as the end of the sentence.
        doing: &'static str,
        /// The cause.
        source: rusqlite::Error,
    },
    /// Nothing can be recorded.
    #[error("the job database {0} is read-only; give this user the right to write it")]
    ReadOnly(PathBuf),
    /// It can only be read with its log, which needs files beside it that this user cannot open or make.
    #[error(
        "the job database {path} can only be read together with its log {path}-wal, which this user cannot read or make in this folder; {advice}",
        path = .0.display(),
        advice = "run as the owner of the database, or look at a copy of both in a folder that can be written"
    )]
    Log(PathBuf),
    /// Somebody kept it locked for too long.
    #[error(
        "the job database {path} stayed locked for {seconds} s; {advice}",
        advice = "what is archived already is recorded by the next sweep"
    )]
    Locked {
        /// The file.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
}

impl Error {
    /// Whether another connection keeps the database locked.
    pub fn is_locked(&self) -> bool {
        match self {
            Self::Sqlite { source, .. } => is_busy(source),
            Self::Locked { .. } => true,
            Self::Version(_) | Self::ReadOnly(_) | Self::Log(_) => false,
        }
    }
}

/// Whether `SQLite` says that another connection holds a lock.
pub fn is_busy(e: &rusqlite::Error) -> bool {
    matches!(
        e.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
    )
}

/// The database's version, where it can be read and is known.
///
/// # Errors
/// [`Error::Version`] for a schema that is not known, [`Error::Sqlite`] where the file cannot be read.
pub fn check(path: &Path) -> Result<i64, Error> {
    Ok(open_to_read(path)?.1)
}

/// SQLite's word for a log that cannot be read, in ours.
fn explained(path: &Path, e: Error) -> Error {
    match e {
        Error::Sqlite { source, .. } if sqlite::cannot_create(&source) && sqlite::has_log(path) => {
            Error::Log(path.into())
        }
        e @ (Error::Version(_)
        | Error::Sqlite { .. }
        | Error::ReadOnly(_)
        | Error::Log(_)
        | Error::Locked { .. }) => e,
    }
}

/// A read-only connection, its version checked.
///
/// # Errors
/// [`Error::Version`] for a schema that is not known, [`Error::Sqlite`] where the file cannot be read.
pub(crate) fn open(path: &Path) -> Result<Connection, Error> {
    Ok(open_to_read(path)?.0)
}

/// A read-only connection, and the database's version.
fn open_to_read(path: &Path) -> Result<(Connection, i64), Error> {
    let c = ready(path, sqlite::open_to_read(path))?;
    let version = check_version(&c, path).map_err(|e| explained(path, e))?;
    Ok((c, version))
}

/// A connection that writes, its version checked.
fn open_to_write(path: &Path) -> Result<Connection, Error> {
    let c = ready(path, sqlite::open_to_write(path))?;
    check_version(&c, path)?;
    // SQLite opens a file without write permission all the same.
    if c.is_readonly(rusqlite::MAIN_DB).unwrap_or(false) {
        return Err(Error::ReadOnly(path.into()));
    }
    c.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
        .map_err(|source| Error::Sqlite {
            path: path.into(),
            doing: "cannot be opened",
            source,
        })?;
    Ok(c)
}

/// A connection that waits for locks.
fn ready(path: &Path, opened: rusqlite::Result<Connection>) -> Result<Connection, Error> {
    let waiting = opened.and_then(|c| {
        c.busy_timeout(BUSY)?;
        // Plans do not depend on the values that are bound: else SQLite prepared the question for a job's tags anew for each job.
        c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(c)
    });
    waiting.map_err(|source| Error::Sqlite {
        path: path.into(),
        doing: "cannot be opened",
        source,
    })
}

/// Does something as long as others keep the database locked, at most for `patience` or until the sweep is to end.
///
/// # Errors
/// [`Error::Locked`] when the patience is over; else what `f` says.
pub fn patiently<T>(
    patience: Duration,
    stop: &Stop,
    f: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    persist(patience, || stop.wait(PAUSE), f)
}

/// The same, as long as `pause` pauses and says that it goes on.
fn persist<T>(
    patience: Duration,
    pause: impl Fn() -> bool,
    mut f: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let begun = Instant::now();
    loop {
        match f() {
            Err(Error::Sqlite { path, source, .. })
                if is_busy(&source) && begun.elapsed() >= patience =>
            {
                let seconds = begun.elapsed().as_secs();
                return Err(Error::Locked { path, seconds });
            }
            Err(Error::Sqlite { source, .. }) if is_busy(&source) && pause() => {}
            result => return result,
        }
    }
}

fn check_version(c: &Connection, path: &Path) -> Result<i64, Error> {
    let expected = format!(
        "expected version {} to {}",
        VERSIONS.start(),
        VERSIONS.end()
    );
    let row = c.query_row(
        "SELECT version, dirty FROM schema_migrations LIMIT 1",
        [],
        |r| Ok((r.get::<_, i64>(0)?, r.get::<_, bool>(1)?)),
    );
    let message = match row {
        Ok((version, false)) if VERSIONS.contains(&version) => return Ok(version),
        Ok((version, true)) => format!(
            "a migration of the job database {} to version {version} was not finished; finish it with cc-backend first",
            path.display()
        ),
        Ok((version, false)) => format!(
            "the job database {} has version {version}; {expected}; {}",
            path.display(),
            if version < *VERSIONS.start() {
                "migrate it with cc-backend -migrate-db"
            } else {
                "use a newer ccarchive"
            }
        ),
        Err(rusqlite::Error::SqliteFailure(e, text))
            if e.code != rusqlite::ErrorCode::Unknown
                || !text.as_deref().unwrap_or("").contains("no such table") =>
        {
            let source = rusqlite::Error::SqliteFailure(e, text);
            return Err(Error::Sqlite {
                path: path.into(),
                doing: "cannot be read",
                source,
            });
        }
        Err(_) => format!(
            "{} is not cc-backend's job database (no schema_migrations); {expected}",
            path.display()
        ),
    };
    Err(Error::Version(message))
}
