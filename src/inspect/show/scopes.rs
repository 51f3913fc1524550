//! What must be known of a document before its series are drawn or handed out, and stands behind them.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::read::{Data, SeriesRead, Visitor};

/// What the series of a metric and scope have in common.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scope {
    /// Values of the longest series.
    pub(super) longest: usize,
    /// Seconds between two values.
    pub(super) timestep: i64,
}

/// Which metrics a document has, and what their series have in common.
#[derive(Default)]
pub(super) struct Scopes {
    pub(super) metrics: BTreeSet<String>,
    /// By metric and scope.
    common: BTreeMap<(String, String), Scope>,
    /// The longest series of the scope that is being read.
    longest: usize,
}

impl Scopes {
    /// Of the scope of a series.
    pub(super) fn of(&self, s: &SeriesRead<'_>) -> Scope {
        let key = (s.metric.to_owned(), s.scope.to_owned());
        self.common.get(&key).copied().unwrap_or_default()
    }
}

impl Visitor for Scopes {
    fn series(&mut self, s: &SeriesRead<'_>) {
        self.longest = self.longest.max(s.values.len());
    }

    fn scope(&mut self, metric: &str, scope: &str, data: &Data) {
        self.metrics.insert(metric.to_owned());
        let common = Scope {
            longest: std::mem::take(&mut self.longest),
            timestep: data.timestep,
        };
        let key = (metric.to_owned(), scope.to_owned());
        self.common.insert(key, common);
    }
}
