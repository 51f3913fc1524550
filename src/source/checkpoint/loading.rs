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
use crate::source::older::{OldSeries, Older, feed};
use crate::source::several::damage as damage_of_source;
use crate::source::times::believable;
use crate::source::{Error, Request};

/// What is asked of the source that keeps what snapshots held before they were removed, and that source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removed<'a> {
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
    /// Holds what is not in snapshots any more.
    removed: Option<Removed<'a>>,
    /// Until when the snapshots and what was removed before them hold everything.
    whole_until: i64,
    /// Whether the source of what was removed answered, and so knows the cluster.
    has_removed: bool,
}

impl<'a> Loading<'a> {
    /// `removed` fills the gaps that the snapshots leave.
    pub(super) fn new(wish: Wish<'a>, removed: Option<Removed<'a>>, read_at: i64) -> Self {
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
            removed,
            whole_until: i64::MIN,
            has_removed: false,
        }
    }

    /// Adds what was removed of the host between the snapshots so far and the next one, which begins at `until`, if the
    /// question reaches into that gap.
    pub(super) fn gap(&mut self, until: i64) -> Result<(), Ended> {
        let gap = Interval {
            from: self.whole_until,
            to: until,
        };
        let Some(Removed { source, request }) = self.removed.filter(|_| gap.from < gap.to) else {
            return Ok(());
        };
        self.whole_until = until;
        let asked = request.window;
        let is_asked = asked.from < gap.to && gap.from < asked.to;
        // Whether there is anything after the snapshots is worth knowing: mostly there is nothing, and what was read then
        // serves every window.
        if !is_asked && gap.from == i64::MIN {
            self.keeps_of(gap, asked);
            return Ok(());
        }
        let old = match source.within(request, gap, self.wish.room, self.wish.stop) {
            Ok(old) => old,
            Err(Error::Cancelled) => return Err(Ended::Cancelled),
            Err(e) => {
                self.keeps_of(gap, asked);
                // What follows the newest snapshot is mostly in none that was removed, but in the log, or still to come.
                let is_trailing = gap.from > i64::MIN && gap.to == i64::MAX;
                let silent = damage_of_source(e).filter(|_| is_asked && !is_trailing);
                self.damaged
                    .extend(silent.map(|d| Damage { interval: gap, ..d }));
                return Ok(());
            }
        };
        self.has_removed = true;
        self.snapshot_end = self.snapshot_end.max(old.final_until);
        if old.is_nothing {
            self.passed_over.extend(old.passed_over);
            return Ok(());
        }
        self.keeps_of(gap, asked);
        self.wish.room = self.wish.room.saturating_sub(old.bytes);
        self.shorten_damage(&old.series);
        // Also of a gap that is not asked for: it may tell where the slots of its neighbours begin, and the sample of a slot
        // that straddles its beginning.
        feed(old.series, &mut self.builder);
        if is_asked {
            self.covers.all_metrics &= request.metrics.is_empty();
            self.phase_unknown |= old.phase_unknown;
        }
        self.damaged.extend(old.damaged);
        self.passed_over.extend(old.passed_over);
        Ok(())
    }

    /// Notes that of a gap only what was asked for is kept.
    fn keeps_of(&mut self, gap: Interval, asked: Interval) {
        let Some(whole) = &mut self.covers.window else {
            return;
        };
        if gap.from < asked.from {
            whole.from = whole.from.max(gap.to.min(asked.from));
        }
        if gap.to > asked.to {
            whole.to = whole.to.min(gap.from.max(asked.to));
        }
    }

    /// A damaged snapshot stays behind where its neighbours were removed, and names alone tell that it ends where the next one
    /// that is left begins. But it ended where the first sample follows that came from another one.
    fn shorten_damage(&mut self, removed: &[OldSeries]) {
        for damage in &mut self.damaged {
            let columns = removed.iter().flat_map(|s| &s.pieces).map(|(_, c)| c);
            let next = columns.filter_map(|c| c.first_from(damage.interval.from));
            if let Some(next) = next.min() {
                damage.interval.to = damage.interval.to.min(next);
            }
        }
    }

    /// Adds a snapshot. `named` is the interval that file names tell.
    pub(super) fn snapshot(&mut self, file: &Listed, named: Interval) -> Result<(), Ended> {
        let fault = match decode(file, &self.wish) {
            Ok(snapshot) => {
                self.gap(file.number)?;
                self.add(snapshot, &file.path, named);
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

    fn add(&mut self, snapshot: Snapshot, path: &Path, named: Interval) {
        self.wish.room = self.wish.room.saturating_sub(snapshot.bytes);
        let end = snapshot.interval.to;
        if end < self.believed.to {
            self.snapshot_end = self.snapshot_end.max(Some(end));
            self.whole_until = self.whole_until.max(end.min(named.to));
        } else {
            self.whole_until = self.whole_until.max(named.to);
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
        let mut bytes = 0_usize;
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
            if let Some((id, window)) = id
                && bytes <= wish.room
            {
                bytes += builder.sample(id, r.t, r.value, window);
            }
        })?;
        wish.check_room(bytes)?;
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

    /// Whether the source of what was removed was asked and knows the cluster.
    pub(super) const fn has_removed(&self) -> bool {
        self.has_removed
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
            memory: None,
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
