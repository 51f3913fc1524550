//! The curves: every sample that a host ever sent, from the jobs that ran on it.
//!
//! A value follows its idle level plus what every job that touches the socket, thread, … adds at that time, with some
//! inertia and noise. Threads, hosts and applications all differ, so that the archive of a demo job compresses about as
//! badly as a real one.

use super::cluster::{CONFIG, Metric, Unit};
use super::hosts::{Host, Role};
use super::jobs::Job;
use super::plan::Plan;
use super::random::{Random, index};
use super::work::WORK;

/// All samples of one series of a host: at `first`, `first + timestep`, …; NaN where none was sent.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) metric: &'static Metric,
    /// Name below the host in the metric store; empty for the node itself.
    pub(super) child: String,
    pub(super) first: i64,
    pub(super) values: Vec<f32>,
}

/// Every series of the host, in the order of the metrics, from the jobs that ran on it.
pub(super) fn columns(host: &Host, jobs: &[&Job], plan: &Plan) -> Vec<Column> {
    let gap = plan.first() + plan.share(600);
    let mut random = Random::new(host.seed);
    let mut columns = Vec::new();
    for metric in CONFIG.metric_config.iter().filter(|m| host.reports(m)) {
        let first = host.first_sample(metric.timestep);
        let times = (first..=plan.last()).step_by(index(metric.timestep));
        let times: Vec<i64> = times.collect();
        for unit in host.kind.units(&metric.scope) {
            let mut values = curve(metric, &unit, &times, jobs, &mut random);
            if host.role == Role::Gap {
                let next = |end| times.partition_point(|time| *time < end);
                values[next(gap)..next(gap + 600)].fill(f32::NAN);
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

/// The values of a unit at these times.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the metric store's files have single precision"
)]
fn curve(
    metric: &Metric,
    unit: &Unit,
    times: &[i64],
    jobs: &[&Job],
    random: &mut Random,
) -> Vec<f32> {
    let curve = &WORK.curves[&metric.name];
    let mut level = vec![0.0; times.len()];
    for job in jobs {
        let gain = job.share(unit) * job.app.uses[&curve.drive] * (0.9 + 0.1 * random.unit());
        let from = times.partition_point(|time| *time < job.start);
        let running = times[from..].iter().map(|time| time - job.start);
        let running = running.take_while(|time| *time < job.ran);
        for (level, time) in level[from..].iter_mut().zip(running) {
            *level += gain * job.app.level(job.seed, time);
        }
    }
    let mut value = curve.idle;
    let follow = |level: f64| {
        // Where jobs overlap, they cannot do more than one in full use.
        let target = curve.idle + (curve.full - curve.idle) * level.min(1.0);
        value += curve.follow * (target - value);
        // Small deviations more often than large ones.
        let noisy = value * (1.0 + curve.noise * (random.unit() - random.unit()));
        noisy.clamp(0.0, curve.limit.unwrap_or(f64::MAX)) as f32
    };
    level.into_iter().map(follow).collect()
}
