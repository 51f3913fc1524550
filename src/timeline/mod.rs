//! The timeline rule: from what snapshots and logs hold back to what the live store knew.
//!
//! design.md, section 5. A series is a sequence of slots of F seconds; a sample belongs to slot
//! floor((t − p) / F). [`Builder`] takes a host's files in the order of time and then its log, [`Builder::finish`]
//! gives every stretch its phase p, and a [`Series`] answers for any grid. What must stay true: the same files give
//! the same values, whatever order jobs ask in; a later sample replaces an earlier one of its slot; nothing that a
//! file says (times, frequencies) can make the arithmetic overflow, since [`Builder`] takes only [`sane`] times.

use std::collections::{BTreeMap, HashMap};

/// Largest time (Unix seconds) and frequency that is taken for one: beyond it a file is damaged.
pub const LATEST: i64 = 1 << 40;

/// Whether a time from a file can be a time.
pub const fn sane(t: i64) -> bool {
    -LATEST < t && t < LATEST
}

/// The grid that a job asks for: `n` values from `start`, `step` seconds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Unix seconds of value 0.
    pub start: i64,
    /// Seconds, at least 1.
    pub step: i64,
    /// Number of values.
    pub n: usize,
}

impl Grid {
    /// The grid of a job: ceil(duration / step) values.
    pub fn of_job(start: i64, duration: i64, step: i64) -> Self {
        let n = duration
            .max(0)
            .unsigned_abs()
            .div_ceil(step.max(1).unsigned_abs());
        Self {
            start,
            step,
            n: usize::try_from(n).unwrap_or(0),
        }
    }
}

/// Values of consecutive slots: `values[i]` belongs to slot `first + i`, NaN where there is none.
#[derive(Clone, Debug)]
struct Layer {
    phase: i64,
    step: i64,
    first: i64,
    values: Box<[f32]>,
}

impl Layer {
    fn slot(&self, t: i64) -> i64 {
        (t - self.phase).div_euclid(self.step)
    }

    /// Lays the layer's values over `out`.
    fn read(&self, grid: Grid, out: &mut [f32]) {
        if self.step != grid.step {
            for (k, v) in out.iter_mut().enumerate() {
                let i = self.slot(grid.start + k as i64 * grid.step) - self.first;
                if let Some(x) = usize::try_from(i)
                    .ok()
                    .and_then(|i| self.values.get(i))
                    .filter(|x| !x.is_nan())
                {
                    *v = *x;
                }
            }
            return;
        }
        // Same step: slot q0 + k for value k, so both are plain runs.
        let shift = self.slot(grid.start) - self.first;
        let (from, to) = if shift >= 0 {
            (usize::try_from(shift).unwrap_or(usize::MAX), 0)
        } else {
            (0, usize::try_from(-shift).unwrap_or(usize::MAX))
        };
        let values = self.values.get(from..).unwrap_or_default();
        for (v, x) in out.get_mut(to..).unwrap_or_default().iter_mut().zip(values) {
            if !x.is_nan() {
                *v = *x;
            }
        }
    }
}

/// One series of a host, ready to be read.
#[derive(Clone, Debug, Default)]
pub struct Series {
    layers: Vec<Layer>,
}

impl Series {
    /// The values on a grid, NaN where the files hold none. Infinite values come as they are.
    pub fn read(&self, grid: Grid) -> Vec<f32> {
        let mut out = vec![f32::NAN; grid.n];
        for layer in &self.layers {
            layer.read(grid, &mut out);
        }
        out
    }

    /// Time of the newest value.
    fn newest(&self) -> Option<i64> {
        self.layers
            .iter()
            .map(|l| l.phase + (l.first + l.values.len() as i64 - 1) * l.step)
            .max()
    }

    fn last_sample(&self, start: i64, end: i64) -> Option<i64> {
        let of_layer = |l: &Layer| {
            let time = |i: usize| l.phase + (l.first + i as i64) * l.step;
            let inside = |i: &usize| (start..end).contains(&time(*i)) && !l.values[*i].is_nan();
            (0..l.values.len())
                .rev()
                .find(inside)
                .map(|i| time(i) + l.step)
        };
        self.layers.iter().filter_map(of_layer).max()
    }

    fn bytes(&self) -> usize {
        self.layers
            .iter()
            .map(|l| l.values.len() * 4 + size_of::<Layer>())
            .sum()
    }
}

/// A level of the metric tree: a host, or a unit within it.
#[derive(Clone, Debug, Default)]
pub struct Level {
    series: HashMap<Box<str>, Series>,
    children: BTreeMap<Box<str>, Level>,
}

