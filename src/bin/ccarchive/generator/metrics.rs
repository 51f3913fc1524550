//! The metrics: what cluster.json says of each, and what its curves need.
//!
//! All native scopes are among them, timesteps of 30, 60 and 300 s, a footprint by average and by
//! maximum, power for the energy sum, metrics removed from a subcluster, and one overridden in one.

use serde_json::{Value, json};

use super::cluster::Kind;

/// A scope in the metric store's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Node,
    Socket,
    MemoryDomain,
    Core,
    Hwthread,
    Accelerator,
}

/// What a metric follows: one of the factors of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drive {
    Cpu,
    Flops,
    Bandwidth,
    Memory,
    Network,
    Files,
    Accelerator,
}

/// A metric, as the configuration has it and as the curves need it.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    pub(super) timestep: i64,
    pub(super) drive: Drive,
    /// Value of one socket, thread, … without work.
    pub(super) idle: f64,
    /// Value with a factor of 1.
    pub(super) full: f64,
    /// Largest relative deviation by noise.
    pub(super) noise: f64,
    /// How far a value follows its cause within a timestep: 1 at once.
    pub(super) follow: f64,
    /// Nothing is above it.
    pub(super) limit: f64,
    aggregation: &'static str,
    unit: (&'static str, &'static str),
    footprint: &'static str,
    energy: &'static str,
    /// peak, normal, caution, alert
    levels: [f64; 4],
    /// The subcluster that does not have it.
    removed: Option<Kind>,
}

const PLAIN: Metric = Metric {
    name: "",
    scope: Scope::Node,
    timestep: 60,
    drive: Drive::Cpu,
    idle: 0.0,
    full: 100.0,
    noise: 0.05,
    follow: 1.0,
    limit: f64::MAX,
    aggregation: "sum",
    unit: ("", ""),
    footprint: "",
    energy: "",
    levels: [100.0, 50.0, 20.0, 10.0],
    removed: None,
};

