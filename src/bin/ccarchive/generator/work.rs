//! The people of the site and what they run, as work.json beside this file lists them, and how an application loads a
//! node over time.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::cluster::part;
use super::random::Random;

/// Everything in work.json.
#[derive(Debug, Deserialize)]
pub(super) struct Work {
    pub(super) users: Vec<User>,
    /// The first [`CPU_APPS`] run on `cpu` nodes, the others need accelerators.
    pub(super) apps: Vec<App>,
}

/// How many of the applications run on `cpu` nodes.
pub(super) const CPU_APPS: usize = 6;

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
    pub(super) name: String,
    pub(super) project: String,
}

/// An application: its shape, and how much of each of a node's abilities it uses, 0 to 1.
#[derive(Debug, Deserialize)]
pub(super) struct App {
    pub(super) name: String,
    pub(super) script: String,
    shape: Shape,
    pub(super) uses: BTreeMap<String, f64>,
}

/// How an application's load goes over its run.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Shape {
    Steady,
    /// Computes, then writes, again and again, with this period in seconds.
    Phases(i64),
    Ramp,
    Bursts,
    /// Works for three fifths of its run, then hangs.
    Stall,
}

pub(super) static WORK: LazyLock<Work> = LazyLock::new(|| part(include_str!("work.json")));

impl App {
    /// How busy a run of `span` seconds keeps an ability, 0 to about 1, at the given seconds after its start.
    pub(super) fn level(&self, drive: &str, seed: u64, span: i64, time: i64) -> f64 {
        let offset = Random::stream(seed, 2).between(0, 600);
        match drive {
            "memory" => 1.0 - 0.9 * (-time as f64 / 500.0).exp(),
            "files" => 1.02 - self.shape.level(seed, time, span, offset),
            _ => self.shape.level(seed, time, span, offset),
        }
    }
}

impl Shape {
    fn level(self, seed: u64, time: i64, span: i64, offset: i64) -> f64 {
        match self {
            _ if time < 90 => 0.25,
            Self::Steady => 1.0,
            Self::Phases(period) if (time + offset) % period < period * 4 / 5 => 1.0,
            Self::Phases(_) => 0.2,
            Self::Ramp => 0.4 + 0.6 * time as f64 / span as f64,
            Self::Bursts => {
                let part = (time + offset).unsigned_abs() / 210;
                0.1 + 0.9 * Random::stream(seed, part).unit()
            }
            Self::Stall if time < span * 3 / 5 => 1.0,
            Self::Stall => 0.02,
        }
    }
}
