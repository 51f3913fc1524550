//! The curves: every sample that a host ever sent, from the jobs that ran on it.
//!
//! A value follows its idle level plus what every job that touches the socket, thread, … adds at
//! that time, with some inertia and noise. Threads, hosts, users and applications all differ, so
//! that the archive of a demo job compresses about as badly as a real one.

use super::cluster::{self, Kind, Metric, Unit};
use super::hosts::{Fault, Host};
use super::plan::Window;
use super::random::{Random, index};
use super::work::WORK;

/// No unit does more than this, however many jobs overlap on it.
const FULL: f64 = 1.02;
/// How long a host with `Fault::Gap` is silent, seconds.
const GAP: i64 = 600;

/// What one job does to one host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) from: i64,
    pub(super) to: i64,
    /// Position in the list of applications.
    pub(super) app: usize,
    pub(super) threads: u64,
    pub(super) accelerators: u64,
    /// Decides the job's own factors; the same on all its hosts.
    pub(super) seed: u64,
}

/// All samples of one series of a host: at `first`, `first + timestep`, …; NaN where none was sent.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) metric: &'static Metric,
    /// Name below the host in the metric store; empty for the node itself.
    pub(super) child: String,
    pub(super) first: i64,
    pub(super) values: Vec<f32>,
}

/// Every series of the host, in the order of the metrics.
pub(super) fn columns(host: &Host, loads: &[Load], window: &Window, seed: u64) -> Vec<Column> {
    let mut columns = Vec::new();
    for metric in cluster::metrics()
        .iter()
        .filter(|metric| host.reports(metric))
    {
        let first = host.first_sample(metric.timestep);
        let count = index((window.last - first) / metric.timestep + 1);
        let effects: Vec<Effect<'_>> = (loads.iter())
            .filter_map(|load| Effect::new(load, metric, first, count))
            .collect();
        for unit in host.kind.units(metric.scope) {
            let seed = seed ^ (columns.len() as u64) << 40;
            let mut values = curve(metric, &unit, host.kind, count, &effects, seed);
            if host.fault == Fault::Gap {
                let gap = window.at(600)..window.at(600) + GAP;
                for (value, time) in values.iter_mut().zip(metric.times(first)) {
                    *value = if gap.contains(&time) {
                        f32::NAN
                    } else {
                        *value
                    };
                }
            }
            columns.push(Column {
                metric,
                child: unit.child,
                first,
                values,
            });
        }
    }
    columns
}

impl Metric {
    /// The times of all samples from `first` on.
    fn times(&self, first: i64) -> impl Iterator<Item = i64> {
        (0..).map(move |number| first + number * self.timestep)
    }
}

/// A load on the samples of one metric.
struct Effect<'a> {
    load: &'a Load,
    /// First sample inside the load.
    start: usize,
    levels: Vec<f64>,
    gain: f64,
}

impl<'a> Effect<'a> {
    fn new(load: &'a Load, metric: &Metric, first: i64, count: usize) -> Option<Self> {
        let app = &WORK.apps[load.app];
        let (step, drive) = (metric.timestep, metric.curve.drive);
        let start = ((load.from - first + step - 1).div_euclid(step)).max(0);
        let end = index((load.to - first + step - 1).div_euclid(step)).min(count);
        let length = end.checked_sub(index(start)).filter(|length| *length > 0)?;
        let times = metric.times(first + start * step - load.from).take(length);
        Some(Self {
            load,
            start: index(start),
            levels: app.levels(drive, load.seed, load.to - load.from, times),
            gain: app.uses(drive) * (0.7 + 0.3 * Random::stream(load.seed, 3).unit()),
        })
    }

    /// How much of the unit the job holds, 0 to 1.
    fn share(&self, unit: &Unit, kind: Kind) -> f64 {
        let (held, all) = if unit.accelerators == 0 {
            (self.load.threads & kind.all_threads(), unit.threads)
        } else {
            (self.load.accelerators, unit.accelerators)
        };
        f64::from((held & all).count_ones()) / f64::from(all.count_ones())
    }
}

fn curve(
    metric: &Metric,
    unit: &Unit,
    kind: Kind,
    count: usize,
    effects: &[Effect<'_>],
    seed: u64,
) -> Vec<f32> {
    let mut random = Random::new(seed);
    let mut level = vec![0.0; count];
    for effect in effects {
        let share = effect.share(unit, kind);
        if share > 0.0 {
            let gain = share * effect.gain * (0.93 + 0.07 * random.unit());
            for (level, activity) in level[effect.start..].iter_mut().zip(&effect.levels) {
                *level += gain * activity;
            }
        }
    }
    let curve = &metric.curve;
    let limit = curve.limit.unwrap_or(f64::MAX);
    let mut value = curve.idle;
    let follow = |level: &f64| {
        let target = curve.idle + (curve.full - curve.idle) * level.min(FULL);
        value += curve.follow * (target - value);
        narrow((value * (1.0 + curve.noise * random.noise())).clamp(0.0, limit))
    };
    level.iter().map(follow).collect()
}

/// As the metric store's files hold it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to single precision is what is wanted"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}
