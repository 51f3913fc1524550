//! What must be known of a document before its series are drawn or handed out, and stands behind them.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::read::{Data, SeriesRead, Visitor};

/// Which metrics a document has, and by scope the length of their longest series and the timestep.
#[derive(Default)]
pub(super) struct Scopes {
    pub(super) metrics: BTreeSet<String>,
    pub(super) longest: BTreeMap<(String, String), usize>,
    pub(super) timesteps: BTreeMap<(String, String), i64>,
    /// Of the scope that is being read.
    now: usize,
}

impl Visitor for Scopes {
    fn series(&mut self, s: &SeriesRead<'_>) {
        self.now = self.now.max(s.values.len());
    }

    fn scope(&mut self, metric: &str, scope: &str, data: &Data) {
        self.metrics.insert(metric.to_owned());
        let key = (metric.to_owned(), scope.to_owned());
        self.timesteps.insert(key.clone(), data.timestep);
        self.longest.insert(key, std::mem::take(&mut self.now));
    }
}
