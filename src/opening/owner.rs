//! Files beside others belong to whom the others belong to, also where root made them: cc-backend's user must be able to
//! write what a sweep leaves.

use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

/// Gives a file to the owner of another one, where this process is root; others cannot give files away.
///
/// # Errors
/// When the other file is not there, or its owner cannot be given the file.
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
