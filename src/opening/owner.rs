//! Gives a new file the owner of the file or folder that it stands beside. After a sweep as root, cc-backend's user must
//! still be able to write everything that the sweep created.

use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

/// Gives `path` the owner and group of `other` if this process is root. Any other user cannot change owners, and nothing
/// is done.
///
/// # Errors
/// If `other` does not exist or the owner cannot be changed.
pub(crate) fn give_to_owner_of(path: &Path, other: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let (mine, theirs) = (std::fs::metadata(path)?, std::fs::metadata(other)?);
    if (mine.uid(), mine.gid()) != (theirs.uid(), theirs.gid()) {
        chown(path, Some(theirs.uid()), Some(theirs.gid()))?;
    }
    Ok(())
}
