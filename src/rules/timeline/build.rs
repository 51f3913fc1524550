//! Collects a host's snapshots and log, finds the stretches and gives each its phase.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::column::{Column, Interval};
use super::grid::sane;
use super::logged::Logged;
use super::read::{Chain, Level, Slots};

/// What a stretch of the log takes besides its values (bytes), roughly.
const RUN: usize = 1 << 9;

/// Where a series stands below its host.
pub type Path = Vec<Box<str>>;

/// Where the slots of a frequency begin, modulo the frequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Seconds between samples.
    pub frequency: i64,
    /// Seconds, from 0 to the frequency.
    pub phase: i64,
}

/// Collects the files of one host.
#[derive(Debug, Default)]
pub struct Builder {
    series: Vec<Growing>,
    index: HashMap<(Path, Box<str>), usize>,
}

/// The handle of a series in a [`Builder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesId(usize);

/// What a host's files say.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Its series.
    pub series: Level,
    /// Unix seconds where the newest slot with a sample begins, within the window or not.
    pub newest: Option<i64>,
    /// Per frequency the phase of the newest stretch whose phase the files tell.
    pub phases: Vec<Phase>,
    /// Whether the phase of some stretch is a guess: nothing tells it.
    pub phase_guessed: bool,
}

impl Builder {
    /// Finds or begins a series; `step` (seconds) is only used to begin one from a log.
    pub fn series(&mut self, path: Path, metric: &str, step: i64) -> SeriesId {
        let next = self.series.len();
        let id = *self
            .index
            .entry((path.clone(), metric.into()))
            .or_insert(next);
        if id == next {
            self.series.push(Growing {
                path,
                metric: metric.into(),
                step: step.max(1),
                ..Growing::default()
            });
        }
        SeriesId(id)
    }

    /// Adds what a snapshot holds of a series. Snapshots come in the order of their names.
    pub fn snapshot(&mut self, id: SeriesId, file: Interval, column: Column) {
        if let Some(s) = self.series.get_mut(id.0) {
            s.snapshot(file, column);
        }
    }

    /// Adds a sample of the log, whose value is kept only within a window; the log comes after all snapshots. Gives back the
    /// memory that it took (bytes), roughly.
    pub fn sample(&mut self, id: SeriesId, t: i64, value: f32, window: Interval) -> usize {
        let Some(s) = self
            .series
            .get_mut(id.0)
            .filter(|_| sane(t) && !value.is_nan())
        else {
            return 0;
        };
        // A sample lies within its slot, so only those within one step of the window can share a slot with it.
        let keep = window.widened(s.step).contains(t);
        let runs = s.runs.len();
        s.sample(t, value, keep);
        if s.runs.len() > runs {
            RUN
        } else {
            size_of::<f32>()
        }
    }

    /// Gives every stretch its phase. `remembered` is what an earlier reading knew of the host: it serves where the files
    /// tell no phase of a frequency. What seems to be later than `latest` (Unix seconds) is not taken for the newest.
    pub fn finish(self, remembered: &[Phase], latest: i64) -> Timeline {
        let mut known = Known::default();
        for run in self.series.iter().flat_map(|s| &s.runs) {
            known.add(run);
        }
        let mut out = Timeline {
            phases: known.newest(),
            ..Timeline::default()
        };
        for phase in remembered {
            known.first.entry(phase.frequency).or_insert(phase.phase);
        }
        // The levels of a host share the names of their metrics. A metric is looked for at each of a hundred levels, and the one
        // name then stays in the processor's cache.
        let mut names: HashSet<Arc<str>> = HashSet::new();
        for mut s in self.series {
            let mut level = &mut out.series;
            for name in &s.path {
                level = level.children.entry(name.clone()).or_default();
            }
            let placed = s.place(&known, latest);
            out.newest = out.newest.max(placed.newest);
            out.phase_guessed |= placed.guessed;
            let metric = names.get(&*s.metric).cloned();
            let metric = metric.unwrap_or_else(|| Arc::from(s.metric));
            names.insert(Arc::clone(&metric));
            level.series.insert(metric, placed.chain);
        }
        out
    }
}

/// The phases that the files tell. A collector reads all its metrics at once: what one series knows serves those of the
/// same frequency.
#[derive(Debug, Default)]
struct Known {
    /// Frequency → the phase that was met first.
    first: HashMap<i64, i64>,
    /// Frequency → time and phase of the newest stretch.
    last: HashMap<i64, (i64, i64)>,
}

impl Known {
    fn add(&mut self, run: &Run) {
        if let Some(phase) = run.phase {
            self.first.entry(run.step).or_insert(phase);
            let last = self.last.entry(run.step).or_insert((run.last, phase));
            if run.last > last.0 {
                *last = (run.last, phase);
            }
        }
    }

