//! How the metric store names the checkpoint files in a host's folder; everything else there is none of them.

use std::path::Path;

/// The log: samples since the newest snapshot.
pub const LOG: &str = "current.wal";

/// The number in the name of a snapshot (`1800000000.json` or `.bin`): where its interval begins, Unix seconds.
pub fn snapshot_number(path: &Path) -> Option<i64> {
    path.extension().filter(|e| *e == "bin" || *e == "json")?;
    path.file_stem()?.to_str()?.parse().ok()
}

/// Whether a file is a snapshot or the log.
pub fn is_checkpoint(path: &Path) -> bool {
    path.ends_with(LOG) || snapshot_number(path).is_some()
}
