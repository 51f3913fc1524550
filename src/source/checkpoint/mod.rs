//! The metric store's checkpoint folder: `<root>/<cluster>/<host>/` with `.json` and `.bin` snapshots and `current.wal`.
//!
//! A live store writes, rotates and deletes these files while they are read. So the log is read before the snapshots
//! are listed (what is rotated in between is then in both, never in neither), and a listing whose file is gone when it
//! is opened is made again. Files are read, not mapped: a disk error then is an error and not a killed process.

pub mod binary;
pub mod json;
mod reach;
pub mod wal;

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read};
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use super::{Error, Reach, Request, Source};
use crate::model::clock::Clock;
use crate::model::failure::Reason;
use crate::model::job::Shown;
use crate::model::stop::Stop;
use crate::opening::regular;
use crate::rules::evidence::{Damage, Evidence};
use crate::rules::timeline::{Builder, Column, Interval, Level, Path, SeriesId, sane};

/// A file larger than this (bytes) is none of the store's.
const LARGEST: u64 = 2 << 30;
/// How often a listing is made again when files go away under it.
const LISTINGS: usize = 5;

/// A decoded snapshot.
#[derive(Debug)]
pub struct Snapshot {
    /// The time it covers.
    pub interval: Interval,
    /// Its series, in the order of the file.
    pub series: Vec<SnapshotSeries>,
}

/// One series of a snapshot.
#[derive(Debug)]
pub struct SnapshotSeries {
    /// Levels below the host.
    pub path: Path,
    /// The metric's name.
    pub metric: Box<str>,
    /// Its values.
    pub column: Column,
}

fn check_interval(from: i64, to: i64) -> Result<Interval, String> {
    if sane(from) && sane(to) && from <= to {
        Ok(Interval { from, to })
    } else {
        Err(format!(
            "it covers {from} to {to}; expected two times in seconds, the second not before the first"
        ))
    }
}

/// Whether `n` values from `start` on, `step` apart, can be a series: no time of it is absurd.
fn check_series(metric: &str, step: i64, start: i64, n: usize) -> Result<(), String> {
    let length = i64::try_from(n).unwrap_or(i64::MAX).saturating_mul(step);
    if step > 0 && sane(step) && sane(start) && sane(start.saturating_add(length)) {
        Ok(())
    } else {
        Err(format!(
            "metric `{}` has {n} values with frequency {step} and start {start}; expected seconds",
            Shown(metric)
        ))
    }
}

/// One or more checkpoint folders; where several hold a sample, the first has priority.
#[derive(Debug)]
pub struct Checkpoints {
    roots: Vec<PathBuf>,
    /// Metric → seconds, as the store is configured.
    frequencies: HashMap<String, i64>,
    clock: Clock,
}

impl Checkpoints {
    /// `frequencies`: seconds of every metric that the store keeps.
    pub fn new(roots: Vec<PathBuf>, frequencies: HashMap<String, i64>, clock: Clock) -> Self {
        Self {
            roots,
            frequencies,
            clock,
        }
    }

    /// Makes sure that the folders hold the cluster, since this host's folder is missing.
    fn check_cluster(&self, cluster: &str) -> Result<(), Error> {
        for root in &self.roots {
            check_root(root)?;
        }
        let folders: Vec<PathBuf> = self.roots.iter().map(|r| r.join(cluster)).collect();
        for folder in &folders {
            match has_entries(folder) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(e) => return Err(unreadable(folder, &e)),
            }
        }
        let folder = folders
            .first()
            .map(|f| f.display().to_string())
            .unwrap_or_default();
        let detail = format!(
            "{folder} is missing or empty; expected the folder of cluster {} with one folder per host",
            Shown(cluster)
        );
        // Where other clusters are there, only this one is missing; else the whole source may be.
        let alone = !self.roots.iter().any(|r| holds_others(r, cluster));
        let subject = if alone { String::new() } else { folder };
        Err(Error::ClusterMissing { subject, detail })
    }

    fn load(&self, folder: &FsPath, stop: &Stop) -> Result<Option<Evidence>, Error> {
        for _ in 0..LISTINGS {
            let mut loading = Loading {
                read_at: self.clock.now(),
                ..Loading::default()
            };
            let log = read_file(&folder.join("current.wal"));
            let files = match snapshots(folder) {
                Ok(files) => files,
                // A link that leads nowhere, or a file, is not a host that never reported.
                Err(e) if e.kind() == ErrorKind::NotFound && !regular::leads_nowhere(folder) => {
                    return Ok(None);
                }
                Err(e) => return Err(unreadable(folder, &regular::explain(folder, e))),
            };
            let mut gone = false;
            for (k, (number, path)) in files.iter().enumerate() {
                if stop.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                let later = |(n, _): &&(i64, PathBuf)| n > number;
                let next = files.get(k..).unwrap_or_default().iter().find(later);
                let next = next.map_or(i64::MAX, |(n, _)| *n);
                gone |= !loading.snapshot(
                    path,
                    Interval {
                        from: *number,
                        to: next,
                    },
                );
            }
            if !gone {
                loading.log(&folder.join("current.wal"), log, &self.frequencies);
                return Ok(Some(loading.finish()));
            }
        }
        let e = io::Error::other(format!("its files changed during {LISTINGS} readings"));
        Err(unreadable(folder, &e))
    }
}

