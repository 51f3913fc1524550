//! The archive as a file tree, cc-backend's file backend (version 3): `<root>/<cluster>/<id div 1000>/<id mod 1000>/
//! <start>/` with meta.json and data.json or data.json.gz.
//!
//! Order of writes: both files complete under temporary names in the job's own folder, data renamed, meta renamed, the
//! other variant removed. A reader sees the old archive, or new data beside an old meta.json for a moment, never half
//! a file; and since a row changes only after [`Tree::flush`], a crash anywhere costs a repeat. Old data that is
//! replaced keeps a second name until the new meta.json is in place: where that fails, or a sweep dies in between, it
//! gets its own name back. Temporary names are fixed, so that the next sweep finds them. Nothing is created in the
//! root, and only folders at level 1 and 2.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Archive, Files, Found, Publication, Sum, Values, content};
use crate::compress::Form;
use crate::job::JobKey;
use crate::regular;
use crate::verdict::{Failure, Reason, Stage};

const META: &str = "meta.json";
const PLAIN: &str = "data.json";
const GZIP: &str = "data.json.gz";
const TEMPORARY_DATA: &str = ".ccarchive-data.tmp";
const TEMPORARY_META: &str = ".ccarchive-meta.tmp";
/// The second names of data that is being replaced.
const OLD: [(&str, &str); 2] = [
    (PLAIN, ".ccarchive-old-plain.tmp"),
    (GZIP, ".ccarchive-old-gzip.tmp"),
];

/// A file tree.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    /// Folders made for jobs that are not published yet.
    made: Mutex<HashSet<PathBuf>>,
    /// Every cluster's folder, open since before the first write below it: its file system then reports each error of
    /// writing back that came up since, whoever else asked.
    open: Mutex<BTreeMap<PathBuf, File>>,
}

impl Tree {
    /// `root` holds version.txt and one folder per cluster.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            made: Mutex::default(),
            open: Mutex::default(),
        }
    }

    /// Folder names and contents of every cluster.json, in the order of names, and the folders that have none.
    ///
    /// # Errors
    /// When the root cannot be listed or a file cannot be read.
    #[expect(clippy::type_complexity, reason = "two plain lists")]
    pub fn cluster_files(&self) -> io::Result<(Vec<(String, Vec<u8>)>, Vec<String>)> {
        let (mut files, mut without) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if !entry.path().is_dir() {
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            match regular::read(&entry.path().join("cluster.json")) {
                Ok(json) => files.push((name, json)),
                Err(e) if e.kind() == ErrorKind::NotFound => without.push(name),
                Err(e) => {
                    return Err(io::Error::new(
                        e.kind(),
                        format!("{name}/cluster.json: {e}"),
                    ));
                }
            }
        }
        files.sort();
        without.sort();
        Ok((files, without))
    }

    /// The folder of a job.
    pub fn folder(&self, key: &JobKey) -> PathBuf {
        let (thousands, rest) = (key.job_id / 1000, key.job_id % 1000);
        self.root
            .join(&key.cluster)
            .join(thousands.to_string())
            .join(format!("{rest:03}"))
            .join(key.start_time.to_string())
    }

    fn failure(&self, doing: &str, path: &Path, e: &io::Error) -> Failure {
        let no_room = matches!(
            e.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem
        );
        // Without its version.txt the root is gone (not mounted any more), or its file system is.
        let everything = no_room || self.root.join("version.txt").symlink_metadata().is_err();
        let reason = if everything {
            Reason::TargetGone
        } else {
            Reason::TargetUnwritable
        };
        let path = path.display().to_string();
        Failure::new(Stage::Store, reason, format!("{doing} {path}: {e}")).of(path)
    }

    /// Opens the cluster's folder for [`Tree::flush`].
    fn watch(&self, cluster: &Path) -> io::Result<()> {
        let mut open = lock(&self.open);
        if !open.contains_key(cluster) {
            open.insert(cluster.to_path_buf(), File::open(cluster)?);
        }
        Ok(())
    }

    /// Creates a job's folder below its cluster's, which must be there; whether it is new.
    fn make_folder(&self, cluster: &Path, folder: &Path) -> io::Result<bool> {
        let mut new = false;
        for path in levels(cluster, folder).into_iter().rev() {
            new = match fs::create_dir(path) {
                Ok(()) => lock(&self.made).insert(path.to_path_buf()),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => false,
                Err(e) => {
                    self.unmake(cluster, folder);
                    return Err(e);
                }
            }
        }
        Ok(new)
    }

    /// Removes what was made of a job's folder and those above it, while they are empty.
    fn unmake(&self, cluster: &Path, folder: &Path) {
        let mut made = lock(&self.made);
        for path in levels(cluster, folder) {
            if made.contains(path) && fs::remove_dir(path).is_ok() {
                made.remove(path);
            }
        }
    }

    /// The job's folder and those above it stay.
    fn keep(&self, cluster: &Path, folder: &Path) {
        let mut made = lock(&self.made);
        for path in levels(cluster, folder) {
            made.remove(path);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A job's folder and those above it, up to its cluster's.
fn levels<'p>(cluster: &Path, folder: &'p Path) -> Vec<&'p Path> {
    folder.ancestors().take_while(|a| *a != cluster).collect()
}

