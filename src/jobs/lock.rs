//! One sweep per database: an OS lock on a file beside the database, gone with the process that holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The lock, held as long as this value lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another sweep has it.
    #[error("another sweep holds the lock {path}: {holder}")]
    Held {
        /// The file.
        path: PathBuf,
        /// Who it is, as they wrote it.
        holder: String,
    },
    /// The file cannot be used.
    #[error("the lock {path} cannot be taken")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Takes the lock of a database. `since` is the time as people read it, for whoever finds the lock taken.
///
/// # Errors
/// When another sweep holds it, or the file cannot be used.
pub fn take(database: &Path, since: &str) -> Result<Lock, Error> {
    // By its real name, so that links and other ledgers lead to the same lock.
    let real = database.canonicalize().unwrap_or_else(|_| database.into());
    let path = PathBuf::from(format!("{}.ledger.lock", real.display()));
    let fail = |source| Error::Io {
        path: path.clone(),
        source,
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(fail)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            drop(file.take(400).read_to_string(&mut holder));
            let holder = crate::model::job::Shown(holder.trim()).to_string();
            let holder = if holder.is_empty() {
                "it did not write its name".into()
            } else {
                holder
            };
            return Err(Error::Held { path, holder });
        }
        Err(TryLockError::Error(e)) => return Err(fail(e)),
    }
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = format!(
        "process {} on {}, since {since}\n",
        std::process::id(),
        host.trim()
    );
    // The name is a courtesy: a full disk must not stop a sweep whose archive is elsewhere.
    drop(
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(name.as_bytes())),
    );
    Ok(Lock { _file: file })
}
