//! Where the job archive is kept: a folder, or a SQLite file.
//!
//! `sqlite:FILE` names the file, as a flag or variable; config.json says it with `archive.kind` and `archive.db-path`. What
//! this type prints is what a flag would have to say.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What a SQLite file is named with.
const SQLITE: &str = "sqlite:";

/// Medium and place of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchivePlace {
    /// The root of a file tree.
    Tree(PathBuf),
    /// A SQLite file.
    Sqlite(PathBuf),
}

impl ArchivePlace {
    /// What the value of a flag or variable names.
    pub fn named(text: &Path) -> Self {
        let bytes = text.as_os_str().as_bytes();
        match bytes.strip_prefix(SQLITE.as_bytes()) {
            Some(file) => Self::Sqlite(OsStr::from_bytes(file).into()),
            None => Self::Tree(text.to_owned()),
        }
    }

    /// The folder or file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Tree(path) | Self::Sqlite(path) => path,
        }
    }
}

impl fmt::Display for ArchivePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(path) => path.display().fmt(f),
            Self::Sqlite(path) => write!(f, "{SQLITE}{}", path.display()),
        }
    }
}
