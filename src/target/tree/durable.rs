//! Makes archives durable: by their own files and folders, or by their whole file systems, whichever takes less time.
//!
//! `syncfs` waits for everything that anybody wrote to the file system, which may be a neighbour's terabyte. Flushing file
//! by file waits for a job's own bytes, but makes the disk empty its cache for them, which costs least where many are flushed
//! at once. On a disk of our own `syncfs` takes 4 to 11 ms for up to 64 small jobs, which is less; so the neighbours decide,
//! and what each way took before says what they are at ([`Pace`]).
//!
//! Every file system that holds one of the jobs is asked, and each by a folder that was open before the first write to it:
//! so it reports each error of writing back that came up since, whoever else has asked meanwhile. Linux before 5.8 forgets to
//! tell `syncfs` of them; there, each job's files are flushed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise, syncfs};
use rustix::system::uname;

use super::look;
use super::place::Place;

/// Jobs whose files are kept open until they are flushed; more are flushed by file systems, which know of errors too.
const KEPT: usize = 128;

/// Files that are flushed at a time: their threads only wait.
const TOGETHER: usize = 32;

/// The first Linux, major and minor number, whose `syncfs` tells of errors of writing back.
const TELLS: (u32, u32) = (5, 8);

/// What was written and must be flushed.
#[derive(Debug)]
pub(super) struct Durable {
    /// Whether `syncfs` tells of errors of writing back.
    syncfs_tells: bool,
    /// By device: a folder of the file system, open since before the first write.
    systems: Mutex<BTreeMap<u64, Arc<File>>>,
    /// By job's folder: the files that were written, open since then, so that no error of writing back is forgotten.
    written: Mutex<HashMap<PathBuf, [File; 2]>>,
    pace: Mutex<Pace>,
}

impl Default for Durable {
    fn default() -> Self {
        Self {
            syncfs_tells: syncfs_tells(&uname().release().to_string_lossy()),
            systems: Mutex::default(),
            written: Mutex::default(),
            pace: Mutex::default(),
        }
    }
}

/// Whether `syncfs` of this release of Linux, such as `4.18.0-553.el8_10.x86_64`, tells of errors of writing back.
fn syncfs_tells(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= TELLS,
        _ => false,
    }
}

/// How long each way takes.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// One job, file by file.
    job: Duration,
    /// Everything, by file systems.
    systems: Duration,
}

impl Default for Pace {
    /// Before anything was measured, a single job is flushed by itself.
    fn default() -> Self {
        let both = Duration::from_millis(20);
        Self {
            job: both,
            systems: both,
        }
    }
}

impl Pace {
    fn prefers_files(self, jobs: usize) -> bool {
        let jobs = u32::try_from(jobs).unwrap_or(u32::MAX);
        self.job.saturating_mul(jobs) <= self.systems
    }

    fn took_by_file(&mut self, jobs: usize, time: Duration) {
        let jobs = u32::try_from(jobs.max(1)).unwrap_or(u32::MAX);
        self.job = (self.job + time / jobs) / 2;
        // The neighbours may have gone; now and then they are looked for.
        self.systems = self.systems * 9 / 10;
    }

