//! Why the configuration of a cluster is refused.

use super::nodelist;
use crate::model::failure::fit_to_print;

/// What is wrong with a cluster's configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// In this cluster's file.
    #[error("{}", fit_to_print(&format!("{folder}/cluster.json: {why}")))]
    File {
        /// The cluster's folder.
        folder: String,
        /// What is wrong in it.
        why: Box<Error>,
    },
    /// Nothing stands in the file.
    #[error("the file is empty; expected a cluster's configuration")]
    Empty,
    /// It does not begin with a JSON value.
    #[error("no valid JSON: {0}")]
    NoJson(serde_json::Error),
    /// A value of another type than cc-backend's.
    #[error("not as a cluster's configuration should be: {0}")]
    Form(serde_json::Error),
    /// The cluster is called nothing.
    #[error("the cluster has no name")]
    NoName,
    /// A list without which cc-backend does not start.
    #[error("cluster `{cluster}` has no {list}")]
    NoList {
        /// The cluster.
        cluster: String,
        /// What the list is called.
        list: &'static str,
    },
    /// A metric of this cluster is called nothing.
    #[error("a metric of cluster `{0}` has no name")]
    NamelessMetric(String),
    /// A timestep that none can be.
    #[error("metric `{metric}` has timestep {found}; expected seconds, from 1 to {longest}")]
    Timestep {
        /// The metric.
        metric: String,
        /// What stands there.
        found: i64,
        /// The longest that is taken.
        longest: i64,
    },
    /// A scope that there is not.
    #[error(
        "metric `{metric}` has scope `{found}`; expected node, socket, memoryDomain, core, hwthread or accelerator"
    )]
    Scope {
        /// The metric.
        metric: String,
        /// What stands there.
        found: String,
    },
    /// A list of nodes that cc-backend cannot read.
    #[error("subcluster `{subcluster}`: {why}")]
    Nodes {
        /// The subcluster.
        subcluster: String,
        /// What is wrong in the list.
        why: nodelist::Error,
    },
    /// The folder has another name.
    #[error(
        "the cluster is called `{found}`; expected the folder's name `{folder}`, since its jobs are archived in the folder of the cluster's name"
    )]
    OtherName {
        /// The name in the file.
        found: String,
        /// The folder.
        folder: String,
    },
    /// A footprint of a kind that there is not.
    #[error(
        "footprint of metric `{metric}` is `{found}`; expected avg, min or max in cluster.json"
    )]
    FootprintKind {
        /// The metric.
        metric: String,
        /// What stands there.
        found: String,
    },
    /// A footprint that nothing tells the kind of.
    #[error(
        "footprint lists metric `{metric}`, but subcluster `{subcluster}` has no metric at all"
    )]
    FootprintOfNothing {
        /// The metric.
        metric: String,
        /// The subcluster.
        subcluster: String,
    },
}