impl Level {
    /// The level of that name below this one.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.get(name)
    }

    /// The series of a metric at this level, else all of them below it, each branch ending at the first level
    /// that has one (cc-backend `pkg/metricstore/level.go`, `findBuffers`). Branches come in the order of their
    /// names, numbers in them by value.
    pub fn chains<'a>(&'a self, metric: &str, out: &mut Vec<&'a Series>) {
        if let Some(s) = self.series.get(metric) {
            out.push(s);
            return;
        }
        let mut children: Vec<_> = self.children.iter().collect();
        children.sort_by_cached_key(|(name, _)| natural(name));
        for (_, level) in children {
            level.chains(metric, out);
        }
    }

    /// Unix seconds where the newest slot of any series begins.
    pub fn newest(&self) -> Option<i64> {
        let own = self.series.values().filter_map(Series::newest).max();
        own.max(self.children.values().filter_map(Self::newest).max())
    }

    /// Unix seconds where the slot of the last sample that begins within `[start, end)` ends; none without one.
    pub fn last_sample(&self, start: i64, end: i64) -> Option<i64> {
        let own = self
            .series
            .values()
            .filter_map(|s| s.last_sample(start, end))
            .max();
        own.max(
            self.children
                .values()
                .filter_map(|c| c.last_sample(start, end))
                .max(),
        )
    }

    /// Memory held, roughly, in bytes.
    pub fn bytes(&self) -> usize {
        let own: usize = self
            .series
            .iter()
            .map(|(k, s)| k.len() + 64 + s.bytes())
            .sum();
        own + self
            .children
            .iter()
            .map(|(k, c)| k.len() + 96 + c.bytes())
            .sum::<usize>()
    }

    /// Lays another reading of the same level over this one: where both have a value, `over` wins.
    pub fn lay_over(&mut self, over: Self) {
        for (name, series) in over.series {
            self.series
                .entry(name)
                .or_default()
                .layers
                .extend(series.layers);
        }
        for (name, child) in over.children {
            self.children.entry(name).or_default().lay_over(child);
        }
    }
}

/// Sort key of a level's name: `hwthread2` before `hwthread10`.
fn natural(name: &str) -> (String, u64, String) {
    let digits = name.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |i| {
        i + name[i..].chars().next().map_or(1, char::len_utf8)
    });
    let (prefix, number) = name.split_at(digits);
    (prefix.into(), number.parse().unwrap_or(0), name.into())
}

/// Where a series stands below its host.
pub type Path = Vec<Box<str>>;

/// Collects the files of one host.
#[derive(Debug, Default)]
pub struct Builder {
    series: Vec<Growing>,
    index: HashMap<(Path, Box<str>), usize>,
}

/// A snapshot's interval: `[from, to)`, Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Where it begins.
    pub from: i64,
    /// Where it ends.
    pub to: i64,
}

/// One series as a snapshot holds it.
#[derive(Clone, Debug)]
pub struct Column {
    /// Seconds between values.
    pub step: i64,
    /// Unix seconds of the first value.
    pub start: i64,
    /// NaN where there is none.
    pub values: Vec<f32>,
}

/// The handle of a series in a [`Builder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesId(usize);

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
                step,
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

    /// Adds a sample of the log; the log comes after all snapshots.
    pub fn sample(&mut self, id: SeriesId, t: i64, value: f32) {
        if let Some(s) = self
            .series
            .get_mut(id.0)
            .filter(|_| sane(t) && !value.is_nan())
        {
            s.sample(t, value);
        }
    }

    /// Gives every stretch its phase.
    pub fn finish(self) -> Level {
        // A collector reads all its metrics at once: what one series knows serves those of the same frequency.
        let mut known: HashMap<i64, i64> = HashMap::new();
        for s in &self.series {
            for r in s.runs.iter().filter(|r| r.phase.is_some()) {
                if let Some(p) = r.phase {
                    known.entry(r.step).or_insert(p);
                }
            }
        }
        let mut root = Level::default();
        for s in self.series {
            let mut level = &mut root;
            for name in &s.path {
                level = level.children.entry(name.clone()).or_default();
            }
            let metric = s.metric.clone();
            level.series.insert(metric, s.settle(&known));
        }
        root
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
    /// Start, number of values and end of the interval of the last snapshot.
    before: Option<(i64, i64, i64)>,
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
    /// Values `from..to` of a column.
    Column {
        column: usize,
        from: usize,
        to: usize,
    },
    /// Samples of the log.
    Log(Vec<(i64, f32)>),
}

impl Growing {
    /// The run that a sample at `t` belongs to, begun where there was a gap.
    fn run(&mut self, t: i64, step: i64, phase: Option<i64>) -> &mut Run {
        let begins = self
            .runs
            .last()
            .is_none_or(|r| r.step != step || t - r.last > 2 * step);
        if begins {
            self.runs.push(Run {
                phase: None,
                step,
                last: t,
                first: t,
                pieces: Vec::new(),
            });
        }
        let k = self.runs.len() - 1;
        let run = &mut self.runs[k];
        run.phase = run.phase.or(phase);
        run.last = t;
        run
    }

