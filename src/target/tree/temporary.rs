//! Temporary names in a job's folder, and how a folder is brought in order that a killed sweep left behind.
//!
//! Every sweep has names of its own: `.ccarchive-<role>-<sweep>.tmp`. Who writes such a file holds its lock, so that the
//! files of a living sweep are told from leftovers. What was begun can be told from the names alone, whatever part of it a
//! crash kept from the disk, since `writing` makes these durable one after the other: first the complete new files and
//! second names of the old data; then the replacement's mark; then the new names; and only then the mark goes. So while
//! there is a mark, the waiting meta.json says which archive counts: the old one while it waits, the new one after that.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::model::stored::Form;
use crate::target::names::{GZIP, META, PLAIN, data_name};

const BEGIN: &str = ".ccarchive-";
const END: &str = ".tmp";
const FORMS: [Form; 2] = [Form::Plain, Form::Gzip];

/// What a temporary file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The new data.
    Data,
    /// The new meta.json, where something is in its place.
    Meta,
    /// The new meta.json of a job that has nothing yet.
    FirstMeta,
    /// The second name of the old data.
    Old(Form),
    /// The mark of a replacement.
    Mark(Mark),
    /// Of another version of this program.
    Unknown,
}

/// Says what a replacement began with, and what it puts in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Whether there was old data of that form.
    pub(super) had_plain: bool,
    /// Whether there was old data of that form.
    pub(super) had_gzip: bool,
    /// The form of the new data.
    pub(super) by: Form,
}

impl Mark {
    pub(super) fn had(self, form: Form) -> bool {
        match form {
            Form::Plain => self.had_plain,
            Form::Gzip => self.had_gzip,
        }
    }
}

const fn word(form: Form) -> &'static str {
    match form {
        Form::Plain => "plain",
        Form::Gzip => "gzip",
    }
}

impl Role {
    pub(super) fn name(self, sweep: &str) -> String {
        let role = match self {
            Self::Data => "data".to_owned(),
            Self::Meta => "meta".to_owned(),
            Self::FirstMeta => "meta-first".to_owned(),
            Self::Old(form) => format!("old-{}", word(form)),
            Self::Mark(m) => {
                let had = match (m.had_plain, m.had_gzip) {
                    (false, false) => "nothing",
                    (true, false) => "plain",
                    (false, true) => "gzip",
                    (true, true) => "both",
                };
                format!("replace-{had}-by-{}", word(m.by))
            }
            Self::Unknown => "unknown".to_owned(),
        };
        format!("{BEGIN}{role}-{sweep}{END}")
    }

    /// Role and sweep of a temporary name; none for other names.
    fn parse(name: &str) -> Option<(Self, &str)> {
        let inner = name.strip_prefix(BEGIN)?.strip_suffix(END)?;
        let (role, sweep) = inner.rsplit_once('-').unwrap_or((inner, ""));
        let form = |w| FORMS.into_iter().find(|f| word(*f) == w);
        let role = match role {
            "data" => Self::Data,
            "meta" => Self::Meta,
            "meta-first" => Self::FirstMeta,
            _ => {
                let old = role.strip_prefix("old-").and_then(form).map(Self::Old);
                old.or_else(|| {
                    let (had, by) = role.strip_prefix("replace-")?.split_once("-by-")?;
                    Some(Self::Mark(Mark {
                        had_plain: matches!(had, "plain" | "both"),
                        had_gzip: matches!(had, "gzip" | "both"),
                        by: form(by)?,
                    }))
                })
                .unwrap_or(Self::Unknown)
            }
        };
        Some((role, sweep))
    }
}

/// What one sweep left in a folder: roles, and the names as they are.
type Leftovers = Vec<(Role, String)>;

/// Whether a name is that of a temporary file.
pub(super) fn is_one(name: &str) -> bool {
    name.starts_with(BEGIN)
}

/// The temporary files in a job's folder, by sweep; none where there is no folder.
fn leftovers(folder: &Path) -> io::Result<BTreeMap<String, Leftovers>> {
    let mut found: BTreeMap<String, Leftovers> = BTreeMap::new();
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some((role, sweep)) = Role::parse(&name) {
            found
                .entry(sweep.to_owned())
                .or_default()
                .push((role, name.clone()));
        }
    }
    Ok(found)
}

/// Whether a replacement was begun in a folder and not ended: what it holds may belong to two archives.
pub(super) fn is_being_replaced(folder: &Path) -> io::Result<bool> {
    let found = leftovers(folder)?;
    Ok(found
        .values()
        .flatten()
        .any(|(r, _)| matches!(r, Role::Mark(_))))
}

/// The age (seconds) from which on the lock of a file is looked at: whoever made it has the lock by then.
const LOCKED_BY: u64 = 10;

/// The names of the temporary files in a job's folder, and whether a living sweep is at work there. Changes nothing.
pub(super) fn seen(folder: &Path) -> io::Result<(Vec<String>, bool)> {
    let left: Vec<_> = leftovers(folder)?.into_values().flatten().collect();
    let is_alive = |(role, name): &(Role, String)| {
        // The second name of old data is not the sweep's own file.
        !matches!(role, Role::Old(_)) && is_in_work(&folder.join(name))
    };
    let busy = left.iter().any(is_alive);
    Ok((left.into_iter().map(|l| l.1).collect(), busy))
}

