//! A metric of a job, and what its archive is to have of it.

use crate::model::cluster::{Metric, StoreMetric};
use crate::model::series::Scope;
use crate::rules::timeline::Grid;

/// A metric that the job's archive may have.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) metric: &'a Metric,
    pub(super) store: StoreMetric,
    pub(super) scopes: Vec<Scope>,
    pub(super) grid: Grid,
}
