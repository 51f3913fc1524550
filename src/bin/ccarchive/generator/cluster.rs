//! The cluster: its metrics and its two kinds of nodes, all of which stand in cluster.json beside this file.
//!
//! That file is the template of the site's cluster.json: each metric carries in addition how its curves come about, and
//! each kind of node has the first letter of its host names where the site has the list. All native scopes are among the
//! metrics, timesteps of 30, 60 and 300 s, a footprint by average and by maximum, power for the energy sum, metrics
//! removed from a subcluster, and one overridden in one. An override replaces everything it can, the footprint too, so
//! that entry repeats it. Sets of hardware threads and accelerators are bit masks.

use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(super) const CLUSTER: &str = "demo";
const TEMPLATE: &str = include_str!("cluster.json");

/// A subcluster, which is a kind of node, by its position in the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Cpu,
    Gpu,
}

/// A metric, as the configuration has it and as the curves need it.
#[derive(Debug, Deserialize)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) scope: String,
    pub(super) timestep: i64,
    pub(super) curve: Curve,
    #[serde(default, rename = "subClusters")]
    changes: Vec<Value>,
}

/// How the values of a metric come about.
#[derive(Debug, Deserialize)]
pub(super) struct Curve {
    /// What it follows: one of the things that an application uses.
    pub(super) drive: String,
    /// Value of one socket, thread, … without work.
    pub(super) idle: f64,
    /// Value in full use.
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
    sub_clusters: Vec<Value>,
}

/// A node, socket, thread, … that has series of its own.
#[derive(Debug)]
pub(super) struct Unit {
    /// Name below the host in the metric store; empty for the node itself.
    pub(super) child: String,
    pub(super) threads: u64,
    pub(super) accelerators: u64,
}

static CONFIG: LazyLock<Template> = LazyLock::new(|| part(TEMPLATE));

/// All metrics, in the order of cluster.json.
pub(super) fn metrics() -> &'static [Metric] {
    &CONFIG.metric_config
}

/// The text of cluster.json for so many nodes of each kind.
pub(super) fn document(counts: [u32; 2]) -> String {
    let mut document: Value = part(TEMPLATE);
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
        kind["nodes"] = json!(format!("{}[0001-{nodes:04}]", text(&kind["nodes"])));
    }
    format!("{document:#}\n")
}

impl Metric {
    /// Whether nodes of this kind report it.
    pub(super) fn on(&self, kind: Kind) -> bool {
        let removed = |change: &Value| change["name"] == kind.name() && change["remove"] == true;
        !self.changes.iter().any(removed)
    }
}

impl Kind {
    fn subcluster(self) -> &'static Value {
        &CONFIG.sub_clusters[self as usize]
    }

    pub(super) fn name(self) -> &'static str {
        text(&self.subcluster()["name"])
    }

    /// What the topology lists of this sort.
    fn listed(self, sort: &str) -> &'static [Value] {
        let list = self.subcluster()["topology"][sort].as_array();
        list.map(Vec::as_slice).unwrap_or_default()
    }

    /// Names of its accelerators in the job table and the metric store.
    pub(super) fn accelerators(self) -> impl Iterator<Item = &'static str> {
        self.listed("accelerators")
            .iter()
            .map(|device| text(&device["id"]))
    }

    pub(super) fn all_threads(self) -> u64 {
        mask(self.listed("node"))
    }

    pub(super) fn all_accelerators(self) -> u64 {
        (1 << self.accelerators().count()) - 1
    }

    /// Part `part` of `of` equal parts of the node's cores, as a mask of threads.
    pub(super) fn slice(self, part: usize, of: usize) -> u64 {
        let cores = self.listed("core");
        let each = cores.len() / of;
        mask(&cores[part * each..(part + 1) * each])
    }

    /// Everything that has series of its own at this scope.
    pub(super) fn units(self, scope: &str) -> Vec<Unit> {
        let unit = |child, threads, accelerators| Unit {
            child,
            threads,
            accelerators,
        };
        let numbered = |sort| {
            let threads = self.listed(sort).chunks(1).map(mask).enumerate();
            threads
                .map(|(number, threads)| unit(format!("{scope}{number}"), threads, 0))
                .collect()
        };
        match scope {
            "node" => vec![unit(String::new(), self.all_threads(), 0)],
            "accelerator" => (self.accelerators().enumerate())
                .map(|(number, id)| unit(format!("{scope}{id}"), 0, 1 << number))
                .collect(),
            "hwthread" => numbered("node"),
            group => numbered(group),
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The threads in a list of threads, or of lists of them.
fn mask(list: &[Value]) -> u64 {
    let bits = |value: &Value| match value.as_array() {
        Some(list) => mask(list),
        None => 1 << value.as_u64().unwrap_or_default(),
    };
    list.iter().map(bits).fold(0, |mask, bits| mask | bits)
}

/// Reads a data file of this folder.
#[expect(clippy::expect_used, reason = "the files are part of the program")]
pub(super) fn part<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect("a data file of the generator")
}
