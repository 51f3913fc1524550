//! The archive as a SQLite file, cc-backend's sqlite backend (version 3): a row of `jobs` holds meta.json and data.json,
//! plain or gzip.
//!
//! Only a file that is there is written, and only jobs of clusters that have a row in `clusters`: cc-backend does not start
//! with a job of another. A job's documents change together, so that a reader sees the old or the new archive and a killed
//! sweep leaves nothing to tidy. What is published waits for the next flush, or for a few MiB of it, and is then committed
//! in one short transaction that is on the disk when it ends: cc-backend's second connection waits five seconds for it.

mod rows;
mod walk;

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior};
use rustix::fs::statvfs;

use super::error::takes_nothing;
use super::owner::obstacle;
use super::spool::Spool;
use super::sum::Summing;
use super::{ClusterFiles, Condition, Draft, Error, Found, Stored, Target, found};
use crate::model::failure::fit_to_print;
use crate::model::job::JobKey;
use crate::model::stored::{Files, Form, Sum};
use crate::opening::sqlite::open_to_read;
use rows::{Data, PATIENCE, Row, Waiting, open_to_write};

/// Bytes that wait for a flush at most.
const WAITING: u64 = 8 << 20;

/// A SQLite file.
pub struct Sqlite {
    path: PathBuf,
    /// How long another writer is waited for.
    patience: Duration,
    /// Opened by the first that writes: a dry run never does.
    writer: Mutex<Writer>,
}

