//! The curves: every sample that a host ever sent, from the jobs that ran on it.
//!
//! A value follows its idle level plus what every job that touches the socket, thread, … adds at
//! that time, with some inertia and noise. Threads, hosts, users and applications all differ, so
//! that the archive of a demo job compresses about as badly as a real one.

use super::apps::{APPS, Activity};
use super::cluster::{Kind, Unit};
use super::hosts::{Fault, GAP, Host};
use super::metrics::{Drive, METRICS, Metric};
use super::random::{Random, index};

/// No unit does more than this, however many jobs overlap on it.
const FULL: f64 = 1.02;

/// What one job does to one host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) from: i64,
    pub(super) to: i64,
    /// Position in [`APPS`].
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

/// Every series of the host up to time `last`, in the order of the metrics.
pub(super) fn columns(host: &Host, loads: &[Load], last: i64, seed: u64) -> Vec<Column> {
    let mut columns = Vec::new();
    if host.fault == Fault::Silent {
        return columns;
    }
    for metric in METRICS.iter().filter(|metric| metric.on(host.kind)) {
        if host.fault == Fault::Lacking && metric.name == "mem_bw" {
            continue;
        }
        let first = host.first_sample(metric.timestep);
        let count = index((last - first) / metric.timestep + 1);
        let effects: Vec<Effect<'_>> = loads
            .iter()
            .filter_map(|load| Effect::new(load, metric, first, count))
            .collect();
        for unit in host.kind.units(metric.scope) {
            let seed = seed ^ (columns.len() as u64) << 40;
            let mut values = curve(metric, &unit, (host.kind, count), &effects, seed);
            if let Fault::Gap(from) = host.fault {
                forget(&mut values, metric, first, from);
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

/// A load on the samples of one metric.
struct Effect<'a> {
    load: &'a Load,
    /// First sample inside the load.
    start: usize,
    activity: Activity,
    gain: f64,
}

impl<'a> Effect<'a> {
    fn new(load: &'a Load, metric: &Metric, first: i64, count: usize) -> Option<Self> {
        let app = &APPS[load.app];
        let step = metric.timestep;
        let start = ((load.from - first + step - 1).div_euclid(step)).max(0);
        let end = index((load.to - first + step - 1).div_euclid(step)).min(count);
        let length = end.checked_sub(index(start)).filter(|length| *length > 0)?;
        let times = (first + start * step - load.from, step, length);
        Some(Self {
            load,
            start: index(start),
            activity: app.activity(load.seed, load.to - load.from, times),
            gain: app.uses(metric.curve.drive) * (0.7 + 0.3 * Random::stream(load.seed, 3).unit()),
        })
    }

    fn levels(&self, drive: Drive) -> &[f64] {
        match drive {
            Drive::Memory => &self.activity.memory,
            Drive::Files => &self.activity.files,
            Drive::Cpu | Drive::Flops | Drive::Bandwidth | Drive::Network | Drive::Accelerator => {
                &self.activity.compute
            }
        }
    }

    /// How much of the unit the job holds, 0 to 1.
    fn share(&self, unit: &Unit, kind: Kind) -> f64 {
        let part = |held: u64, all: u64| {
            f64::from((held & all).count_ones()) / f64::from(all.count_ones())
        };
        if unit.accelerators != 0 {
            part(self.load.accelerators, unit.accelerators)
        } else {
            part(self.load.threads & kind.all_threads(), unit.threads)
        }
    }
}

fn curve(
    metric: &Metric,
    unit: &Unit,
    (kind, count): (Kind, usize),
    effects: &[Effect<'_>],
    seed: u64,
) -> Vec<f32> {
    let mut random = Random::new(seed);
    let mut level = vec![0.0; count];
    for effect in effects {
        let share = effect.share(unit, kind);
        if share > 0.0 {
            let gain = share * effect.gain * (0.93 + 0.07 * random.unit());
            for (level, activity) in level[effect.start..]
                .iter_mut()
                .zip(effect.levels(metric.curve.drive))
            {
                *level += gain * activity;
            }
        }
    }
    let mut value = metric.curve.idle;
    level
        .iter()
        .map(|level| {
            let target =
                metric.curve.idle + (metric.curve.full - metric.curve.idle) * level.min(FULL);
            value += metric.curve.follow * (target - value);
            narrow(
                (value * (1.0 + metric.curve.noise * random.noise()))
                    .clamp(0.0, metric.curve.limit),
            )
        })
        .collect()
}

/// Takes the samples out that fall into the gap.
fn forget(values: &mut [f32], metric: &Metric, first: i64, from: i64) {
    for (number, value) in (0..).zip(values) {
        let time = first + number * metric.timestep;
        if (from..from + GAP).contains(&time) {
            *value = f32::NAN;
        }
    }
}

/// As the metric store's files hold it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to single precision is what is wanted"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}
