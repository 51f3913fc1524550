//! The archive as a file tree, cc-backend's file backend (version 3): `<root>/<cluster>/<id div 1000>/<id mod 1000>/
//! <start>/` with meta.json and data.json or data.json.gz.
//!
//! Nothing is created in the root, and only folders at level 1 and 2; folders that were made for a job that comes to
//! nothing are removed again, since cc-backend takes an empty one for an archive. How a job's files get their names is
//! `writing`'s subject.

mod sum;
mod writing;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Draft, Found, Target};
use crate::format::read;
use crate::model::failure::{Failure, Reason, Stage};
use crate::model::job::JobKey;
use crate::model::stored::{Files, Form, Values};
use crate::opening::regular;
use writing::{Writing, remove_temporary};

pub(super) const META: &str = "meta.json";
pub(super) const PLAIN: &str = "data.json";
pub(super) const GZIP: &str = "data.json.gz";
/// Written and removed at once to learn whether the archive can be written.
const PROBE: &str = ".ccarchive-probe.tmp";

/// A file tree.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    /// Folders made for jobs that are not published yet.
    made: Mutex<HashSet<PathBuf>>,
    /// Every cluster's folder, open since before the first write below it: its file system then reports each error of
    /// writing back that came up since, whoever else asked.
    open: Mutex<BTreeMap<PathBuf, Arc<File>>>,
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

    pub(super) fn failure(&self, doing: &str, path: &Path, e: &io::Error) -> Failure {
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
            open.insert(cluster.to_path_buf(), Arc::new(File::open(cluster)?));
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
    pub(super) fn unmake(&self, cluster: &Path, folder: &Path) {
        let mut made = lock(&self.made);
        for path in levels(cluster, folder) {
            if made.contains(path) && fs::remove_dir(path).is_ok() {
                made.remove(path);
            }
        }
    }

    /// The job's folder and those above it stay.
    pub(super) fn keep(&self, cluster: &Path, folder: &Path) {
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

impl Target for Tree {
    fn find(&self, key: &JobKey) -> Result<Option<Found>, Failure> {
        let folder = self.folder(key);
        match folder.symlink_metadata() {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.failure("cannot read", &folder, &e)),
            Ok(_) => {}
        }
        // What is found may be recorded, and must be durable then.
        self.watch(&self.root.join(&key.cluster))
            .map_err(|e| self.failure("cannot open", &folder, &e))?;
        let read = |name: &str| {
            let path = folder.join(name);
            sum::of_file(&path).map_err(|e| self.failure("cannot read", &path, &e))
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
                drop(read::count(file, form, &mut own));
                for (key, n) in own {
                    let most = values.entry(key).or_default();
                    if n.values >= most.values {
                        *most = n;
                    }
                }
            }
        }
        Ok(Some(Found {
            files,
            values,
            whole: None,
        }))
    }

    fn tidy(&self, key: &JobKey) -> Result<(), Failure> {
        let folder = self.folder(key);
        if folder.symlink_metadata().is_err() {
            return Ok(());
        }
        remove_temporary(&folder).map_err(|e| self.failure("cannot tidy", &folder, &e))?;
        // cc-backend takes an empty folder for an archive; where there is something, it stays.
        drop(fs::remove_dir(&folder));
        Ok(())
    }

    fn probe(&self) -> Result<(), Failure> {
        let path = self.root.join(PROBE);
        let probed = File::create(&path)
            .and_then(|mut f| {
                io::Write::write_all(&mut f, PROBE.as_bytes())?;
                f.sync_all()
            })
            .and_then(|()| fs::remove_file(&path));
        probed.map_err(|e| {
            drop(fs::remove_file(&path));
            self.failure("cannot write", &path, &e)
        })
    }

    fn begin(&self, key: &JobKey) -> Result<Box<dyn Draft + '_>, Failure> {
        let folder = self.folder(key);
        let cluster = self.root.join(&key.cluster);
        let mut tries = 3;
        loop {
            let opened = self.watch(&cluster).and_then(|()| {
                let new = self.make_folder(&cluster, &folder)?;
                Writing::create(&folder)
                    .map(|data| (new, data))
                    .inspect_err(|_| self.unmake(&cluster, &folder))
            });
            match opened {
                Ok((new, data)) => {
                    return Ok(Box::new(Writing::new(self, cluster, folder, (new, data))));
                }
                // Another worker may just have removed a folder above, which its failed job had created.
                Err(e) if e.kind() == ErrorKind::NotFound && tries > 1 && cluster.is_dir() => {
                    tries -= 1;
                }
                Err(e) => return Err(self.failure("cannot create", &folder, &e)),
            }
        }
    }

    fn flush(&self, _jobs: &[&JobKey]) -> Result<(), Failure> {
        let mut synced = BTreeSet::new();
        // Workers must not wait for the disk.
        let folders = lock(&self.open).clone();
        for (cluster, folder) in &folders {
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
