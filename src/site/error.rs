//! What can be wrong with a site before a sweep starts, each as one sentence that names the place,
//! what was expected there and what to do.

use std::io;
use std::path::PathBuf;

use super::origin::{Located, Origin};

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
    /// The flag that names another place.
    pub flag: &'static str,
}

/// A site that cannot be swept.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Neither flag nor configuration names a database.
    #[error(
        "no database is named: give --db DIR/job.db (archive and checkpoints are then looked for beside it), or --config FILE with cc-backend's config.json"
    )]
    NoDatabase,

    /// Something is there but cannot be read.
    #[error("cannot read the {} {} ({}){}", role.what, place.value.display(), place.origin, hint(source))]
    Unreadable {
        /// What it was meant to be.
        role: &'static Role,
        /// Where it is.
        place: Located<PathBuf>,
        /// Why not.
        source: io::Error,
    },

    /// Nothing is there.
    #[error("the {} {} does not exist ({}): expected {}; correct the path or give {}", role.what, place.value.display(), place.origin, role.expected, role.flag)]
    Missing {
        /// What it was meant to be.
        role: &'static Role,
        /// Where it was looked for.
        place: Located<PathBuf>,
    },

    /// A file where a folder should be, or the reverse.
    #[error("the {} {} is {found} ({}): expected {}; correct the path or give {}", role.what, place.value.display(), place.origin, role.expected, role.flag)]
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

    /// The archive is kept on a medium of a later version.
    #[error(
        "{named} ({origin}) is neither a folder nor a SQLite file: this version archives to these only; give --archive DIR with a job archive in files, or --archive sqlite:FILE"
    )]
    ArchiveMedium {
        /// What names the medium, without keys.
        named: String,
        /// Who named it.
        origin: Origin,
    },

    /// A source of a later version.
    #[error(
        "{named} ({origin}) is not a folder of checkpoints: this version reads checkpoint folders only; give --source DIR with the checkpoints of the metric store"
    )]
    SourceMedium {
        /// What names the source, without password.
        named: String,
        /// Who named it.
        origin: Origin,
    },

    /// The configuration knows external metric stores only.
    #[error(
        "{} has only metric-store-external, and {} does not exist: this version reads checkpoint folders only; give --source DIR with the checkpoints of the metric store", file.display(), looked.display()
    )]
    ExternalStoresOnly {
        /// The configuration.
        file: PathBuf,
        /// Where checkpoints were looked for.
        looked: PathBuf,
    },

    /// The ledger would overwrite the database.
    #[error("the ledger {} is the database itself ({}): expected a file of its own; omit --ledger or name another file", .0.value.display(), .0.origin)]
    LedgerIsDatabase(Located<PathBuf>),

    /// The ledger would overwrite the archive.
    #[error("the ledger {} is the archive itself ({}): expected a file of its own; omit --ledger or name another file", .0.value.display(), .0.origin)]
    LedgerIsArchive(Located<PathBuf>),

    /// The ledger would lie where cc-backend allows no other files.
    #[error("the ledger {} lies in the {} {}, where cc-backend tolerates no other files ({}): name another place with --ledger", ledger.value.display(), role.what, within.display(), ledger.origin)]
    LedgerInside {
        /// The ledger.
        ledger: Located<PathBuf>,
        /// What it lies in.
        role: &'static Role,
        /// Where that is.
        within: PathBuf,
    },

    /// A folder that is no job archive.
    #[error("the archive {} has no version.txt ({}): expected a job archive as cc-backend makes it; correct the path or give --archive DIR", .0.value.display(), .0.origin)]
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

/// What to do about an error of the file system, where that is known.
fn hint(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        "; run as cc-backend's user"
    } else {
        ""
    }
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
            | Self::SourceMedium { .. }
            | Self::ExternalStoresOnly { .. }
            | Self::LedgerIsDatabase(_)
            | Self::LedgerIsArchive(_)
            | Self::LedgerInside { .. }
            | Self::NoArchive(_) => ErrorKind::Usage,
        }
    }
}
