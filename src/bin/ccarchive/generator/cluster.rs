//! The cluster: its two kinds of nodes, and cluster.json.
//!
//! `cpu` nodes have two sockets, four memory domains and two threads a core; `gpu` nodes have one
//! thread a core and four accelerators. Sets of hardware threads and accelerators are bit masks.

use serde_json::{Value, json};

use super::metrics::{METRICS, Scope, unit};

pub(super) const CLUSTER: &str = "demo";
/// Accelerators as the job table and the metric store name them.
pub(super) const ACCELERATORS: [&str; 4] = [
    "00000000:0E:00.0",
    "00000000:4F:00.0",
    "00000000:90:00.0",
    "00000000:CC:00.0",
];
const CORES: u32 = 16;

/// A subcluster, which is a kind of node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Cpu,
    Gpu,
}

/// A node, socket, thread, … that has series of its own.
#[derive(Debug)]
pub(super) struct Unit {
    /// Name below the host in the metric store; empty for the node itself.
    pub(super) child: String,
    pub(super) threads: u64,
    pub(super) accelerators: u64,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        }
    }

    /// First letter of the host names.
    pub(super) fn letter(self) -> char {
        match self {
            Self::Cpu => 'c',
            Self::Gpu => 'g',
        }
    }

    /// Hardware threads of `count` cores from core `first` on, core by core.
    fn threads_of(self, first: u32, count: u32) -> Vec<u32> {
        let siblings = if self == Self::Cpu { 2 } else { 1 };
        (first..first + count)
            .flat_map(|core| (0..siblings).map(move |sibling| core + sibling * CORES))
            .collect()
    }

    /// The same as a mask.
    pub(super) fn threads(self, first: u32, count: u32) -> u64 {
        self.threads_of(first, count)
            .iter()
            .fold(0, |mask, thread| mask | 1 << thread)
    }

    pub(super) fn all_threads(self) -> u64 {
        self.threads(0, CORES)
    }

    /// Part `part` of `of` equal parts of the node's cores, as a mask of threads.
    pub(super) fn slice(self, part: u32, of: u32) -> u64 {
        self.threads(part * CORES / of, CORES / of)
    }

    pub(super) fn all_accelerators(self) -> u64 {
        if self == Self::Gpu { 0b1111 } else { 0 }
    }

    /// Cores of one socket, memory domain or core.
    fn cores_in(self, scope: Scope) -> u32 {
        match scope {
            Scope::Node => CORES,
            Scope::MemoryDomain if self == Self::Cpu => CORES / 4,
            Scope::Socket | Scope::MemoryDomain => CORES / 2,
            Scope::Core | Scope::Hwthread | Scope::Accelerator => 1,
        }
    }

    /// Threads of every socket, memory domain or core.
    fn groups(self, scope: Scope) -> Vec<Vec<u32>> {
        let cores = self.cores_in(scope);
        (0..CORES / cores)
            .map(|group| self.threads_of(group * cores, cores))
            .collect()
    }

    /// Everything that has series of its own at this scope.
    pub(super) fn units(self, scope: Scope) -> Vec<Unit> {
        let groups = match scope {
            Scope::Accelerator => return self.accelerator_units(),
            Scope::Hwthread => (0..self.all_threads().count_ones())
                .map(|thread| vec![thread])
                .collect(),
            Scope::Node | Scope::Socket | Scope::MemoryDomain | Scope::Core => self.groups(scope),
        };
        (groups.iter().enumerate())
            .map(|(number, threads)| Unit {
                child: if scope == Scope::Node {
                    String::new()
                } else {
                    format!("{}{number}", scope.name())
                },
                threads: threads.iter().fold(0, |mask, thread| mask | 1 << thread),
                accelerators: 0,
            })
            .collect()
    }

    fn accelerator_units(self) -> Vec<Unit> {
        let present = ACCELERATORS
            .iter()
            .enumerate()
            .filter(|(number, _)| self.all_accelerators() >> number & 1 == 1);
        present
            .map(|(number, id)| Unit {
                child: format!("{}{id}", Scope::Accelerator.name()),
                threads: 0,
                accelerators: 1 << number,
            })
            .collect()
    }

    fn config(self, nodes: u32) -> Value {
        let (processor, accelerators) = match self {
            Self::Cpu => ("Example CPU", json!([])),
            Self::Gpu => (
                "Example CPU with accelerators",
                ACCELERATORS
                    .iter()
                    .map(|id| json!({"id": id, "type": "Nvidia GPU", "model": "Example GPU"}))
                    .collect(),
            ),
        };
        let rate = |value: u32, base: &str| json!({"unit": unit(base, "G"), "value": value});
        json!({
            "name": self.name(), "nodes": format!("{0}[0001-{nodes:04}]", self.letter()),
            "processorType": processor, "socketsPerNode": 2, "coresPerSocket": CORES / 2,
            "threadsPerCore": self.threads_of(0, 1).len(),
            "flopRateScalar": rate(150, "F/s"), "flopRateSimd": rate(1200, "F/s"),
            "memoryBandwidth": rate(350, "B/s"),
            "topology": {
                "node": (0..self.all_threads().count_ones()).collect::<Vec<_>>(),
                "socket": self.groups(Scope::Socket), "memoryDomain": self.groups(Scope::MemoryDomain),
                "core": self.groups(Scope::Core), "accelerators": accelerators,
            },
        })
    }
}

/// The text of cluster.json for so many nodes of each kind.
pub(super) fn document(cpu_nodes: u32, gpu_nodes: u32) -> String {
    let document = json!({
        "name": CLUSTER,
        "metricConfig": METRICS.iter().map(|metric| &metric.config).collect::<Vec<_>>(),
        "subClusters": [Kind::Cpu.config(cpu_nodes), Kind::Gpu.config(gpu_nodes)],
    });
    format!("{document:#}\n")
}