    fn newest(&self) -> Vec<Phase> {
        let phase = |(frequency, last): (&i64, &(i64, i64))| Phase {
            frequency: *frequency,
            phase: last.1,
        };
        let mut phases: Vec<Phase> = self.last.iter().map(phase).collect();
        phases.sort_by_key(|p| p.frequency);
        phases
    }
}

/// A series while its files are read.
#[derive(Debug, Default)]
struct Growing {
    path: Path,
    metric: Box<str>,
    step: i64,
    runs: Vec<Run>,
    columns: Vec<Column>,
    /// The last snapshot.
    before: Option<Before>,
}

/// What the next snapshot must know of the one before.
#[derive(Clone, Copy, Debug)]
struct Before {
    step: i64,
    start: i64,
    /// Number of values.
    n: i64,
    /// End of the interval.
    to: i64,
}

/// A stretch without a gap of more than two timesteps.
#[derive(Debug)]
struct Run {
    phase: Option<i64>,
    step: i64,
    /// Time of the sample added last.
    last: i64,
    /// Time of the sample added first.
    first: i64,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    /// Some values of a column.
    Column { column: usize, range: Range<usize> },
    /// Samples of the log.
    Log(Logged),
}

/// A series that is ready.
#[derive(Debug, Default)]
struct Placed {
    chain: Chain,
    newest: Option<i64>,
    guessed: bool,
}

/// Appends to a list that mostly stays at one: a host has as many of them as series, and `Vec` would begin with room for four.
fn grow<T>(list: &mut Vec<T>, item: T) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
    list.push(item);
}

/// Values of one column that stand on one phase.
struct Span {
    column: usize,
    range: Range<usize>,
    phase: i64,
}

impl Growing {
    /// The run that a sample at `t` belongs to, begun where there was a gap.
    fn run(&mut self, t: i64, step: i64, phase: Option<i64>) -> &mut Run {
        let begins = self
            .runs
            .last()
            .is_none_or(|r| r.step != step || t - r.last > 2 * step);
        if begins {
            let run = Run {
                phase: None,
                step,
                last: t,
                first: t,
                pieces: Vec::new(),
            };
            grow(&mut self.runs, run);
        }
        let k = self.runs.len() - 1;
        let run = &mut self.runs[k];
        run.phase = run.phase.or(phase);
        run.last = t;
        run
    }

    fn snapshot(&mut self, file: Interval, mut column: Column) {
        let (step, start, n) = (column.step, column.start, column.len() as i64);
        // After a restart a snapshot begins with what the restarted store had loaded, on the loaded grid: repeats.
        let repeats = self.before.filter(|b| b.to != file.from && b.step == step);
        self.before = Some(Before {
            step,
            start,
            n,
            to: file.to,
        });
        let skip = repeats.map_or(0, |b| {
            // The number of leading i with floor((start + i·step − b.start) / step) < b.n.
            (b.n - (start - b.start).div_euclid(step)).clamp(0, n)
        });
        let phase = (start != file.from).then(|| (start - step / 2).rem_euclid(step));
        let (at, own) = (self.columns.len(), self.runs.len());
        for range in column.present_from(usize::try_from(skip).unwrap_or(0)) {
            let run = self.run(column.time(range.start), step, phase);
            run.last = column.time(range.end - 1);
            match run.pieces.last_mut() {
                Some(Piece::Column {
                    column,
                    range: before,
                }) if *column == at => before.end = range.end,
                _ => grow(&mut run.pieces, Piece::Column { column: at, range }),
            }
            self.join(own);
        }
        column.forget_present();
        grow(&mut self.columns, column);
    }

    /// Makes one run of the second and third last, where the column being added began them and one more after them: they
    /// have one phase, whatever tells it. So a series that is sampled more seldom than it should be takes no run a value.
    fn join(&mut self, own: usize) {
        let Some(middle) = self.runs.len().checked_sub(2).filter(|m| *m > own) else {
            return;
        };
        let gone = self.runs.remove(middle);
        let into = &mut self.runs[middle - 1];
        into.last = gone.last;
        if let (Some(Piece::Column { range, .. }), Some(Piece::Column { range: more, .. })) =
            (into.pieces.last_mut(), gone.pieces.last())
        {
            range.end = more.end;
        }
    }

    fn sample(&mut self, t: i64, value: f32, keep: bool) {
        let step = self.step;
        let own = (t - step / 2).rem_euclid(step);
        // A stretch with the phase of the one before is a part of it: a series that is sampled more seldom than it should be
        // would take a stretch a sample.
        let last = self.runs.last_mut();
        if let Some(run) = last.filter(|r| r.step == step && r.phase == Some(own) && r.last < t)
            && matches!(run.pieces.last(), Some(Piece::Log(_)))
        {
            run.last = t;
        }
        let run = self.run(t, step, Some(own));
        let slot = (t - run.phase.unwrap_or(own)).div_euclid(step);
        if !matches!(run.pieces.last(), Some(Piece::Log(_))) {
            run.pieces.push(Piece::Log(Logged::default()));
        }
        if let Some(Piece::Log(log)) = run.pieces.last_mut() {
            log.add(slot, value, keep);
        }
    }