impl Source for Checkpoints {
    fn ask(&self, request: &Request<'_>, stop: &Stop) -> Result<Arc<Evidence>, Error> {
        let (cluster, host) = (request.cluster, request.host);
        let read_at = self.clock.now();
        let mut out: Option<Evidence> = None;
        for root in self.roots.iter().rev() {
            let Some(mut found) = self.load(&root.join(cluster).join(host), stop)? else {
                // An unmounted folder is no answer, even where another source has the host.
                check_root(root)?;
                continue;
            };
            if let Some(below) = out {
                let mut series = below.series;
                series.lay_over(found.series);
                found.series = series;
                found.damaged.extend(below.damaged);
                found.passed_over.extend(below.passed_over);
                found.final_until = found.final_until.max(below.final_until);
                found.newest = found.newest.max(below.newest);
            }
            out = Some(found);
        }
        if out.is_none() {
            self.check_cluster(cluster)?;
        }
        Ok(Arc::new(out.unwrap_or_else(|| Evidence {
            read_at,
            ..Evidence::default()
        })))
    }

    fn reach(&self, cluster: &str, _stop: &Stop) -> Result<Reach, Error> {
        self.check_cluster(cluster)?;
        let mut reach: Option<Reach> = None;
        for root in &self.roots {
            let folder = root.join(cluster);
            if let Some(h) = reach::of_cluster(&folder).map_err(|e| unreadable(&folder, &e))? {
                let r = reach.get_or_insert(h);
                *r = Reach {
                    newest: r.newest.max(h.newest),
                    oldest: r.oldest.min(h.oldest),
                };
            }
        }
        Ok(reach.unwrap_or_default())
    }

