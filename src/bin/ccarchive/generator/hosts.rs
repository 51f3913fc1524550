//! The hosts: what each is there for, and when it reports.
//!
//! A host reads all its metrics at once, so one phase serves all timesteps. Most phases let the next sample after a border
//! come within half a timestep, and then files hold every value. One host in five has another phase, and the slot in which
//! its newest snapshot ended is in no file until the next snapshot: a site has such hosts, and a reader must expect them.

use serde::Deserialize;
use strum::{EnumIter, IntoEnumIterator as _};

use super::cluster::{CONFIG, Metric, Subcluster};
use super::plan::Plan;
use super::random::Random;

/// Least common multiple of all timesteps, seconds.
const CYCLE: i64 = 300;

/// What a host is there for; jobs.json names these. The first three are sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, EnumIter)]
#[serde(rename_all = "camelCase")]
pub(super) enum Role {
    /// A `cpu` host with `.bin` snapshots and `current.wal`.
    Main,
    /// A `cpu` host with `.json` snapshots only: nothing after the newest.
    Json,
    /// A host with accelerators; files as `Main`.
    Gpu,
    /// Never reported; has no folder.
    Silent,
    /// Begins to report in the middle of the time.
    Late,
    /// Some minutes without samples.
    Gap,
    /// Does not report `mem_bw`.
    Lacking,
    /// Its newest snapshot was cut short.
    CutSnapshot,
    /// Its log has a bad record and a torn end.
    BadLog,
}

impl Role {
    pub(super) fn is_sound(self) -> bool {
        self <= Self::Gpu
    }
}

/// One host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) kind: &'static Subcluster,
    /// Whether it wrote `.json` snapshots at first: a site that changed over.
    pub(super) is_mixed: bool,
    /// Decides its values.
    pub(super) seed: u64,
    /// Reports from this time on.
    begins: i64,
    /// Its samples stand at this time modulo the timestep.
    phase: i64,
}

/// All hosts, the faulty ones last among the `cpu` ones, then the `gpu` ones.
pub(super) fn all(plan: &Plan) -> Vec<Host> {
    let is_there = |role: &Role| plan.broken && !role.is_sound();
    let faults: Vec<Role> = Role::iter().filter(is_there).collect();
    let [cpu, gpu] = plan.counts();
    let sound = cpu.saturating_sub(faults.len());
    let role = |number: usize| match number.checked_sub(sound) {
        Some(fault) => faults[fault],
        None if number % 6 == 5 || number + 1 == sound => Role::Json,
        None => Role::Main,
    };
    let mut random = Random::new(plan.seed);
    let cpus = (0..cpu).map(|number| (role(number), number));
    let gpus = (0..gpu).map(|number| (Role::Gpu, number));
    cpus.chain(gpus)
        .map(|(role, number)| Host::new(plan, role, number, &mut random))
        .collect()
}

impl Host {
    fn new(plan: &Plan, role: Role, number: usize, random: &mut Random) -> Self {
        let kind = &CONFIG.sub_clusters[usize::from(role == Role::Gpu)];
        let is_odd = role.is_sound() && number % 5 == 4;
        let (least, most) = if is_odd { (31, 59) } else { (1, 15) };
        let offset = random.between(least, most) + 60 * random.between(0, 2);
        let late = plan.share(if role == Role::Late { 500 } else { 0 });
        Self {
            name: format!("{}{:04}", &kind.name[..1], number + 1),
            role,
            kind,
            is_mixed: role.is_sound() && number % 6 == 1,
            seed: random.bits(),
            begins: plan.first() + late + random.between(0, 240),
            phase: (plan.newest() + offset).rem_euclid(CYCLE),
        }
    }

    pub(super) fn reports(&self, metric: &Metric) -> bool {
        let is_lacking = self.role == Role::Lacking && metric.name == "mem_bw";
        self.role != Role::Silent && !is_lacking
    }

    /// Time of the first sample of a metric with this timestep.
    pub(super) fn first_sample(&self, timestep: i64) -> i64 {
        self.begins + (self.phase - self.begins).rem_euclid(timestep)
    }
}
