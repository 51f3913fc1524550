//! The cluster: its metrics and its two kinds of nodes, which are its subclusters, as cluster.json beside this file has
//! them.
//!
//! All native scopes are among the metrics, timesteps of 30, 60 and 300 s, a footprint by average and by maximum, power
//! for the energy sum, metrics removed from a subcluster, and one overridden in one. An override replaces everything it
//! can, the footprint too, so that entry repeats it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(super) const CLUSTER: &str = "demo";
/// The site's cluster.json, with the first letter of the host names where the site has the list.
const TEMPLATE: &str = include_str!("cluster.json");

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cluster {
    pub(super) metric_config: Vec<Metric>,
    /// `cpu` and `gpu`.
    pub(super) sub_clusters: [Subcluster; 2],
}

#[derive(Debug, Deserialize)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) scope: String,
    pub(super) timestep: i64,
}

/// A kind of nodes.
#[derive(Debug, Deserialize)]
pub(super) struct Subcluster {
    pub(super) name: String,
    topology: BTreeMap<String, Vec<Value>>,
}

/// A node, socket, thread, … that has series of its own.
#[derive(Debug)]
pub(super) struct Unit {
    /// Name below the host in the metric store; empty for the node itself.
    pub(super) child: String,
    /// The hardware threads by number, or the accelerator by id.
    pub(super) members: Vec<Value>,
}

pub(super) static CONFIG: LazyLock<Cluster> = LazyLock::new(|| data(TEMPLATE));

/// The text of cluster.json for so many nodes of each kind.
pub(super) fn document([cpu, gpu]: [usize; 2]) -> String {
    TEMPLATE
        .replace("\"c\"", &format!("\"c[0001-{cpu:04}]\""))
        .replace("\"g\"", &format!("\"g[0001-{gpu:04}]\""))
}

impl Subcluster {
    /// Threads or accelerators in part `part` of `of` equal parts of what a node has of this sort.
    pub(super) fn slice(&self, sort: &str, [part, of]: [usize; 2]) -> Vec<Value> {
        let all = &self.topology[sort];
        let each = all.len() / of;
        all[part * each..][..each]
            .iter()
            .flat_map(members)
            .collect()
    }

    /// Everything on a node that has series of its own at this scope.
    pub(super) fn units(&self, scope: &str) -> Vec<Unit> {
        let sort = match scope {
            "node" => {
                let (child, members) = (String::new(), self.slice("node", [0, 1]));
                return vec![Unit { child, members }];
            }
            "hwthread" => "node",
            "accelerator" => "accelerators",
            group => group,
        };
        let unit = |(number, listed): (usize, &Value)| Unit {
            child: match listed["id"].as_str() {
                Some(id) => format!("{scope}{id}"),
                None => format!("{scope}{number}"),
            },
            members: members(listed),
        };
        self.topology[sort].iter().enumerate().map(unit).collect()
    }
}

/// What an entry of the topology stands for: one thread, a list of them, or an accelerator.
fn members(listed: &Value) -> Vec<Value> {
    match listed.as_array() {
        Some(threads) => threads.clone(),
        None => vec![listed.get("id").unwrap_or(listed).clone()],
    }
}

/// Reads a data file of this folder.
#[expect(clippy::expect_used, reason = "the files are part of the program")]
pub(super) fn data<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect("a data file of the generator")
}
