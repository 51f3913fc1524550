//! cc-backend's config.json, as far as it says where things are.
//!
//! The file belongs to another program: keys we do not know are its business, and a section that is
//! missing means what cc-backend takes it to mean. cc-backend resolves relative paths against its
//! working directory; the folder of the file stands for that here, as the shipped service unit has it.
//! Tokens are kept as [`Secret`], which no message prints.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::advice::Warning;
use super::archive::ArchivePlace;
use super::bucket;
use super::bucket_keys;
use super::error::ConfigError;
use super::go_duration;
use super::keys;
use super::origin::{Located, Origin};
use super::sections::{Archive, Cleanup, External, Sections, parse_json, read, read_json};
use super::store::Configured;
use super::variables::Variables;
use crate::model::secret::Secret;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const BESIDE_CONFIG: &str = "cc-backend's own, in the folder of its configuration";

/// What the configuration says, with cc-backend's defaults filled in.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) file: PathBuf,
    pub(super) database: Located<PathBuf>,
    /// An error where the archive is kept on a medium that is not known; it counts only if no flag names one.
    pub(super) archive: Result<Located<ArchivePlace>, ConfigError>,
    pub(super) checkpoints: Located<PathBuf>,
    /// Whether cc-backend keeps a metric store of its own.
    pub(super) has_internal_store: bool,
    pub(super) retention: Option<Located<i64>>,
    pub(super) checkpoint_interval: Option<Located<i64>>,
    pub(super) parquet: Option<Located<PathBuf>>,
    pub(super) external: Vec<Configured>,
    pub(super) warnings: Vec<Warning>,
}

impl Config {
    /// Reads the file and those it refers to.
    pub(super) fn read(
        file: &Located<PathBuf>,
        variables: &Variables,
    ) -> Result<Self, ConfigError> {
        let text = read(file)?;
        let mut config = Self::of(file, parse_json(&text, file)?, variables)?;
        let json = serde_json::from_slice(&text).unwrap_or_default();
        for (written, meant) in keys::misspelt(&json) {
            let text = format!(
                "{written} in {} is no key that cc-backend knows: is {meant} meant?",
                file.value.display()
            );
            config.warnings.push(Warning::new(text, None));
        }
        Ok(config)
    }

    /// Takes a text as the file's content; sections in other files are left out.
    #[cfg(feature = "fuzzing")]
    pub(super) fn parse(text: &[u8], file: &Located<PathBuf>) -> Result<Self, ConfigError> {
        let mut sections: Sections = parse_json(text, file)?;
        (sections.main_file, sections.archive_file) = (None, None);
        Self::of(file, sections, &Variables::new())
    }

    fn of(
        file: &Located<PathBuf>,
        sections: Sections,
        variables: &Variables,
    ) -> Result<Self, ConfigError> {
        let at = Place::new(&file.value);
        let (main_at, main) = at.section("main", "main-file", sections.main, sections.main_file)?;
        let (archive_at, archive) = at.section(
            "archive",
            "archive-file",
            sections.archive,
            sections.archive_file,
        )?;
        let has_internal_store = sections.metric_store.is_some();
        let store = sections.metric_store.unwrap_or_default();
        let mut warnings = Vec::new();
        Ok(Self {
            database: main_at.path("main.db", main.unwrap_or_default().db, "var/job.db"),
            archive: archive_at.archive(archive, variables),
            checkpoints: at.path(
                "metric-store.checkpoints.directory",
                store.checkpoints.unwrap_or_default().directory,
                "var/checkpoints",
            ),
            has_internal_store,
            retention: at.retention(store.retention_in_memory)?,
            checkpoint_interval: at.interval(store.checkpoint_interval, &mut warnings),
            parquet: at.parquet(store.cleanup),
            external: at.external(sections.external.unwrap_or_default()),
            warnings,
            file: at.file,
        })
    }
}

/// The file a section stands in, and the folder that relative paths count from.
#[derive(Debug, Clone)]
struct Place {
    file: PathBuf,
    folder: PathBuf,
}

impl Place {
    fn new(file: &Path) -> Self {
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        Self {
            file: file.to_owned(),
            folder,
        }
    }

    fn origin(&self, key: &'static str) -> Origin {
        Origin::Config {
            file: self.file.clone(),
            key,
        }
    }

    /// A section that stands here or in a file of its own, and where that is.
    fn section<T: DeserializeOwned>(
        &self,
        name: &'static str,
        key: &'static str,
        here: Option<T>,
        reference: Option<PathBuf>,
    ) -> Result<(Self, Option<T>), ConfigError> {
        let Some(reference) = reference else {
            return Ok((self.clone(), here));
        };
        if here.is_some() {
            return Err(ConfigError::SectionTwice {
                file: self.file.clone(),
                section: name,
            });
        }
        let file = Located::new(tidy(&self.folder.join(reference)), self.origin(key));
        let section = read_json(&file)?;
        Ok((
            Self {
                file: file.value,
                folder: self.folder.clone(),
            },
            section,
        ))
    }