    /// The phase of run number `k`, and whether it is a guess. `last` is step and phase of the run before.
    fn phase(&self, k: usize, last: Option<(i64, i64)>, known: &Known) -> (i64, bool) {
        let run = &self.runs[k];
        let same = |r: &&Run| r.step == run.step;
        let told = run
            .phase
            .or(last.filter(|l| l.0 == run.step).map(|l| l.1))
            .or_else(|| self.runs[k..].iter().filter(same).find_map(|r| r.phase))
            .or_else(|| known.first.get(&run.step).copied());
        let guess = || (run.first - run.step / 2).rem_euclid(run.step);
        (told.unwrap_or_else(guess), told.is_none())
    }

    fn place(&mut self, known: &Known, latest: i64) -> Placed {
        let mut out = Placed::default();
        let mut last: Option<(i64, i64)> = None;
        // Stretches of one column with one phase are one run of slots again: the hole between is NaN.
        let mut open: Option<Span> = None;
        for k in 0..self.runs.len() {
            let (phase, guessed) = self.phase(k, last, known);
            out.guessed |= guessed;
            let step = self.runs[k].step;
            last = Some((step, phase));
            for piece in std::mem::take(&mut self.runs[k].pieces) {
                let newest_slot = match piece {
                    Piece::Column { column, range } => {
                        let t = self.columns[column].time(range.end - 1);
                        match &mut open {
                            Some(o) if o.column == column && o.phase == phase => {
                                o.range.end = range.end;
                            }
                            _ => self.close(
                                open.replace(Span {
                                    column,
                                    range,
                                    phase,
                                }),
                                &mut out.chain,
                            ),
                        }
                        Some((t - phase).div_euclid(step))
                    }
                    Piece::Log(log) => {
                        self.close(open.take(), &mut out.chain);
                        let newest = log.newest();
                        out.chain.slots.extend(log.into_slots(phase, step));
                        newest
                    }
                };
                let newest = newest_slot.map(|slot| phase + slot * step);
                out.newest = out.newest.max(newest.filter(|t| *t <= latest));
            }
        }
        self.close(open, &mut out.chain);
        self.columns = Vec::new();
        out
    }

    /// Makes slots of a span.
    fn close(&mut self, span: Option<Span>, out: &mut Chain) {
        let Some(span) = span else { return };
        let column = &mut self.columns[span.column];
        let (first, values) = column.take(span.range);
        if !values.is_empty() {
            let slot = (column.time(first) - span.phase).div_euclid(column.step);
            let slots = Slots {
                phase: span.phase,
                step: column.step,
                first: slot,
                values,
            };
            grow(&mut out.slots, slots);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_rare_samples_takes_no_stretch_a_sample() {
        let mut series = Growing {
            step: 60,
            ..Growing::default()
        };
        for i in 0..3000 {
            series.sample(17 + 300 * i, i as f32, true);
        }
        assert_eq!(series.runs.len(), 1);
        // Another phase is another stretch.
        series.sample(17 + 300 * 3000 + 5, 1.0, true);
        assert_eq!(series.runs.len(), 2);
        let placed = series.place(&Known::default(), i64::MAX);
        let values = placed.chain.slots.iter().flat_map(|s| &*s.values);
        assert_eq!(values.filter(|v| !v.is_nan()).count(), 3001);
    }

    #[test]
    fn nothing_is_loaded_again_on_another_grid() {
        let mut series = Growing::default();
        let mut snapshot = |step, from, n: usize| {
            let to = from + 600;
            series.snapshot(
                Interval { from, to },
                Column::whole(step, from, &vec![1.0; n]),
            );
        };
        snapshot(60, 0, 10);
        // The store was restarted, with another frequency.
        snapshot(30, 660, 10);
        let placed = series.place(&Known::default(), i64::MAX);
        let lengths: Vec<usize> = placed.chain.slots.iter().map(|s| s.values.len()).collect();
        assert_eq!(lengths, [10, 10]);
    }

    #[test]
    fn a_series_that_is_sampled_more_seldom_than_it_should_be_takes_two_runs_a_file() {
        let mut series = Growing::default();
        for file in 0..2 {
            let values: Vec<f32> = (0..3000)
                .map(|i| if i % 3 == 0 { 1.0 } else { f32::NAN })
                .collect();
            let from = file * 180_000;
            let interval = Interval {
                from,
                to: from + 180_000,
            };
            series.snapshot(interval, Column::whole(60, from, &values));
        }
        let first = |r: &Run| r.first / 60;
        let firsts: Vec<i64> = series.runs.iter().map(first).collect();
        assert_eq!(firsts, [0, 2997, 3000, 5997]);
        let placed = series.place(&Known::default(), i64::MAX);
        let lengths: Vec<usize> = placed.chain.slots.iter().map(|s| s.values.len()).collect();
        assert_eq!(lengths, [2998, 2998]);
    }
}
