//! What is asked of a source: some metrics of one host, within a window.

use crate::model::series::Scope;
use crate::rules::scopes::Component;
use crate::rules::timeline::Interval;

/// A question: what does the source hold of these metrics of a host, within a window?
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// The subcluster of the job, empty where it does not matter.
    pub subcluster: &'a str,
    /// The host's name.
    pub host: &'a str,
    /// What is wanted. A source may answer with more.
    pub metrics: &'a [Wanted<'a>],
    /// Unix seconds. A source may answer with more.
    pub window: Interval,
}

/// A metric of a host, where the host measures it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The metric's name.
    pub metric: &'a str,
    /// Seconds between two samples in the store.
    pub frequency: i64,
    /// The scope at which it is measured.
    pub native: Scope,
    /// The components at which it is measured; empty for the node itself.
    pub components: &'a [Component],
}
