//! The archive as a file tree, cc-backend's file backend (version 3): `<root>/<cluster>/<id div 1000>/<id mod 1000>/
//! <start>/` with meta.json and data.json or data.json.gz.
//!
//! Nothing is created in the root, and only folders in the two levels below a cluster's: cc-backend's walks over the tree
//! end the process where they meet anything else. A cluster's own folder holds cluster.json and may hold other files.
//! How a job's files get their names is the subject of `writing`, what a killed sweep left that of `temporary`.

mod durable;
mod folders;
mod look;
mod mend;
mod place;
mod temporary;
mod walk;
mod writing;

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::BuildHasher;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use super::{ClusterFiles, Condition, Draft, Error, Found, Stored, Target};
use crate::model::job::JobKey;
use crate::opening::regular;
use crate::target::names::VERSION;
use crate::target::owner::{self, Heir};
use place::{Place, Root};
use writing::{Common, Writing};

/// Written, renamed and removed in a cluster's folder to learn whether the archive can be written.
const PROBE: &str = ".ccarchive-probe";

/// A file tree.
#[derive(Debug)]
pub struct Tree(Common);

/// The folders of clusters in the order of names.
#[derive(Debug, Default)]
struct Listed {
    folders: Vec<(String, PathBuf)>,
    /// Names of links that lead nowhere.
    gone: Vec<String>,
}

impl Tree {
    /// `root` holds version.txt and one folder per cluster.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        // Every random state is another one, in this process and in others.
        let sweep = RandomState::new().hash_one(std::process::id());
        Self(Common {
            root: Root(root.into()),
            folders: folders::Folders::default(),
            durable: durable::Durable::default(),
            sweep: format!("{sweep:016x}"),
        })
    }

    /// The folder of a job.
    pub fn folder(&self, key: &JobKey) -> PathBuf {
        self.place(key).folder
    }

    fn place(&self, key: &JobKey) -> Place {
        self.0.root.place(key)
    }

    fn error(&self, doing: &str, path: &Path, e: &io::Error) -> Error {
        self.0.root.error(doing, path, e)
    }

    /// Asks a folder that is there: none where there is none.
    fn ask<T>(
        &self,
        key: &JobKey,
        question: impl FnOnce(&Path) -> io::Result<Option<T>>,
    ) -> Result<Option<T>, Error> {
        let place = self.place(key);
        match place.check() {
            // Where the whole tree is gone, nothing can be said of a job.
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let root = self.0.root.0.join(VERSION).symlink_metadata();
                root.and_then(|_| place.leads_somewhere()).map(|()| None)
            }
            checked => checked.and_then(|()| question(&place.folder)),
        }
        .map_err(|e| self.error("cannot read", &place.folder, &e))
    }

    fn cluster_folders(&self) -> io::Result<Listed> {
        let mut listed = Listed::default();
        for entry in fs::read_dir(&self.0.root.0)? {
            let entry = entry?;
            let path = entry.path();
            let name = || entry.file_name().to_string_lossy().into_owned();
            let metadata = match fs::metadata(&path) {
                Ok(metadata) => metadata,
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    // Else it was removed just now.
                    listed.gone.extend(regular::leads_nowhere(&path).then(name));
                    continue;
                }
                // A cluster that cannot be looked at is not one that is not there.
                Err(e) => {
                    let text = format!("{}: {e}", path.display());
                    return Err(io::Error::new(e.kind(), text));
                }
            };
            if metadata.is_dir() {
                listed.folders.push((name(), path));
            }
        }
        listed.folders.sort();
        listed.gone.sort();
        Ok(listed)
    }

    fn check_version(&self) -> Result<(), Error> {
        let path = self.0.root.0.join(VERSION);
        let mut beginning = Vec::new();
        regular::open(&path)
            .and_then(|file| file.take(32).read_to_end(&mut beginning))
            .map_err(|e| self.error("cannot read", &path, &e))?;
        // cc-backend strips one newline and takes nothing else.
        if matches!(beginning.as_slice(), b"3" | b"3\n") {
            return Ok(());
        }
        let found = String::from_utf8_lossy(&beginning)
            .escape_debug()
            .to_string();
        Err(Error::Version { found })
    }
}

