//! A job's files on their way into the tree.
//!
//! Both files are complete under temporary names in the job's own folder before one gets its name: data first, then
//! meta.json, then the other form of the data goes. A reader sees the old archive, or new data beside an old meta.json for a
//! moment, never half a file. A job that has nothing yet needs no more than that: its row changes only after a flush, so a
//! crash costs a repeat. Where something is replaced, the steps become durable one after the other, so that a crash
//! between any two of them can be told from the names that are there (see `temporary`).

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::durable::Durable;
use super::folders::Folders;
use super::look;
use super::place::{Place, Root};
use super::temporary::{self, Mark, Role, remove, sync};
use crate::model::stored::{Files, Form, Sum};
use crate::target::names::{META, data_name};
use crate::target::owner::Heir;
use crate::target::sum::Summing;
use crate::target::{Draft, Error};

/// What all drafts of a sweep have in common.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) root: Root,
    pub(super) folders: Folders,
    pub(super) durable: Durable,
    /// Stands in the names of temporary files.
    pub(super) sweep: String,
}

/// A job's files under their temporary names.
#[derive(Debug)]
pub(super) struct Writing<'a> {
    common: &'a Common,
    place: Place,
    heir: Heir,
    data: File,
    meta: Option<File>,
    sum: Summing,
    form: Form,
    /// Whether there was nothing of the job when its files were complete.
    first: bool,
    published: bool,
}

impl<'a> Writing<'a> {
    /// Creates the folder and the data file.
    pub(super) fn begin(common: &'a Common, place: Place) -> io::Result<Self> {
        let heir = Heir::of(&place.cluster)?;
        common.folders.make(&place, heir)?;
        let data = common
            .durable
            .watch(&place.folder)
            .and_then(|()| temporary::clear_up_own(&place.folder, &common.sweep))
            .and_then(|()| temporary::tidy(&place.folder, &common.sweep))
            .and_then(|busy| {
                let path = place.folder.join(Role::Data.name(&common.sweep));
                let data = temporary::create(&path)?;
                // Looked for again now that ours can be seen: of two that begin at once, none goes on unseen.
                if busy || temporary::tidy(&place.folder, &common.sweep)? {
                    drop(remove(&path));
                    return Err(io::Error::other("another sweep is archiving this job now"));
                }
                heir.file(&data)?;
                Ok(data)
            })
            .inspect_err(|_| common.folders.unmake(&place))?;
        Ok(Self {
            common,
            place,
            heir,
            data,
            meta: None,
            sum: Summing::default(),
            form: Form::Plain,
            first: true,
            published: false,
        })
    }

    fn path(&self, role: Role) -> PathBuf {
        self.place.folder.join(role.name(&self.common.sweep))
    }

    const fn meta_role(&self) -> Role {
        if self.first {
            Role::FirstMeta
        } else {
            Role::Meta
        }
    }

    fn error(&self, doing: &str, path: &Path, e: &io::Error) -> Error {
        self.common.root.error(doing, path, e)
    }

    fn create_meta(&self, meta: &[u8]) -> io::Result<File> {
        let mut file = temporary::create(&self.path(self.meta_role()))?;
        self.heir.file(&file)?;
        file.write_all(meta)?;
        Ok(file)
    }

    /// Gives one of the files its name.
    fn rename(&self, role: Role, name: &str) -> Result<(), Error> {
        let to = self.place.folder.join(name);
        fs::rename(self.path(role), &to).map_err(|e| self.error("cannot rename to", &to, &e))
    }

    fn publish_first(&mut self) -> Result<(), Error> {
        let name = data_name(self.form);
        self.rename(Role::Data, name)?;
        if let Err(e) = self.rename(Role::FirstMeta, META) {
            // Nothing visible may have changed; what somebody else put there meanwhile is not ours.
            let path = self.place.folder.join(name);
            if is_same(&self.data, &path) {
                drop(remove(&path));
            }
            return Err(e);
        }
        self.published = true;
        Ok(())
    }

    fn publish_over(&mut self) -> Result<(), Error> {
        let folder = &self.place.folder;
        let mark = self
            .mark()
            .map_err(|e| self.error("cannot prepare the replacement of what is in", folder, &e))?;
        self.rename(Role::Data, data_name(self.form))?;
        self.rename(Role::Meta, META)?;
        // From here on the new archive counts.
        self.published = true;
        drop(mark);
        temporary::clear_up_own(folder, &self.common.sweep)
            .map_err(|e| self.error("cannot end the replacement of what is in", folder, &e))
    }