    fn took_by_system(&mut self, time: Duration) {
        self.systems = (self.systems + time) / 2;
    }
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
        if places.is_empty() {
            return Ok(());
        }
        let kept: Vec<Option<[File; 2]>> = {
            let mut written = lock(&self.written);
            places.iter().map(|p| written.remove(&p.folder)).collect()
        };
        let begun = Instant::now();
        if self.prefers_files(places.len()) {
            by_file(places, kept)?;
            lock(&self.pace).took_by_file(places.len(), begun.elapsed());
        } else {
            self.by_system(places)?;
            lock(&self.pace).took_by_system(begun.elapsed());
        }
        Ok(())
    }

    fn prefers_files(&self, jobs: usize) -> bool {
        !self.syncfs_tells || jobs <= KEPT && lock(&self.pace).prefers_files(jobs)
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

/// `kept`: the files of each job, where this sweep wrote them.
fn by_file(places: &[Place], kept: Vec<Option<[File; 2]>>) -> Result<(), Failed> {
    let mut files = Vec::new();
    for (place, kept) in places.iter().zip(kept) {
        let own = kept.map_or_else(|| open(&place.folder), |f| Ok(Vec::from(f)));
        for file in own.map_err(|e| (place.folder.clone(), e))? {
            // Begins to write all of them before any is waited for.
            fadvise(&file, 0, None, Advice::DontNeed).ok();
            files.push((&place.folder, file));
        }
    }
    sync(&files, |(folder, file)| {
        file.sync_all().map_err(|e| ((*folder).clone(), e))
    })?;
    // Folders above a job's may be new, made by this job, by another or by cc-backend; each once.
    let mut folders = BTreeSet::new();
    for place in places {
        folders.extend(place.levels());
        folders.insert(&place.cluster);
    }
    let folders: Vec<&Path> = folders.into_iter().collect();
    sync(&folders, |folder| {
        File::open(folder)
            .and_then(|f| f.sync_all())
            .map_err(|e| (folder.to_path_buf(), e))
    })
}

/// Flushes all of them, several at a time: those that wait together share a write of the journal and an emptying of the disk's
/// cache. 64 small jobs on a disk that others use take 1.2 s one after the other and 0.05 s so, beside a `dd` 0.8 to 3 s and
/// 0.4 s. None is of use before all are flushed, so their order is free.
fn sync<T: Sync>(all: &[T], one: impl Fn(&T) -> Result<(), Failed> + Sync) -> Result<(), Failed> {
    let next = AtomicUsize::new(0);
    let flush = || {
        while let Some(item) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            one(item)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        // Where no thread is to be had, this one does it all.
        let others: Vec<_> = (1..all.len().min(TOGETHER))
            .map_while(|_| std::thread::Builder::new().spawn_scoped(scope, flush).ok())
            .collect();
        let mut result = flush();
        for other in others {
            let flushed = other.join().unwrap_or_else(|panic| resume_unwind(panic));
            result = result.and(flushed);
        }
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_way_that_took_less_is_taken() {
        let mut pace = Pace::default();
        assert!(pace.prefers_files(1) && !pace.prefers_files(2));
        // A neighbour writes as fast as the disk can.
        pace.took_by_system(Duration::from_secs(10));
        assert!(pace.prefers_files(100));
        let mut flushes = 0;
        while pace.prefers_files(100) {
            pace.took_by_file(100, Duration::from_secs(2));
            flushes += 1;
        }
        assert!((2..50).contains(&flushes), "{flushes}");
        pace.took_by_system(Duration::ZERO);
        assert!(!pace.prefers_files(100));
    }

    #[test]
    fn each_file_is_flushed_where_syncfs_does_not_tell_of_errors() {
        for (release, tells) in [
            ("4.18.0-553.el8_10.x86_64", false),
            ("5.7.19", false),
            ("5.8.0", true),
            ("5.8-rc1", true),
            ("5.14.0-427.el9", true),
            ("6.1.0-25-amd64", true),
            ("10.0", true),
            ("", false),
            ("5", false),
            ("next", false),
            ("99999999999.8", false),
        ] {
            assert_eq!(syncfs_tells(release), tells, "{release}");
            let durable = Durable {
                syncfs_tells: tells,
                ..Durable::default()
            };
            assert_eq!(durable.prefers_files(2), !tells, "{release}");
            assert!(durable.prefers_files(1));
        }
    }

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
        by_file(&places, vec![None, None, None, None]).unwrap();
    }

    #[test]
    fn every_file_is_flushed_and_a_failure_of_any_is_told() {
        let all: Vec<usize> = (0..300).collect();
        let seen = Mutex::new(BTreeSet::new());
        let note = |k: &usize| {
            lock(&seen).insert(*k);
            Ok(())
        };
        sync(&all, note).unwrap();
        assert_eq!(lock(&seen).len(), 300);
        for bad in [0, 150, 299] {
            let failed = sync(&all, |k| {
                let failed = (PathBuf::from(k.to_string()), io::Error::other("disk"));
                if *k == bad { Err(failed) } else { Ok(()) }
            });
            assert_eq!(failed.unwrap_err().0, Path::new(&bad.to_string()));
        }
    }
}
