//! Where the job archive is kept: in a folder, a SQLite file or an S3 bucket.
//!
//! `sqlite:FILE` and `s3://BUCKET` name the other media, as a flag or variable; config.json says it with `archive.kind`. What
//! this type prints is what a flag would have to say.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::bucket;
use super::error::ConfigError;
use super::origin::Located;
use super::variables::Variables;
use crate::model::bucket::Bucket;

/// What a SQLite file is named with.
const SQLITE: &str = "sqlite:";

/// Medium and place of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchivePlace {
    /// The root of a file tree.
    Tree(PathBuf),
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A bucket of an S3 server.
    S3(Box<Bucket>),
}

impl ArchivePlace {
    /// What the value of a flag or variable names.
    pub(super) fn named(
        place: &Located<PathBuf>,
        variables: &Variables,
    ) -> Result<Self, ConfigError> {
        let text = &place.value;
        let bytes = text.as_os_str().as_bytes();
        if let Some(file) = bytes.strip_prefix(SQLITE.as_bytes()) {
            return Ok(Self::Sqlite(OsStr::from_bytes(file).into()));
        }
        if bytes.starts_with(bucket::SCHEME.as_bytes()) {
            let text = text.to_string_lossy();
            let bucket = bucket::named(&text, &place.origin, variables)?;
            return Ok(Self::S3(Box::new(bucket)));
        }
        Ok(Self::Tree(text.clone()))
    }

    /// The folder or file; none for a bucket.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Tree(path) | Self::Sqlite(path) => Some(path),
            Self::S3(_) => None,
        }
    }
}

impl fmt::Display for ArchivePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(path) => path.display().fmt(f),
            Self::Sqlite(path) => write!(f, "{SQLITE}{}", path.display()),
            Self::S3(bucket) => bucket.fmt(f),
        }
    }
}