#[derive(Default)]
struct Writer {
    /// With the file that it has open, told by its number.
    connection: Option<(Connection, u64)>,
    waiting: Vec<Waiting>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Sqlite {
    /// `path` names the file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            patience: PATIENCE,
            writer: Mutex::default(),
        }
    }

    /// Waits so long for another writer.
    #[must_use]
    pub const fn waiting(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    fn error(&self, doing: &str, e: &rusqlite::Error) -> Error {
        let subject = self.path.display().to_string();
        let detail = fit_to_print(&format!("{doing} {subject}: {e}"));
        match e.sqlite_error_code() {
            Some(
                ErrorCode::CannotOpen
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::DiskFull
                | ErrorCode::NotADatabase
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure,
            ) => Error::Gone { subject, detail },
            // A value that cannot be taken, or a lock that is held, is no sign of a sick file.
            _ => Error::Place { subject, detail },
        }
    }

    fn reader(&self) -> Result<Connection, Error> {
        let open = || {
            let c = open_to_read(&self.path)?;
            c.busy_timeout(self.patience)?;
            Ok(c)
        };
        open().map_err(|e| self.error("cannot read", &e))
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(p) if !p.as_os_str().is_empty() => p,
            _ => Path::new("."),
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits what waits; `always`: whether a commit is needed even where nothing waits. What cannot be committed waits on.
    fn commit(&self, writer: &mut Writer, always: bool) -> Result<(), Error> {
        if writer.waiting.is_empty() && !always {
            return Ok(());
        }
        writer
            .commit(&self.path, self.patience)
            .map_err(|e| self.error("cannot write", &e))
    }

    /// A row as it is, read through a connection of its own; none where there is none.
    fn row(&self, key: &JobKey) -> Result<Option<(Connection, Row)>, Error> {
        // Only what this sweep itself holds back is unknown to the file.
        let mut writer = self.writer();
        if writer.waiting.iter().any(|w| w.key == *key) {
            self.commit(&mut writer, false)?;
        }
        drop(writer);
        let reader = self.reader()?;
        let found = Row::of(&reader, key);
        let row = found.map_err(|e| self.error("cannot read", &e))?;
        Ok(row.map(|row| (reader, row)))
    }
}

impl Writer {
    fn commit(&mut self, path: &Path, patience: Duration) -> rusqlite::Result<()> {
        // A connection goes on with a file that was moved away or replaced, where no reader looks.
        let there = std::fs::metadata(path).map_or(0, |m| m.ino());
        self.connection.take_if(|(_, file)| *file != there);
        let (connection, _) = match &mut self.connection {
            Some(open) => open,
            none => none.insert((open_to_write(path, patience)?, there)),
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for job in &mut self.waiting {
            job.store(&transaction)?;
        }
        // So that there is something to be made durable, with all that was committed before by whomever. A value that is
        // replaced by itself changes no page, and nothing is synced.
        transaction.execute_batch(
            "INSERT OR REPLACE INTO metadata (key, value) VALUES ('ccarchive', '');
             DELETE FROM metadata WHERE key = 'ccarchive';",
        )?;
        transaction.commit()?;
        self.waiting.clear();
        Ok(())
    }
}

impl Target for Sqlite {
    fn check(&self) -> Result<Condition, Error> {
        let version: Option<String> = self
            .reader()?
            .query_row(
                "SELECT value FROM metadata WHERE key = 'version'",
                [],
                |r| r.get(0),
            )
            .optional()
            .map_err(|e| self.error("cannot read", &e))?;
        if version.as_deref() != Some("3") {
            let found = fit_to_print(&version.unwrap_or_default());
            return Err(Error::Version { found });
        }
        for place in [self.folder(), &self.path] {
            let unreadable = |e: io::Error| Error::Gone {
                subject: place.display().to_string(),
                detail: format!("cannot read {}: {e}", place.display()),
            };
            if let Some(detail) = obstacle(place).map_err(unreadable)? {
                return Err(Error::NotAllowed { detail });
            }
        }
        let free = statvfs(self.folder()).ok();
        Ok(Condition {
            free: free.map(|s| s.f_bavail.saturating_mul(s.f_frsize)),
        })
    }

    fn clusters(&self) -> Result<ClusterFiles, Error> {
        let c = self.reader()?;
        let load = || {
            let mut known =
                c.prepare("SELECT name, CAST(config_json AS BLOB) FROM clusters ORDER BY name")?;
            let files = known.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
            let mut unknown = c.prepare(
                "SELECT DISTINCT cluster FROM jobs WHERE cluster NOT IN (SELECT name FROM clusters) ORDER BY cluster",
            )?;
            let without = unknown.query_map([], |r| r.get(0))?;
            Ok(ClusterFiles {
                files: files.collect::<rusqlite::Result<_>>()?,
                without: without.collect::<rusqlite::Result<_>>()?,
                gone: Vec::new(),
            })
        };
        load().map_err(|e| self.error("cannot read", &e))
    }

    fn find(&self, key: &JobKey) -> Result<Option<Found>, Error> {
        let Some((connection, row)) = self.row(key)? else {
            return Ok(None);
        };
        let mut data = Vec::new();
        if row.has_data {
            let blob = Data::of(connection, row.id);
            let path = self.path.display();
            let read = found::Data::read(blob, row.form).map_err(|e| Error::Place {
                subject: path.to_string(),
                detail: format!("cannot read {key} in {path}: {e}"),
            })?;
            data.push(read);
        }
        // It is no whole archive, and what it holds counts.
        Found::of(key, Some(&row.meta), data, || Ok(row.names_form))
    }

    fn read(&self, key: &JobKey) -> Result<Option<Stored>, Error> {
        let row = self.row(key)?.filter(|(_, row)| row.has_data);
        Ok(row.map(|(connection, row)| Stored {
            meta: row.meta,
            form: row.form,
            data: Box::new(Data::of(connection, row.id)),
        }))
    }

    fn tidy(&self, _: &JobKey) -> Result<(), Error> {
        Ok(())
    }

    fn begin(&self, key: &JobKey) -> Result<Box<dyn Draft + '_>, Error> {
        let known: Option<i64> = self
            .reader()?
            .query_row(
                "SELECT 1 FROM clusters WHERE name = ?1",
                [&key.cluster],
                |r| r.get(0),
            )
            .optional()
            .map_err(|e| self.error("cannot read", &e))?;
        if known.is_none() {
            let subject = self.path.display().to_string();
            let detail = format!("{subject} has no cluster `{}`", fit_to_print(&key.cluster));
            return Err(Error::Place { subject, detail });
        }
        Ok(Box::new(Writing {
            archive: self,
            sum: Summing::default(),
            job: Waiting {
                key: key.clone(),
                meta: Vec::new(),
                form: Form::Plain,
                data: Spool::new(self.folder()),
            },
        }))
    }

    fn probe(&self) -> Result<(), Error> {
        self.commit(&mut self.writer(), true)
    }

    fn flush(&self, jobs: &[&JobKey]) -> Result<(), Error> {
        let mut writer = self.writer();
        // What could not be made durable is not tried again behind the back of whoever was told.
        self.commit(&mut writer, !jobs.is_empty())
            .inspect_err(|_| writer.waiting.retain(|w| !jobs.contains(&&w.key)))
    }
}

/// A job on its way into the file.
struct Writing<'a> {
    archive: &'a Sqlite,
    sum: Summing,
    job: Waiting,
}

impl Draft for Writing<'_> {
    fn write(&mut self, data: &[u8]) -> Result<(), Error> {
        self.sum.add(data);
        self.job.data.write(data).map_err(|e| {
            let subject = self.archive.folder().display().to_string();
            let detail = format!("cannot write to {subject}: {e}");
            // The file is in the same folder.
            if takes_nothing(&e) {
                return Error::Gone { subject, detail };
            }
            Error::Place { subject, detail }
        })
    }

    fn complete(&mut self, form: Form, meta: &[u8]) -> Result<Files, Error> {
        self.job.form = form;
        self.job.meta = meta.to_vec();
        Ok(Files {
            meta: Sum::of(meta),
            data: self.sum.sum(),
            form,
        })
    }

    fn publish(self: Box<Self>) -> Result<(), Error> {
        let Self { archive, job, .. } = *self;
        let mut writer = archive.writer();
        writer.waiting.push(job);
        let bytes: u64 = writer
            .waiting
            .iter()
            .map(|w| w.data.size() + w.meta.len() as u64)
            .sum();
        if bytes <= WAITING {
            return Ok(());
        }
        // The others wait on: they were published, and nobody was told otherwise.
        archive
            .commit(&mut writer, false)
            .inspect_err(|_| drop(writer.waiting.pop()))
    }
}
