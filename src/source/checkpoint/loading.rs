//! All files of one host, read into one answer.
//!
//! A live store writes, rotates and deletes these files while they are read. So the log is opened before the snapshots are
//! listed: what is rotated in between is then in both, never in neither. And where a listed file is gone when it is read,
//! everything is read again.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::listing::{self, Listed};
use super::presence::unreadable;
use super::snapshot::{Fault, Snapshot, Wish};
use super::{binary, json, wal};
use crate::model::checkpoint::LOG;
use crate::model::failure::Reason;
use crate::opening::regular;
use crate::rules::evidence::{Covers, Damage, Evidence};
use crate::rules::timeline::{Builder, Interval, Phase, SeriesId};
use crate::source::layers::damage as damage_of_layer;
use crate::source::older::{Older, feed};
use crate::source::times::believable;
use crate::source::{Error, Request, Wanted};

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
    /// What the host had before its oldest snapshot.
    pub(super) older: Option<Before<'a>>,
}

/// What is asked of the source of older data, and that source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before<'a> {
    pub(super) source: &'a dyn Older,
    pub(super) request: &'a Request<'a>,
}

/// What a host's folder holds.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) evidence: Evidence,
    /// A file that could be read; none where the host has no file that can.
    pub(super) worked: Option<PathBuf>,
    /// Whether there is any file.
    pub(super) has_files: bool,
    /// Whether the source of older data was asked and knows the cluster.
    pub(super) has_older: bool,
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
                Err(e) if self.is_missing(&e) && self.older.is_none() => return Ok(None),
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
        if size <= self.whole_below {
            wish.window = Interval::ALL;
        } else if size > self.all_metrics_below && !self.metrics.is_empty() {
            wish.metrics = Some(self.metrics);
        }
        let mut loading = Loading::new(wish, read_at);
        let has_older = match &self.older {
            Some(older) => {
                let until = files.first().map_or(i64::MAX, |f| f.number);
                loading.older(older, until, self.wish.window)?
            }
            None => false,
        };
        for (k, file) in files.iter().enumerate() {
            let next = files.iter().skip(k).find(|f| f.number > file.number);
            let named = Interval {
                from: file.number,
                to: next.map_or(i64::MAX, |f| f.number),
            };
            loading.snapshot(file, named)?;
        }
        let has_files = !files.is_empty() || log.is_some();
        if let Some(log) = log {
            loading.log(&self.folder.join(LOG), log, self.frequencies)?;
        }
        // Where nothing followed the older data, what was learnt of later days says nothing of them.
        let remembered = if has_files { self.remembered } else { &[] };
        let worked = loading.worked.take();
        Ok(Loaded {
            evidence: loading.finish(remembered),
            worked,
            has_files,
            has_older,
        })
    }
}

/// Bytes of a host's files; those that cannot be asked count nothing.
fn size(files: &[Listed], log: Option<&io::Result<(File, u64)>>) -> u64 {
    let log = log.and_then(|l| l.as_ref().ok()).map_or(0, |l| l.1);
    let length = |f: &Listed| std::fs::metadata(&f.path).map_or(0, |m| m.len());
    files.iter().map(length).fold(log, u64::saturating_add)
}

/// Why a reading ended early.
enum Ended {
    /// A file is gone: what replaced it must be read.
    Changed(io::Error),
    Cancelled,
}

/// A host while its files are read.
struct Loading<'a> {
    builder: Builder,
    wish: Wish<'a>,
    read_at: i64,
    /// Times that are believed.
    believed: Interval,
    damaged: Vec<Damage>,
    passed_over: Vec<Damage>,
    /// Where the newest snapshot ends.
    snapshot_end: Option<i64>,
    worked: Option<PathBuf>,
    covers: Covers,
    phase_unknown: bool,
}