    fn path(&self, key: &'static str, set: Option<PathBuf>, default: &str) -> Located<PathBuf> {
        match set.filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => Located::new(tidy(&self.folder.join(path)), self.origin(key)),
            None => Located::new(self.folder.join(default), Origin::Default(BESIDE_CONFIG)),
        }
    }

    fn archive(
        &self,
        section: Option<Archive>,
        variables: &Variables,
    ) -> Result<Located<ArchivePlace>, ConfigError> {
        const FILE: &str = "archive.db-path";
        let tree = |folder: Located<PathBuf>| {
            Located::new(ArchivePlace::Tree(folder.value), folder.origin)
        };
        let Some(archive) = section else {
            return Ok(tree(self.path("archive.path", None, "var/job-archive")));
        };
        let wrong = |key, found, expected| ConfigError::Value {
            file: self.file.clone(),
            key,
            found,
            expected,
        };
        match archive.kind.as_deref() {
            Some("file") => match archive.path {
                Some(path) => Ok(tree(self.path("archive.path", Some(path), ""))),
                None => Err(wrong(
                    "archive.path",
                    String::new(),
                    "the folder of the job archive",
                )),
            },
            Some("sqlite") => match archive.db_path.filter(|p| !p.as_os_str().is_empty()) {
                Some(path) => {
                    let file = self.path(FILE, Some(path), "");
                    Ok(Located::new(ArchivePlace::Sqlite(file.value), file.origin))
                }
                None => Err(wrong(
                    FILE,
                    String::new(),
                    "the SQLite file of the job archive",
                )),
            },
            Some("s3") => self.bucket(archive, variables),
            kind => Err(wrong(
                "archive.kind",
                kind.unwrap_or("").to_owned(),
                "file, s3 or sqlite",
            )),
        }
    }

    fn bucket(
        &self,
        section: Archive,
        variables: &Variables,
    ) -> Result<Located<ArchivePlace>, ConfigError> {
        let misspelt = [
            (
                "archive.accessKey",
                "archive.access-key",
                &section.camel_access_key,
            ),
            (
                "archive.secretKey",
                "archive.secret-key",
                &section.camel_secret_key,
            ),
            (
                "archive.usePathStyle",
                "archive.use-path-style",
                &section.camel_use_path_style,
            ),
        ];
        if let Some((written, meant, _)) = misspelt.into_iter().find(|(.., there)| there.is_some())
        {
            let file = self.file.clone();
            return Err(ConfigError::CamelCase {
                file,
                written,
                meant,
            });
        }
        let settings = bucket::Settings {
            name: section.bucket.unwrap_or_default(),
            endpoint: section.endpoint,
            region: section.region,
            path_style: section.use_path_style.unwrap_or_default(),
            keys: bucket_keys::Configured {
                access: section.access_key.map(Secret::new),
                secret: section.secret_key.map(Secret::new),
                file: self.file.clone(),
            },
        };
        let origin = self.origin("archive.bucket");
        let bucket = bucket::of(settings, &origin, variables)?;
        Ok(Located::new(ArchivePlace::S3(Box::new(bucket)), origin))
    }

    fn retention(&self, text: Option<String>) -> Result<Option<Located<i64>>, ConfigError> {
        const KEY: &str = "metric-store.retention-in-memory";
        let Some(text) = text else { return Ok(None) };
        match whole_seconds(&text) {
            Some(seconds) => Ok(Some(Located::new(seconds, self.origin(KEY)))),
            None => Err(ConfigError::Value {
                file: self.file.clone(),
                key: KEY,
                found: text,
                expected: "a duration such as 48h",
            }),
        }
    }

    /// A text that Go cannot read means the default to cc-backend, so it does here.
    fn interval(&self, text: Option<String>, warnings: &mut Vec<Warning>) -> Option<Located<i64>> {
        const KEY: &str = "metric-store.checkpoint-interval";
        let text = text?;
        let seconds = whole_seconds(&text);
        if seconds.is_none() {
            let file = self.file.display();
            let text = format!(
                "{KEY} in {file} is '{text}', no duration such as 12h: 12h is taken, as cc-backend does"
            );
            warnings.push(Warning::new(text, None));
        }
        seconds.map(|seconds| Located::new(seconds, self.origin(KEY)))
    }

    fn parquet(&self, cleanup: Option<Cleanup>) -> Option<Located<PathBuf>> {
        let cleanup = cleanup.filter(|c| c.mode.as_deref() == Some("archive"))?;
        let folder = cleanup.directory?;
        Some(self.path("metric-store.cleanup.directory", Some(folder), ""))
    }

    /// The external stores. Of several for one scope the last counts, as in cc-backend.
    fn external(&self, stores: Vec<External>) -> Vec<Configured> {
        let origin = self.origin("metric-store-external");
        let mut out: Vec<Configured> = Vec::new();
        for from in stores {
            out.retain(|s| s.scope != from.scope);
            let token = from
                .token
                .map(|t| t.as_str().map_or_else(|| t.to_string(), str::to_owned));
            let token = token.filter(|t| !t.is_empty() && t != "null");
            out.push(Configured {
                scope: from.scope,
                url: from.url,
                token: token.map(Secret::new),
                origin: origin.clone(),
            });
        }
        out
    }
}

/// At least one whole second of a Go duration.
fn whole_seconds(text: &str) -> Option<i64> {
    go_duration::parse(text)
        .map(|nanos| nanos / NANOS_PER_SECOND)
        .filter(|&s| s > 0)
}

/// The same path without `./` in the middle.
fn tidy(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retention_is_at_least_a_second() {
        assert_eq!(whole_seconds("48h"), Some(172_800));
        assert_eq!(whole_seconds("1500ms"), Some(1));
        for text in ["0", "500ms", "-1h", "2 days", ""] {
            assert_eq!(whole_seconds(text), None, "{text}");
        }
    }
}
