//! Whether what a site names is there: the database, the archive, in files that of version 3, the checkpoints.
//!
//! Nothing is opened for writing here. A folder without content is left to whoever reads it: only
//! the source can tell an empty folder from an outage.

use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::advice::Setting;
use super::archive::ArchivePlace;
use super::error::{ConfigError, KNOWS_BUCKETS, Role};
use super::origin::{Located, Origin};
use super::{ARCHIVE_VERSION, Site, same_file};
use crate::opening::regular;

static DATABASE: Role = Role {
    what: "database",
    expected: "cc-backend's SQLite file job.db",
    setting: Setting::Database,
};
static LEDGER: Role = Role {
    what: "ledger",
    expected: "a file, in a folder that exists",
    setting: Setting::Ledger,
};
static ARCHIVE: Role = Role {
    what: "archive",
    expected: "the folder of cc-backend's job archive",
    setting: Setting::Archive,
};
static ARCHIVE_FILE: Role = Role {
    what: "archive",
    expected: "the SQLite file of cc-backend's job archive, which is not made here",
    setting: Setting::Archive,
};
static VERSION: Role = Role {
    what: "archive version",
    expected: "the number of the archive's format",
    setting: Setting::Archive,
};
static CHECKPOINTS: Role = Role {
    what: "checkpoints folder",
    expected: "the metric store's folder with one folder a cluster",
    setting: Setting::Source,
};
static CERTIFICATES: Role = Role {
    what: "certificates",
    expected: "a PEM file with the certificates of an authority",
    setting: Setting::Certificates,
};
static PARQUET: Role = Role {
    what: "Parquet folder",
    expected: "the folder of metric-store.cleanup with one folder a cluster",
    setting: Setting::Source,
};

impl Site {
    /// Looks whether everything is where it should be; the first thing that is not is the error.
    pub fn check(&self) -> Result<(), ConfigError> {
        DATABASE.file(&self.database)?;
        self.check_archive()?;
        for folder in &self.checkpoints {
            CHECKPOINTS.folder(folder)?;
        }
        // The store makes that of its configuration when it first cleans up.
        let named = |f: &&Located<PathBuf>| !matches!(f.origin, Origin::Config { .. });
        for folder in self.parquet.iter().filter(named) {
            PARQUET.folder(folder)?;
        }
        if let Some(file) = &self.ca {
            CERTIFICATES.file(file)?;
        }
        self.check_ledger()
    }

    fn check_archive(&self) -> Result<(), ConfigError> {
        let Located { value, origin } = &self.archive;
        let at = |path: &Path| Located::new(path.to_owned(), origin.clone());
        // Which version another archive than a tree has is asked of the target, which can open it.
        match value {
            ArchivePlace::Tree(root) => {
                ARCHIVE.folder(&at(root))?;
                version_3(&at(root))
            }
            ArchivePlace::Sqlite(file) => ARCHIVE_FILE.file(&at(file)),
            ArchivePlace::S3(_) if !KNOWS_BUCKETS => Err(ConfigError::ArchiveMedium {
                named: value.to_string(),
                origin: origin.clone(),
            }),
            ArchivePlace::S3(bucket) if bucket.keys.is_none() => Err(ConfigError::NoKeys {
                named: value.to_string(),
            }),
            ArchivePlace::S3(_) => self.archive_ca().map_or(Ok(()), |f| CERTIFICATES.file(&f)),
        }
    }

    fn check_ledger(&self) -> Result<(), ConfigError> {
        let ledger = &self.ledger;
        if same_file(&ledger.value, &self.database.value) {
            return Err(ConfigError::LedgerIsDatabase(ledger.clone()));
        }
        let archive = self.archive.value.path();
        if archive.is_some_and(|archive| same_file(&ledger.value, archive)) {
            return Err(ConfigError::LedgerIsArchive(ledger.clone()));
        }
        let folder = Located::new(folder_of(&ledger.value), ledger.origin.clone());
        LEDGER.folder(&folder)?;
        if ledger.value.exists() {
            LEDGER.file(ledger)?;
        }
        let checkpoints = self.checkpoints.iter();
        let trees = checkpoints.map(|folder| (&CHECKPOINTS, folder.value.as_path()));
        let parquet = self.parquet.iter();
        let trees = trees.chain(parquet.map(|folder| (&PARQUET, folder.value.as_path())));
        for (role, tree) in trees.chain(archive.map(|archive| (&ARCHIVE, archive))) {
            if lies_within(&folder.value, tree) {
                let (ledger, within) = (ledger.clone(), tree.to_owned());
                return Err(ConfigError::LedgerInside {
                    ledger,
                    role,
                    within,
                });
            }
        }
        Ok(())
    }
}

impl Role {
    pub(super) fn file(&'static self, place: &Located<PathBuf>) -> Result<(), ConfigError> {
        if self.metadata(place)?.is_dir() {
            return Err(self.wrong_kind(place, "a folder"));
        }
        Ok(())
    }

    /// A folder that may be listed.
    fn folder(&'static self, place: &Located<PathBuf>) -> Result<(), ConfigError> {
        if !self.metadata(place)?.is_dir() {
            return Err(self.wrong_kind(place, "a file"));
        }
        fs::read_dir(&place.value)
            .map(drop)
            .map_err(|source| self.unreadable(place, source))
    }

    fn metadata(&'static self, place: &Located<PathBuf>) -> Result<Metadata, ConfigError> {
        fs::metadata(&place.value).map_err(|source| self.unreadable(place, source))
    }

    fn wrong_kind(&'static self, place: &Located<PathBuf>, found: &'static str) -> ConfigError {
        ConfigError::WrongKind {
            role: self,
            place: place.clone(),
            found,
        }
    }

    /// Missing, or there and not readable.
    pub(super) fn unreadable(
        &'static self,
        place: &Located<PathBuf>,
        source: io::Error,
    ) -> ConfigError {
        let place = place.clone();
        if is_missing(&source) {
            ConfigError::Missing { role: self, place }
        } else {
            ConfigError::Unreadable {
                role: self,
                place,
                source,
            }
        }
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// cc-backend strips one newline and accepts nothing else; neither do we.
fn version_3(archive: &Located<PathBuf>) -> Result<(), ConfigError> {
    let path = archive.value.join("version.txt");
    let version = ARCHIVE_VERSION.to_string();
    let mut beginning = Vec::new();
    let read = regular::open(&path).and_then(|file| file.take(32).read_to_end(&mut beginning));
    match read {
        Ok(_)
            if [version.clone(), format!("{version}\n")]
                .iter()
                .any(|v| v.as_bytes() == beginning) =>
        {
            Ok(())
        }
        Ok(_) => {
            let found = String::from_utf8_lossy(&beginning)
                .escape_debug()
                .to_string();
            Err(ConfigError::ArchiveVersion { path, found })
        }
        Err(error) if is_missing(&error) => Err(ConfigError::NoArchive(archive.clone())),
        Err(source) => {
            let place = Located::new(path, archive.origin.clone());
            Err(VERSION.unreadable(&place, source))
        }
    }
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn lies_within(folder: &Path, tree: &Path) -> bool {
    match (fs::canonicalize(folder), fs::canonicalize(tree)) {
        (Ok(folder), Ok(tree)) => folder.starts_with(tree),
        _ => false,
    }
}
