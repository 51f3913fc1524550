//! One sweep per database: an OS lock on a file beside the database, gone with the process that holds it.
//!
//! The file belongs to nothing else: whoever deletes the ledger does not delete the lock. And where somebody does delete it,
//! [`Lock::is_held`] tells, since another sweep could then take a lock of its own.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::job::Shown;
use crate::model::stop::Stop;
use crate::opening::owner;

/// How often a lock that is waited for is tried.
const POLL: Duration = Duration::from_millis(500);

/// The lock, held as long as this value lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
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

impl Lock {
    /// Whether the file is still the one that is locked.
    pub fn is_held(&self) -> bool {
        let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
        match (self.file.metadata(), fs::metadata(&self.path)) {
            (Ok(locked), Ok(there)) => same(&locked, &there),
            (_, Err(e)) => e.kind() != io::ErrorKind::NotFound,
            (Err(_), Ok(_)) => true,
        }
    }
}

impl Drop for Lock {
    /// Ends the lock also where a program that is just being started still has a copy of the open file.
    fn drop(&mut self) {
        drop(self.file.unlock());
    }
}

/// Takes the lock of a database; waits for it for `patience`, unless the sweep is to end. `since` is the time as people
/// read it, for whoever finds the lock taken.
///
/// # Errors
/// When another sweep holds it, or the file cannot be used.
pub fn take(database: &Path, since: &str, patience: Duration, stop: &Stop) -> Result<Lock, Error> {
    let begun = std::time::Instant::now();
    loop {
        match try_take(database, since) {
            Err(Error::Held { .. }) if begun.elapsed() < patience && stop.wait(POLL) => {}
            result => return result,
        }
    }
}

/// Whether a sweep ever took the lock of a database: its file stays.
pub fn was_taken(database: &Path) -> bool {
    path_of(database).exists()
}

/// By the database's real name, so that links and other ledgers lead to the same lock.
fn path_of(database: &Path) -> PathBuf {
    let real = database.canonicalize().unwrap_or_else(|_| database.into());
    let mut path = real.into_os_string();
    path.push(".ccarchive.lock");
    path.into()
}

fn try_take(database: &Path, since: &str) -> Result<Lock, Error> {
    let path = path_of(database);
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
    owner::give_to_owner_of(&path, database).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = read_holder(file);
            return Err(Error::Held { path, holder });
        }
        Err(TryLockError::Error(e)) => return Err(fail(e)),
    }
    // The name is a courtesy: a full disk must not stop a sweep whose archive is elsewhere.
    drop(write_holder(&mut file, since));
    let lock = Lock { file, path };
    if lock.is_held() {
        Ok(lock)
    } else {
        // It was removed between opening and locking: whoever comes next would lock another file.
        try_take(database, since)
    }
}

fn read_holder(file: File) -> String {
    let mut holder = String::new();
    drop(file.take(400).read_to_string(&mut holder));
    let holder = Shown(holder.trim()).to_string();
    if holder.is_empty() {
        "it did not write its name".into()
    } else {
        holder
    }
}

fn write_holder(file: &mut File, since: &str) -> io::Result<()> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = format!(
        "process {} on {}, since {since}\n",
        std::process::id(),
        host.trim()
    );
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(name.as_bytes())
}
