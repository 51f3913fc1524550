//! Reading a SQLite file without leaving anything beside it.
//!
//! A read-only connection to a database in WAL mode that nobody else has open creates `-wal` and `-shm` and cannot
//! remove them. A writing one does, when it is the last to close; so where there is no log yet, a connection that may
//! write and is told not to serves readers better.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

/// Opens a file that is only read.
///
/// # Errors
/// When SQLite cannot open it.
pub(crate) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let open = |mode| Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    if !log.exists() {
        let cleaning = open(OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|c| {
            c.execute_batch("PRAGMA query_only = ON")?;
            Ok(c)
        });
        // Who may not write can still read.
        if let Ok(c) = cleaning {
            return Ok(c);
        }
    }
    open(OpenFlags::SQLITE_OPEN_READ_ONLY)
}
