//! What can be wrong with a site before a sweep starts: each as one sentence that names the place and what was expected
//! there, and the advice that belongs to it.

use std::io;
use std::path::PathBuf;

use super::advice::{Advice, Setting};
use super::origin::{Located, Origin};

/// Whether this program was built to use S3 buckets.
pub(super) const KNOWS_BUCKETS: bool = cfg!(feature = "s3");

/// What an error means to whoever started the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Flags or configuration have to be corrected.
    Usage,
    /// The archive's version is not one that this program writes.
    Unsupported,
    /// The machine did not let us: permissions, I/O.
    CouldNotRun,
}

/// What a place is meant to be, in words.
#[derive(Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name, as in "the database".
    pub what: &'static str,
    /// What should be there.
    pub expected: &'static str,
    /// The setting that names another place.
    pub setting: Setting,
}

/// A site that cannot be swept.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Neither flag nor configuration names a database.
    #[error("no database is named")]
    NoDatabase,

    /// Something is there but cannot be read.
    #[error("cannot read the {} {} ({})", role.what, place.value.display(), place.origin)]
    Unreadable {
        /// What it was meant to be.
        role: &'static Role,
        /// Where it is.
        place: Located<PathBuf>,
        /// Why not.
        source: io::Error,
    },

    /// Nothing is there.
    #[error("the {} {} does not exist ({}): expected {}", role.what, place.value.display(), place.origin, role.expected)]
    Missing {
        /// What it was meant to be.
        role: &'static Role,
        /// Where it was looked for.
        place: Located<PathBuf>,
    },

    /// A file where a folder should be, or the reverse.
    #[error("the {} {} is {found} ({}): expected {}", role.what, place.value.display(), place.origin, role.expected)]
    WrongKind {
        /// What it was meant to be.
        role: &'static Role,
        /// Where it is.
        place: Located<PathBuf>,
        /// What is there instead.
        found: &'static str,
    },

    /// A configuration file is no JSON, or its values have the wrong type.
    #[error("{} line {line} column {column}: {message}; correct the file", file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What was expected there; never what was found, which may be a secret.
        message: String,
    },

    /// A key of the configuration holds a value that means nothing.
    #[error("{key} in {} is '{found}': expected {expected}; correct the file", file.display())]
    Value {
        /// The file.
        file: PathBuf,
        /// The key with its section.
        key: &'static str,
        /// The value as written.
        found: String,
        /// What was expected.
        expected: &'static str,
    },

    /// A section is given twice.
    #[error("{} has both '{section}' and '{section}-file': expected one of them; remove the other", file.display())]
    SectionTwice {
        /// The file.
        file: PathBuf,
        /// The section.
        section: &'static str,
    },

    /// The archive is kept on a medium that this program does not know, or was built without.
    #[error(
        "{named} ({origin}) is no archive that this ccarchive can write: expected a folder, a SQLite file{}",
        if KNOWS_BUCKETS { " or an S3 bucket" } else { "; it was built without the feature s3" }
    )]
    ArchiveMedium {
        /// What names the medium, without keys.
        named: String,
        /// Who named it.
        origin: Origin,
    },

    /// An S3 bucket that cannot be what is meant.
    #[error("{named} ({origin}): {why}")]
    Bucket {
        /// The bucket, without keys.
        named: String,
        /// Who named it.
        origin: Origin,
        /// What is wrong.
        why: String,
    },

    /// One of two keys.
    #[error(
        "{there} names one key of the S3 archive, but nothing names the other ({missing}): expected both or neither; cc-backend would use neither"
    )]
    HalfOfKeys {
        /// What names one.
        there: String,
        /// The other.
        missing: &'static str,
    },

    /// Keys that cannot be sent.
    #[error(
        "the keys of {from} hold spaces, line breaks or other characters that no key has; correct them"
    )]
    Keys {
        /// What holds the keys.
        from: String,
    },

    /// Nothing names the keys of a bucket.
    #[error(
        "nothing names the keys of {named}: expected archive.access-key and archive.secret-key in cc-backend's configuration, or ARCHIVE_S3_ACCESS_KEY and ARCHIVE_S3_SECRET_KEY (each also with _FILE), or those of AWS"
    )]
    NoKeys {
        /// The bucket.
        named: String,
    },

    /// A key of the configuration that cc-backend does not read.
    #[error("{written} in {} is no key that cc-backend reads: write {meant}", file.display())]
    CamelCase {
        /// The file.
        file: PathBuf,
        /// As it is.
        written: &'static str,
        /// As it should be.
        meant: &'static str,
    },

    /// A source on a medium that this program cannot read.
    #[error(
        "{named} ({origin}) is no source that this ccarchive can read: expected a folder of checkpoints, parquet:DIR{}",
        if cfg!(feature = "http") { ", or the address of a metric store" } else { "; it was built without the feature http" }
    )]
    SourceMedium {
        /// What names the source, without password.
        named: String,
        /// Who named it.
        origin: Origin,
    },

    /// Parquet files, which this program was built without.
    #[error("{} ({}) names Parquet files, which this ccarchive was built without: build it with the feature parquet", _0.value.display(), _0.origin)]
    NoParquet(Located<PathBuf>),

    /// The address of a metric store that cannot be one.
    #[error("{named} ({origin}) is {why}")]
    StoreAddress {
        /// The address, without password.
        named: String,
        /// Who named it.
        origin: Origin,
        /// What it is instead.
        why: &'static str,
    },

    /// A token that cannot be sent.
    #[error(
        "the token of {from} holds spaces, line breaks or other characters that no token has; correct it"
    )]
    Token {
        /// What holds the token.
        from: String,
    },

    /// The configuration knows external metric stores only, which this program cannot ask.
    #[error(
        "{} has only metric-store-external, and {} does not exist: this ccarchive was built without the feature http and reads folders only", file.display(), looked.display()
    )]
    ExternalStoresOnly {
        /// The configuration.
        file: PathBuf,
        /// Where checkpoints were looked for.
        looked: PathBuf,
    },

    /// The ledger would overwrite the database.
    #[error("the ledger {} is the database itself ({}): expected a file of its own", .0.value.display(), .0.origin)]
    LedgerIsDatabase(Located<PathBuf>),

    /// The ledger would overwrite the archive.
    #[error("the ledger {} is the archive itself ({}): expected a file of its own", .0.value.display(), .0.origin)]
    LedgerIsArchive(Located<PathBuf>),

    /// The ledger would lie where cc-backend allows no other files.
    #[error("the ledger {} lies in the {} {}, where cc-backend tolerates no other files ({})", ledger.value.display(), role.what, within.display(), ledger.origin)]
    LedgerInside {
        /// The ledger.
        ledger: Located<PathBuf>,
        /// What it lies in.
        role: &'static Role,
        /// Where that is.
        within: PathBuf,
    },

    /// A folder that is no job archive.
    #[error("the archive {} has no version.txt ({}): expected a job archive as cc-backend makes it", .0.value.display(), .0.origin)]
    NoArchive(Located<PathBuf>),

    /// A job archive of a version that this program does not write.
    #[error("{} says '{found}': expected version 3; bring the archive to version 3 with cc-backend's archive-migration, or use a ccarchive that knows this version", path.display())]
    ArchiveVersion {
        /// The version file.
        path: PathBuf,
        /// Its beginning.
        found: String,
    },
}

