//! Collects a host's snapshots and log, finds the stretches and gives each its phase.

use std::collections::HashMap;

use super::read::{Chain, Layer, Level};
use super::sane;

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

    fn settle(self, known: &HashMap<i64, i64>) -> Chain {
        let mut out = Chain::default();
        let mut last: Option<(i64, i64)> = None;
        let mut joined: Option<(usize, usize)> = None;
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
