//! The curves of a job: per metric one of the coarsest scope that the data has, a band per column of the plot.

use std::collections::BTreeMap;

use serde::Serialize;

use super::scopes::Scopes;
use crate::format::read::{Data, SeriesRead, Visitor};
use crate::model::series::{Scope, Unit};

/// A metric of an archived job.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Over all nodes, as the archive has it.
    pub statistics: Option<[f64; 3]>,
    /// The scope of the curve.
    pub scope: String,
    /// Seconds between two values.
    pub timestep: i64,
    /// Series of that scope.
    pub series: usize,
    /// Values and nulls of them.
    pub values: u64,
    /// The nulls.
    pub missing: u64,
    /// The curve.
    pub curve: Vec<Option<Band>>,
}

/// One column of a curve: over the series of the scope.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    /// Smallest value.
    pub min: f32,
    /// Median of the series' means.
    pub median: f32,
    /// Largest value.
    pub max: f32,
}

/// Curves while the data is read.
pub(super) struct Drawing<'a> {
    /// Whether a series is drawn.
    takes: &'a dyn Fn(&SeriesRead<'_>) -> bool,
    /// Columns of a curve.
    columns: usize,
    scopes: &'a Scopes,
    done: BTreeMap<String, Metric>,
    now: Columns,
}

/// The columns of the scope that is being read.
#[derive(Default)]
struct Columns {
    /// Per column: the means of the series.
    means: Vec<Vec<f32>>,
    /// Per column: smallest and largest value.
    range: Vec<(f32, f32)>,
    series: usize,
    values: u64,
    missing: u64,
}

impl<'a> Drawing<'a> {
    pub(super) fn new(
        columns: usize,
        takes: &'a dyn Fn(&SeriesRead<'_>) -> bool,
        scopes: &'a Scopes,
    ) -> Self {
        Self {
            takes,
            columns,
            scopes,
            done: BTreeMap::new(),
            now: Columns::default(),
        }
    }

    pub(super) fn finish(self) -> Vec<Metric> {
        self.done.into_values().collect()
    }
}

impl Visitor for Drawing<'_> {
    fn series(&mut self, s: &SeriesRead<'_>) {
        if (self.takes)(s) {
            let longest = self.scopes.of(s).longest;
            self.now.add(s.values, self.columns, longest);
        }
    }

    fn scope(&mut self, metric: &str, scope: &str, data: &Data) {
        let columns = std::mem::take(&mut self.now);
        if columns.series == 0 {
            return;
        }
        let coarser = |old: &Metric| {
            let parse = Scope::parse;
            match (parse(&old.scope), parse(scope)) {
                (Some(old), Some(new)) => old.coarser(new) == new,
                (None, _) => true,
                (_, None) => false,
            }
        };
        if self.done.get(metric).is_some_and(|old| !coarser(old)) {
            return;
        }
        let metric = Metric {
            name: metric.to_owned(),
            unit: unit(&data.unit),
            statistics: None,
            scope: scope.to_owned(),
            timestep: data.timestep,
            series: columns.series,
            values: columns.values,
            missing: columns.missing,
            curve: columns.curve(),
        };
        self.done.insert(metric.name.clone(), metric);
    }
}

impl Columns {
    /// Adds a series; the last column ends with the longest of its scope. The values of a shorter one stand at its beginning.
    fn add(&mut self, values: &[f32], columns: usize, longest: usize) {
        let longest = longest.max(values.len());
        let n = columns.min(longest).max(1);
        if self.means.len() < n {
            self.means.resize(n, Vec::new());
            self.range.resize(n, (f32::INFINITY, f32::NEG_INFINITY));
        }
        self.series += 1;
        self.values += values.len() as u64;
        self.missing += values.iter().filter(|v| v.is_nan()).count() as u64;
        for k in 0..n {
            let bound = |k: usize| (k * longest / n).min(values.len());
            let part = &values[bound(k)..bound(k + 1)];
            let there = || part.iter().copied().filter(|v| !v.is_nan());
            let count = there().count();
            if count == 0 {
                continue;
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a mean of single precision values"
            )]
            let mean = (there().map(f64::from).sum::<f64>() / count as f64) as f32;
            self.means[k].push(mean);
            let range = &mut self.range[k];
            *range = there().fold(*range, |r, v| (r.0.min(v), r.1.max(v)));
        }
    }

    fn curve(mut self) -> Vec<Option<Band>> {
        let columns = self.means.iter_mut().zip(&self.range);
        columns
            .map(|(means, (min, max))| {
                let middle = means.len().checked_sub(1)? / 2;
                let even = means.len() % 2 == 0;
                let (_, lower, above) = means.select_nth_unstable_by(middle, f32::total_cmp);
                let upper = above.iter().copied().min_by(f32::total_cmp);
                Some(Band {
                    min: *min,
                    median: match upper.filter(|_| even) {
                        Some(upper) => f32::midpoint(*lower, upper),
                        None => *lower,
                    },
                    max: *max,
                })
            })
            .collect()
    }
}

/// A unit as people write it.
pub(super) fn unit(u: &Unit) -> String {
    format!("{}{}", u.prefix, u.base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_a_band_per_column_and_a_hole_where_nothing_is() {
        let mut c = Columns::default();
        c.add(&[1.0, 3.0, f32::NAN, f32::NAN], 2, 4);
        c.add(&[5.0, 7.0, f32::NAN, f32::NAN], 2, 4);
        assert_eq!((c.series, c.values, c.missing), (2, 8, 4));
        let band = Band {
            min: 1.0,
            median: 4.0,
            max: 7.0,
        };
        assert_eq!(c.curve(), [Some(band), None]);
    }

    #[test]
    fn a_series_that_ends_early_is_not_drawn_longer_than_it_is() {
        let mut c = Columns::default();
        c.add(&[1.0, 1.0], 2, 4);
        c.add(&[3.0, 3.0, 5.0, 5.0], 2, 4);
        let medians: Vec<f32> = c.curve().into_iter().flatten().map(|b| b.median).collect();
        assert_eq!(medians, [2.0, 5.0]);
    }
}
