//! The cluster: its metrics and its two kinds of nodes, all of which stand in cluster.json beside this file.
//!
//! That file is the template of the site's cluster.json: each metric carries in addition how its curves come about, and
//! each kind of node has the first letter of its host names where the site has the list. All native scopes are among the
//! metrics, timesteps of 30, 60 and 300 s, a footprint by average and by maximum, power for the energy sum, metrics
//! removed from a subcluster, and one overridden in one. An override replaces everything it can, the footprint too, so
//! that entry repeats it. Sets of hardware threads and accelerators are bit masks.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};
use strum::IntoStaticStr;

pub(super) const CLUSTER: &str = "demo";
const TEMPLATE: &str = include_str!("cluster.json");

/// A subcluster, which is a kind of node, by its position in the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
pub(super) enum Kind {
    Cpu,
    Gpu,
}

/// A scope in the metric store's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, IntoStaticStr)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
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
#[derive(Debug, Deserialize)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) scope: Scope,
    pub(super) timestep: i64,
    pub(super) curve: Curve,
    #[serde(default, rename = "subClusters")]
    changes: Vec<Change>,
}

/// What is different about a metric in one subcluster.
#[derive(Debug, Deserialize)]
struct Change {
    name: String,
    #[serde(default)]
    remove: bool,
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
    pub(super) limit: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Template {
    metric_config: Vec<Metric>,
    sub_clusters: Vec<Nodes>,
}

#[derive(Deserialize)]
struct Nodes {
    topology: Topology,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Topology {
    node: Vec<u32>,
    socket: Vec<Vec<u32>>,
    memory_domain: Vec<Vec<u32>>,
    core: Vec<Vec<u32>>,
    accelerators: Vec<Device>,
}

#[derive(Deserialize)]
struct Device {
    id: String,
}

/// A node, socket, thread, … that has series of its own.
#[derive(Debug)]
pub(super) struct Unit {
    /// Name below the host in the metric store; empty for the node itself.
    pub(super) child: String,
    pub(super) threads: u64,
    pub(super) accelerators: u64,
}

#[expect(clippy::expect_used, reason = "the file is part of the program")]
static CONFIG: LazyLock<Template> =
    LazyLock::new(|| serde_json::from_str(TEMPLATE).expect("cluster.json"));

/// All metrics, in the order of cluster.json.
pub(super) fn metrics() -> &'static [Metric] {
    &CONFIG.metric_config
}

/// The text of cluster.json for so many nodes of each kind.
pub(super) fn document(counts: [u32; 2]) -> serde_json::Result<String> {
    let mut document: Value = serde_json::from_str(TEMPLATE)?;
    for metric in document["metricConfig"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        metric
            .as_object_mut()
            .and_then(|entries| entries.remove("curve"));
    }
    let kinds = document["subClusters"].as_array_mut();
    for (kind, nodes) in kinds.into_iter().flatten().zip(counts) {
        let letter = kind["nodes"].as_str().unwrap_or_default();
        kind["nodes"] = json!(format!("{letter}[0001-{nodes:04}]"));
    }
    Ok(format!("{document:#}\n"))
}

impl Metric {
    /// Whether nodes of this kind report it.
    pub(super) fn on(&self, kind: Kind) -> bool {
        !(self.changes.iter()).any(|change| change.name == kind.name() && change.remove)
    }
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        self.into()
    }

    fn topology(self) -> &'static Topology {
        &CONFIG.sub_clusters[self as usize].topology
    }

    /// Names of its accelerators in the job table and the metric store.
    pub(super) fn accelerators(self) -> impl Iterator<Item = &'static str> {
        self.topology()
            .accelerators
            .iter()
            .map(|device| device.id.as_str())
    }

    pub(super) fn all_threads(self) -> u64 {
        mask(&self.topology().node)
    }

    pub(super) fn all_accelerators(self) -> u64 {
        (1 << self.topology().accelerators.len()) - 1
    }

    /// Part `part` of `of` equal parts of the node's cores, as a mask of threads.
    pub(super) fn slice(self, part: usize, of: usize) -> u64 {
        let cores = &self.topology().core;
        let each = cores.len() / of;
        mask(&cores[part * each..(part + 1) * each].concat())
    }

    /// Everything that has series of its own at this scope.
    pub(super) fn units(self, scope: Scope) -> Vec<Unit> {
        let name: &str = scope.into();
        let unit = |child, threads, accelerators| Unit {
            child,
            threads,
            accelerators,
        };
        let numbered = |groups: &[Vec<u32>]| {
            (0..)
                .zip(groups)
                .map(|(number, group): (u32, _)| unit(format!("{name}{number}"), mask(group), 0))
                .collect()
        };
        let topology = self.topology();
        match scope {
            Scope::Node => vec![unit(String::new(), self.all_threads(), 0)],
            Scope::Socket => numbered(&topology.socket),
            Scope::MemoryDomain => numbered(&topology.memory_domain),
            Scope::Core => numbered(&topology.core),
            Scope::Hwthread => (topology.node.iter())
                .map(|thread| unit(format!("{name}{thread}"), 1 << thread, 0))
                .collect(),
            Scope::Accelerator => (self.accelerators().enumerate())
                .map(|(number, id)| unit(format!("{name}{id}"), 0, 1 << number))
                .collect(),
        }
    }
}

fn mask(bits: &[u32]) -> u64 {
    bits.iter().fold(0, |mask, bit| mask | 1 << bit)
}