impl<'a> Loading<'a> {
    fn new(wish: Wish<'a>, read_at: i64) -> Self {
        Self {
            builder: Builder::default(),
            wish,
            read_at,
            believed: believable(read_at),
            damaged: Vec::new(),
            passed_over: Vec::new(),
            snapshot_end: None,
            worked: None,
            covers: Covers {
                window: Some(wish.window),
                all_metrics: wish.metrics.is_none(),
            },
            phase_unknown: false,
        }
    }

    /// Adds what the host had before `until`, where its oldest snapshot begins, if the window that was asked for reaches
    /// back so far. Says whether the source of it knows the cluster.
    fn older(&mut self, before: &Before<'_>, until: i64, asked: Interval) -> Result<bool, Ended> {
        let all = self.wish.window;
        if asked.from >= until {
            self.covers.window = Some(Interval { from: until, ..all });
            return Ok(false);
        }
        // What is older is kept as far as it was asked for.
        self.covers = Covers {
            window: (asked.to >= until).then_some(Interval {
                from: asked.from,
                ..all
            }),
            all_metrics: self.wish.metrics.is_none() && before.request.metrics.is_empty(),
        };
        let old = match before.source.before(before.request, until, self.wish.stop) {
            Ok(old) => old,
            Err(Error::Cancelled) => return Err(Ended::Cancelled),
            Err(e) => {
                let silent = damage_of_layer(e);
                self.damaged.extend(silent.map(|d| Damage {
                    interval: Interval {
                        from: i64::MIN,
                        to: until,
                    },
                    ..d
                }));
                return Ok(false);
            }
        };
        feed(old.series, &mut self.builder);
        self.snapshot_end = old.final_until;
        self.phase_unknown = old.phase_unknown;
        self.damaged.extend(old.damaged);
        self.passed_over.extend(old.passed_over);
        Ok(true)
    }

    /// Adds a snapshot. `named` is the interval that file names tell.
    fn snapshot(&mut self, file: &Listed, named: Interval) -> Result<(), Ended> {
        let fault = match decode(file, &self.wish) {
            Ok(snapshot) => {
                self.add(snapshot, &file.path);
                return Ok(());
            }
            Err(fault) => fault,
        };
        let mut interval = named;
        if matches!(fault, Fault::Content(_)) && file.is_binary() {
            interval = interval_of(&file.path).unwrap_or(named);
        }
        let damage = damage(&file.path, fault, interval)?;
        self.damaged.push(damage);
        Ok(())
    }

    fn add(&mut self, snapshot: Snapshot, path: &Path) {
        let end = snapshot.interval.to;
        if end < self.believed.to {
            self.snapshot_end = self.snapshot_end.max(Some(end));
        } else {
            self.passed_over.push(Damage {
                interval: snapshot.interval,
                subject: path.display().to_string(),
                detail: format!("it says that it ends at {end}, which is in the future"),
                reason: Reason::SnapshotBroken,
            });
        }
        for s in snapshot.series {
            let id = self.builder.series(s.path, &s.metric, s.column.step);
            self.builder.snapshot(id, snapshot.interval, s.column);
        }
        self.worked = Some(path.to_owned());
    }

    fn log(
        &mut self,
        path: &Path,
        opened: io::Result<(File, u64)>,
        frequencies: &HashMap<String, i64>,
    ) -> Result<(), Ended> {
        let read = opened
            .map_err(Fault::Medium)
            .and_then(|(file, length)| self.records(file.take(length), frequencies));
        // What only the log covers.
        let interval = Interval {
            from: self.snapshot_end.unwrap_or(i64::MIN),
            to: i64::MAX,
        };
        let found = match read {
            Ok(found) => found,
            Err(fault) => {
                let damage = damage(path, fault, interval)?;
                self.damaged.push(damage);
                return Ok(());
            }
        };
        self.worked.get_or_insert_with(|| path.to_owned());
        let damage = |detail: String| Damage {
            interval,
            subject: path.display().to_string(),
            detail,
            reason: Reason::SnapshotBroken,
        };
        if let Some(at) = found.log.given_up {
            let detail = format!(
                "from byte {at} on it holds more false beginnings of records than can be looked at"
            );
            self.damaged.push(damage(detail));
        } else if found.log.skipped > 0 && found.whole == 0 {
            self.damaged.push(damage("it holds no whole record".into()));
        } else if found.log.skipped > 0 {
            let places = found.log.skipped;
            self.passed_over
                .push(damage(format!("damaged records (places: {places})")));
        }
        if found.unbelievable > 0 {
            let records = found.unbelievable;
            self.passed_over
                .push(damage(format!("records with an absurd time ({records})")));
        }
        Ok(())
    }

