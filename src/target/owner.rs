//! To whom an archive belongs: whatever a sweep makes in it, the user of cc-backend must be able to change afterwards.
//!
//! The owner of a cluster's folder owns what is below it. Root gives what it makes to that owner; any other user than the
//! owner is refused before the sweep begins, unless the folder is root's, who can change everything anyway.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, chown, fchown};
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::process::geteuid;

/// To whom things are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heir(Option<Ids>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ids {
    user: u32,
    group: u32,
}

impl Heir {
    /// Of what is made below a cluster's folder.
    pub(super) fn of(cluster: &Path) -> io::Result<Self> {
        let owner = fs::metadata(cluster)?;
        let other = geteuid().is_root() && owner.uid() != 0;
        Ok(Self(other.then(|| Ids {
            user: owner.uid(),
            group: owner.gid(),
        })))
    }

    pub(super) fn folder(self, path: &Path) -> io::Result<()> {
        self.0
            .map_or(Ok(()), |o| chown(path, Some(o.user), Some(o.group)))
    }

    pub(super) fn file(self, file: &File) -> io::Result<()> {
        self.0
            .map_or(Ok(()), |o| fchown(file, Some(o.user), Some(o.group)))
    }
}

/// What keeps this user from writing a file or below a folder, in words; nothing is written to learn it.
pub(super) fn obstacle(path: &Path) -> io::Result<Option<String>> {
    let metadata = fs::metadata(path)?;
    let me = geteuid();
    let foreign = !me.is_root() && metadata.uid() != 0 && metadata.uid() != me.as_raw();
    let shown = path.display();
    if foreign {
        let me = name(me.as_raw());
        let owner = name(metadata.uid());
        return Ok(Some(format!(
            "{shown} belongs to {owner}, and this is {me}: what {me} writes there, {owner} could not change; run as {owner}"
        )));
    }
    let mut access = Access::READ_OK | Access::WRITE_OK;
    if metadata.is_dir() {
        access |= Access::EXEC_OK;
    }
    let allowed = accessat(CWD, path, access, AtFlags::EACCESS);
    Ok(allowed.err().map(|e| {
        format!(
            "{shown} cannot be written: {}; {}",
            io::Error::from(e),
            advice(&metadata)
        )
    }))
}

fn advice(metadata: &Metadata) -> String {
    format!(
        "it belongs to {} and has mode {:o}",
        name(metadata.uid()),
        metadata.mode() & 0o7777
    )
}

/// A user as people know it.
fn name(uid: u32) -> String {
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = known.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.map_or_else(|| format!("user {uid}"), |name| format!("user {name}"))
}
