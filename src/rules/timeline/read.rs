//! A host's series, ready to be read on any grid: runs of slots, later ones laid over earlier ones.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::grid::Grid;

/// Values of consecutive slots: `values[i]` belongs to slot `first + i`, NaN where there is none.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    pub(super) phase: i64,
    pub(super) step: i64,
    pub(super) first: i64,
    pub(super) values: Box<[f32]>,
}

impl Slots {
    fn slot(&self, t: i64) -> i64 {
        (t - self.phase).div_euclid(self.step)
    }

    /// Lays the values over `out`.
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
            *v = if x.is_nan() { *v } else { *x };
        }
    }
}

/// One series of a host, ready to be read.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    pub(super) slots: Vec<Slots>,
}

impl Chain {
    /// Values of consecutive slots of `step` seconds (at least 1), the first of which begins at `start` (Unix seconds).
    pub fn of_run(start: i64, step: i64, values: Box<[f32]>) -> Self {
        let phase = start.rem_euclid(step);
        let slots = vec![Slots {
            phase,
            step,
            first: (start - phase) / step,
            values,
        }];
        Self { slots }
    }

    /// The values on a grid, NaN where the files hold none. Infinite values come as they are.
    pub fn read(&self, grid: Grid) -> Vec<f32> {
        let mut out = Vec::new();
        self.append(grid, &mut out);
        out
    }

    /// Appends the values on a grid.
    pub fn append(&self, grid: Grid, out: &mut Vec<f32>) {
        let before = out.len();
        out.resize(before + grid.n, f32::NAN);
        for run in &self.slots {
            run.read(grid, &mut out[before..]);
        }
    }

    fn last_sample(&self, start: i64, end: i64) -> Option<i64> {
        let of_run = |l: &Slots| {
            let time = |i: usize| l.phase + (l.first + i as i64) * l.step;
            let inside = |i: &usize| (start..end).contains(&time(*i)) && !l.values[*i].is_nan();
            (0..l.values.len())
                .rev()
                .find(inside)
                .map(|i| time(i) + l.step)
        };
        self.slots.iter().filter_map(of_run).max()
    }

    fn bytes(&self) -> usize {
        self.slots
            .iter()
            .map(|l| l.values.len() * 4 + size_of::<Slots>())
            .sum()
    }
}

/// A level of the metric tree: a host, or a unit within it.
#[derive(Clone, Debug, Default)]
pub struct Level {
    pub(super) series: HashMap<Arc<str>, Chain>,
    pub(super) children: BTreeMap<Box<str>, Level>,
}

impl Level {
    /// The level of that name below this one.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.get(name)
    }

    /// The series of a metric at this very level.
    pub fn chain(&self, metric: &str) -> Option<&Chain> {
        self.series.get(metric)
    }

    /// The series of a metric at this level, else all of them below it, each branch ending at the first level
    /// that has one (cc-backend `pkg/metricstore/level.go`, `findBuffers`). Branches come in the order of their
    /// names, numbers in them by value.
    pub fn chains<'a>(&'a self, metric: &str, out: &mut Vec<&'a Chain>) {
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

    /// Lays a chain over the series of a metric: of this level, or of the child of that name.
    pub fn lay(&mut self, child: Option<&str>, metric: &str, chain: Chain) {
        let level = match child {
            None => self,
            Some(name) => self.children.entry(name.into()).or_default(),
        };
        let series = level.series.entry(metric.into()).or_default();
        series.slots.extend(chain.slots);
    }

    /// Lays another reading of the same level over this one: where both have a value, `over` wins.
    pub fn lay_over(&mut self, over: Self) {
        for (name, series) in over.series {
            self.series
                .entry(name)
                .or_default()
                .slots
                .extend(series.slots);
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
