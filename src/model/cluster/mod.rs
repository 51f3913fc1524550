//! The cluster configuration (cluster.json) as cc-backend derives it at start-up.
//!
//! Rules from cc-backend `pkg/archive/clusterConfig.go` and `pkg/metricstore/config.go`, with their surprises
//! kept: an override replaces footprint and energy even by nothing; lists already in the file stay in front;
//! the footprint's kind is global over all clusters, the last non-empty one wins; the store keeps a metric at
//! the largest timestep of any cluster and with the aggregation it met first.

mod error;
mod file;
pub mod nodelist;
pub mod thresholds;
pub mod topology;

use std::collections::{BTreeSet, HashMap};

use crate::model::series::{Scope, Unit};
pub use error::Error;
use thresholds::{Peaks, Thresholds};
use topology::Topology;

/// All clusters of a site.
#[derive(Clone, Debug, Default)]
pub struct Clusters {
    by_name: HashMap<String, Cluster>,
    store: HashMap<String, StoreMetric>,
    global_footprint: HashMap<String, String>,
    gone: BTreeSet<String>,
}

/// One cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The name in the file.
    pub name: String,
    /// The cluster's metrics, in file order, removed ones included.
    pub metrics: Vec<Metric>,
    subclusters: Vec<Subcluster>,
}

/// A metric of a cluster.
#[derive(Clone, Debug)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: Unit,
    /// Where it is measured.
    pub native: Scope,
    /// Subclusters that do not have it.
    removed_in: Vec<String>,
}

impl Metric {
    /// Whether a subcluster does not have this metric.
    pub fn is_removed_in(&self, subcluster: &str) -> bool {
        self.removed_in.iter().any(|s| s == subcluster)
    }
}

/// A part of a cluster whose nodes are alike.
#[derive(Clone, Debug)]
pub struct Subcluster {
    /// Its name.
    pub name: String,
    /// Hardware threads, cores, domains and sockets of its nodes.
    pub topology: Topology,
    /// Metrics of the footprint, duplicates as derived.
    pub footprint: Vec<String>,
    /// Metrics of the energy footprint, duplicates as derived.
    pub energy_footprint: Vec<String>,
    /// Metric name → kind of energy (`power`, `energy`, …) of its first entry.
    energy: HashMap<String, String>,
    /// Metric name → own footprint kind of its first entry.
    own_footprint: Vec<(String, String)>,
    /// Metric name → thresholds, of its first entry.
    thresholds: HashMap<String, Thresholds>,
    /// Peak performance of a node.
    pub peaks: Peaks,
}

impl Subcluster {
    /// Thresholds of a metric.
    pub fn thresholds(&self, metric: &str) -> Option<Thresholds> {
        self.thresholds.get(metric).copied()
    }

    /// The kind of energy of a metric (`power`, `energy`, other), as the subcluster's own list has it.
    pub fn energy_kind(&self, metric: &str) -> Option<&str> {
        self.energy.get(metric).map(String::as_str)
    }
}

/// How many chains of a metric become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// Added.
    Sum,
    /// Averaged.
    Avg,
    /// Not possible.
    None,
}

/// How the metric store keeps a metric, over all clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreMetric {
    /// Seconds between samples.
    pub frequency: i64,
    /// How several chains become one.
    pub aggregation: Aggregation,
}

impl Clusters {
    /// Reads the files of a site: (folder name, content of cluster.json), in the order of folder names.
    ///
    /// # Errors
    /// [`Error::File`] for a file that would keep cc-backend from starting, or whose cluster
    /// name is not the name of its folder.
    pub fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, Error> {
        let mut all = Self::default();
        let mut footprints = Vec::new();
        for (folder, json) in files {
            let refused = |why: Error| Error::File {
                folder: folder.to_owned(),
                why: Box::new(why),
            };
            let file = file::parse(json).map_err(refused)?;
            let cluster = all.derive(file, &mut footprints).map_err(refused)?;
            if cluster.name != folder {
                return Err(refused(Error::OtherName {
                    found: cluster.name,
                    folder: folder.to_owned(),
                }));
            }
            all.by_name.insert(cluster.name.clone(), cluster);
        }
        Ok(all)
    }

    /// The same, and names of clusters whose folders in the archive are not there now.
    #[must_use]
    pub fn but_gone(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.gone.extend(names);
        self
    }

    /// Whether a cluster's folder in the archive is not there now, so that nobody knows its configuration.
    pub fn is_gone(&self, name: &str) -> bool {
        self.gone.contains(name)
    }

    /// A cluster by name.
    pub fn get(&self, name: &str) -> Option<&Cluster> {
        self.by_name.get(name)
    }

    /// The clusters' names, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Whether no cluster is configured.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// How the store keeps a metric.
    pub fn store_metric(&self, name: &str) -> Option<StoreMetric> {
        self.store.get(name).copied()
    }

    /// Name and frequency (seconds) of every metric that the store keeps.
    pub fn frequencies(&self) -> HashMap<String, i64> {
        self.store
            .iter()
            .map(|(k, v)| (k.clone(), v.frequency))
            .collect()
    }

    /// The kind of statistics (`avg`, `min`, `max` or anything) that a metric's footprint is, over all clusters.
    pub fn footprint_kind(&self, metric: &str) -> &str {
        self.global_footprint.get(metric).map_or("", String::as_str)
    }

