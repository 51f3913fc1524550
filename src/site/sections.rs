//! The sections of cc-backend's config.json that name places, read from a file.
//!
//! A message about a value never quotes it, since it may be a secret.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::advice::Setting;
use super::error::{ConfigError, Role};
use super::origin::Located;

static CONFIG: Role = Role {
    what: "configuration",
    expected: "cc-backend's config.json, or a section that it refers to",
    setting: Setting::Config,
};

#[derive(Deserialize)]
#[serde(expecting = "an object of sections")]
pub(super) struct Sections {
    pub(super) main: Option<Main>,
    #[serde(rename = "main-file")]
    pub(super) main_file: Option<PathBuf>,
    pub(super) archive: Option<Archive>,
    #[serde(rename = "archive-file")]
    pub(super) archive_file: Option<PathBuf>,
    // No `metric-store-file`: cc-backend knows references with exactly one dash.
    #[serde(rename = "metric-store")]
    pub(super) metric_store: Option<MetricStore>,
    #[serde(rename = "metric-store-external")]
    pub(super) external: Option<Vec<External>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Main {
    pub(super) db: Option<PathBuf>,
}

// Without Debug: it holds keys.
#[derive(Deserialize)]
#[serde(expecting = "an object", rename_all = "kebab-case")]
pub(super) struct Archive {
    pub(super) kind: Option<String>,
    pub(super) path: Option<PathBuf>,
    pub(super) db_path: Option<PathBuf>,
    pub(super) bucket: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) access_key: Option<String>,
    pub(super) secret_key: Option<String>,
    pub(super) use_path_style: Option<bool>,
    // As comments of cc-backend spell them, and cc-backend does not read them.
    #[serde(rename = "accessKey")]
    pub(super) camel_access_key: Option<IgnoredAny>,
    #[serde(rename = "secretKey")]
    pub(super) camel_secret_key: Option<IgnoredAny>,
    #[serde(rename = "usePathStyle")]
    pub(super) camel_use_path_style: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "an object", rename_all = "kebab-case")]
pub(super) struct MetricStore {
    pub(super) checkpoints: Option<Checkpoints>,
    pub(super) checkpoint_interval: Option<String>,
    pub(super) retention_in_memory: Option<String>,
    pub(super) cleanup: Option<Cleanup>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Checkpoints {
    pub(super) directory: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Cleanup {
    pub(super) mode: Option<String>,
    pub(super) directory: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct External {
    #[serde(default)]
    pub(super) scope: String,
    #[serde(default)]
    pub(super) url: String,
    // Any type, so that no message about it can quote it.
    pub(super) token: Option<Value>,
}

pub(super) fn read_json<T: DeserializeOwned>(place: &Located<PathBuf>) -> Result<T, ConfigError> {
    parse_json(&read(place)?, place)
}

pub(super) fn read(place: &Located<PathBuf>) -> Result<Vec<u8>, ConfigError> {
    CONFIG.file(place)?;
    fs::read(&place.value).map_err(|source| CONFIG.unreadable(place, source))
}

pub(super) fn parse_json<T: DeserializeOwned>(
    text: &[u8],
    place: &Located<PathBuf>,
) -> Result<T, ConfigError> {
    serde_json::from_slice(text).map_err(|error| ConfigError::Json {
        file: place.value.clone(),
        line: error.line(),
        column: error.column(),
        message: expectation(&error),
    })
}

/// What the parser expected, in the words of JSON, without its position and without what it found:
/// that may be a secret.
fn expectation(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(message, _)| message);
    match text.rsplit_once(", expected ") {
        Some((_, "path string")) => "expected a string".to_owned(),
        Some((_, "a sequence")) => "expected a list".to_owned(),
        Some((_, expected)) => format!("expected {expected}"),
        None => text.to_owned(),
    }
}
