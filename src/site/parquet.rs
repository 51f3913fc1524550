//! Folders of the metric store's Parquet archive: `parquet:FOLDER` as a source, or `metric-store.cleanup` of the configuration.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::advice::Warning;
use super::error::ConfigError;
use super::origin::Located;

/// Whether this program was built to read them.
pub(super) const READ: bool = cfg!(feature = "parquet");

/// What a folder is named with.
const PREFIX: &str = "parquet:";

/// The folder that a source names, if it is one of Parquet files.
fn folder(source: &Path) -> Option<PathBuf> {
    let bytes = source.as_os_str().as_bytes();
    let rest = bytes.strip_prefix(PREFIX.as_bytes())?;
    Some(OsStr::from_bytes(rest).into())
}

/// Folders of checkpoints and folders of Parquet files, each in the order in which they are named.
pub(super) fn apart(
    sources: Vec<Located<PathBuf>>,
) -> (Vec<Located<PathBuf>>, Vec<Located<PathBuf>>) {
    let (mut checkpoints, mut parquet) = (Vec::new(), Vec::new());
    for source in sources {
        match folder(&source.value) {
            Some(folder) => parquet.push(Located::new(folder, source.origin)),
            None => checkpoints.push(source),
        }
    }
    (checkpoints, parquet)
}

/// The folder of the configuration, if it can be read.
pub(super) fn of_config(
    folder: Option<Located<PathBuf>>,
    warnings: &mut Vec<Warning>,
) -> Option<Located<PathBuf>> {
    let folder = folder?;
    if READ {
        return Some(folder);
    }
    let text = format!(
        "the metric store keeps old samples as Parquet files in {} ({}), which this ccarchive was built without (feature \
         parquet): jobs older than the checkpoints find no samples",
        folder.value.display(),
        folder.origin
    );
    warnings.push(Warning::new(text, None));
    None
}

/// Refuses Parquet folders where they cannot be read.
pub(super) fn refuse_unknown(sources: &[Located<PathBuf>]) -> Result<(), ConfigError> {
    let named = sources.iter().find(|s| !READ && folder(&s.value).is_some());
    named.map_or(Ok(()), |s| Err(ConfigError::NoParquet(s.clone())))
}