    /// Makes durable, one after the other: the new files and a second name of what they replace; the mark.
    fn mark(&self) -> io::Result<File> {
        let folder = &self.place.folder;
        // If it is not waiting, there must be no mark: the mark would say that the new archive counts.
        self.path(Role::Meta).symlink_metadata()?;
        self.data.sync_all()?;
        if let Some(meta) = &self.meta {
            meta.sync_all()?;
        }
        let keep = |form| {
            let (from, to) = (folder.join(data_name(form)), self.path(Role::Old(form)));
            from.symlink_metadata()
                .is_ok()
                .then(|| second_name(&from, &to))
                .transpose()
        };
        let mark = Mark {
            had_plain: keep(Form::Plain)?.is_some(),
            had_gzip: keep(Form::Gzip)?.is_some(),
            by: self.form,
        };
        sync(folder)?;
        let file = temporary::create(&self.path(Role::Mark(mark)))?;
        self.heir.file(&file)?;
        file.sync_all()?;
        sync(folder)?;
        Ok(file)
    }
}

/// Whether an open file is the one of that name.
fn is_same(file: &File, path: &Path) -> bool {
    let id = |m: fs::Metadata| (m.dev(), m.ino());
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(a), Ok(b)) => id(a) == id(b),
        _ => false,
    }
}

/// Gives a file a second name, or a copy where the file system has no hard links.
fn second_name(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        // A server that answers twice: the name may be there by our own doing, and a copy would empty what it is a name of.
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            let file = File::open(from)?;
            if is_same(&file, to) { Ok(()) } else { Err(e) }
        }
        Err(_) => copy(from, to),
        linked => linked,
    }
}

/// Copies a file to a name that is not there yet.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut old = File::open(from)?;
    let mut new = File::create_new(to)?;
    io::copy(&mut old, &mut new)?;
    new.set_permissions(old.metadata()?.permissions())?;
    new.sync_all()
}

impl Draft for Writing<'_> {
    fn write(&mut self, data: &[u8]) -> Result<(), Error> {
        self.sum.add(data);
        self.data
            .write_all(data)
            .map_err(|e| self.error("cannot write", &self.path(Role::Data), &e))
    }

    fn complete(&mut self, form: Form, meta: &[u8]) -> Result<Files, Error> {
        self.first = look::names(&self.place.folder).next().is_none();
        let file = self
            .create_meta(meta)
            .map_err(|e| self.error("cannot write", &self.path(self.meta_role()), &e))?;
        self.meta = Some(file);
        self.form = form;
        Ok(Files {
            meta: Sum::of(meta),
            data: self.sum.sum(),
            form,
        })
    }

    fn publish(mut self: Box<Self>) -> Result<(), Error> {
        if !self.first {
            return self.publish_over();
        }
        if look::names(&self.place.folder).next().is_none() {
            return self.publish_first();
        }
        // Somebody else archived the job meanwhile.
        let (first, over) = (self.path(Role::FirstMeta), self.path(Role::Meta));
        fs::rename(&first, &over).map_err(|e| self.error("cannot rename to", &over, &e))?;
        self.first = false;
        self.publish_over()
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let (common, place) = (self.common, &self.place);
        if self.published {
            common.folders.keep(place);
            if let (Some(meta), Ok(data)) = (self.meta.take(), self.data.try_clone()) {
                common.durable.wrote(&place.folder, [data, meta]);
            }
        } else {
            // What cannot be brought in order now, the next sweep that comes to the job brings in order.
            drop(temporary::clear_up_own(&place.folder, &common.sweep));
            common.folders.unmake(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_there_already_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to, other] = ["from", "to", "other"].map(|n| folder.path().join(n));
        fs::write(&from, "old data").unwrap();
        fs::write(&other, "another").unwrap();
        second_name(&from, &to).unwrap();
        // A server that answers twice says the second time that it is there.
        second_name(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&from).unwrap(), "old data");
        let e = second_name(&from, &other).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&other).unwrap(), "another");
        let copied = folder.path().join("copy");
        copy(&from, &copied).unwrap();
        assert_eq!(fs::read_to_string(&copied).unwrap(), "old data");
        assert!(copy(&from, &copied).is_err());
    }
}
