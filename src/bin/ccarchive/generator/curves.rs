//! The curves: every sample that a host ever sent, from the jobs that ran on it.
//!
//! A value follows its idle level plus what every job that touches the socket, thread, … adds at that time, with some
//! inertia and noise. Threads, hosts, users and applications all differ, so that the archive of a demo job compresses
//! about as badly as a real one.

use super::cluster::{self, Metric, Unit};
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

/// What a load adds to the samples of one metric, from the sample `start` on.
struct Effect<'a> {
    load: &'a Load,
    start: usize,
    levels: Vec<f64>,
}

/// Every series of the host, in the order of the metrics.
pub(super) fn columns(host: &Host, loads: &[Load], window: &Window, seed: u64) -> Vec<Column> {
    let mut columns = Vec::new();
    for metric in cluster::metrics()
        .iter()
        .filter(|metric| host.reports(metric))
    {
        let (first, step) = (host.first_sample(metric.timestep), metric.timestep);
        let count = index((window.last - first) / step + 1);
        let effects: Vec<_> = loads
            .iter()
            .map(|load| effect(load, metric, first, count))
            .collect();
        for unit in host.kind.units(&metric.scope) {
            let seed = seed ^ (columns.len() as u64) << 40;
            let mut values = curve(metric, &unit, count, &effects, seed);
            if host.fault == Fault::Gap {
                let from = index((window.at(600) - first + step - 1) / step).min(count);
                let to = index((window.at(600) + GAP - first + step - 1) / step).min(count);
                values[from..to].fill(f32::NAN);
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

/// What the load does to a metric with `count` samples from `first` on.
fn effect<'a>(load: &'a Load, metric: &Metric, first: i64, count: usize) -> Effect<'a> {
    let (app, step, drive) = (&WORK.apps[load.app], metric.timestep, &metric.curve.drive);
    let next = |time: i64| index((time - first + step - 1).div_euclid(step)).min(count);
    let (start, end) = (next(load.from), next(load.to));
    let gain = app.uses[drive] * (0.7 + 0.3 * Random::stream(load.seed, 3).unit());
    let level = |sample: usize| {
        let time = first + sample as i64 * step - load.from;
        gain * app.level(drive, load.seed, load.to - load.from, time)
    };
    Effect {
        load,
        start,
        levels: (start..end).map(level).collect(),
    }
}

fn curve(
    metric: &Metric,
    unit: &Unit,
    count: usize,
    effects: &[Effect<'_>],
    seed: u64,
) -> Vec<f32> {
    let mut random = Random::new(seed);
    let mut level = vec![0.0; count];
    for Effect {
        load,
        start,
        levels,
    } in effects
    {
        let share = if unit.accelerators == 0 {
            share(load.threads, unit.threads)
        } else {
            share(load.accelerators, unit.accelerators)
        };
        let gain = share * (0.93 + 0.07 * random.unit());
        for (level, more) in level[*start..].iter_mut().zip(levels) {
            *level += gain * more;
        }
    }
    let curve = &metric.curve;
    let mut value = curve.idle;
    let follow = |level: &f64| {
        let target = curve.idle + (curve.full - curve.idle) * level.min(FULL);
        value += curve.follow * (target - value);
        let noisy = value * (1.0 + curve.noise * random.noise());
        narrow(noisy.clamp(0.0, curve.limit.unwrap_or(f64::MAX)))
    };
    level.iter().map(follow).collect()
}

/// How much of a unit a job holds, 0 to 1.
fn share(held: u64, all: u64) -> f64 {
    f64::from((held & all).count_ones()) / f64::from(all.count_ones())
}

/// As the metric store's files hold it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to single precision is what is wanted"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}
