//! A job's files on their way into the tree.
//!
//! Order of writes: both files complete under temporary names in the job's own folder, data renamed, meta renamed, the
//! other variant removed. A reader sees the old archive, or new data beside an old meta.json for a moment, never half
//! a file; and since a row changes only after the tree is flushed, a crash anywhere costs a repeat. Old data that is
//! replaced keeps a second name until the new meta.json is in place: where that fails, or a sweep dies in between, it
//! gets its own name back. Temporary names are fixed, so that the next sweep finds them.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::sum::Summing;
use super::{GZIP, META, PLAIN, Tree};
use crate::model::failure::Failure;
use crate::model::stored::{Files, Form, Sum};
use crate::target::Draft;

const TEMPORARY_DATA: &str = ".ccarchive-data.tmp";
const TEMPORARY_META: &str = ".ccarchive-meta.tmp";
/// The second names of data that is being replaced.
const OLD: [(&str, &str); 2] = [
    (PLAIN, ".ccarchive-old-plain.tmp"),
    (GZIP, ".ccarchive-old-gzip.tmp"),
];

/// A job's files under their temporary names.
pub(super) struct Writing<'a> {
    tree: &'a Tree,
    cluster: PathBuf,
    folder: PathBuf,
    /// Whether this made the folder, so that nothing is in the way.
    new: bool,
    data: File,
    sum: Summing,
    form: Form,
    published: bool,
}

impl<'a> Writing<'a> {
    /// Creates the data file in a job's folder.
    pub(super) fn create(folder: &Path) -> io::Result<File> {
        File::create(folder.join(TEMPORARY_DATA))
    }

    /// `new`: whether the folder was made for this job.
    pub(super) fn new(
        tree: &'a Tree,
        cluster: PathBuf,
        folder: PathBuf,
        (new, data): (bool, File),
    ) -> Self {
        Self {
            tree,
            cluster,
            folder,
            new,
            data,
            sum: Summing::default(),
            form: Form::Plain,
            published: false,
        }
    }

    /// Gives one of the files its name.
    fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        let to = self.folder.join(to);
        fs::rename(self.folder.join(from), &to)
            .map_err(|e| self.tree.failure("cannot rename to", &to, &e))
    }
}

impl Draft for Writing<'_> {
    fn write(&mut self, data: &[u8]) -> Result<(), Failure> {
        self.sum.add(data);
        let path = self.folder.join(TEMPORARY_DATA);
        self.data
            .write_all(data)
            .map_err(|e| self.tree.failure("cannot write", &path, &e))
    }

    fn complete(&mut self, form: Form, meta: &[u8]) -> Result<Files, Failure> {
        let path = self.folder.join(TEMPORARY_META);
        fs::write(&path, meta).map_err(|e| self.tree.failure("cannot write", &path, &e))?;
        // What is there is replaced before the next flush: the new files must not be the ones that a power cut tears.
        if !self.new {
            let synced = self
                .data
                .sync_data()
                .and_then(|()| File::open(&path)?.sync_data());
            synced.map_err(|e| self.tree.failure("cannot flush", &path, &e))?;
        }
        self.form = form;
        Ok(Files {
            meta: Sum::of(meta),
            data: self.sum.sum(),
            form,
        })
    }

    fn publish(mut self: Box<Self>) -> Result<(), Failure> {
        let (name, other) = match self.form {
            Form::Plain => (PLAIN, GZIP),
            Form::Gzip => (GZIP, PLAIN),
        };
        let had_data = !self.new && keep_old(&self.folder);
        self.rename(TEMPORARY_DATA, name)?;
        if let Err(failure) = self.rename(TEMPORARY_META, META) {
            // Nothing visible may have changed: old data gets its name back when this is dropped, at worst by the next
            // sweep; where there was none, there is none again.
            if !had_data {
                drop(fs::remove_file(self.folder.join(name)));
            }
            return Err(failure);
        }
        self.published = true;
        if self.new {
            return Ok(());
        }
        let other = self.folder.join(other);
        remove(&other)
            .and_then(|()| remove_temporary(&self.folder))
            .map_err(|e| self.tree.failure("cannot remove", &other, &e))
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if self.published {
            self.tree.keep(&self.cluster, &self.folder);
        } else {
            // What cannot be removed now is removed by the next sweep that touches the job.
            drop(remove_temporary(&self.folder));
            self.tree.unmake(&self.cluster, &self.folder);
        }
    }
}

/// Gives the data that is there its second name, if the file system has hard links; whether there is any. Data in both
/// forms is nobody's archive: which of them counts cannot be told afterwards, so neither gets one.
fn keep_old(folder: &Path) -> bool {
    let there = |name: &&(&str, &str)| folder.join(name.0).symlink_metadata().is_ok();
    let there: Vec<_> = OLD.iter().filter(there).collect();
    if let [(name, old)] = there[..] {
        drop(fs::hard_link(folder.join(name), folder.join(old)));
    }
    !there.is_empty()
}

/// Removes what has a temporary name. A replacement that was begun is undone while the new meta.json waits for its
/// name, and ended after that.
pub(super) fn remove_temporary(folder: &Path) -> io::Result<()> {
    let path = |name: &str| folder.join(name);
    let inode = |name: &str| Some(path(name).symlink_metadata().ok()?.ino());
    let waits = |name: &str| inode(name).is_some();
    let kept = OLD.into_iter().find(|(_, old)| waits(old));
    // While the new data waits for its name, nothing has been replaced.
    if let Some((name, old)) = kept.filter(|_| !waits(TEMPORARY_DATA)) {
        if waits(TEMPORARY_META) {
            for (other, _) in OLD.iter().filter(|(n, _)| *n != name) {
                remove(&path(other))?;
            }
            fs::rename(path(old), path(name))?;
        } else if inode(old) == inode(name) {
            remove(&path(name))?; // the new data has the other form
        }
    }
    // Second names also after a rename: between two names of one file it does nothing.
    for name in [OLD[0].1, OLD[1].1, TEMPORARY_DATA, TEMPORARY_META] {
        remove(&path(name))?;
    }
    Ok(())
}

/// Makes sure that there is no such file.
fn remove(path: &Path) -> io::Result<()> {
    let absent = |r: io::Result<_>| r.is_err_and(|e| e.kind() == ErrorKind::NotFound);
    fs::remove_file(path).or_else(|e| {
        if absent(path.symlink_metadata()) {
            Ok(())
        } else {
            Err(e)
        }
    })
}
