//! Opens regular files only. Opening a FIFO could block for ever, and a device may do anything. A symbolic link whose
//! target is missing is an error and not an absent file: its target may be on a file system that is not mounted now.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// What is said of a link whose target is missing.
pub(crate) const LEADS_NOWHERE: &str = "it is a symbolic link whose target does not exist";

/// Opens a file for reading.
///
/// # Errors
/// `NotFound` only if the folder has no such entry. If the entry is not a regular file, the error says what it is.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    check(path)?;
    let file = File::open(path)?;
    // It may have been replaced in between.
    regular(&file.metadata()?)?;
    Ok(file)
}

/// The whole content of a file.
///
/// # Errors
/// As [`open`].
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut open(path)?, &mut bytes)?;
    Ok(bytes)
}

/// Whether a file is gone: removed before it was opened, or, on a network file system, after that.
pub(crate) fn is_gone(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle
    )
}

/// Makes sure that `path` is a regular file.
///
/// # Errors
/// As [`open`].
pub(super) fn check(path: &Path) -> io::Result<()> {
    regular(&fs::metadata(path).map_err(|e| explain(path, e))?)
}

/// The error of opening `path`; a more exact one if `path` is a symbolic link whose target does not exist.
pub(crate) fn explain(path: &Path, e: io::Error) -> io::Error {
    if e.kind() == io::ErrorKind::NotFound && leads_nowhere(path) {
        return io::Error::other(LEADS_NOWHERE);
    }
    e
}

/// Whether `path` is a symbolic link whose target does not exist.
pub(crate) fn leads_nowhere(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink())
        && fs::metadata(path).is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
}

fn regular(m: &fs::Metadata) -> io::Result<()> {
    let what = if m.is_file() {
        return Ok(());
    } else if m.is_dir() {
        "a folder"
    } else {
        "a FIFO, socket or device"
    };
    Err(io::Error::other(format!("it is {what}; expected a file")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_handle_is_a_file_that_is_gone() {
        assert!(is_gone(&io::Error::from_raw_os_error(116)));
        assert!(is_gone(&io::ErrorKind::NotFound.into()));
        assert!(!is_gone(&io::Error::from_raw_os_error(5)));
    }
}
