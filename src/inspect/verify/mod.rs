//! Database ↔ archive ↔ contents, in both directions: is everything that a row says is archived there, whole and true, and
//! is everything that is there some row's?
//!
//! The rows come first, in the order of their ids, so that a run that ends early can go on where it ended; then the places
//! of the archive, which only cost names. Nothing is changed, and nothing is remembered between two runs.

mod contents;
mod finding;
mod places;

use std::time::Duration;

use rayon::prelude::*;
use serde::Serialize;

use super::{Ports, Terms};
use crate::jobs::{self, Brief, survey};
use crate::model::clock::Clock;
use crate::model::job::STATUS_ARCHIVED;
use crate::model::stop::Stop;
use crate::target::Walk;

pub use finding::{Fault, Finding, Named, Severity};

/// Rows that are compared at a time, by all threads.
const BATCH: usize = 512;

/// How thoroughly to look.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Decode the data and compare it with the statistics.
    pub read_data: bool,
    /// Look at so many of 10,000 archived rows, chosen by chance.
    pub sample: u32,
    /// Which sample: another number chooses other rows.
    pub seed: u32,
    /// Go on behind this row id.
    pub after: i64,
    /// Only these clusters; empty for all.
    pub clusters: Vec<String>,
    /// Stop after this time.
    pub max_duration: Option<Duration>,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Rows that were looked at.
    pub rows: u64,
    /// Archived ones among them whose archive was looked at.
    pub archives: u64,
    /// Values of their data that were decoded.
    pub values: u64,
    /// Places of the archive that were looked at.
    pub places: u64,
}

/// How a verification ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// What was looked at.
    pub seen: Seen,
    /// Findings by severity.
    pub errors: u64,
    /// Findings by severity.
    pub warnings: u64,
    /// Findings by severity.
    pub notes: u64,
    /// Where to go on, if the time was over before all rows were looked at: behind this row id.
    pub go_on_after: Option<i64>,
    /// Whether the places of the archive were looked at as well.
    pub complete: bool,
}

/// Who is told what is found.
pub trait Listener {
    /// A finding.
    fn finding(&mut self, finding: &Finding);
    /// How far it is.
    fn progress(&mut self, seen: &Seen);
}

/// Compares database and archive.
///
/// # Errors
/// When the job database cannot be read.
pub fn verify(
    ports: &Ports<'_>,
    archive: &dyn Walk,
    terms: &Terms,
    wanted: &Wanted,
    listener: &mut dyn Listener,
) -> Result<Verified, jobs::Error> {
    let mut run = Run {
        ports,
        wanted,
        clock: terms.clock,
        listener,
        stop: Stop::new(),
        out: Verified::default(),
        batch: Vec::new(),
        last: wanted.after,
        failure: None,
    };
    let stop = Stop::new();
    survey(ports.database, wanted.after, terms.patience, &stop, |b| {
        run.row(b);
        if run.failure.is_some() || run.is_over() {
            stop.drain(Duration::ZERO);
        }
    })?;
    run.compare();
    if let Some(e) = run.failure.take() {
        return Err(e);
    }
    if run.is_over() {
        run.out.go_on_after = Some(run.last);
    } else {
        run.places(archive)?;
    }
    Ok(run.out)
}

struct Run<'a> {
    ports: &'a Ports<'a>,
    wanted: &'a Wanted,
    clock: Clock,
    listener: &'a mut dyn Listener,
    stop: Stop,
    out: Verified,
    batch: Vec<Brief>,
    /// The last row that was looked at.
    last: i64,
    failure: Option<jobs::Error>,
}

impl Run<'_> {
    fn is_over(&self) -> bool {
        let most = self.wanted.max_duration;
        most.is_some_and(|d| self.clock.elapsed() >= d)
    }

    fn takes(&self, b: &Brief) -> bool {
        let of_cluster = self.wanted.clusters.is_empty()
            || self.wanted.clusters.iter().any(|c| **c == *b.cluster);
        let archived = b.stopped && b.status == STATUS_ARCHIVED;
        of_cluster && (b.is_unarchived() || archived && self.is_drawn(b))
    }

    /// Whether chance draws a row; the same seed draws the same rows.
    fn is_drawn(&self, b: &Brief) -> bool {
        let mut bytes = b.id.to_le_bytes().to_vec();
        bytes.extend(self.wanted.seed.to_le_bytes());
        crc32fast::hash(&bytes) % 10_000 < self.wanted.sample
    }

    fn row(&mut self, b: &Brief) {
        if self.failure.is_some() || self.is_over() {
            return;
        }
        if self.takes(b) {
            self.batch.push(b.clone());
        }
        self.out.seen.rows += 1;
        self.last = b.id;
        if self.batch.len() >= BATCH {
            self.compare();
        }
    }

    /// Compares the rows of the batch, on all cores, and tells what was found in their order.
    fn compare(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        let (ports, wanted, stop) = (self.ports, self.wanted, &self.stop);
        let compared: Vec<_> = batch
            .par_iter()
            .map(|b| contents::compare(ports, b, wanted.read_data, stop))
            .collect();
        for answer in compared {
            match answer {
                Ok(row) => {
                    self.out.seen.archives += u64::from(row.archive);
                    self.out.seen.values += row.values;
                    for f in &row.findings {
                        self.tell(f);
                    }
                }
                Err(e) => self.failure = Some(e),
            }
        }
        self.listener.progress(&self.out.seen);
    }

    fn tell(&mut self, f: &Finding) {
        match f.severity {
            Severity::Error => self.out.errors += 1,
            Severity::Warning => self.out.warnings += 1,
            Severity::Note => self.out.notes += 1,
        }
        self.listener.finding(f);
    }

    /// Goes through the places of the archive.
    fn places(&mut self, archive: &dyn Walk) -> Result<(), jobs::Error> {
        let wanted = |cluster: &str| {
            self.wanted.clusters.is_empty() || self.wanted.clusters.iter().any(|c| c == cluster)
        };
        let (all, strange) = match archive.parts() {
            Ok(listed) => listed,
            Err(e) => {
                self.tell(&finding::unlisted(None, &e.to_string()));
                return Ok(());
            }
        };
        let wanted_parts: Vec<_> = all.into_iter().filter(|p| wanted(&p.cluster)).collect();
        for walked in &strange {
            for f in places::odd(walked) {
                self.tell(&f);
            }
        }
        for some in wanted_parts.chunks(64) {
            if self.is_over() {
                self.out.go_on_after = Some(self.last);
                return Ok(());
            }
            let (ports, stop) = (self.ports, &self.stop);
            let looked: Vec<_> = some
                .par_iter()
                .map(|part| places::look(ports, archive, part, stop))
                .collect();
            for answer in looked {
                let (n, findings) = answer?;
                self.out.seen.places += n;
                for f in &findings {
                    self.tell(f);
                }
            }
            self.listener.progress(&self.out.seen);
        }
        self.out.complete = true;
        Ok(())
    }
}