    fn probe(&self, cluster: &str, but: &[&str], stop: &Stop) -> Result<(), Error> {
        for root in &self.roots {
            let folder = root.join(cluster);
            let hosts = std::fs::read_dir(&folder).map_err(|e| unreadable(&folder, &e))?;
            for host in hosts.flatten().map(|e| e.path()).filter(|p| p.is_dir()) {
                let named = host.file_name().and_then(|n| n.to_str());
                if named.is_some_and(|n| but.contains(&n)) {
                    continue;
                }
                if stop.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                let files = snapshots(&host).map_err(|e| unreadable(&host, &e))?;
                let Some((_, newest)) = files.last() else {
                    continue;
                };
                read_file(newest).map_err(|e| unreadable(newest, &e))?;
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Makes sure that a checkpoints folder is there and not empty (an unmounted one is).
///
/// # Errors
/// [`Error::Gone`] in words.
pub fn check_root(root: &FsPath) -> Result<(), Error> {
    let gone = |why: &str| {
        Err(Error::Gone(format!(
            "the checkpoints folder {} {why}; expected one folder per cluster",
            root.display()
        )))
    };
    match has_entries(root) {
        Ok(true) => Ok(()),
        Ok(false) => gone("is empty"),
        Err(e) => gone(&format!("cannot be read ({e})")),
    }
}

/// Whether a root holds another cluster's folder with a host in it.
fn holds_others(root: &FsPath, cluster: &str) -> bool {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    entries
        .filter(|e| e.file_name() != cluster)
        .any(|e| has_entries(&e.path()).unwrap_or(false))
}

fn has_entries(folder: &FsPath) -> io::Result<bool> {
    Ok(std::fs::read_dir(folder)?.next().transpose()?.is_some())
}

fn unreadable(path: &FsPath, e: &io::Error) -> Error {
    let subject = path.display().to_string();
    Error::Unreadable {
        detail: format!("{subject} cannot be read: {e}"),
        subject,
    }
}

/// The snapshots of a host, oldest first; of two with the same number `.bin` comes before `.json`.
fn snapshots(folder: &FsPath) -> io::Result<Vec<(i64, PathBuf)>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let known = path.extension().is_some_and(|e| e == "bin" || e == "json");
        let number = path
            .file_stem()
            .and_then(|s| s.to_str())
            .and_then(|s| s.parse::<i64>().ok());
        if let Some(number) = number.filter(|_| known) {
            out.push((number, path));
        }
    }
    out.sort();
    Ok(out)
}

/// A whole file, or its first bytes where they tell that it is none of the store's.
fn read_file(path: &FsPath) -> io::Result<Vec<u8>> {
    let mut file = regular::open(path)?;
    let len = file.metadata()?.len();
    if len > LARGEST {
        return Err(io::Error::other(format!(
            "it has {len} bytes, more than any checkpoint of one host"
        )));
    }
    let mut bytes = Vec::new();
    file.by_ref().take(4).read_to_end(&mut bytes)?;
    let magic = match path.extension().and_then(|e| e.to_str()) {
        Some("bin") => Some(binary::MAGIC),
        Some("wal") => Some(wal::FILE_MAGIC),
        _ => None,
    };
    if magic.is_some_and(|m| bytes != m.to_le_bytes()) {
        return Ok(bytes);
    }
    // An error, where the memory is not to be had, and not the end of the sweep.
    bytes.try_reserve_exact(usize::try_from(len).unwrap_or(0).saturating_add(1))?;
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A host while its files are read.
#[derive(Default)]
struct Loading {
    builder: Builder,
    broken: Vec<Damage>,
    damaged_log: Option<Damage>,
    snapshot_end: Option<i64>,
    read_at: i64,
}

impl Loading {
    /// Adds a snapshot; false when the file is gone. `named` is the interval that file names tell.
    fn snapshot(&mut self, path: &FsPath, named: Interval) -> bool {
        let (reason, detail, interval) = match read_file(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return false,
            Err(e) => (Reason::SourceUnreadable, e.to_string(), named),
            Ok(bytes) => {
                let is_bin = path.extension().is_some_and(|e| e == "bin");
                let parsed = if is_bin {
                    binary::parse(&bytes)
                } else {
                    json::parse(&bytes)
                };
                match parsed {
                    Ok(snapshot) => {
                        self.add(snapshot);
                        return true;
                    }
                    Err(e) => {
                        let told = if is_bin {
                            binary::parse_interval(&bytes).ok()
                        } else {
                            None
                        };
                        (Reason::SnapshotBroken, e, told.unwrap_or(named))
                    }
                }
            }
        };
        self.broken.push(Damage {
            interval,
            subject: path.display().to_string(),
            detail,
            reason,
        });
        true
    }

    fn add(&mut self, snapshot: Snapshot) {
        self.snapshot_end = self.snapshot_end.max(Some(snapshot.interval.to));
        for s in snapshot.series {
            let id = self.builder.series(s.path, &s.metric, s.column.step);
            self.builder.snapshot(id, snapshot.interval, s.column);
        }
    }

    fn log(
        &mut self,
        path: &FsPath,
        bytes: io::Result<Vec<u8>>,
        frequencies: &HashMap<String, i64>,
    ) {
        let bytes = match bytes {
            Err(e) if e.kind() == ErrorKind::NotFound => return,
            Err(e) => {
                let reason = Reason::SourceUnreadable;
                return self.broken.push(self.log_is(path, reason, e.to_string()));
            }
            Ok(bytes) => bytes,
        };
        let mut known: HashMap<&[u8], Option<SeriesId>> = HashMap::new();
        let builder = &mut self.builder;
        let read = wal::read(&bytes, |r| {
            let id = *known.entry(r.series).or_insert_with(|| {
                let (metric, levels) = wal::series_of(r.series)?;
                frequencies
                    .get(&metric)
                    .map(|&step| builder.series(levels, &metric, step))
            });
            if let Some(id) = id {
                builder.sample(id, r.t, r.value);
            }
        });
        match read {
            Err(e) => self
                .broken
                .push(self.log_is(path, Reason::SnapshotBroken, e)),
            Ok(damage) if damage.skipped > 0 => {
                let detail = format!("damaged records in {} place(s)", damage.skipped);
                self.damaged_log = Some(self.log_is(path, Reason::SnapshotBroken, detail));
            }
            Ok(_) => {}
        }
    }

    /// What is wrong with the log, for the time that only it covers.
    fn log_is(&self, path: &FsPath, reason: Reason, detail: String) -> Damage {
        Damage {
            interval: Interval {
                from: self.snapshot_end.unwrap_or(i64::MIN),
                to: i64::MAX,
            },
            subject: path.display().to_string(),
            detail,
            reason,
        }
    }

    fn finish(self) -> Evidence {
        let root: Level = self.builder.finish();
        Evidence {
            newest: root.newest(),
            series: root,
            damaged: self.broken,
            passed_over: Vec::from_iter(self.damaged_log),
            final_until: self.snapshot_end,
            read_at: self.read_at,
        }
    }
}

/// A file written as hexadecimal digits.
#[cfg(test)]
fn from_hex(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}
