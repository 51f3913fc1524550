//! Makes archives durable: a few by their own files and folders, many by their whole file systems.
//!
//! `syncfs` waits for everything that anybody wrote to the file system, which may be a neighbour's terabyte; flushing file by
//! file waits for a job's own bytes, but costs several rounds of the journal a job. Whatever way is taken, every file
//! system that holds one of the jobs is asked, and each by a folder that was open before the first write to it: so it
//! reports each error of writing back that came up since, whoever else has asked meanwhile.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Advice, fadvise, syncfs};

use super::look;
use super::place::Place;

/// Up to so many jobs, and bytes of them, are flushed file by file.
const FEW: usize = 64;
const SMALL: u64 = 64 << 20;
/// Jobs whose files are kept open until they are flushed; of more only the file system knows of errors.
const KEPT: usize = 128;

/// What was written and must be flushed.
#[derive(Debug, Default)]
pub(super) struct Durable {
    /// By device: a folder of the file system, open since before the first write.
    systems: Mutex<BTreeMap<u64, Arc<File>>>,
    /// By job's folder: the files that were written, open since then, so that no error of writing back is forgotten.
    written: Mutex<HashMap<PathBuf, [File; 2]>>,
}

/// What went wrong, and where.
pub(super) type Failed = (PathBuf, io::Error);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Durable {
    /// Before anything is written to a folder.
    pub(super) fn watch(&self, folder: &Path) -> io::Result<()> {
        let device = fs::metadata(folder)?.dev();
        let mut systems = lock(&self.systems);
        if let std::collections::btree_map::Entry::Vacant(new) = systems.entry(device) {
            new.insert(Arc::new(File::open(folder)?));
        }
        Ok(())
    }

    /// After a job's files were written.
    pub(super) fn wrote(&self, folder: &Path, files: [File; 2]) {
        let mut written = lock(&self.written);
        if written.len() < KEPT {
            written.insert(folder.to_path_buf(), files);
        }
    }

    pub(super) fn flush(&self, places: &[Place]) -> Result<(), Failed> {
        let mut files = Vec::new();
        let mut bytes = 0;
        for place in places {
            let own = lock(&self.written).remove(&place.folder);
            let own = own.map_or_else(|| open(&place.folder), |f| Ok(Vec::from(f)));
            for file in own.map_err(|e| (place.folder.clone(), e))? {
                bytes += file.metadata().map_or(0, |m| m.len());
                files.push((&*place.folder, file));
            }
        }
        if places.len() <= FEW && bytes <= SMALL {
            by_file(places, &files)
        } else {
            self.by_system(places).map(drop)
        }
    }

    /// How many file systems there were.
    fn by_system(&self, places: &[Place]) -> Result<usize, Failed> {
        let mut devices = BTreeSet::new();
        for place in places {
            let system = fs::metadata(&place.folder).and_then(|m| {
                if !devices.insert(m.dev()) {
                    return Ok(None);
                }
                self.watch(&place.folder)?;
                Ok(lock(&self.systems).get(&m.dev()).map(Arc::clone))
            });
            // Workers must not wait for the disk, so the lock is free by now.
            system
                .and_then(|s| s.map_or(Ok(()), |s| Ok(syncfs(&*s)?)))
                .map_err(|e| (place.folder.clone(), e))?;
        }
        Ok(devices.len())
    }
}

/// The files of a job that somebody else wrote, or that were not kept.
fn open(folder: &Path) -> io::Result<Vec<File>> {
    look::names(folder)
        .map(|name| File::open(folder.join(name)))
        .collect()
}

fn by_file(places: &[Place], files: &[(&Path, File)]) -> Result<(), Failed> {
    // Begins to write all of them, so that the first to wait for the journal waits for most of the others too.
    for (_, file) in files {
        fadvise(file, 0, None, Advice::DontNeed).ok();
    }
    for (folder, file) in files {
        file.sync_all().map_err(|e| (folder.to_path_buf(), e))?;
    }
    // Folders above a job's may be new, made by this job, by another or by cc-backend; each once, the lowest first.
    let mut folders = BTreeSet::new();
    for place in places {
        folders.extend(place.levels());
        folders.insert(&place.cluster);
    }
    for folder in folders.into_iter().rev() {
        File::open(folder)
            .and_then(|f| f.sync_all())
            .map_err(|e| (folder.to_path_buf(), e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn every_file_system_below_a_cluster_is_asked() {
        let here = tempfile::tempdir().unwrap();
        let Ok(other) = tempfile::tempdir_in("/dev/shm") else {
            eprintln!("skipped: no second file system");
            return;
        };
        let cluster = here.path().to_path_buf();
        symlink(other.path(), cluster.join("7")).unwrap();
        let places = ["0/001/1", "0/002/1", "7/001/1", "7/002/1"].map(|folder| {
            let folder = cluster.join(folder);
            fs::create_dir_all(&folder).unwrap();
            Place {
                cluster: cluster.clone(),
                folder,
            }
        });
        let durable = Durable::default();
        assert_eq!(durable.by_system(&places[..2]).unwrap(), 1);
        assert_eq!(durable.by_system(&places).unwrap(), 2);
        by_file(&places, &[]).unwrap();
    }
}