/// Whether somebody holds the lock of a file, or has just made it.
fn is_in_work(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    let age = file
        .metadata()
        .and_then(|m| m.modified())
        .map(|t| t.elapsed().unwrap_or_default());
    if age.is_ok_and(|age| age.as_secs() < LOCKED_BY) {
        return true;
    }
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

/// Creates a temporary file and takes its lock.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    // Where a file system has no locks, the sweep's own lock has to do.
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok();
    Ok(file)
}

/// Ends or undoes what dead sweeps began in a folder, and removes their files. Whether a living one is at work there.
pub(super) fn tidy(folder: &Path, own: &str) -> io::Result<bool> {
    let mut busy = false;
    for (sweep, left) in leftovers(folder)? {
        if sweep == own {
            continue;
        }
        // Held until all is done, so that two never clear up the same.
        match locks(folder, &left) {
            Some(_locks) => clear_up(folder, &left)?,
            None => busy = true,
        }
    }
    Ok(busy)
}

/// The locks of a sweep's files; none where it lives.
fn locks(folder: &Path, left: &Leftovers) -> Option<Vec<File>> {
    let mut held = Vec::new();
    for (role, name) in left {
        // The second name of old data is not the sweep's own file.
        if matches!(role, Role::Old(_)) {
            continue;
        }
        let Ok(file) = OpenOptions::new()
            .read(true)
            .write(true)
            .open(folder.join(name))
        else {
            continue; // it went, or it is nothing that a sweep made
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return None,
            Ok(()) | Err(_) => held.push(file),
        }
    }
    Some(held)
}

/// Ends or undoes what the sweep `own` itself began.
pub(super) fn clear_up_own(folder: &Path, own: &str) -> io::Result<()> {
    match leftovers(folder)?.remove(own) {
        Some(left) => clear_up(folder, &left),
        None => Ok(()),
    }
}

fn clear_up(folder: &Path, left: &Leftovers) -> io::Result<()> {
    let name_of = |role: Role| left.iter().find(|l| l.0 == role).map(|l| folder.join(&l.1));
    let mark = left.iter().find_map(|(role, name)| match role {
        Role::Mark(mark) => Some((*mark, folder.join(name))),
        Role::Data | Role::Meta | Role::FirstMeta | Role::Old(_) | Role::Unknown => None,
    });
    if let Some((mark, path)) = mark {
        if name_of(Role::Meta).is_some() {
            undo(folder, mark, name_of)?;
        } else {
            end(folder, mark, name_of(Role::Data).as_deref())?;
        }
        // Without the mark, the other names mean nothing any more.
        sync(folder)?;
        remove(&path)?;
        sync(folder)?;
    } else if name_of(Role::FirstMeta).is_some() && name_of(Role::Data).is_none() {
        // A first archive that got as far as its data, which nobody can read without meta.json.
        if folder.join(META).symlink_metadata().is_err() {
            remove(&folder.join(PLAIN))?;
            remove(&folder.join(GZIP))?;
        }
    }
    for (_, name) in left {
        remove(&folder.join(name))?;
    }
    Ok(())
}

/// Puts the old data back. May be cut short and done again: each form that was there has its second name or its own.
fn undo(
    folder: &Path,
    mark: Mark,
    name_of: impl Fn(Role) -> Option<std::path::PathBuf>,
) -> io::Result<()> {
    for form in FORMS {
        let path = folder.join(data_name(form));
        match name_of(Role::Old(form)) {
            // Between two names of one file this does nothing.
            Some(old) if mark.had(form) => fs::rename(old, path)?,
            None if mark.had(form) => {}
            Some(_) | None => remove(&path)?,
        }
    }
    Ok(())
}

/// Gives the new data its name, if only meta.json's came so far, and removes the old data of the other form.
fn end(folder: &Path, mark: Mark, data: Option<&Path>) -> io::Result<()> {
    let path = folder.join(data_name(mark.by));
    if let Some(data) = data {
        fs::rename(data, &path)?;
    }
    // cc-backend may have compressed the new data meanwhile: then the other form is all there is.
    if path.symlink_metadata().is_ok() {
        for form in FORMS.into_iter().filter(|f| *f != mark.by) {
            remove(&folder.join(data_name(form)))?;
        }
    }
    Ok(())
}

/// Makes a folder's names durable.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes sure that there is no such file.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let absent = |r: io::Result<_>| r.is_err_and(|e| e.kind() == ErrorKind::NotFound);
    fs::remove_file(path).or_else(|e| {
        if absent(path.symlink_metadata()) {
            Ok(())
        } else {
            Err(e)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let mut roles = vec![Role::Data, Role::Meta, Role::FirstMeta];
        roles.extend(FORMS.map(Role::Old));
        for had in 0..4 {
            roles.extend(FORMS.map(|by| {
                Role::Mark(Mark {
                    had_plain: had & 1 > 0,
                    had_gzip: had & 2 > 0,
                    by,
                })
            }));
        }
        for role in roles {
            let name = role.name("1f");
            assert_eq!(Role::parse(&name), Some((role, "1f")), "{name}");
        }
        assert_eq!(
            Role::parse(".ccarchive-later-9.tmp"),
            Some((Role::Unknown, "9"))
        );
        assert_eq!(Role::parse(".ccarchive-data.tmp"), Some((Role::Data, "")));
        for other in [META, GZIP, ".ccarchive-", ".tmp", "x.ccarchive-data-1.tmp"] {
            assert_eq!(Role::parse(other), None, "{other}");
        }
    }
}
