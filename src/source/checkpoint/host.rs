//! All files of one host, read into one answer.
//!
//! A live store writes, rotates and deletes these files while they are read. So the log is opened before the snapshots are
//! listed: what is rotated in between is then in both, never in neither. And where a listed file is gone when it is read,
//! everything is read again.

use std::collections::HashMap;
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::listing::{self, Listed};
use super::loading::{Ended, Loading, Removed};
use super::presence::unreadable;
use super::room::Room;
use super::snapshot::Wish;
use crate::model::checkpoint::LOG;
use crate::opening::regular;
use crate::rules::evidence::Evidence;
use crate::rules::timeline::{Interval, Phase};
use crate::source::{Error, Wanted};

/// How often everything is read again when files go away.
const READINGS: usize = 5;

/// A host to be read.
#[derive(Debug)]
pub(super) struct Host<'a> {
    pub(super) folder: PathBuf,
    /// Metric → seconds, as the store is configured.
    pub(super) frequencies: &'a HashMap<String, i64>,
    /// Phases that an earlier reading knew.
    pub(super) remembered: &'a [Phase],
    pub(super) wish: Wish<'a>,
    /// Metrics that were asked for.
    pub(super) metrics: &'a [Wanted<'a>],
    /// Where the files have at most so many bytes, all that they hold is kept, whatever the window.
    pub(super) whole_below: u64,
    /// Where they have more than so many bytes, metrics that were not asked for are not kept.
    pub(super) all_metrics_below: u64,
    /// The memory that this reading shares with others.
    pub(super) room: &'a Room,
    /// Holds what is not in snapshots any more.
    pub(super) removed: Option<Removed<'a>>,
}

/// What a host's folder holds.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) evidence: Evidence,
    /// A file that could be read; none where the host has no file that can.
    pub(super) worked: Option<PathBuf>,
    /// Whether there is any file.
    pub(super) has_files: bool,
    /// Whether the source of what was removed was asked and knows the cluster.
    pub(super) has_removed: bool,
}

/// Lists the snapshots of a folder.
pub(super) type Listing<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<Listed>>;

impl Host<'_> {
    /// Reads the host; none where it has no folder. `now`: Unix seconds.
    ///
    /// # Errors
    /// When the folder cannot be listed, or its files do not stay long enough to be read.
    pub(super) fn load(
        &self,
        now: impl Fn() -> i64,
        list: Listing<'_>,
    ) -> Result<Option<Loaded>, Error> {
        let mut changed = None;
        for _ in 0..READINGS {
            let read_at = now();
            let log = listing::open(&self.folder.join(LOG));
            let files = match list(&self.folder) {
                Ok(files) => files,
                Err(e) if self.is_missing(&e) && self.removed.is_none() => return Ok(None),
                Err(e) if self.is_missing(&e) => Vec::new(),
                Err(e) => {
                    return Err(unreadable(&self.folder, &regular::explain(&self.folder, e)));
                }
            };
            match self.read(&files, log, read_at) {
                Ok(loaded) => return Ok(Some(loaded)),
                Err(Ended::Changed(e)) => changed = Some(e),
                Err(Ended::Cancelled) => return Err(Error::Cancelled),
            }
        }
        let cause = changed.map_or_else(String::new, |e| format!(" ({e})"));
        let e = io::Error::other(format!(
            "its files changed during {READINGS} readings{cause}"
        ));
        Err(unreadable(&self.folder, &e))
    }

    /// Whether the host has no folder. A link that leads nowhere, or a file, is not a host that never reported; but where
    /// the cluster has no folder either, that is for the cluster to say.
    fn is_missing(&self, e: &io::Error) -> bool {
        let cluster = self.folder.parent();
        (e.kind() == ErrorKind::NotFound && !regular::leads_nowhere(&self.folder))
            || (e.kind() == ErrorKind::NotADirectory && cluster.is_some_and(Path::is_file))
    }

    fn read(
        &self,
        files: &[Listed],
        log: io::Result<(File, u64)>,
        read_at: i64,
    ) -> Result<Loaded, Ended> {
        let log = match log {
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            // The log is there and cannot be reached: without it there would be a hole.
            Err(e) if regular::is_gone(&e) => return Err(Ended::Changed(e)),
            other => Some(other),
        };
        let mut wish = self.wish;
        let size = size(files, log.as_ref());
        let part = self.room.take(size, wish.stop).ok_or(Ended::Cancelled)?;
        if size <= self.whole_below {
            wish.window = Interval::ALL;
        } else if size > self.all_metrics_below && !self.metrics.is_empty() {
            wish.metrics = Some(self.metrics);
        }
        let mut loading = Loading::new(wish, self.removed, read_at);
        for (k, file) in files.iter().enumerate() {
            let next = files.iter().skip(k).find(|f| f.number > file.number);
            let named = Interval {
                from: file.number,
                to: next.map_or(i64::MAX, |f| f.number),
            };
            loading.snapshot(file, named)?;
        }
        loading.gap(i64::MAX)?;
        let has_files = !files.is_empty() || log.is_some();
        if let Some(log) = log {
            loading.log(&self.folder.join(LOG), log, self.frequencies)?;
        }
        // Where nothing followed what was removed, what was learnt of later days says nothing of it.
        let remembered = if has_files { self.remembered } else { &[] };
        let has_removed = loading.has_removed();
        let (mut evidence, worked) = loading.finish(remembered);
        let kept = self.room.keep(part, evidence.series.bytes());
        evidence.memory = kept.map(|part| -> Arc<dyn Debug + Send + Sync> { Arc::new(part) });
        Ok(Loaded {
            evidence,
            worked,
            has_files,
            has_removed,
        })
    }
}

/// Bytes of a host's files; those that cannot be asked count nothing.
fn size(files: &[Listed], log: Option<&io::Result<(File, u64)>>) -> u64 {
    let log = log.and_then(|l| l.as_ref().ok()).map_or(0, |l| l.1);
    let length = |f: &Listed| std::fs::metadata(&f.path).map_or(0, |m| m.len());
    files.iter().map(length).fold(log, u64::saturating_add)
}
