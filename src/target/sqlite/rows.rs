//! The rows of jobs: read in pieces, so that no job's data is in memory as a whole, and written so as far as SQLite allows it.

use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use crate::model::job::JobKey;
use crate::model::stored::Form;
use crate::opening::sqlite;
use crate::target::spool::Spool;

/// How long to wait for another writer, cc-backend's nightly compression of everything included.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes that are read at a time, however few are asked for: SQLite finds each piece by walking through all pages before it.
/// A row of 40 MB is read in 0.1 s so.
const PIECE: usize = 4 << 20;

pub(super) const THIS_JOB: &str = "job_id = ?1 AND cluster = ?2 AND start_time = ?3";

/// A job that is published and not committed.
pub(super) struct Waiting {
    pub(super) key: JobKey,
    pub(super) meta: Vec<u8>,
    pub(super) form: Form,
    pub(super) data: Spool,
}

/// A connection that writes, and waits for other writers.
pub(super) fn open_to_write(path: &Path, patience: Duration) -> rusqlite::Result<Connection> {
    let c = sqlite::open_to_write(path)?;
    c.busy_timeout(patience)?;
    c.pragma_update(None, "synchronous", "FULL")?;
    Ok(c)
}

impl Waiting {
    /// Puts both documents into the job's row; the data in pieces. SQLite builds the row before any of them, with zeros for
    /// data, since columns follow that are not empty: twice the data's size is in memory for that moment, however much memory
    /// the sweep is given (408 MB for 200 MB).
    pub(super) fn store(&mut self, c: &Connection) -> rusqlite::Result<()> {
        let broken = |e: io::Error| rusqlite::Error::ToSqlConversionFailure(e.into());
        let size = i64::try_from(self.data.size()).unwrap_or(i64::MAX);
        let id: i64 = c.query_row(
            "INSERT INTO jobs (job_id, cluster, start_time, meta_json, data_json, data_compressed, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, zeroblob(?5), ?6, unixepoch(), unixepoch())
             ON CONFLICT (job_id, cluster, start_time) DO UPDATE SET meta_json = excluded.meta_json,
                 data_json = excluded.data_json, data_compressed = excluded.data_compressed, updated_at = excluded.updated_at
             RETURNING id",
            params![
                self.key.job_id,
                self.key.cluster,
                self.key.start_time,
                self.meta,
                size,
                i64::from(self.form == Form::Gzip),
            ],
            |r| r.get(0),
        )?;
        let mut blob = c.blob_open("main", "jobs", "data_json", id, false)?;
        io::copy(&mut self.data.read().map_err(broken)?, &mut blob).map_err(broken)?;
        blob.flush().map_err(broken)
    }
}

/// Whether the data of a row begins as gzip does.
pub(super) const IS_GZIP: &str = "substr(CAST(data_json AS BLOB), 1, 2) = x'1f8b'";

/// What a row says besides the data.
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) meta: Vec<u8>,
    pub(super) form: Form,
    /// Whether the row says itself which form that is. If not, the data does, and cc-backend cannot read it.
    pub(super) names_form: bool,
    pub(super) has_data: bool,
}

impl Row {
    /// What is read through the connection from here on belongs to one state of the file.
    pub(super) fn of(c: &Connection, key: &JobKey) -> rusqlite::Result<Option<Self>> {
        c.execute_batch("BEGIN")?;
        // `IS NOT NULL` would load all of the data to answer.
        c.query_row(
            &format!(
                "SELECT id, CAST(meta_json AS BLOB), \
                 coalesce(data_compressed, {IS_GZIP}), \
                 typeof(data_json) <> 'null', data_compressed IS NOT NULL FROM jobs WHERE {THIS_JOB}"
            ),
            params![key.job_id, key.cluster, key.start_time],
            |r| {
                let gzip = r.get::<_, Option<bool>>(2)?.unwrap_or_default();
                Ok(Self {
                    id: r.get(0)?,
                    meta: r.get(1)?,
                    form: if gzip { Form::Gzip } else { Form::Plain },
                    names_form: r.get(4)?,
                    has_data: r.get(3)?,
                })
            },
        )
        .optional()
    }
}

/// Reads the data of a row in pieces.
pub(super) struct Data {
    connection: Connection,
    id: i64,
    /// Where the next piece begins.
    at: usize,
    /// What was read last.
    piece: Cursor<Vec<u8>>,
}

impl Data {
    pub(super) fn of(connection: Connection, id: i64) -> Self {
        Self {
            connection,
            id,
            at: 0,
            piece: Cursor::default(),
        }
    }

    /// The next piece; empty at the end.
    fn next(&self) -> rusqlite::Result<Vec<u8>> {
        let blob = self
            .connection
            .blob_open("main", "jobs", "data_json", self.id, true)?;
        let mut piece = vec![0; blob.len().saturating_sub(self.at).min(PIECE)];
        if !piece.is_empty() {
            blob.read_at_exact(&mut piece, self.at)?;
        }
        Ok(piece)
    }
}

impl Read for Data {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.piece.read(buffer)?;
        if n > 0 || buffer.is_empty() {
            return Ok(n);
        }
        let piece = self.next().map_err(io::Error::other)?;
        self.at += piece.len();
        self.piece = Cursor::new(piece);
        self.piece.read(buffer)
    }
}