    fn records(
        &mut self,
        file: impl Read,
        frequencies: &HashMap<String, i64>,
    ) -> Result<Records, Fault> {
        let mut known: HashMap<Box<[u8]>, Option<(SeriesId, Interval)>> = HashMap::new();
        let (builder, believed, wish) = (&mut self.builder, self.believed, self.wish);
        let (mut whole, mut unbelievable) = (0_usize, 0_usize);
        let log = wal::read(file, self.wish.stop, |r| {
            whole += 1;
            if !believed.contains(r.t) {
                unbelievable += 1;
                return;
            }
            let id = known.get(r.series).copied().unwrap_or_else(|| {
                let id = wal::series_of(r.series).and_then(|(metric, levels)| {
                    let step = *frequencies.get(&metric)?;
                    let id = builder.series(levels, &metric, step);
                    Some((id, wish.window_of(&metric)))
                });
                known.insert(r.series.into(), id);
                id
            });
            if let Some((id, window)) = id {
                builder.sample(id, r.t, r.value, window);
            }
        })?;
        Ok(Records {
            log,
            whole,
            unbelievable,
        })
    }

    fn finish(self, remembered: &[Phase]) -> Evidence {
        let timeline = self.builder.finish(remembered, self.believed.to);
        Evidence {
            series: timeline.series,
            newest: timeline.newest,
            phases: timeline.phases,
            phase_guessed: timeline.phase_guessed || self.phase_unknown,
            damaged: self.damaged,
            passed_over: self.passed_over,
            final_until: self.snapshot_end,
            read_at: self.read_at,
            covers: self.covers,
            filled: Vec::new(),
        }
    }
}

/// What was met in a log.
struct Records {
    log: wal::Met,
    whole: usize,
    /// Records whose time is not believed.
    unbelievable: usize,
}

/// What a fault means; a file that is gone begins everything anew.
fn damage(path: &Path, fault: Fault, interval: Interval) -> Result<Damage, Ended> {
    let (reason, detail) = match fault {
        Fault::Cancelled => return Err(Ended::Cancelled),
        Fault::Medium(e) if regular::is_gone(&e) => return Err(Ended::Changed(e)),
        Fault::Content(words) => (Reason::SnapshotBroken, words),
        Fault::Medium(e) => (Reason::SourceUnreadable, e.to_string()),
    };
    Ok(Damage {
        interval,
        subject: path.display().to_string(),
        detail,
        reason,
    })
}

fn decode(file: &Listed, wish: &Wish<'_>) -> Result<Snapshot, Fault> {
    let (opened, length) = listing::open(&file.path).map_err(Fault::Medium)?;
    // Not more than it had when it was opened: what the store is writing now is for another reading.
    let opened = opened.take(length);
    if file.is_binary() {
        binary::read(BufReader::with_capacity(1 << 16, opened), length, wish)
    } else {
        json::read(opened, length, wish)
    }
}

/// The interval that a binary snapshot names, if that much of it is sound.
fn interval_of(path: &Path) -> Option<Interval> {
    let (file, _) = listing::open(path).ok()?;
    let mut head = Vec::new();
    file.take(20).read_to_end(&mut head).ok()?;
    binary::parse_interval(&head).ok()
}
