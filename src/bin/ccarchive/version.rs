//! What `--version` says: the commit, and the versions of the files of others that this program knows.

use ccarchive::jobs::VERSIONS;
use ccarchive::site::ARCHIVE_VERSION;

/// For `-V`.
pub(crate) const SHORT: &str = env!("CARGO_PKG_VERSION");

/// For `--version`. The build script finds the commit; there is none where neither git nor the package names one.
pub(crate) fn long() -> String {
    let commit = option_env!("CCARCHIVE_COMMIT").unwrap_or("not known");
    format!(
        "{SHORT}\ncommit {commit}\njob database of version {} to {}, archive of version {ARCHIVE_VERSION}",
        VERSIONS.start(),
        VERSIONS.end()
    )
}
