//! Opens SQLite files; those that are only read without leaving files beside them.
//!
//! A read-only connection to a database in WAL mode creates `-wal` and `-shm` if no other connection has them open, and it
//! cannot remove them. A read-write connection removes them when it is the last to close. Therefore, if there is no log
//! yet, the file is opened read-write and `query_only` forbids changes. If this process may not create files there (another
//! user, a read-only file system), a file without a log is complete by itself and is opened as immutable.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::regular;

/// Opens a file that is only read.
///
/// # Errors
/// When it is not a regular file (SQLite would wait for ever for whoever writes into a FIFO), or SQLite cannot open it.
pub(crate) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    regular::check(path).map_err(|e| {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        rusqlite::Error::SqliteFailure(code, Some(e.to_string()))
    })?;
    if has_log(path) {
        return open(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    }
    let cleaning = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|c| {
        c.execute_batch("PRAGMA query_only = ON")?;
        look(&c)?;
        Ok(c)
    });
    match cleaning {
        // A user who may not write can still read.
        Err(e) if cannot_create(&e) && !has_log(path) => {
            let uri = PathBuf::from(format!("file:{}?immutable=1", escaped(path)));
            let mode = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            open(&uri, mode)
        }
        Ok(c) => Ok(c),
        Err(_) => open(path, OpenFlags::SQLITE_OPEN_READ_ONLY),
    }
}

/// Opens a file that is written; it is not created, since a name without a file is a slip of the pen.
///
/// # Errors
/// When SQLite cannot open it.
pub(crate) fn open_to_write(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

fn open(path: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Only the first look creates what SQLite needs beside the file.
fn look(c: &Connection) -> rusqlite::Result<i64> {
    c.query_row("PRAGMA schema_version", [], |r| r.get(0))
}

/// Whether SQLite could not create a file beside the database.
pub(crate) fn cannot_create(e: &rusqlite::Error) -> bool {
    let code = e.sqlite_error_code();
    matches!(code, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
}

/// Whether a database has a log beside it, as in WAL mode while somebody has it open.
pub(crate) fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    PathBuf::from(log).exists()
}

/// A path as a part of a URI.
fn escaped(path: &Path) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.".contains(&b);
    let bytes = path.as_os_str().as_bytes().iter();
    bytes
        .map(|b| {
            if plain(*b) {
                char::from(*b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}
