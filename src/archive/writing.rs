//! A job's files on their way into the tree.
//!
//! Order of writes: both files complete under temporary names in the job's own folder, data renamed, meta renamed, the
//! other variant removed. A reader sees the old archive, or new data beside an old meta.json for a moment, never half
//! a file; and since a row changes only after the tree is flushed, a crash anywhere costs a repeat. Old data that is
//! replaced keeps a second name until the new meta.json is in place: where that fails, or a sweep dies in between, it
//! gets its own name back. Temporary names are fixed, so that the next sweep finds them.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::Publication;
use super::tree::{GZIP, META, PLAIN, Tree};
use crate::stored::{Files, Form, Sum};
use crate::verdict::Failure;

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
    crc: crc32fast::Hasher,
    size: u64,
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
        let crc = crc32fast::Hasher::new();
        Self {
            tree,
            cluster,
            folder,
            new,
            data,
            crc,
            size: 0,
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

impl Publication for Writing<'_> {
    fn write(&mut self, data: &[u8]) -> Result<(), Failure> {
        self.crc.update(data);
        self.size += data.len() as u64;
        let path = self.folder.join(TEMPORARY_DATA);
        self.data
            .write_all(data)
            .map_err(|e| self.tree.failure("cannot write", &path, &e))
    }

    fn complete(&mut self, form: Form, meta: &[u8]) -> Result<Files, Failure> {
        let path = self.folder.join(TEMPORARY_META);
        fs::write(&path, meta).map_err(|e| self.tree.failure("cannot write", &path, &e))?;
        self.form = form;
        let data = Sum {
            size: self.size,
            crc: self.crc.clone().finalize(),
        };
        Ok(Files {
            meta: Sum::of(meta),
            data,
            form,
        })
    }

    fn publish(mut self: Box<Self>) -> Result<(), Failure> {
        let (name, other) = match self.form {
            Form::Plain => (PLAIN, GZIP),
            Form::Gzip => (GZIP, PLAIN),
        };
        let data = self.folder.join(name);
        let old = self.folder.join(old_name(name));
        let kept = if self.new {
            Err(ErrorKind::NotFound.into())
        } else {
            fs::hard_link(&data, &old)
        };
        self.rename(TEMPORARY_DATA, name)?;
        if let Err(failure) = self.rename(TEMPORARY_META, META) {
            // Nothing visible may have changed. What cannot be undone now is undone by the next sweep.
            match kept {
                Ok(()) => drop(fs::rename(&old, &data)),
                Err(e) if e.kind() == ErrorKind::NotFound => drop(fs::remove_file(&data)),
                // A file system without hard links.
                Err(_) => {}
            }
            return Err(failure);
        }
        self.published = true;
        let other = self.folder.join(other);
        if self.new {
            return Ok(());
        }
        match fs::remove_file(&other) {
            Err(e) if other.symlink_metadata().is_ok() => {
                Err(self.tree.failure("cannot remove", &other, &e))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next sweep that touches the job.
        if !(self.published && self.new) {
            drop(remove_temporary(&self.folder));
        }
        if self.published {
            self.tree.keep(&self.cluster, &self.folder);
        } else {
            self.tree.unmake(&self.cluster, &self.folder);
        }
    }
}

fn old_name(data: &str) -> &'static str {
    OLD.iter()
        .find(|(name, _)| *name == data)
        .map_or("", |(_, old)| old)
}

/// Removes what has a temporary name. Old data that was replaced without its meta.json gets its name back first.
pub(super) fn remove_temporary(folder: &Path) -> io::Result<()> {
    let there = |e: &io::Error| e.kind() != ErrorKind::NotFound;
    let half = folder.join(TEMPORARY_META).symlink_metadata().is_ok();
    for (name, old) in OLD {
        let old = folder.join(old);
        if half {
            match fs::rename(&old, folder.join(name)) {
                Err(e) if there(&e) => return Err(e),
                _ => {}
            }
        }
        // Also after a rename: between two names of one file it does nothing.
        match fs::remove_file(&old) {
            Err(e) if there(&e) => return Err(e),
            _ => {}
        }
    }
    for name in [TEMPORARY_DATA, TEMPORARY_META] {
        match fs::remove_file(folder.join(name)) {
            Err(e) if there(&e) => return Err(e),
            _ => {}
        }
    }
    Ok(())
}