/// All metrics, in the order of cluster.json.
pub(super) static METRICS: [Metric; 13] = [
    Metric {
        name: "cpu_load",
        full: 32.0,
        idle: 0.05,
        noise: 0.04,
        follow: 0.5,
        aggregation: "avg",
        footprint: "avg",
        levels: [32.0, 32.0, 16.0, 4.0],
        ..PLAIN
    },
    Metric {
        name: "cpu_user",
        scope: Scope::Hwthread,
        idle: 0.3,
        limit: 100.0,
        aggregation: "avg",
        ..PLAIN
    },
    Metric {
        name: "mem_used",
        drive: Drive::Memory,
        idle: 6.5,
        full: 250.0,
        noise: 0.004,
        limit: 256.0,
        unit: ("B", "G"),
        footprint: "max",
        levels: [256.0, 128.0, 200.0, 240.0],
        ..PLAIN
    },
    Metric {
        name: "flops_any",
        scope: Scope::Hwthread,
        drive: Drive::Flops,
        full: 38.0,
        noise: 0.12,
        unit: ("F/s", "G"),
        footprint: "avg",
        levels: [1200.0, 600.0, 200.0, 50.0],
        ..PLAIN
    },
    Metric {
        name: "ipc",
        scope: Scope::Core,
        drive: Drive::Flops,
        idle: 0.4,
        full: 3.6,
        noise: 0.08,
        aggregation: "avg",
        unit: ("IPC", ""),
        levels: [4.0, 2.0, 1.0, 0.5],
        removed: Some(Kind::Gpu),
        ..PLAIN
    },
    Metric {
        name: "mem_bw",
        scope: Scope::MemoryDomain,
        drive: Drive::Bandwidth,
        idle: 0.08,
        full: 88.0,
        noise: 0.07,
        unit: ("B/s", "G"),
        footprint: "avg",
        levels: [350.0, 100.0, 50.0, 10.0],
        ..PLAIN
    },
    Metric {
        name: "cpu_power",
        scope: Scope::Socket,
        idle: 62.0,
        full: 240.0,
        noise: 0.02,
        follow: 0.6,
        unit: ("W", ""),
        energy: "power",
        levels: [500.0, 250.0, 100.0, 50.0],
        ..PLAIN
    },
    Metric {
        name: "net_bw",
        drive: Drive::Network,
        idle: 0.4,
        full: 2900.0,
        noise: 0.3,
        unit: ("B/s", "M"),
        levels: [12500.0, 6000.0, 200.0, 1.0],
        ..PLAIN
    },
    Metric {
        name: "file_io",
        timestep: 300,
        drive: Drive::Files,
        idle: 0.02,
        full: 640.0,
        noise: 0.5,
        unit: ("B/s", "M"),
        ..PLAIN
    },
    Metric {
        name: "cpu_temp",
        timestep: 30,
        idle: 34.0,
        full: 76.0,
        noise: 0.01,
        follow: 0.08,
        aggregation: "avg",
        unit: ("°C", ""),
        levels: [100.0, 60.0, 80.0, 95.0],
        ..PLAIN
    },
    Metric {
        name: "acc_utilization",
        scope: Scope::Accelerator,
        drive: Drive::Accelerator,
        limit: 100.0,
        aggregation: "avg",
        footprint: "avg",
        levels: [100.0, 80.0, 50.0, 20.0],
        removed: Some(Kind::Cpu),
        ..PLAIN
    },
    Metric {
        name: "acc_mem_used",
        scope: Scope::Accelerator,
        drive: Drive::Memory,
        idle: 0.6,
        full: 38.0,
        noise: 0.002,
        limit: 40.0,
        unit: ("B", "G"),
        levels: [40.0, 20.0, 10.0, 5.0],
        removed: Some(Kind::Cpu),
        ..PLAIN
    },
    Metric {
        name: "acc_power",
        scope: Scope::Accelerator,
        drive: Drive::Accelerator,
        idle: 54.0,
        full: 390.0,
        noise: 0.04,
        follow: 0.7,
        unit: ("W", ""),
        energy: "power",
        levels: [400.0, 200.0, 50.0, 20.0],
        removed: Some(Kind::Cpu),
        ..PLAIN
    },
];

impl Metric {
    /// Whether nodes of this kind report it.
    pub(super) fn on(&self, kind: Kind) -> bool {
        self.removed != Some(kind)
    }

    /// Its entry in cluster.json.
    pub(super) fn config(&self) -> Value {
        let [peak, normal, caution, alert] = self.levels;
        let mut entry = json!({
            "name": self.name, "unit": unit(self.unit.0, self.unit.1), "scope": self.scope.name(),
            "aggregation": self.aggregation, "timestep": self.timestep,
            "peak": peak, "normal": normal, "caution": caution, "alert": alert,
        });
        if !self.footprint.is_empty() {
            entry["footprint"] = json!(self.footprint);
        }
        if !self.energy.is_empty() {
            entry["energy"] = json!(self.energy);
        }
        if self.name == "cpu_temp" {
            entry["lowerIsBetter"] = json!(true);
        }
        if let Some(kind) = self.removed {
            entry["subClusters"] = json!([{"name": kind.name(), "remove": true}]);
        } else if self.name == "cpu_load" {
            // An override replaces everything it can, footprint too: it has to repeat it.
            entry["subClusters"] = json!([{"name": Kind::Gpu.name(), "peak": 16, "normal": 16, "caution": 8,
                "alert": 2, "footprint": self.footprint}]);
        }
        entry
    }
}

impl Scope {
    /// Name in cluster.json, and what a child in the metric store begins with.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Socket => "socket",
            Self::MemoryDomain => "memoryDomain",
            Self::Core => "core",
            Self::Hwthread => "hwthread",
            Self::Accelerator => "accelerator",
        }
    }
}

/// A unit as cluster.json writes it.
pub(super) fn unit(base: &str, prefix: &str) -> Value {
    if prefix.is_empty() {
        json!({"base": base})
    } else {
        json!({"base": base, "prefix": prefix})
    }
}