impl Archive for Tree {
    fn find(&self, key: &JobKey, tidy: bool) -> Result<Option<Found>, Failure> {
        let folder = self.folder(key);
        match folder.symlink_metadata() {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.failure("cannot read", &folder, &e)),
            Ok(_) => {}
        }
        // What is found may be recorded, and must be durable then.
        self.watch(&self.root.join(&key.cluster))
            .map_err(|e| self.failure("cannot open", &folder, &e))?;
        if tidy {
            remove_temporary(&folder).map_err(|e| self.failure("cannot tidy", &folder, &e))?;
            // An empty folder counts as an archive for cc-backend; where there is something, it stays.
            drop(fs::remove_dir(&folder));
        }
        let read = |name: &str| {
            let path = folder.join(name);
            Sum::of_file(&path).map_err(|e| self.failure("cannot read", &path, &e))
        };
        let (meta, plain, gzip) = (read(META)?, read(PLAIN)?, read(GZIP)?);
        if meta.is_none() && plain.is_none() && gzip.is_none() {
            return Ok(None);
        }
        let files = match (meta, plain, gzip) {
            (Some(meta), Some(data), None) => Some(Files {
                meta,
                data,
                form: Form::Plain,
            }),
            (Some(meta), None, Some(data)) => Some(Files {
                meta,
                data,
                form: Form::Gzip,
            }),
            _ => None,
        };
        let mut values = Values::new();
        for (there, name, form) in [(plain, PLAIN, Form::Plain), (gzip, GZIP, Form::Gzip)] {
            let path = folder.join(name);
            if there.is_some() {
                let file =
                    regular::open(&path).map_err(|e| self.failure("cannot read", &path, &e))?;
                let mut own = Values::new();
                // What a torn file holds counts as well: it must not be replaced by less.
                drop(content::count(file, form, &mut own));
                for (key, n) in own {
                    let most = values.entry(key).or_default();
                    if n.values >= most.values {
                        *most = n;
                    }
                }
            }
        }
        Ok(Some(Found { files, values }))
    }

    fn create(&self, key: &JobKey) -> Result<Box<dyn Publication + '_>, Failure> {
        let folder = self.folder(key);
        let cluster = self.root.join(&key.cluster);
        let mut tries = 3;
        loop {
            let opened = self.watch(&cluster).and_then(|()| {
                let new = self.make_folder(&cluster, &folder)?;
                File::create(folder.join(TEMPORARY_DATA))
                    .map(|data| (new, data))
                    .inspect_err(|_| self.unmake(&cluster, &folder))
            });
            match opened {
                Ok((new, data)) => {
                    return Ok(Box::new(Writing {
                        tree: self,
                        cluster,
                        folder,
                        new,
                        data,
                        crc: crc32fast::Hasher::new(),
                        size: 0,
                        form: Form::Plain,
                        published: false,
                    }));
                }
                // Another worker may just have removed a folder above, which its failed job had created.
                Err(e) if e.kind() == ErrorKind::NotFound && tries > 1 && cluster.is_dir() => {
                    tries -= 1;
                }
                Err(e) => return Err(self.failure("cannot create", &folder, &e)),
            }
        }
    }

    fn flush(&self) -> Result<(), Failure> {
        let mut synced = BTreeSet::new();
        for (cluster, folder) in &*lock(&self.open) {
            let flushed = folder.metadata().and_then(|m| {
                if synced.insert(m.dev()) {
                    rustix::fs::syncfs(folder)?;
                }
                Ok(())
            });
            flushed.map_err(|e| {
                self.failure("cannot make durable what was written to", cluster, &e)
            })?;
        }
        Ok(())
    }
}

/// A job's files under their temporary names.
struct Writing<'a> {
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

impl Writing<'_> {
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
fn remove_temporary(folder: &Path) -> io::Result<()> {
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
