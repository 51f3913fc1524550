//! Opening files that others made: only regular ones. A FIFO would block for ever, a device may do anything, and a
//! link that leads nowhere is not the same as no file: what it led to may come back.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Opens a file for reading.
///
/// # Errors
/// `NotFound` only where the folder has no such entry; for anything but a file, what it is instead.
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

fn check(path: &Path) -> io::Result<()> {
    regular(&fs::metadata(path).map_err(|e| explain(path, e))?)
}

/// The error of opening `path`, or that it is a link that leads nowhere.
pub(crate) fn explain(path: &Path, e: io::Error) -> io::Error {
    if e.kind() == io::ErrorKind::NotFound && leads_nowhere(path) {
        return io::Error::other("it is a link that leads nowhere");
    }
    e
}

/// Whether there is a link whose target is missing.
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
