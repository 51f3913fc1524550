//! To whom an archive belongs: whatever a sweep makes in it, the user of cc-backend must be able to change afterwards.
//!
//! The owner of a cluster's folder owns what is below it. Root gives what it makes to that owner; any other user than the
//! owner is refused before the sweep begins, unless the folder is root's, who can change everything anyway.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown};
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::process::geteuid;

/// Rights that an owner needs to a file.
pub(super) const FILE_RIGHTS: u32 = 0o600;
/// Rights that an owner needs to a folder.
pub(super) const FOLDER_RIGHTS: u32 = 0o700;

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

/// Gives a file or folder to the owner of another (its cluster's folder), with the rights that an owner needs. Links are not followed,
/// and a file with a second name is left alone: it may belong elsewhere.
pub(super) fn give(path: &Path, like: &Path) -> io::Result<()> {
    let owner = fs::metadata(like)?;
    let is = fs::symlink_metadata(path)?;
    if !is_wrong(&is, &owner) {
        return Ok(());
    }
    let changed = || -> io::Result<()> {
        if is.uid() == geteuid().as_raw() && is.mode() & 0o400 == 0 {
            // Not to be opened otherwise; what this user owns, this user may change anyway.
            fs::set_permissions(path, with_rights(&is))?;
        }
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)?;
        let is = file.metadata()?;
        if is.is_file() && is.nlink() != 1 {
            return Err(io::Error::other(
                "it has a second name, which may belong elsewhere",
            ));
        }
        if is.uid() != owner.uid() {
            fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
        }
        file.set_permissions(with_rights(&is))
    };
    changed().map_err(|e| {
        let is_denied = e.kind() == ErrorKind::PermissionDenied;
        let who = if is_denied {
            "only root may do that: "
        } else {
            ""
        };
        io::Error::new(e.kind(), format!("{who}{}: {e}", path.display()))
    })
}

fn needed(is: &Metadata) -> u32 {
    if is.is_dir() {
        FOLDER_RIGHTS
    } else {
        FILE_RIGHTS
    }
}

/// Whether it is somebody else's, or without the rights that its owner needs. A link has none of its own.
pub(super) fn is_wrong(is: &Metadata, owner: &Metadata) -> bool {
    !is.is_symlink() && (is.uid() != owner.uid() || is.mode() & needed(is) != needed(is))
}

fn with_rights(is: &Metadata) -> Permissions {
    Permissions::from_mode(is.mode() & 0o7777 | needed(is))
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
