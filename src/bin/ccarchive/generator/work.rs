//! The people of the site and what they run, as work.json beside this file lists them, and how an application loads a
//! node over time.

use std::sync::LazyLock;

use serde::Deserialize;

use super::cluster::Drive;
use super::random::{Random, real};

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

/// An application: its shape, and how much of a node's abilities it uses, 0 to 1, in the order of [`Drive`].
#[derive(Debug, Deserialize)]
pub(super) struct App {
    pub(super) name: String,
    pub(super) script: String,
    shape: Shape,
    uses: [f64; 7],
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

#[expect(clippy::expect_used, reason = "the file is part of the program")]
pub(super) static WORK: LazyLock<Work> =
    LazyLock::new(|| serde_json::from_str(include_str!("work.json")).expect("work.json"));

impl App {
    /// How much of this ability of a node it uses, 0 to 1.
    pub(super) fn uses(&self, drive: Drive) -> f64 {
        self.uses[drive as usize]
    }

    /// How busy a run of `span` seconds keeps this ability at the given seconds after its start, 0 to about 1.
    pub(super) fn levels(
        &self,
        drive: Drive,
        seed: u64,
        span: i64,
        times: impl Iterator<Item = i64>,
    ) -> Vec<f64> {
        let offset = Random::stream(seed, 2).between(0, 600);
        times
            .map(|time| match drive {
                Drive::Memory => 1.0 - 0.9 * (-real(time) / 500.0).exp(),
                Drive::Files => 1.02 - self.shape.level(seed, time, span, offset),
                Drive::Cpu
                | Drive::Flops
                | Drive::Bandwidth
                | Drive::Network
                | Drive::Accelerator => self.shape.level(seed, time, span, offset),
            })
            .collect()
    }
}

impl Shape {
    fn level(self, seed: u64, time: i64, span: i64, offset: i64) -> f64 {
        match self {
            _ if time < 90 => 0.25,
            Self::Steady => 1.0,
            Self::Phases(period) if (time + offset) % period < period * 4 / 5 => 1.0,
            Self::Phases(_) => 0.2,
            Self::Ramp => 0.4 + 0.6 * real(time) / real(span.max(1)),
            Self::Bursts => {
                let part = u64::try_from((time + offset) / 210).unwrap_or(0);
                0.1 + 0.9 * Random::stream(seed, part).unit()
            }
            Self::Stall if time < span * 3 / 5 => 1.0,
            Self::Stall => 0.02,
        }
    }
}
