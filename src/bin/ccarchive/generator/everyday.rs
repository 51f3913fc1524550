//! Everyday work: random jobs until there are as many as planned.

use super::cluster::Kind;
use super::jobs::{Metadata, Schedule};
use super::plan::Plan;
use super::random::index;

/// Mean node seconds of a job before its length is scaled to the site.
const MEAN: i64 = 22_000;
/// Thousandths of the site that everyday work keeps busy, if that can be.
const LOAD: i64 = 550;
/// The newest end of an everyday job, seconds before `now`: older than a sweep's minimum age.
const YOUNGEST: i64 = 660;

/// Fills the schedule up to the planned number of jobs.
pub(super) fn fill(schedule: &mut Schedule<'_>, plan: &Plan) {
    let groups = [(Kind::Cpu, false), (Kind::Cpu, true), (Kind::Gpu, false)]
        .map(|(kind, json)| (kind, schedule.group(kind, json)));
    let hosts: usize = groups.iter().map(|(_, group)| group.len()).sum();
    let jobs = index(i64::from(plan.jobs));
    schedule.jobs.truncate(jobs);
    let missing = i64::try_from(jobs - schedule.jobs.len()).unwrap_or(i64::MAX);
    let capacity = i64::from(plan.nodes) * i64::from(plan.hours) * 3600;
    let scale = (capacity * LOAD / (missing * MEAN).max(1)).clamp(20, 2000);
    while schedule.jobs.len() < jobs {
        let mut ticket = schedule
            .random
            .below(u32::try_from(hosts).unwrap_or(u32::MAX)) as usize;
        for (kind, group) in &groups {
            if ticket < group.len() {
                place(schedule, *kind, group, scale);
                break;
            }
            ticket -= group.len();
        }
    }
    // A shared node may have brought one job too many.
    schedule.jobs.truncate(jobs);
}

/// Finds room for one job, or for the jobs of one shared node.
fn place(schedule: &mut Schedule<'_>, kind: Kind, group: &[usize], scale: i64) {
    let random = &mut schedule.random;
    let shared = random.chance(if kind == Kind::Gpu { 35 } else { 12 });
    let mut count = if shared {
        1
    } else {
        random
            .pick([1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 4, 8, 8])
            .min(group.len())
    };
    let (first, last) = (schedule.window.first + 900, schedule.window.now - YOUNGEST);
    let mut length = (length(schedule) * scale / 1000).clamp(20, last - first);
    for attempt in 1..=24 {
        let start = schedule.random.between(first, last - length);
        if let Some(hosts) = schedule.free(group, count, start, start + length) {
            schedule.book(&hosts, start, start + length);
            return fit(schedule, kind, &hosts, (start, length), shared);
        }
        length = (length * 4 / 5).max(20);
        if attempt % 6 == 0 {
            count = count.div_ceil(2);
        }
    }
    // The site is full: let the job overlap with others rather than leave it out.
    let start = schedule.random.between(first, last - length);
    let hosts = schedule.find(group, count, start, start + length);
    fit(schedule, kind, &hosts, (start, length), shared);
}

/// Length in seconds before scaling: mostly minutes to hours, few all day.
fn length(schedule: &mut Schedule<'_>) -> i64 {
    let random = &mut schedule.random;
    match random.below(100) {
        0..15 => random.between(20, 600),
        15..60 => random.between(600, 7200),
        60..90 => random.between(7200, 21_600),
        _ => random.between(21_600, 50_400),
    }
}

/// Adds the job, or as many jobs as share the host.
fn fit(
    schedule: &mut Schedule<'_>,
    kind: Kind,
    hosts: &[usize],
    (start, length): (i64, i64),
    shared: bool,
) {
    if !shared {
        schedule.add(hosts, start, length);
        return vary(schedule);
    }
    let of = schedule.random.pick([2, 4]);
    for part in 0..of {
        let late = schedule.random.between(0, length / 3);
        let early = schedule.random.between(0, length / 3);
        schedule
            .add(hosts, start + late, (length - late - early).max(20))
            .take_part(kind, part, of);
        vary(schedule);
    }
}

/// Gives the newest job an end, a status and metadata as they come.
fn vary(schedule: &mut Schedule<'_>) {
    let random = &mut schedule.random;
    let state = match random.below(100) {
        0..80 => "completed",
        80..88 => "failed",
        88..93 => "cancelled",
        93..97 => "timeout",
        97..99 => "out_of_memory",
        _ => "preempted",
    };
    let status = if random.chance(10) { 2 } else { 1 };
    let metadata = match random.below(10) {
        0 => Metadata::Null,
        1 => Metadata::Empty,
        _ => Metadata::Full,
    };
    let tag = random.chance(8).then(|| random.between(1, 3));
    if let Some(job) = schedule.jobs.last_mut() {
        job.state = state;
        job.status = status;
        job.metadata = metadata;
        job.tags.extend(tag);
        if state == "timeout" {
            job.walltime = job.duration;
        }
    }
}