impl ConfigError {
    /// What this means to whoever started the program.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreadable { .. } => ErrorKind::CouldNotRun,
            Self::ArchiveVersion { .. } => ErrorKind::Unsupported,
            Self::NoDatabase
            | Self::Missing { .. }
            | Self::WrongKind { .. }
            | Self::Json { .. }
            | Self::Value { .. }
            | Self::SectionTwice { .. }
            | Self::ArchiveMedium { .. }
            | Self::Bucket { .. }
            | Self::HalfOfKeys { .. }
            | Self::Keys { .. }
            | Self::NoKeys { .. }
            | Self::CamelCase { .. }
            | Self::SourceMedium { .. }
            | Self::StoreAddress { .. }
            | Self::Token { .. }
            | Self::NoParquet(_)
            | Self::ExternalStoresOnly { .. }
            | Self::LedgerIsDatabase(_)
            | Self::LedgerIsArchive(_)
            | Self::LedgerInside { .. }
            | Self::NoArchive(_) => ErrorKind::Usage,
        }
    }

    /// What to do, where the sentence does not say it.
    pub fn advice(&self) -> Option<Advice> {
        Some(match self {
            Self::NoDatabase => Advice::NameDatabase,
            Self::Unreadable { source, .. } => {
                return (source.kind() == io::ErrorKind::PermissionDenied)
                    .then_some(Advice::RunAsBackend);
            }
            Self::Missing { role, .. } | Self::WrongKind { role, .. } => {
                Advice::Correct(role.setting)
            }
            Self::NoArchive(_) => Advice::Correct(Setting::Archive),
            Self::ArchiveMedium { .. } => Advice::NameArchive,
            Self::SourceMedium { .. }
            | Self::StoreAddress { .. }
            | Self::NoParquet(_)
            | Self::ExternalStoresOnly { .. } => Advice::NameSource,
            Self::LedgerIsDatabase(_) | Self::LedgerIsArchive(_) | Self::LedgerInside { .. } => {
                Advice::MoveLedger
            }
            Self::Json { .. }
            | Self::Value { .. }
            | Self::SectionTwice { .. }
            | Self::Token { .. }
            | Self::Bucket { .. }
            | Self::HalfOfKeys { .. }
            | Self::Keys { .. }
            | Self::NoKeys { .. }
            | Self::CamelCase { .. }
            | Self::ArchiveVersion { .. } => return None,
        })
    }
}
