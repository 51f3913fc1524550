//! A metric store over HTTP as a source: what it is asked, what its answers mean, what becomes of jobs when it fails.

mod asked;
mod failing;
mod recorded;
mod swept;

use std::sync::Arc;
use std::time::Duration;

use ccarchive::https::Trust;
use ccarchive::model::clock::Clock;
use ccarchive::model::stop::Stop;
use ccarchive::rules::evidence::Evidence;
use ccarchive::rules::timeline::Grid;
use ccarchive::source::Error;
use ccarchive::source::http::{Address, Limits, Store};
use ccarchive::source::retry::Patience;

use crate::support::question::ask_about;
use crate::support::site::{CLUSTER, HOUR, T0};
use crate::support::snapshots::{METRICS, STEP};

/// Limits under which a test does not wait.
pub(crate) const QUICK: Limits = Limits {
    values: 1_000_000,
    patience: Patience {
        tries: 3,
        pause: Duration::from_millis(1),
        total: Duration::from_secs(60),
    },
    silence: Duration::from_secs(60),
    left_alone: Duration::ZERO,
};

fn store(url: &str, token: Option<&str>, limits: Limits) -> Store {
    let address = Address {
        url,
        token,
        trust: &Trust::default(),
    };
    let metrics = METRICS.map(|m| (m.to_owned(), STEP)).to_vec();
    let metrics = [(CLUSTER.to_owned(), metrics)].into();
    Store::new(&address, metrics, Clock::starting_at(T0 + HOUR), limits)
}

/// Asks about the metrics of a host, for an hour from `T0` on.
fn ask(store: &Store, cluster: &str, host: &str, stop: &Stop) -> Result<Arc<Evidence>, Error> {
    ask_about(store, cluster, host, &METRICS, &(T0..T0 + HOUR), stop)
}

/// What is asked of a store with quick limits.
fn asked_of(url: &str) -> Result<Arc<Evidence>, Error> {
    ask(&store(url, None, QUICK), CLUSTER, "n1", &Stop::new())
}

/// The values of a metric on the window's grid.
fn values(evidence: &Evidence, metric: &str) -> Vec<f32> {
    let mut chains = Vec::new();
    evidence.series.chains(metric, &mut chains);
    let grid = Grid::of_job(T0, HOUR, STEP);
    chains.first().map_or_else(Vec::new, |c| c.read(grid))
}
