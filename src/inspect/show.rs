//! An archived job for human eyes: who it is, its statistics, its footprint against the cluster's thresholds, its place below
//! the roofline, and a small curve per metric.
//!
//! The data is read series by series and kept only as values per column of a plot, so that a job of any size fits.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Ports;
use super::explain::Card;
use crate::format::read::{self, Data, SeriesRead, Visitor};
use crate::model::cluster::Subcluster;
use crate::model::cluster::thresholds::{Rating, Thresholds, prefix_factor};
use crate::model::job::{Job, JobKey, Row};
use crate::model::series::{Scope, Statistics, Unit};
use crate::target;

/// What to look at.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only these metrics; empty for all.
    pub metrics: Vec<String>,
    /// Only these hosts in the curves; empty for all.
    pub hosts: Vec<String>,
    /// Columns of a curve.
    pub columns: usize,
}

impl Wanted {
    /// Whether everything that is asked for is there: metrics that the archive has data of, hosts of the job.
    fn check(&self, metrics: &BTreeSet<String>, hosts: &[String]) -> Result<(), Error> {
        let unknown = |what, names: &[String], known: &mut dyn Iterator<Item = &String>| {
            let known: Vec<String> = known.cloned().collect();
            let missing = names.iter().find(|n| !known.contains(n));
            missing.map_or(Ok(()), |name| {
                let name = name.clone();
                Err(Error::Unknown { what, name, known })
            })
        };
        unknown("metric", &self.metrics, &mut metrics.iter())?;
        unknown("host", &self.hosts, &mut hosts.iter())
    }

    fn takes(&self, s: &SeriesRead<'_>) -> bool {
        let one_of =
            |list: &[String], name: &str| list.is_empty() || list.iter().any(|l| l == name);
        one_of(&self.metrics, s.metric) && one_of(&self.hosts, s.host)
    }
}

/// Why a job cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The archive has nothing of it.
    #[error("the archive holds nothing of this job")]
    NotArchived,
    /// A metric or host that was asked for is not there.
    #[error("it has no {what} {name}; it has {}", .known.join(", "))]
    Unknown {
        /// `metric` or `host`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The archive cannot be read.
    #[error(transparent)]
    Target(#[from] target::Error),
    /// One of its documents is damaged.
    #[error(transparent)]
    Document(#[from] read::Error),
}

/// An archived job.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Picture {
    /// The job as its archive has it.
    pub job: Card,
    /// Its tags, as type and name.
    pub tags: Vec<[String; 2]>,
    /// Its name in the job's metadata.
    pub name: Option<String>,
    /// Whether its nodes were shared with other jobs, as the archive says it.
    pub shared: String,
    /// Footprint against thresholds.
    pub footprint: Vec<Print>,
    /// Energy in kWh; 0 where nothing measures it.
    pub energy: f64,
    /// Where it stands below the roofline.
    pub roofline: Option<Roofline>,
    /// Statistics and curves by metric, in the order of names.
    pub metrics: Vec<Metric>,
}

/// A value of the footprint.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Print {
    /// The metric.
    pub metric: String,
    /// `avg`, `min` or `max`.
    pub kind: String,
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// What is much and little.
    pub thresholds: Option<Thresholds>,
    /// How the value stands.
    pub level: Option<Rating>,
}

/// A place below the roofline of a node.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Roofline {
    /// Operations per byte.
    pub intensity: f64,
    /// Operations a second, on average over nodes.
    pub flops: f64,
    /// The most that arithmetic can do, operations a second.
    pub peak: f64,
    /// The most that memory can do, bytes a second.
    pub bandwidth: f64,
    /// The most that is possible at this intensity.
    pub ceiling: f64,
    /// Whether memory bandwidth sets that limit, rather than arithmetic.
    pub memory_bound: bool,
}

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

/// Reads an archived job.
///
/// # Errors
/// See [`Error`].
pub fn show(ports: &Ports<'_>, key: &JobKey, wanted: &Wanted) -> Result<Picture, Error> {
    let stored = ports.target.read(key)?.ok_or(Error::NotArchived)?;
    let meta = stored.meta()?;
    let mut drawing = Drawing::new(wanted);
    stored.visit(&mut drawing)?;
    let job = &meta.job;
    wanted.check(&drawing.seen, &hosts(job))?;
    let sub = ports
        .clusters
        .get(&key.cluster)
        .and_then(|c| c.subcluster(&job.subcluster));
    let units: BTreeMap<&str, &Unit> = meta
        .statistics
        .iter()
        .map(|(n, s)| (n.as_str(), &s.unit))
        .collect();
    let statistics = meta.plain_statistics();
    let mut metrics = drawing.finish();
    for m in &mut metrics {
        if let Some(s) = statistics.get(&m.name) {
            m.statistics = Some([s.min, s.avg, s.max]);
        }
    }
    let text = |t: &[u8]| String::from_utf8_lossy(t).into_owned();
    Ok(Picture {
        tags: job
            .tags
            .iter()
            .map(|t| [text(&t.kind.0), text(&t.name.0)])
            .collect(),
        name: job.meta_data.get("jobName").cloned(),
        shared: text(&job.shared.0),
        footprint: meta
            .footprint
            .footprint
            .iter()
            .map(|(name, value)| print(name, *value, &units, sub))
            .collect(),
        energy: meta.footprint.energy,
        roofline: sub.and_then(|s| roofline(&statistics, &units, s)),
        metrics,
        job: Card::new(&Row {
            head: job.head.clone(),
            job: Ok(meta.job.clone()),
        }),
    })
}

