//! The metrics: what cluster.json says of each, and what its curves need.
//!
//! All native scopes are among them, timesteps of 30, 60 and 300 s, a footprint by average and by
//! maximum, power for the energy sum, metrics removed from a subcluster, and one overridden in one.
//! An override replaces everything it can, the footprint too, so that entry repeats it.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use super::cluster::Kind;

/// A scope in the metric store's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Scope {
    Node,
    Socket,
    MemoryDomain,
    Core,
    Hwthread,
    Accelerator,
}

/// What a metric follows: one of the factors of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
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
    pub(super) name: String,
    pub(super) scope: Scope,
    pub(super) timestep: i64,
    pub(super) curve: Curve,
    /// Its entry in cluster.json.
    pub(super) config: Value,
}

/// How the values of a metric come about.
#[derive(Debug, Deserialize)]
pub(super) struct Curve {
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
    #[serde(default = "unlimited")]
    pub(super) limit: f64,
}

fn unlimited() -> f64 {
    f64::MAX
}

/// A row of metrics.json.
#[derive(Deserialize)]
struct Row {
    curve: Curve,
    config: Value,
}

/// What the program reads of an entry in cluster.json.
#[derive(Deserialize)]
struct Entry {
    name: String,
    scope: Scope,
    timestep: i64,
}

/// All metrics, in the order of cluster.json.
#[expect(clippy::expect_used, reason = "the file is part of the program")]
pub(super) static METRICS: LazyLock<Vec<Metric>> = LazyLock::new(|| {
    let rows: Vec<Row> = serde_json::from_str(include_str!("metrics.json")).expect("metrics.json");
    let metric = |Row { curve, config }| {
        let entry = Entry::deserialize(&config).expect("metrics.json");
        Metric {
            name: entry.name,
            scope: entry.scope,
            timestep: entry.timestep,
            curve,
            config,
        }
    };
    rows.into_iter().map(metric).collect()
});

impl Metric {
    /// Whether nodes of this kind report it.
    pub(super) fn on(&self, kind: Kind) -> bool {
        let changes = self.config["subClusters"].as_array();
        !(changes.into_iter().flatten())
            .any(|change| change["name"] == kind.name() && change["remove"] == true)
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
