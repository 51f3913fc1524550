//! The hardware of a subcluster's nodes, and which cores, domains and sockets a list of hardware threads touches.
//!
//! Derived ids are ascending here (cc-lib `schema/cluster.go` walks Go maps, so cc-backend's order is random).

use std::collections::{BTreeSet, HashMap};

/// As in cluster.json: each list's index is the unit's id, its entries are hardware threads.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// Hardware threads of a node.
    pub node: Vec<i64>,
    /// Sockets.
    pub socket: Vec<Vec<i64>>,
    /// NUMA domains.
    pub memory_domain: Vec<Vec<i64>>,
    /// Cores.
    pub core: Vec<Vec<i64>>,
}

/// Lists with the lookups from thread to unit.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    lists: Lists,
    enabled: bool,
    to_socket: HashMap<i64, Vec<usize>>,
    to_domain: HashMap<i64, Vec<usize>>,
    to_core: HashMap<i64, Vec<usize>>,
}

impl Topology {
    /// Lookups stay empty until [`Topology::enable`], as in cc-backend for a subcluster without any metric.
    pub fn new(lists: Lists) -> Self {
        Self {
            lists,
            ..Self::default()
        }
    }

    /// Builds the lookups.
    pub fn enable(&mut self) {
        if !self.enabled {
            self.enabled = true;
            self.to_socket = invert(&self.lists.socket);
            self.to_domain = invert(&self.lists.memory_domain);
            self.to_core = invert(&self.lists.core);
        }
    }

    /// Hardware threads of a whole node.
    pub fn node(&self) -> &[i64] {
        &self.lists.node
    }

    /// Hardware threads of a core, in the file's order.
    pub fn core(&self, id: usize) -> &[i64] {
        self.lists.core.get(id).map_or(&[], Vec::as_slice)
    }

    /// Ids of the cores that have one of the threads, ascending.
    pub fn cores(&self, threads: &[i64]) -> Vec<usize> {
        touched(&self.to_core, threads)
    }

    /// Ids of the memory domains that have one of the threads, ascending.
    pub fn memory_domains(&self, threads: &[i64]) -> Vec<usize> {
        touched(&self.to_domain, threads)
    }

    /// Ids of the sockets that have one of the threads, ascending.
    pub fn sockets(&self, threads: &[i64]) -> Vec<usize> {
        touched(&self.to_socket, threads)
    }
}

fn invert(units: &[Vec<i64>]) -> HashMap<i64, Vec<usize>> {
    let mut map: HashMap<i64, Vec<usize>> = HashMap::new();
    for (id, threads) in units.iter().enumerate() {
        for &t in threads {
            map.entry(t).or_default().push(id);
        }
    }
    map
}

fn touched(map: &HashMap<i64, Vec<usize>>, threads: &[i64]) -> Vec<usize> {
    let ids: BTreeSet<usize> = threads
        .iter()
        .filter_map(|t| map.get(t))
        .flatten()
        .copied()
        .collect();
    ids.into_iter().collect()
}
