//! What stands in the folders: the snapshots of a host, and whether there is any checkpoint file at all.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::model::checkpoint::{is_checkpoint, snapshot_number};
use crate::opening::regular;

/// A file larger than this (bytes) is none of the store's.
const LARGEST: u64 = 2 << 30;

/// A snapshot file in a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Listed {
    /// The number in its name: where its interval begins, Unix seconds.
    pub(super) number: i64,
    pub(super) path: PathBuf,
}

impl Listed {
    /// Whether it is a binary one.
    pub(super) fn is_binary(&self) -> bool {
        self.path.extension().is_some_and(|e| e == "bin")
    }
}

/// The snapshots of a host, oldest first; of two with the same number `.bin` comes before `.json`.
///
/// # Errors
/// When the folder cannot be listed.
pub(super) fn snapshots(folder: &Path) -> io::Result<Vec<Listed>> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder)? {
        out.extend(listed(entry?.path()));
    }
    out.sort();
    Ok(out)
}

fn listed(path: PathBuf) -> Option<Listed> {
    snapshot_number(&path).map(|number| Listed { number, path })
}

/// Whether a host's folder has a snapshot or a log; what is no folder has none.
///
/// # Errors
/// When it cannot be listed.
pub(super) fn has_checkpoint(folder: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotADirectory => return Ok(false),
        other => other?,
    };
    for entry in entries {
        if is_checkpoint(&entry?.path()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Opens a file of the store and says how long it is.
///
/// # Errors
/// When it cannot be opened, is not a file, or is larger than any of the store.
pub(super) fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = regular::open(path)?;
    let length = file.metadata()?.len();
    if length > LARGEST {
        return Err(io::Error::other(format!(
            "it has {length} bytes, more than any checkpoint of one host"
        )));
    }
    Ok((file, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_come_by_number_binary_first_and_nothing_else_is_one() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_checkpoint(folder.path()).unwrap());
        for name in [
            "200.json",
            "30.json",
            "30.bin",
            "-5.bin",
            "x.bin",
            "30.bin.tmp",
            "40.avro",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<_> = snapshots(folder.path())
            .unwrap()
            .into_iter()
            .map(|l| l.path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["-5.bin", "30.bin", "30.json", "200.json"]);
        assert!(has_checkpoint(folder.path()).unwrap());
    }
}