fn hosts(job: &Job) -> Vec<String> {
    job.resources.iter().map(|r| r.hostname.clone()).collect()
}

/// Hands out every value of the wanted series.
///
/// # Errors
/// See [`Error`].
pub fn values(
    ports: &Ports<'_>,
    key: &JobKey,
    wanted: &Wanted,
    each: &mut dyn FnMut(&SeriesRead<'_>),
) -> Result<(), Error> {
    struct Passing<'a> {
        wanted: &'a Wanted,
        each: &'a mut dyn FnMut(&SeriesRead<'_>),
        seen: BTreeSet<String>,
    }
    impl Visitor for Passing<'_> {
        fn series(&mut self, s: &SeriesRead<'_>) {
            if self.wanted.takes(s) {
                (self.each)(s);
            }
        }

        fn scope(&mut self, metric: &str, _scope: &str, _data: &Data) {
            self.seen.insert(metric.to_owned());
        }
    }
    let stored = ports.target.read(key)?.ok_or(Error::NotArchived)?;
    let meta = stored.meta()?;
    let mut passing = Passing {
        wanted,
        each,
        seen: BTreeSet::new(),
    };
    stored.visit(&mut passing)?;
    wanted.check(&passing.seen, &hosts(&meta.job))
}

/// Seconds between two values, by metric.
pub fn timestep(ports: &Ports<'_>, metric: &str) -> i64 {
    ports
        .clusters
        .store_metric(metric)
        .map_or(0, |m| m.frequency)
}

fn unit(u: &Unit) -> String {
    format!("{}{}", u.prefix, u.base)
}

fn print(name: &str, value: f64, units: &BTreeMap<&str, &Unit>, sub: Option<&Subcluster>) -> Print {
    let (metric, kind) = name.rsplit_once('_').unwrap_or((name, ""));
    let thresholds = sub.and_then(|s| s.thresholds(metric));
    Print {
        metric: metric.to_owned(),
        kind: kind.to_owned(),
        value,
        unit: units.get(metric).map(|u| unit(u)).unwrap_or_default(),
        thresholds,
        level: thresholds.and_then(|t| t.rating(value)),
    }
}

fn roofline(
    statistics: &BTreeMap<String, Statistics>,
    units: &BTreeMap<&str, &Unit>,
    sub: &Subcluster,
) -> Option<Roofline> {
    let average = |name: &str| {
        let factor = units.get(name).map_or(1.0, |u| prefix_factor(&u.prefix));
        statistics.get(name).map(|s| s.avg * factor)
    };
    let (flops, bandwidth) = (average("flops_any")?, average("mem_bw")?);
    let peaks = sub.peaks;
    if flops <= 0.0 || bandwidth <= 0.0 || peaks.flops_simd <= 0.0 || peaks.bandwidth <= 0.0 {
        return None;
    }
    let intensity = flops / bandwidth;
    let by_memory = intensity * peaks.bandwidth;
    Some(Roofline {
        intensity,
        flops,
        peak: peaks.flops_simd,
        bandwidth: peaks.bandwidth,
        ceiling: by_memory.min(peaks.flops_simd),
        memory_bound: by_memory < peaks.flops_simd,
    })
}

/// Curves while the data is read.
struct Drawing<'a> {
    wanted: &'a Wanted,
    /// Metrics that the data has.
    seen: BTreeSet<String>,
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
    fn new(wanted: &'a Wanted) -> Self {
        Self {
            wanted,
            seen: BTreeSet::new(),
            done: BTreeMap::new(),
            now: Columns::default(),
        }
    }

    fn finish(self) -> Vec<Metric> {
        self.done.into_values().collect()
    }
}

impl Visitor for Drawing<'_> {
    fn series(&mut self, s: &SeriesRead<'_>) {
        if self.wanted.takes(s) {
            self.now.add(s.values, self.wanted.columns);
        }
    }

    fn scope(&mut self, metric: &str, scope: &str, data: &Data) {
        self.seen.insert(metric.to_owned());
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
    fn add(&mut self, values: &[f32], columns: usize) {
        let n = columns.min(values.len()).max(1);
        if self.means.len() < n {
            self.means.resize(n, Vec::new());
            self.range.resize(n, (f32::INFINITY, f32::NEG_INFINITY));
        }
        self.series += 1;
        self.values += values.len() as u64;
        self.missing += values.iter().filter(|v| v.is_nan()).count() as u64;
        for k in 0..n {
            let part = &values[k * values.len() / n..(k + 1) * values.len() / n];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_a_band_per_column_and_a_hole_where_nothing_is() {
        let mut c = Columns::default();
        c.add(&[1.0, 3.0, f32::NAN, f32::NAN], 2);
        c.add(&[5.0, 7.0, f32::NAN, f32::NAN], 2);
        assert_eq!((c.series, c.values, c.missing), (2, 8, 4));
        let band = Band {
            min: 1.0,
            median: 4.0,
            max: 7.0,
        };
        assert_eq!(c.curve(), [Some(band), None]);
    }
}
