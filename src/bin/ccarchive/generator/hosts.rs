//! The hosts: what each writes its samples into, when it reports, and what is wrong with it.
//!
//! Phases. A host reads all its metrics at once, so one phase serves all timesteps. Most phases let
//! the next sample after a border come within half a timestep, and then files hold every value. One
//! host in five has another phase, and the slot in which its newest snapshot ended is in no file
//! until the next snapshot: a site has such hosts, and a reader must expect them.

use super::cluster::Kind;
use super::plan::{Plan, Window};
use super::random::Random;

/// Least common multiple of all timesteps, seconds.
const CYCLE: i64 = 300;

/// What a host's folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `.bin` snapshots and `current.wal`.
    Binary,
    /// `.json` snapshots only: nothing after the newest.
    Json,
    /// `.json`, later `.bin` and `current.wal`: a site that changed over.
    Mixed,
}

/// What is wrong with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Never reported; has no folder.
    Silent,
    /// Begins to report in the middle of the window.
    Late,
    /// Ten minutes without samples, from this time on.
    Gap(i64),
    /// Does not report `mem_bw`.
    Lacking,
    /// Its newest snapshot was cut short.
    CutSnapshot,
    /// Its log has a bad record in the middle and a torn end.
    BadLog,
}

/// Length of the gap of `Fault::Gap`, seconds.
pub(super) const GAP: i64 = 600;

/// One host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) format: Format,
    pub(super) fault: Fault,
    /// Reports from this time on.
    pub(super) begins: i64,
    /// Its samples stand at this time modulo the timestep.
    phase: i64,
}

impl Host {
    /// Time of the first sample of a metric with this timestep.
    pub(super) fn first_sample(&self, timestep: i64) -> i64 {
        self.begins + (self.phase - self.begins).rem_euclid(timestep)
    }

    /// Whether everyday jobs run here.
    pub(super) fn healthy(&self) -> bool {
        self.fault == Fault::None
    }
}

/// How many hosts are of the kind `cpu` and `gpu`.
pub(super) fn counts(plan: &Plan) -> (u32, u32) {
    let gpu = (plan.nodes / 5).max(1);
    (plan.nodes - gpu, gpu)
}

/// All hosts, the faulty ones last among the `cpu` ones, then the `gpu` ones.
pub(super) fn all(plan: &Plan, window: &Window) -> Vec<Host> {
    let faults = [
        Fault::Silent,
        Fault::Late,
        Fault::Gap(window.at(600)),
        Fault::Lacking,
        Fault::CutSnapshot,
        Fault::BadLog,
    ];
    let faults: &[Fault] = if plan.broken { &faults } else { &[] };
    let (cpu, gpu) = counts(plan);
    let healthy = index(cpu) - faults.len();
    let mut hosts = Vec::new();
    for number in 0..index(cpu) {
        let fault = match number.checked_sub(healthy) {
            Some(which) => faults[which],
            None => Fault::None,
        };
        let format = match number {
            _ if fault != Fault::None => Format::Binary,
            last if last + 1 == healthy => Format::Json,
            _ if number % 6 == 5 => Format::Json,
            _ if number % 6 == 1 => Format::Mixed,
            _ => Format::Binary,
        };
        hosts.push(host(plan, window, Kind::Cpu, number, (format, fault)));
    }
    for number in 0..index(gpu) {
        let format = if number % 6 == 1 {
            Format::Mixed
        } else {
            Format::Binary
        };
        hosts.push(host(plan, window, Kind::Gpu, number, (format, Fault::None)));
    }
    hosts
}

fn host(
    plan: &Plan,
    window: &Window,
    kind: Kind,
    number: usize,
    (format, fault): (Format, Fault),
) -> Host {
    let mut random = Random::stream(
        plan.seed,
        0x1_0000 + number as u64 * 2 + u64::from(kind == Kind::Gpu),
    );
    let offset = if number % 5 == 4 && fault == Fault::None {
        random.between(31, 59) + 60 * random.between(0, 4)
    } else {
        random.between(1, 15) + 60 * random.between(0, 2)
    };
    Host {
        name: format!("{}{:04}", kind.letter(), number + 1),
        kind,
        format,
        fault,
        begins: if fault == Fault::Late {
            window.at(500)
        } else {
            window.first + random.between(0, 240)
        },
        phase: (window.newest() + offset).rem_euclid(CYCLE),
    }
}

fn index(number: u32) -> usize {
    number as usize
}
