//! The people of the site, what they run, and how that shows in the metrics, as work.json beside this file lists it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::cluster::data;
use super::random::Random;

/// Everything in work.json.
#[derive(Debug, Deserialize)]
pub(super) struct Work {
    /// Names and projects.
    pub(super) users: Vec<(String, String)>,
    /// By the subcluster where they run.
    pub(super) apps: BTreeMap<String, Vec<App>>,
    /// By metric.
    pub(super) curves: BTreeMap<String, Curve>,
}

pub(super) static WORK: LazyLock<Work> = LazyLock::new(|| data(include_str!("work.json")));

/// An application.
#[derive(Debug, Deserialize)]
pub(super) struct App {
    pub(super) name: String,
    pub(super) script: String,
    /// How much of each of a node's abilities it uses, 0 to 1.
    pub(super) uses: BTreeMap<String, f64>,
    /// After so many seconds it does more or less than before, …
    period: u64,
    /// … but never less than this share of what it can do.
    low: f64,
}

/// How the values of a metric come about.
#[derive(Debug, Deserialize)]
pub(super) struct Curve {
    /// What it follows: one of the abilities that an application uses.
    pub(super) drive: String,
    /// Value of one socket, thread, … without work.
    pub(super) idle: f64,
    /// Value in full use.
    pub(super) full: f64,
    /// Largest relative deviation by noise.
    pub(super) noise: f64,
    /// How far a value follows its cause within a timestep: 1 at once.
    pub(super) follow: f64,
    /// Nothing is above it.
    pub(super) limit: Option<f64>,
}

impl App {
    /// How busy a run is at a time, 0 to 1; the seed is the run's own.
    pub(super) fn level(&self, seed: u64, time: i64) -> f64 {
        let stretch = (time.unsigned_abs() + seed % self.period) / self.period;
        self.low + (1.0 - self.low) * Random::new(seed ^ stretch).unit()
    }
}