    /// Name and kind of every entry of a subcluster's footprint (cc-backend `internal/repository/job.go`,
    /// `UpdateFootprint`).
    ///
    /// # Errors
    /// When a kind is none of avg, min and max.
    pub fn footprint_of<'a>(
        &'a self,
        sub: &'a Subcluster,
    ) -> Result<Vec<(&'a str, &'a str)>, Error> {
        let mut out = Vec::new();
        for name in &sub.footprint {
            let global = self.footprint_kind(name);
            if !matches!(global, "avg" | "min" | "max") {
                return Err(Error::FootprintKind {
                    metric: name.clone(),
                    found: global.to_owned(),
                });
            }
            // The inverted test of cc-backend: only a metric that the subcluster lacks takes another kind, and
            // then that of the first entry.
            let kind = if sub.own_footprint.iter().any(|(n, _)| n == name) {
                global
            } else {
                let first = sub.own_footprint.first().map(|(_, k)| k.as_str());
                first.ok_or_else(|| Error::FootprintOfNothing {
                    metric: name.clone(),
                    subcluster: sub.name.clone(),
                })?
            };
            out.push((name.as_str(), kind));
        }
        Ok(out)
    }

    fn derive(&mut self, file: file::Cluster, seen: &mut Vec<String>) -> Result<Cluster, Error> {
        file.validate()?;
        let mut subs: Vec<Subcluster> = file
            .sub_clusters
            .iter()
            .map(Subcluster::from_file)
            .collect::<Result<_, _>>()?;
        let mut metrics = Vec::new();
        for m in &file.metric_config {
            let native = file::scope_of(m)?;
            if !seen.contains(&m.name) {
                seen.push(m.name.clone());
                self.global_footprint
                    .insert(m.name.clone(), m.footprint.clone());
            }
            self.add_to_store(&m.name, m.timestep, &m.aggregation);
            for (sub, from) in subs.iter_mut().zip(&file.sub_clusters) {
                if let Some(effective) = sub.add_metric(m, &from.name) {
                    self.global_footprint.insert(m.name.clone(), effective);
                }
            }
            let removed_in = m
                .sub_clusters
                .iter()
                .filter(|o| o.remove)
                .map(|o| o.name.clone())
                .collect();
            metrics.push(Metric {
                name: m.name.clone(),
                unit: m.unit.clone(),
                native,
                removed_in,
            });
        }
        for sub in &file.sub_clusters {
            for m in &sub.metric_config {
                self.add_to_store(&m.name, m.timestep, &m.aggregation);
            }
        }
        Ok(Cluster {
            name: file.name,
            metrics,
            subclusters: subs,
        })
    }

    fn add_to_store(&mut self, name: &str, timestep: i64, aggregation: &str) {
        let aggregation = match aggregation {
            "sum" => Aggregation::Sum,
            "avg" => Aggregation::Avg,
            _ => Aggregation::None,
        };
        let m = self.store.entry(name.into()).or_insert(StoreMetric {
            frequency: timestep,
            aggregation,
        });
        m.frequency = m.frequency.max(timestep);
    }
}

impl Cluster {
    /// A subcluster by name, the first where several have it.
    pub fn subcluster(&self, name: &str) -> Option<&Subcluster> {
        self.subclusters.iter().find(|s| s.name == name)
    }

    /// The cluster's metrics by name, each name once (its first entry), in byte order as data.json has them.
    pub fn metrics_by_name(&self) -> Vec<&Metric> {
        let mut out: Vec<&Metric> = Vec::new();
        for m in &self.metrics {
            if !out.iter().any(|o| o.name == m.name) {
                out.push(m);
            }
        }
        out.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        out
    }
}

impl Subcluster {
    fn from_file(f: &file::SubCluster) -> Result<Self, Error> {
        if f.nodes != "*" {
            nodelist::check(&f.nodes).map_err(|why| Error::Nodes {
                subcluster: f.name.clone(),
                why,
            })?;
        }
        let mut sub = Self {
            name: f.name.clone(),
            topology: Topology::default(),
            footprint: f.footprint.clone(),
            energy_footprint: f.energy_footprint.clone(),
            energy: HashMap::new(),
            own_footprint: Vec::new(),
            thresholds: HashMap::new(),
            peaks: f.peaks,
        };
        for m in &f.metric_config {
            sub.add_entry(&m.name, &m.footprint, &m.energy, m.thresholds);
        }
        sub.topology = Topology::new(f.topology.clone());
        Ok(sub)
    }

    fn add_entry(&mut self, name: &str, footprint: &str, energy: &str, thresholds: Thresholds) {
        self.thresholds.entry(name.into()).or_insert(thresholds);
        self.energy
            .entry(name.into())
            .or_insert_with(|| energy.into());
        if !self.own_footprint.iter().any(|(n, _)| n == name) {
            self.own_footprint.push((name.into(), footprint.into()));
        }
    }

    /// Adds a metric of the cluster; its effective footprint kind where it has one.
    fn add_metric(&mut self, m: &file::Metric, own_name: &str) -> Option<String> {
        let (mut footprint, mut energy) = (m.footprint.as_str(), m.energy.as_str());
        let mut thresholds = m.thresholds;
        if let Some(o) = m.sub_clusters.iter().rfind(|o| o.name == own_name) {
            if o.remove {
                return None;
            }
            (footprint, energy) = (&o.footprint, &o.energy);
            thresholds = o.thresholds;
        }
        self.add_entry(&m.name, footprint, energy, thresholds);
        self.topology.enable();
        if !energy.is_empty() {
            self.energy_footprint.push(m.name.clone());
        }
        (!footprint.is_empty()).then(|| {
            self.footprint.push(m.name.clone());
            footprint.into()
        })
    }
}

#[cfg(test)]
mod tests;
