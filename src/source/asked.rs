//! What was asked of a host, as a value of its own: whether it covers another question, and what covers both.

use super::{Request, Wanted};
use crate::model::series::Scope;
use crate::rules::evidence::Covers;
use crate::rules::scopes::Component;
use crate::rules::timeline::Interval;

/// Window and metrics.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    window: Interval,
    /// All metrics, where none is named.
    metrics: Vec<Metric>,
    /// Whether every metric was answered.
    all_metrics: bool,
}

#[derive(Clone, Debug)]
struct Metric {
    name: String,
    frequency: i64,
    native: Scope,
    /// By the names of their levels.
    components: Vec<Component>,
}

impl Metric {
    fn of(wanted: &Wanted<'_>) -> Self {
        let mut metric = Self {
            name: wanted.metric.to_owned(),
            frequency: wanted.frequency,
            native: wanted.native,
            components: Vec::new(),
        };
        metric.add(wanted.components);
        metric
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            metric: &self.name,
            frequency: self.frequency,
            native: self.native,
            components: &self.components,
        }
    }

    fn is(&self, name: &str, frequency: i64, native: Scope) -> bool {
        self.name == name && self.frequency == frequency && self.native == native
    }

    fn add(&mut self, components: &[Component]) {
        self.components.extend_from_slice(components);
        self.components.sort_by(|a, b| a.level.cmp(&b.level));
        self.components.dedup();
    }

    fn has(&self, component: &Component) -> bool {
        self.components
            .binary_search_by(|c| c.level.cmp(&component.level))
            .is_ok()
    }
}

impl Asked {
    pub(super) fn of(request: &Request<'_>) -> Self {
        Self {
            window: request.window,
            metrics: request.metrics.iter().map(Metric::of).collect(),
            all_metrics: false,
        }
    }

    /// Whether its answer answers a question, too.
    pub(super) fn covers(&self, request: &Request<'_>) -> bool {
        let has = |w: &Wanted<'_>| {
            self.metrics.iter().any(|m| {
                m.is(w.metric, w.frequency, w.native)
                    && w.components.iter().all(|c| m.has(c))
                    && (!w.components.is_empty() || m.components.is_empty())
            })
        };
        let named = || !request.metrics.is_empty() && request.metrics.iter().all(has);
        let all = self.all_metrics || self.metrics.is_empty();
        self.window.covers(&request.window) && (all || named())
    }

    /// What covers both. Where the window grows it grows by its own length more, so that a host whose jobs are asked for one
    /// after the other is not read anew for each of them.
    pub(super) fn united(&self, other: &Self) -> Self {
        let mut window = self.window.united(other.window);
        // An answer may cover all that there is on one side.
        let length = |w: Interval| w.to.saturating_sub(w.from);
        let is_open = self.window.from == i64::MIN || self.window.to == i64::MAX;
        let length = length(if is_open { other.window } else { window });
        if window.from < self.window.from {
            window.from = window.from.saturating_sub(length);
        }
        if window.to > self.window.to {
            window.to = window.to.saturating_add(length);
        }
        let all = self.metrics.is_empty() || other.metrics.is_empty();
        let (mut metrics, more) = if all {
            (Vec::new(), [].as_slice())
        } else {
            (self.metrics.clone(), other.metrics.as_slice())
        };
        for m in more {
            let same = |own: &&mut Metric| {
                own.is(&m.name, m.frequency, m.native)
                    && own.components.is_empty() == m.components.is_empty()
            };
            match metrics.iter_mut().find(same) {
                Some(own) => own.add(&m.components),
                None => metrics.push(m.clone()),
            }
        }
        Self {
            window,
            metrics,
            all_metrics: false,
        }
    }

    /// What its answer covers.
    pub(super) fn answered(&self, more: &Covers) -> Self {
        Self {
            window: more.window.map_or(self.window, |w| w.united(self.window)),
            metrics: self.metrics.clone(),
            all_metrics: more.all_metrics,
        }
    }

    pub(super) const fn window(&self) -> Interval {
        self.window
    }

    pub(super) fn wanted(&self) -> Vec<Wanted<'_>> {
        self.metrics.iter().map(Metric::wanted).collect()
    }
}