impl Target for Tree {
    fn check(&self) -> Result<Condition, Error> {
        self.check_version()?;
        let root = &self.0.root.0;
        let unreadable = |e: io::Error| self.error("cannot read", root, &e);
        let listed = self.cluster_folders().map_err(unreadable)?;
        for (_, folder) in listed.folders {
            if let Some(detail) = owner::obstacle(&folder).map_err(unreadable)? {
                return Err(Error::NotAllowed { detail });
            }
        }
        let free = statvfs(root)
            .ok()
            .map(|s| s.f_bavail.saturating_mul(s.f_frsize));
        Ok(Condition { free })
    }

    fn clusters(&self) -> Result<ClusterFiles, Error> {
        let mut clusters = ClusterFiles::default();
        let root = &self.0.root.0;
        let listed = self.cluster_folders();
        let listed = listed.map_err(|e| self.error("cannot read", root, &e))?;
        clusters.gone = listed.gone;
        for (name, folder) in listed.folders {
            let path = folder.join("cluster.json");
            match regular::read(&path) {
                Ok(json) => clusters.files.push((name, json)),
                Err(e) if e.kind() == ErrorKind::NotFound => clusters.without.push(name),
                Err(e) => return Err(self.error("cannot read", &path, &e)),
            }
        }
        Ok(clusters)
    }

    fn find(&self, key: &JobKey) -> Result<Option<Found>, Error> {
        self.ask(key, |folder| look::find(folder, key))
    }

    fn read(&self, key: &JobKey) -> Result<Option<Stored>, Error> {
        self.ask(key, look::read)
    }

    fn tidy(&self, key: &JobKey) -> Result<(), Error> {
        let place = self.place(key);
        match place.check() {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            checked => checked.and_then(|()| temporary::tidy(&place.folder, &self.0.sweep)),
        }
        .map_err(|e| self.error("cannot remove leftovers from", &place.folder, &e))?;
        // cc-backend takes an empty folder for an archive; where there is something, it stays.
        drop(fs::remove_dir(&place.folder));
        Ok(())
    }

    fn begin(&self, key: &JobKey) -> Result<Box<dyn Draft + '_>, Error> {
        let place = self.place(key);
        let mut tries = 3;
        loop {
            match Writing::begin(&self.0, place.clone()) {
                Ok(writing) => return Ok(Box::new(writing)),
                // Another worker may just have removed a folder above, which its failed job had created.
                Err(e)
                    if e.kind() == ErrorKind::NotFound && tries > 1 && place.cluster.is_dir() =>
                {
                    tries -= 1;
                }
                Err(e) => return Err(self.error("cannot create", &place.folder, &e)),
            }
        }
    }

    fn probe(&self) -> Result<(), Error> {
        let root = &self.0.root.0;
        let listed = self.cluster_folders();
        let listed = listed.map_err(|e| self.error("cannot read", root, &e))?;
        if listed.folders.is_empty() {
            let subject = root.display().to_string();
            let detail = format!("{subject} has no cluster's folder any more");
            return Err(Error::Gone { subject, detail });
        }
        for (_, folder) in listed.folders {
            probe(&folder, &self.0.sweep)
                .map_err(|e| self.error("cannot write to", &folder, &e))?;
        }
        Ok(())
    }

    fn flush(&self, jobs: &[&JobKey]) -> Result<(), Error> {
        let places: Vec<Place> = jobs.iter().map(|key| self.place(key)).collect();
        self.0
            .durable
            .flush(&places)
            .map_err(|(path, e)| self.error("cannot make durable what was written to", &path, &e))
    }
}

/// Does in a cluster's folder what a job does in its own.
fn probe(cluster: &Path, sweep: &str) -> io::Result<()> {
    let from = cluster.join(format!("{PROBE}-{sweep}.tmp"));
    let to = cluster.join(format!("{PROBE}-{sweep}-done.tmp"));
    remove_probes(cluster)?;
    let probed = File::create(&from).and_then(|mut file| {
        Heir::of(cluster)?.file(&file)?;
        file.write_all(PROBE.as_bytes())?;
        file.sync_all()?;
        fs::rename(&from, &to)?;
        temporary::sync(cluster)
    });
    remove_probes(cluster).and(probed)
}

/// Removes what probes left, also those that were killed.
fn remove_probes(cluster: &Path) -> io::Result<()> {
    for entry in fs::read_dir(cluster)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PROBE) {
            temporary::remove(&entry.path())?;
        }
    }
    Ok(())
}
