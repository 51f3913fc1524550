//! What is remembered of the files, so that no footer is read twice as long as its file stays the same.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::borders;
use super::fault::Fault;
use super::file::{self, Group, Names, Opened};
use super::folder::Listed;
use crate::model::memory::Memory;
use crate::model::stop::Stop;
use crate::opening::regular;
use crate::rules::timeline::Interval;

/// So many files are kept open, with all that their footers say.
const OPEN: usize = 4;
/// What is remembered of a group, and of one in an open file (bytes), roughly: of its eight columns places, sizes and statistics.
const GROUP: usize = size_of::<Group>();
const GROUP_OPEN: usize = 4 << 10;

/// What tells one version of a file from another: length, number and time of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp(u64, u64, i64, i64);

/// What the footer of a file tells.
#[derive(Debug)]
pub(super) struct Contents {
    stamp: Stamp,
    /// The groups, in the order of the file.
    pub(super) groups: Vec<Group>,
    /// From the first timestamp to the last; none where there is no group.
    pub(super) times: Option<Interval>,
    /// Where its snapshots began, once that was asked for.
    borders: Mutex<Option<Arc<[i64]>>>,
}

/// Files by path, and the names in them.
#[derive(Debug, Default)]
struct Files {
    contents: HashMap<PathBuf, Arc<Contents>>,
    names: Names,
}

/// All files that were looked at.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    files: Mutex<Files>,
    /// The ones used last.
    open: Mutex<Vec<(PathBuf, Stamp, Arc<Opened>)>>,
    /// Where it is noted how much all of this takes.
    memory: Option<Arc<Memory>>,
}

impl Catalogue {
    /// An empty one that notes in a memory how much it takes.
    pub(super) fn noting_in(memory: Arc<Memory>) -> Self {
        Self {
            memory: Some(memory),
            ..Self::default()
        }
    }

    /// What the footer of a cluster's file tells.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn contents(&self, file: &Listed, cluster: &str) -> Result<Arc<Contents>, Fault> {
        let path = file.path.as_path();
        let stamp = stamp(path)?;
        // Held while the footer is read, so that it is read once.
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.contents.get(path).filter(|c| c.stamp == stamp) {
            return Ok(Arc::clone(known));
        }
        let opened = self.opened(path, stamp)?;
        let groups = opened.groups(cluster, &mut files.names)?;
        let mut times = groups.iter().map(|g| g.times).reduce(Interval::united);
        // Where the footer does not tell the times, the name tells until when there are some.
        if let Some(untold) = times.as_mut().filter(|t| t.to == i64::MAX) {
            untold.to = file.cutoff.max(1);
        }
        let contents = Arc::new(Contents {
            stamp,
            groups,
            times,
            borders: Mutex::default(),
        });
        let kept = Arc::clone(&contents);
        files.contents.insert(path.to_owned(), kept);
        self.note(&files);
        Ok(contents)
    }

    /// The file of some contents, open.
    ///
    /// # Errors
    /// Why it cannot be opened any more.
    pub(super) fn open(&self, path: &Path, contents: &Contents) -> Result<Arc<Opened>, Fault> {
        let opened = self.opened(path, contents.stamp)?;
        if opened.meta.num_row_groups() != contents.groups.len() {
            return Err(Fault::Medium(io::ErrorKind::NotFound.into()));
        }
        Ok(opened)
    }

    fn note(&self, files: &Files) {
        let Some(memory) = &self.memory else { return };
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.iter().map(|(_, _, o)| o.meta.num_row_groups());
        let known = files.contents.values().map(|c| c.groups.len());
        memory.note_files(known.sum::<usize>() * GROUP + open.sum::<usize>() * GROUP_OPEN);
    }

    fn opened(&self, path: &Path, stamp: Stamp) -> Result<Arc<Opened>, Fault> {
        let open = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |(p, s, _): &&(PathBuf, Stamp, Arc<Opened>)| p == path && *s == stamp;
        if let Some((_, _, opened)) = open().iter().find(known) {
            return Ok(Arc::clone(opened));
        }
        let opened = Arc::new(file::open(path)?);
        let mut open = open();
        if open.len() >= OPEN {
            open.remove(0);
        }
        open.push((path.to_owned(), stamp, Arc::clone(&opened)));
        Ok(opened)
    }

    /// Where the snapshots of a file began, ascending.
    ///
    /// # Errors
    /// As [`borders::of`].
    pub(super) fn borders(
        &self,
        path: &Path,
        contents: &Contents,
        believed: Interval,
        stop: &Stop,
    ) -> Result<Arc<[i64]>, Fault> {
        // Held meanwhile, so that they are found once.
        let borders = contents.borders.lock();
        let mut borders = borders.unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*borders {
            return Ok(Arc::clone(known));
        }
        let opened = self.open(path, contents)?;
        let found = borders::of(&opened, &contents.groups, believed, stop)?;
        let times: Arc<[i64]> = found.times.into();
        *borders = found.is_whole.then(|| Arc::clone(&times));
        Ok(times)
    }
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    // A link that leads nowhere is no file that went away: its target may be on a medium that is not there now.
    let m = fs::metadata(path).map_err(|e| regular::explain(path, e))?;
    Ok(Stamp(m.len(), m.ino(), m.mtime(), m.mtime_nsec()))
}
