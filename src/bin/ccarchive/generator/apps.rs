//! The people of the site, what they run, and how that loads a node over time.

use super::random::{Random, real};

/// How an application's load goes over its run.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Steady,
    /// Computes, then writes, again and again, with this period in seconds.
    Phases(i64),
    Ramp,
    Bursts,
    /// Works for three fifths of its run, then hangs.
    Stall,
}

/// An application: its shape, and how much of a node's abilities it uses, 0 to 1.
#[derive(Debug)]
pub(super) struct App {
    pub(super) name: &'static str,
    pub(super) script: &'static str,
    shape: Shape,
    pub(super) cpu: f64,
    pub(super) flops: f64,
    pub(super) bandwidth: f64,
    pub(super) memory: f64,
    pub(super) network: f64,
    pub(super) files: f64,
    pub(super) accelerator: f64,
}

/// All applications: the first [`CPU_APPS`] run on `cpu` nodes, the others need accelerators.
pub(super) const APPS: [App; 8] = [
    App {
        name: "gromacs",
        script: "srun gmx mdrun -deffnm md -maxh 24 >md.out 2>&1",
        shape: Shape::Steady,
        cpu: 0.97,
        flops: 0.62,
        bandwidth: 0.18,
        memory: 0.07,
        network: 0.35,
        files: 0.02,
        accelerator: 0.0,
    },
    App {
        name: "wrf",
        script: "ulimit -s unlimited\nmpirun ./wrf.exe",
        shape: Shape::Phases(1860),
        cpu: 0.93,
        flops: 0.28,
        bandwidth: 0.78,
        memory: 0.34,
        network: 0.55,
        files: 0.7,
        accelerator: 0.0,
    },
    App {
        name: "openfoam",
        script: "decomposePar && mpirun simpleFoam -parallel | tee log",
        shape: Shape::Ramp,
        cpu: 0.95,
        flops: 0.17,
        bandwidth: 0.91,
        memory: 0.42,
        network: 0.28,
        files: 0.15,
        accelerator: 0.0,
    },
    App {
        name: "vasp",
        script: "mpirun vasp_std",
        shape: Shape::Phases(700),
        cpu: 0.99,
        flops: 0.74,
        bandwidth: 0.52,
        memory: 0.61,
        network: 0.2,
        files: 0.05,
        accelerator: 0.0,
    },
    App {
        name: "python",
        script: "for f in input/*.csv; do python fit.py \"$f\"; done",
        shape: Shape::Bursts,
        cpu: 0.4,
        flops: 0.04,
        bandwidth: 0.06,
        memory: 0.12,
        network: 0.01,
        files: 0.4,
        accelerator: 0.0,
    },
    App {
        name: "matlab",
        script: "matlab -batch 'run(\"scan.m\")'",
        shape: Shape::Stall,
        cpu: 0.5,
        flops: 0.09,
        bandwidth: 0.11,
        memory: 0.22,
        network: 0.01,
        files: 0.08,
        accelerator: 0.0,
    },
    App {
        name: "pytorch",
        script: "torchrun --standalone train.py --epochs 40",
        shape: Shape::Phases(1150),
        cpu: 0.35,
        flops: 0.08,
        bandwidth: 0.22,
        memory: 0.55,
        network: 0.08,
        files: 0.55,
        accelerator: 0.94,
    },
    App {
        name: "amber",
        script: "pmemd.cuda -O -i md.in -o md.out",
        shape: Shape::Steady,
        cpu: 0.12,
        flops: 0.03,
        bandwidth: 0.04,
        memory: 0.14,
        network: 0.01,
        files: 0.03,
        accelerator: 0.86,
    },
];

/// How many of [`APPS`] run on `cpu` nodes.
pub(super) const CPU_APPS: u32 = 6;

/// A user: login, name, project.
pub(super) const USERS: [(&str, &str, &str); 9] = [
    ("abel", "Ada Abel", "hydro"),
    ("brandt", "Bo Brandt", "climate"),
    ("conti", "Carla Conti", "materials"),
    ("diaz", "Diego Diaz", "proteins"),
    ("ekberg", "Eva Ekberg", "proteins"),
    ("faure", "Félix Faure", "turbulence"),
    ("gupta", "Gita Gupta", "learning"),
    ("haas", "Hans Haas", "learning"),
    ("ito", "Ichiro Itō", "materials"),
];

/// The load of one job over time, as one value between 0 and about 1 for each sample.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) compute: Vec<f64>,
    pub(super) memory: Vec<f64>,
    pub(super) files: Vec<f64>,
}

impl App {
    /// The activity of a run of `span` seconds at `count` times, `first` seconds after its start
    /// and every `timestep` from there.
    pub(super) fn activity(
        &self,
        seed: u64,
        span: i64,
        (first, timestep, count): (i64, i64, usize),
    ) -> Activity {
        let offset = Random::stream(seed, 2).between(0, 600);
        let times = || {
            (0..count).scan(first - timestep, |time, _| {
                *time += timestep;
                Some(*time)
            })
        };
        let compute: Vec<f64> = times()
            .map(|time| self.shape.level(seed, time, span, offset))
            .collect();
        Activity {
            memory: times()
                .map(|time| 1.0 - 0.9 * (-real(time) / 500.0).exp())
                .collect(),
            files: compute.iter().map(|level| 1.02 - level).collect(),
            compute,
        }
    }
}

impl Shape {
    fn level(self, seed: u64, time: i64, span: i64, offset: i64) -> f64 {
        if time < 90 {
            return 0.25;
        }
        match self {
            Self::Steady => 1.0,
            Self::Phases(period) => {
                if (time + offset) % period < period * 4 / 5 {
                    1.0
                } else {
                    0.2
                }
            }
            Self::Ramp => 0.4 + 0.6 * real(time) / real(span.max(1)),
            Self::Bursts => {
                let part = u64::try_from((time + offset) / 210).unwrap_or(0);
                0.1 + 0.9 * Random::stream(seed, part).unit()
            }
            Self::Stall if time < span * 3 / 5 => 1.0,
            Self::Stall => 0.02,
        }
    }
}
