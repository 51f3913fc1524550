//! The archive as a file tree, cc-backend's file backend (version 3): `<root>/<cluster>/<id div 1000>/<id mod 1000>/
//! <start>/` with meta.json and data.json or data.json.gz.
//!
//! Order of writes: both files complete under temporary names in the job's own folder, data renamed, meta renamed, the
//! other variant removed. A reader sees the old archive, or new data beside an old meta.json for a moment, never half
//! a file; and since a row changes only after [`Tree::flush`], a crash anywhere costs a repeat. Temporary names are
//! fixed, so that the next sweep finds them. Nothing is created in the root, and only folders at level 1 and 2.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

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

/// A file tree.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// `root` holds version.txt and one folder per cluster.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
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
        // Without its version.txt the root is gone: not mounted any more.
        let version = self.root.join("version.txt").symlink_metadata();
        let everything = no_room || version.is_err_and(|e| e.kind() == ErrorKind::NotFound);
        let reason = if everything {
            Reason::TargetGone
        } else {
            Reason::TargetUnwritable
        };
        let path = path.display().to_string();
        Failure::new(Stage::Store, reason, format!("{doing} {path}: {e}")).of(path)
    }
}

impl Archive for Tree {
    fn find(&self, key: &JobKey, tidy: bool) -> Result<Option<Found>, Failure> {
        let folder = self.folder(key);
        match folder.symlink_metadata() {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.failure("cannot read", &folder, &e)),
            Ok(_) => {}
        }
        if tidy {
            remove_temporary(&folder).map_err(|e| self.failure("cannot tidy", &folder, &e))?;
            // An empty folder counts as an archive for cc-backend; where there is something, it stays.
            drop(fs::remove_dir(&folder));
        }
        let read = |name: &str| {
            let path = folder.join(name);
            sum_of(&path).map_err(|e| self.failure("cannot read", &path, &e))
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
            let opened = create_below(&cluster, &folder).and_then(|created| {
                File::create(folder.join(TEMPORARY_DATA))
                    .map(|data| (created.clone(), data))
                    .inspect_err(|_| remove_folders(&created))
            });
            match opened {
                Ok((created, data)) => {
                    return Ok(Box::new(Writing::new(self, folder, created, data)));
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
        let synced =
            File::open(&self.root).and_then(|f| rustix::fs::syncfs(&f).map_err(io::Error::from));
        synced.map_err(|e| self.failure("cannot make durable what was written to", &self.root, &e))
    }
}

/// A job's files under their temporary names.
struct Writing<'a> {
    tree: &'a Tree,
    folder: PathBuf,
    /// Folders that did not exist before, innermost first.
    created: Vec<PathBuf>,
    data: File,
    crc: crc32fast::Hasher,
    size: u64,
    form: Form,
    published: bool,
}

impl<'a> Writing<'a> {
    fn new(tree: &'a Tree, folder: PathBuf, created: Vec<PathBuf>, data: File) -> Self {
        let crc = crc32fast::Hasher::new();
        Self {
            tree,
            folder,
            created,
            data,
            crc,
            size: 0,
            form: Form::Plain,
            published: false,
        }
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
        for (from, to) in [(TEMPORARY_DATA, name), (TEMPORARY_META, META)] {
            let to = self.folder.join(to);
            fs::rename(self.folder.join(from), &to)
                .map_err(|e| self.tree.failure("cannot rename to", &to, &e))?;
            self.published = true;
        }
        let other = self.folder.join(other);
        match fs::remove_file(&other) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                Err(self.tree.failure("cannot remove", &other, &e))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next sweep that touches the job.
        drop(remove_temporary(&self.folder));
        if !self.published {
            remove_folders(&self.created);
        }
    }
}

fn remove_temporary(folder: &Path) -> io::Result<()> {
    for name in [TEMPORARY_DATA, TEMPORARY_META] {
        match fs::remove_file(folder.join(name)) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// Creates a job's folder below its cluster's, which must be there; the folders that are new, innermost first.
fn create_below(cluster: &Path, folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut missing: Vec<&Path> = folder.ancestors().take_while(|a| *a != cluster).collect();
    missing.reverse();
    let mut created = Vec::new();
    for path in missing {
        match fs::create_dir(path) {
            Ok(()) => created.insert(0, path.to_path_buf()),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => {
                remove_folders(&created);
                return Err(e);
            }
        }
    }
    Ok(created)
}

/// Removes folders while they are empty.
fn remove_folders(innermost_first: &[PathBuf]) {
    for folder in innermost_first {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

fn sum_of(path: &Path) -> io::Result<Option<Sum>> {
    let mut file = match regular::open(path) {
        Ok(f) => f,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut hash = Hashing {
        crc: crc32fast::Hasher::new(),
        size: 0,
    };
    io::copy(&mut file, &mut hash)?;
    Ok(Some(Sum {
        size: hash.size,
        crc: hash.crc.finalize(),
    }))
}

struct Hashing {
    crc: crc32fast::Hasher,
    size: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.crc.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
