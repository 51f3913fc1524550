//! Mends the flaws of a place in the tree that can be mended without a source.
//!
//! Whoever calls this holds the lock of a sweep, but cc-backend may be at work: so each step looks at what is there at that
//! moment, is a single system call, and loses no value of any job.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::Tree;
use super::look;
use super::place::{FILE_RIGHTS, FOLDER_RIGHTS, META, Place, data_name};
use super::temporary::{self, sync};
use crate::model::stored::Form;
use crate::target::{Flaw, Stored, Target, Walked};

/// Mends a flaw; why it was not done, in words.
pub(super) fn mend(tree: &Tree, flaw: Flaw, at: &Walked) -> Result<(), String> {
    let key = at.key.as_ref();
    match (flaw, key) {
        (Flaw::Leftovers, Some(key)) => {
            tree.tidy(key).map_err(|e| e.to_string())?;
            match temporary::seen(&tree.place(key).folder) {
                Ok((left, _)) if left.is_empty() => Ok(()),
                Ok(_) => Err("a sweep is at work there".into()),
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
                Err(e) => Err(e.to_string()),
            }
        }
        (Flaw::EmptyFolder, Some(_)) => match fs::remove_dir(&at.path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            done => done.map_err(|e| e.to_string()),
        },
        (Flaw::Rights, Some(key)) => {
            let place = tree.place(key);
            let mut paths = vec![place.folder.clone()];
            paths.extend(entries(&place.folder).map_err(|e| e.to_string())?);
            paths.iter().try_for_each(|p| give(p, &place.cluster))
        }
        (Flaw::Rights, None) => {
            let root = &tree.0.root.0;
            let below = at.path.strip_prefix(root).ok();
            let cluster = below.and_then(|b| b.components().next());
            let cluster = cluster.ok_or("it is not below a cluster's folder")?;
            give(&at.path, &root.join(cluster))
        }
        (Flaw::Leftovers | Flaw::EmptyFolder, None) => Err("it is no job's".into()),
    }
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect()
}

/// Gives a file or folder to the owner of the cluster's folder, with the rights that an owner needs. Links are not followed,
/// and a file with a second name is left alone: it may belong elsewhere.
fn give(path: &Path, cluster: &Path) -> Result<(), String> {
    let owner = fs::metadata(cluster).map_err(|e| e.to_string())?;
    let is = fs::symlink_metadata(path).map_err(|e| e.to_string())?;
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
        format!("{who}{}: {e}", path.display())
    })
}

fn needed(is: &Metadata) -> u32 {
    if is.is_dir() {
        FOLDER_RIGHTS
    } else {
        FILE_RIGHTS
    }
}

fn is_wrong(is: &Metadata, owner: &Metadata) -> bool {
    !is.is_symlink() && (is.uid() != owner.uid() || is.mode() & needed(is) != needed(is))
}

fn with_rights(is: &Metadata) -> Permissions {
    Permissions::from_mode(is.mode() & 0o7777 | needed(is))
}

/// Both forms of a job's data, the compressed one first, where both are there and nobody is replacing them.
pub(super) fn both_forms(place: &Place) -> io::Result<Vec<Stored>> {
    let folder = &place.folder;
    if !temporary::seen(folder)?.0.is_empty() {
        return Ok(Vec::new());
    }
    let mut both = Vec::new();
    for form in [Form::Gzip, Form::Plain] {
        both.extend(look::read_form(folder, form)?);
    }
    if both.len() < 2 {
        both.clear();
    }
    Ok(both)
}

/// Removes the other form of a job's data once this one is durable.
pub(super) fn keep_form(place: &Place, form: Form) -> Result<(), String> {
    let folder = &place.folder;
    let other = folder.join(data_name(match form {
        Form::Plain => Form::Gzip,
        Form::Gzip => Form::Plain,
    }));
    let done = || -> io::Result<()> {
        place.check()?;
        for name in [META, data_name(form)] {
            File::open(folder.join(name))?.sync_all()?;
        }
        sync(folder)?;
        temporary::remove(&other)?;
        sync(folder)
    };
    done().map_err(|e| format!("{}: {e}", folder.display()))
}
