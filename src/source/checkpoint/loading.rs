//! The files of one host, one after the other: what they hold, and what is wrong with them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::listing::{self, Listed};
use super::snapshot::{Fault, Snapshot, Wish};
use super::{binary, json, wal};
use crate::model::failure::Reason;
use crate::opening::regular;
use crate::rules::evidence::{Covers, Damage, Evidence};
use crate::rules::timeline::{Builder, Interval, Phase, SeriesId};
use crate::source::layers::damage as damage_of_layer;
use crate::source::older::{Older, feed};
use crate::source::times::believable;
use crate::source::{Error, Request};

/// What is asked of the source of older data, and that source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before<'a> {
    pub(super) source: &'a dyn Older,
    pub(super) request: &'a Request<'a>,
}

/// Why a reading ended early.
pub(super) enum Ended {
    /// A file is gone: what replaced it must be read.
    Changed(io::Error),
    Cancelled,
}

/// A host while its files are read.
pub(super) struct Loading<'a> {
    builder: Builder,
    /// Says how much of the room is left.
    wish: Wish<'a>,
    /// The room of all files together (bytes).
    room: usize,
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
    pub(super) fn new(wish: Wish<'a>, read_at: i64) -> Self {
        Self {
            builder: Builder::default(),
            wish,
            room: wish.room,
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
    pub(super) fn older(
        &mut self,
        before: &Before<'_>,
        until: i64,
        asked: Interval,
    ) -> Result<bool, Ended> {
        let all = self.wish.window;
        if asked.from >= until {
            self.covers.window = Some(Interval {
                from: until.max(all.from),
                ..all
            });
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
    pub(super) fn snapshot(&mut self, file: &Listed, named: Interval) -> Result<(), Ended> {
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
        let damage = self.damage(&file.path, fault, interval)?;
        self.damaged.push(damage);
        Ok(())
    }

    fn add(&mut self, snapshot: Snapshot, path: &Path) {
        self.wish.room = self.wish.room.saturating_sub(snapshot.bytes);
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

    pub(super) fn log(
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
                let damage = self.damage(path, fault, interval)?;
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

    /// What a fault means; a file that is gone begins everything anew.
    fn damage(&self, path: &Path, fault: Fault, interval: Interval) -> Result<Damage, Ended> {
        let (reason, detail) = match fault {
            Fault::Cancelled => return Err(Ended::Cancelled),
            Fault::Medium(e) if regular::is_gone(&e) => return Err(Ended::Changed(e)),
            Fault::Content(words) => (Reason::SnapshotBroken, words),
            Fault::TooLarge => {
                let room = self.room >> 20;
                let words = format!(
                    "with it the files of this host hold more than the {room} MiB of memory that one host may take"
                );
                (Reason::HostTooLarge, words)
            }
            Fault::Medium(e) => (Reason::SourceUnreadable, e.to_string()),
        };
        Ok(Damage {
            interval,
            subject: path.display().to_string(),
            detail,
            reason,
        })
    }

    /// What the files hold, and one of them that could be read, if there was one.
    pub(super) fn finish(self, remembered: &[Phase]) -> (Evidence, Option<PathBuf>) {
        let timeline = self.builder.finish(remembered, self.believed.to);
        let evidence = Evidence {
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
        };
        (evidence, self.worked)
    }
}

/// What was met in a log.
struct Records {
    log: wal::Met,
    whole: usize,
    /// Records whose time is not believed.
    unbelievable: usize,
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