    fn snapshot(&mut self, file: Interval, column: Column) {
        let (step, start, n) = (column.step, column.start, column.values.len() as i64);
        // After a restart a snapshot begins with what the restarted store had loaded, on the loaded grid: repeats.
        let repeats = self.before.filter(|b| b.2 != file.from);
        self.before = Some((start, n, file.to));
        let skip = repeats.map_or(0, |(s0, n0, _)| {
            // The number of leading i with floor((start + i·step − s0) / step) < n0.
            (n0 - (start - s0).div_euclid(step)).clamp(0, n)
        });
        let phase = (start != file.from).then(|| (start - step / 2).rem_euclid(step));
        let at = self.columns.len();
        for i in usize::try_from(skip).unwrap_or(0)..column.values.len() {
            if column.values[i].is_nan() {
                continue;
            }
            let run = self.run(start + i as i64 * step, step, phase);
            match run.pieces.last_mut() {
                Some(Piece::Column { column, to, .. }) if *column == at => *to = i + 1,
                _ => run.pieces.push(Piece::Column {
                    column: at,
                    from: i,
                    to: i + 1,
                }),
            }
        }
        self.columns.push(column);
    }

    fn sample(&mut self, t: i64, value: f32) {
        let step = self.step;
        let run = self.run(t, step, Some((t - step / 2).rem_euclid(step)));
        match run.pieces.last_mut() {
            Some(Piece::Log(log)) => log.push((t, value)),
            _ => run.pieces.push(Piece::Log(vec![(t, value)])),
        }
    }

    fn settle(self, known: &HashMap<i64, i64>) -> Series {
        let mut out = Series::default();
        let (mut last, mut joined): (Option<(i64, i64)>, Option<(usize, usize)>) = (None, None);
        for (k, run) in self.runs.iter().enumerate() {
            let same = |r: &&Run| r.step == run.step;
            let phase = run
                .phase
                .or(last.filter(|l| l.0 == run.step).map(|l| l.1))
                .or_else(|| self.runs[k..].iter().filter(same).find_map(|r| r.phase))
                .or_else(|| known.get(&run.step).copied())
                .unwrap_or_else(|| (run.first - run.step / 2).rem_euclid(run.step));
            let same_phase = last == Some((run.step, phase));
            last = Some((run.step, phase));
            for piece in &run.pieces {
                match piece {
                    Piece::Column { column, from, to } => {
                        // Stretches of one column with one phase are one layer again: the hole between is NaN.
                        let continues = joined.filter(|(c, _)| same_phase && c == column);
                        let from = continues.map_or(*from, |(_, f)| f);
                        if continues.is_some() {
                            out.layers.pop();
                        }
                        out.layers
                            .push(column_layer(&self.columns[*column], from, *to, phase));
                        joined = Some((*column, from));
                    }
                    Piece::Log(log) => {
                        log_layers(log, phase, run.step, &mut out.layers);
                        joined = None;
                    }
                }
            }
        }
        out
    }
}

fn column_layer(c: &Column, from: usize, to: usize, phase: i64) -> Layer {
    let first = (c.start + from as i64 * c.step - phase).div_euclid(c.step);
    Layer {
        phase,
        step: c.step,
        first,
        values: c.values[from..to].into(),
    }
}

/// Samples of a log as dense layers: a new one where the slots leave a hole, since one absurd time must not ask for
/// the memory between.
fn log_layers(log: &[(i64, f32)], phase: i64, step: i64, out: &mut Vec<Layer>) {
    const HOLE: i64 = 16;
    let mut slots: Vec<(i64, f32)> = log
        .iter()
        .map(|&(t, v)| ((t - phase).div_euclid(step), v))
        .collect();
    slots.sort_by_key(|s| s.0);
    let mut rest = slots.as_slice();
    while let Some(&(first, _)) = rest.first() {
        let mut n = 1;
        while n < rest.len() && rest[n].0 - rest[n - 1].0 <= HOLE {
            n += 1;
        }
        let (part, next) = rest.split_at(n);
        let len = usize::try_from(part[n - 1].0 - first + 1).unwrap_or(0);
        let mut values = vec![f32::NAN; len].into_boxed_slice();
        for &(slot, v) in part {
            values[usize::try_from(slot - first).unwrap_or(0)] = v;
        }
        out.push(Layer {
            phase,
            step,
            first,
            values,
        });
        rest = next;
    }
}

#[cfg(test)]
mod tests;
