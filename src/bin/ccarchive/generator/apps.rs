//! The people of the site, what they run, and how that loads a node over time.

use super::metrics::Drive;
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

/// An application: its shape, and how much of a node's abilities it uses, 0 to 1, in the order of
/// [`Drive`]: cpu, flops, bandwidth, memory, network, files, accelerators.
#[derive(Debug)]
pub(super) struct App {
    pub(super) name: &'static str,
    pub(super) script: &'static str,
    shape: Shape,
    uses: [f64; 7],
}

/// All applications: the first [`CPU_APPS`] run on `cpu` nodes, the others need accelerators.
pub(super) const APPS: [App; 8] = [
    app(
        "gromacs",
        "srun gmx mdrun -deffnm md -maxh 24 >md.out 2>&1",
        Shape::Steady,
        [0.97, 0.62, 0.18, 0.07, 0.35, 0.02, 0.0],
    ),
    app(
        "wrf",
        "ulimit -s unlimited\nmpirun ./wrf.exe",
        Shape::Phases(1860),
        [0.93, 0.28, 0.78, 0.34, 0.55, 0.7, 0.0],
    ),
    app(
        "openfoam",
        "decomposePar && mpirun simpleFoam -parallel | tee log",
        Shape::Ramp,
        [0.95, 0.17, 0.91, 0.42, 0.28, 0.15, 0.0],
    ),
    app(
        "vasp",
        "mpirun vasp_std",
        Shape::Phases(700),
        [0.99, 0.74, 0.52, 0.61, 0.2, 0.05, 0.0],
    ),
    app(
        "python",
        "for f in input/*.csv; do python fit.py \"$f\"; done",
        Shape::Bursts,
        [0.4, 0.04, 0.06, 0.12, 0.01, 0.4, 0.0],
    ),
    app(
        "matlab",
        "matlab -batch 'run(\"scan.m\")'",
        Shape::Stall,
        [0.5, 0.09, 0.11, 0.22, 0.01, 0.08, 0.0],
    ),
    app(
        "pytorch",
        "torchrun --standalone train.py --epochs 40",
        Shape::Phases(1150),
        [0.35, 0.08, 0.22, 0.55, 0.08, 0.55, 0.94],
    ),
    app(
        "amber",
        "pmemd.cuda -O -i md.in -o md.out",
        Shape::Steady,
        [0.12, 0.03, 0.04, 0.14, 0.01, 0.03, 0.86],
    ),
];

const fn app(name: &'static str, script: &'static str, shape: Shape, uses: [f64; 7]) -> App {
    App {
        name,
        script,
        shape,
        uses,
    }
}

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
    /// How much of this ability of a node it uses, 0 to 1.
    pub(super) fn uses(&self, drive: Drive) -> f64 {
        self.uses[drive as usize]
    }

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
