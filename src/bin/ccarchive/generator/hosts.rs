//! The hosts: what each writes its samples into, when it reports, and what is wrong with it.
//!
//! Phases. A host reads all its metrics at once, so one phase serves all timesteps. Most phases let the next sample after
//! a border come within half a timestep, and then files hold every value. One host in five has another phase, and the
//! slot in which its newest snapshot ended is in no file until the next snapshot: a site has such hosts, and a reader must
//! expect them.

use strum::IntoStaticStr;

use super::cluster::{Kind, Metric};
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

/// What is wrong with a host; special.json has these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
pub(super) enum Fault {
    None,
    /// Never reported; has no folder.
    Silent,
    /// Begins to report in the middle of the window.
    Late,
    /// Some minutes without samples.
    Gap,
    /// Does not report `mem_bw`.
    Lacking,
    /// Its newest snapshot was cut short.
    CutSnapshot,
    /// Its log has a bad record in the middle and a torn end.
    BadLog,
}

/// The faults of the last `cpu` hosts of a site with damage.
pub(super) const FAULTS: [Fault; 6] = [
    Fault::Silent,
    Fault::Late,
    Fault::Gap,
    Fault::Lacking,
    Fault::CutSnapshot,
    Fault::BadLog,
];

/// One host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) format: Format,
    pub(super) fault: Fault,
    /// Reports from this time on.
    begins: i64,
    /// Its samples stand at this time modulo the timestep.
    phase: i64,
}

/// All hosts, the faulty ones last among the `cpu` ones, then the `gpu` ones.
pub(super) fn all(plan: &Plan, window: &Window) -> Vec<Host> {
    let faults: &[Fault] = if plan.broken { &FAULTS } else { &[] };
    let [cpu, gpu] = plan.counts().map(|count| count as usize);
    let healthy = cpu - faults.len();
    let cpus = (0..cpu).map(|number| {
        let fault = number
            .checked_sub(healthy)
            .map_or(Fault::None, |which| faults[which]);
        let format = match number % 6 {
            _ if fault != Fault::None => Format::Binary,
            5 => Format::Json,
            _ if number + 1 == healthy => Format::Json,
            1 => Format::Mixed,
            _ => Format::Binary,
        };
        Host::new(plan, window, Kind::Cpu, number, format, fault)
    });
    let gpus = (0..gpu).map(|number| {
        let format = if number % 6 == 1 {
            Format::Mixed
        } else {
            Format::Binary
        };
        Host::new(plan, window, Kind::Gpu, number, format, Fault::None)
    });
    cpus.chain(gpus).collect()
}

impl Host {
    fn new(
        plan: &Plan,
        window: &Window,
        kind: Kind,
        number: usize,
        format: Format,
        fault: Fault,
    ) -> Self {
        let tag = 0x1_0000 + number as u64 * 2 + u64::from(kind == Kind::Gpu);
        let mut random = Random::stream(plan.seed, tag);
        let offset = if number % 5 == 4 && fault == Fault::None {
            random.between(31, 59) + 60 * random.between(0, 4)
        } else {
            random.between(1, 15) + 60 * random.between(0, 2)
        };
        let late = if fault == Fault::Late {
            window.share(500)
        } else {
            random.between(0, 240)
        };
        Self {
            name: format!("{}{:04}", &kind.name()[..1], number + 1),
            kind,
            format,
            fault,
            begins: window.first + late,
            phase: (window.newest() + offset).rem_euclid(CYCLE),
        }
    }

    pub(super) fn reports(&self, metric: &Metric) -> bool {
        let is_lacking = self.fault == Fault::Lacking && metric.name == "mem_bw";
        metric.on(self.kind) && self.fault != Fault::Silent && !is_lacking
    }

    /// Time of the first sample of a metric with this timestep.
    pub(super) fn first_sample(&self, timestep: i64) -> i64 {
        self.begins + (self.phase - self.begins).rem_euclid(timestep)
    }
}
