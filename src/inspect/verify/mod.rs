//! Database ↔ archive ↔ contents, in both directions: is everything that a row says is archived there, whole and true, and
//! is everything that is there some row's?
//!
//! The rows come first, in the order of their ids, then the places of the archive, part by part, which only cost names. A
//! run that ends early says where it ended, and the next one goes on there. Nothing is changed, and nothing is remembered
//! between two runs.

mod contents;
mod finding;
mod mark;
mod places;

use std::time::Duration;

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use serde::Serialize;

use super::{Ports, Terms};
use crate::format::read;
use crate::jobs::{self, Brief, extent, survey};
use crate::model::clock::Clock;
use crate::model::job::{JobKey, STATUS_ARCHIVED};
use crate::model::stop::Stop;
use crate::target::{Part, Stored, Walk};

pub use finding::{Fault, Finding, Named, Repair, Severity};
pub use mark::Mark;

/// Rows that are compared at a time, by all threads; fewer where their data is read, so that a time box is kept.
const BATCH: usize = 2048;
const BATCH_WITH_DATA: usize = 64;
/// Rows that a thread reads at a time, so that no state of the database is held for long.
const PIECE: usize = 64;
/// Parts of the archive that are gone through at a time, by all threads.
const PARTS: usize = 32;
/// Threads besides one for each processor: mostly the disk is waited for, which serves many at once.
const WAITING: usize = 14;

/// How thoroughly to look.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Decode the data and compare it with the statistics.
    pub read_data: bool,
    /// Look at so many of 10,000 archived rows and of 10,000 parts of the archive, chosen by chance.
    pub sample: u32,
    /// Which sample: another number chooses others.
    pub seed: u32,
    /// Where to go on.
    pub after: Mark,
    /// Only these clusters; empty for all.
    pub clusters: Vec<String>,
    /// Stop after this time.
    pub max_duration: Option<Duration>,
    /// How the owners of database and archive do not fit, where they do not.
    pub owners: Option<String>,
    /// How many jobs more should be looked at at once, since the archive mostly waits for answers.
    pub waits: usize,
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
    /// The last row id that was looked at, if the run ended before all rows were.
    pub go_on_after: Option<i64>,
    /// Where to go on, if the run ended early.
    pub resume: Option<Mark>,
    /// Whether the places of the archive were looked at as well.
    pub complete: bool,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What was looked at.
    pub seen: Seen,
    /// Whether the rows are done, and the places of the archive are gone through.
    pub places: bool,
    /// How much of these there is in all: rows, or parts of the archive.
    pub total: u64,
    /// The share of that which is behind, 0 to 1, what earlier runs looked at included.
    pub share: f64,
}

/// Who is told what is found.
pub trait Listener {
    /// A finding.
    fn finding(&mut self, finding: &Finding);
    /// How far it is.
    fn progress(&mut self, progress: &Progress);
}

/// Compares database and archive. Ends early, and says where, when the stop token drains.
///
/// # Errors
/// When the job database cannot be read.
pub fn verify(
    ports: &Ports<'_>,
    archive: &dyn Walk,
    terms: &Terms,
    wanted: &Wanted,
    stop: &Stop,
    listener: &mut (dyn Listener + Send),
) -> Result<Verified, jobs::Error> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = ThreadPoolBuilder::new().num_threads(cores + WAITING + wanted.waits);
    let mut look = || compare(ports, archive, terms, wanted, stop, listener);
    match pool.build() {
        Ok(pool) => pool.install(look),
        // Slower, and as right.
        Err(_) => look(),
    }
}

fn compare(
    ports: &Ports<'_>,
    archive: &dyn Walk,
    terms: &Terms,
    wanted: &Wanted,
    stop: &Stop,
    listener: &mut (dyn Listener + Send),
) -> Result<Verified, jobs::Error> {
    let mut run = Run {
        ports,
        wanted,
        clock: terms.clock,
        listener,
        stop,
        out: Verified::default(),
        batch: Vec::new(),
        mark: wanted.after.clone(),
        table: (0, 0),
        failure: None,
    };
    if let (Mark::Row(0), Some(why)) = (&wanted.after, &wanted.owners) {
        run.tell(&Finding::new(Fault::Owners, None, why.as_str()));
    }
    if let Some(after) = wanted.after.row() {
        run.table = extent(ports.database, terms.patience, stop)?;
        let enough = Stop::new();
        survey(ports.database, after, terms.patience, &enough, |b| {
            run.row(b);
            if run.failure.is_some() || run.is_over() {
                enough.drain(Duration::ZERO);
            }
        })?;
        run.compare();
    }
    if let Some(e) = run.failure.take() {
        return Err(e);
    }
    if !run.is_over() {
        run.places(archive)?;
    }
    if !run.out.complete {
        run.out.go_on_after = run.mark.row();
        run.out.resume = Some(run.mark);
    }
    Ok(run.out)
}

/// Looks once more at the row and at the place of a job, after something was repaired there.
///
/// # Errors
/// When the job database cannot be read.
pub fn again(
    ports: &Ports<'_>,
    archive: &dyn Walk,
    key: &JobKey,
    read_data: bool,
    stop: &Stop,
) -> Result<Vec<Finding>, jobs::Error> {
    let mut findings = Vec::new();
    if let Some(row) = ports.rows.by_key(key, stop)? {
        let compared = contents::compare(ports, &[row.head.id], read_data, stop)?;
        findings.extend(compared.into_iter().flat_map(|c| c.findings));
    }
    let place = archive.look_again(key);
    findings.extend(places::compare(ports, &place, stop)?);
    Ok(findings)
}

/// Whether data decodes and is what its meta.json was written with.
///
/// # Errors
/// When the medium refuses the data, so that nothing can be told of it.
pub fn belong_together(stored: Stored) -> Result<bool, read::Error> {
    contents::belong_together(stored)
}

struct Run<'a> {
    ports: &'a Ports<'a>,
    wanted: &'a Wanted,
    clock: Clock,
    listener: &'a mut (dyn Listener + Send),
    stop: &'a Stop,
    out: Verified,
    batch: Vec<i64>,
    /// How far it is.
    mark: Mark,
    /// How many rows there are, and the largest id.
    table: (u64, i64),
    failure: Option<jobs::Error>,
}

impl Run<'_> {
    fn is_over(&self) -> bool {
        is_over(self.clock, self.wanted, self.stop)
    }

    fn is_wanted(&self, cluster: &str) -> bool {
        self.wanted.clusters.is_empty() || self.wanted.clusters.iter().any(|c| c == cluster)
    }

    fn takes(&self, b: &Brief) -> bool {
        let archived = b.stopped && b.status == STATUS_ARCHIVED;
        let drawn = || self.is_drawn(&b.id.to_le_bytes());
        self.is_wanted(&b.cluster) && (b.is_unarchived() || archived && drawn())
    }

    /// Whether chance draws a row or a part; the same seed draws the same ones.
    fn is_drawn(&self, name: &[u8]) -> bool {
        let bytes = [name, &self.wanted.seed.to_le_bytes()].concat();
        crc32fast::hash(&bytes) % 10_000 < self.wanted.sample
    }

    fn row(&mut self, b: &Brief) {
        if self.failure.is_some() || self.is_over() {
            return;
        }
        if self.takes(b) {
            self.batch.push(b.id);
        }
        self.out.seen.rows += 1;
        self.mark = Mark::Row(b.id);
        let most = if self.wanted.read_data {
            BATCH_WITH_DATA
        } else {
            BATCH
        };
        if self.batch.len() >= most {
            self.compare();
        }
    }

    /// Compares the rows of the batch, on all cores, and tells what was found in their order.
    fn compare(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        let (ports, wanted, stop) = (self.ports, self.wanted, self.stop);
        let piece = if wanted.read_data { 1 } else { PIECE };
        let compared: Vec<_> = batch
            .par_chunks(piece)
            .map(|ids| contents::compare(ports, ids, wanted.read_data, stop))
            .collect();
        for answer in compared {
            match answer {
                Ok(rows) => {
                    for row in rows {
                        self.out.seen.archives += u64::from(row.archive);
                        self.out.seen.values += row.values;
                        row.findings.iter().for_each(|f| self.tell(f));
                    }
                }
                Err(e) => self.failure = Some(e),
            }
        }
        let (total, last) = self.table;
        let at = self.mark.row().unwrap_or(0);
        self.listener.progress(&Progress {
            seen: self.out.seen,
            places: false,
            total,
            share: at as f64 / last.max(1) as f64,
        });
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
        let (mut wanted, strange) = match archive.parts() {
            Ok(listed) => listed,
            Err(e) => {
                self.tell(&finding::unlisted(None, &e.to_string()));
                self.out.complete = true;
                return Ok(());
            }
        };
        let begun = self.mark.row().is_none();
        wanted.retain(|p| {
            let name = format!("{}/{}", p.cluster, p.thousands);
            self.is_wanted(&p.cluster) && self.is_drawn(name.as_bytes())
        });
        let total = wanted.len();
        wanted.retain(|p| !(begun && Mark::of(p) <= self.mark));
        let mut left = wanted.len();
        for walked in strange.iter().filter(|_| !begun) {
            for f in places::odd(walked) {
                self.tell(&f);
            }
        }
        for some in wanted.chunks(PARTS) {
            if self.is_over() {
                return Ok(());
            }
            let (ports, clock, options, stop) = (self.ports, self.clock, self.wanted, self.stop);
            let look = |part: &Part| places::look(ports, archive, part, stop);
            let looked = look_at(some, || is_over(clock, options, stop), look);
            let done = looked.len();
            for (part, answer) in some.iter().zip(looked) {
                let (n, findings) = answer?;
                self.out.seen.places += n;
                for f in &findings {
                    self.tell(f);
                }
                self.mark = Mark::of(part);
            }
            left -= done;
            self.listener.progress(&Progress {
                seen: self.out.seen,
                places: true,
                total: total as u64,
                share: 1.0 - left as f64 / total.max(1) as f64,
            });
            if done < some.len() {
                return Ok(());
            }
        }
        self.out.complete = true;
        Ok(())
    }
}

fn is_over(clock: Clock, wanted: &Wanted, stop: &Stop) -> bool {
    let most = wanted.max_duration;
    stop.is_draining() || most.is_some_and(|d| clock.elapsed() >= d)
}

/// Looks at things on all threads, and begins no more of them once it is over. They are begun in their order, so that the
/// answers, in this order too, are those of the first ones without a hole.
fn look_at<T: Sync, A: Send>(
    things: &[T],
    is_over: impl Fn() -> bool + Sync,
    look: impl Fn(&T) -> A + Sync,
) -> Vec<A> {
    let begun = things.iter().enumerate().take_while(|_| !is_over());
    let looked = begun.par_bridge().map(|(k, thing)| (k, look(thing)));
    let mut answers: Vec<(usize, A)> = looked.collect();
    answers.sort_unstable_by_key(|(k, _)| *k);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn no_part_is_begun_after_the_time_and_none_that_was_begun_is_lost() {
        let seen = AtomicUsize::new(0);
        let is_over = || seen.load(Ordering::Relaxed) >= 3;
        let look = |part: &usize| {
            seen.fetch_add(1, Ordering::Relaxed);
            *part
        };
        let parts: Vec<usize> = (0..32).collect();
        let pool = ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        let looked = pool.install(|| look_at(&parts, is_over, look));
        // Each thread may just have begun another one.
        assert!((3..=6).contains(&looked.len()), "{looked:?}");
        assert_eq!(looked, parts[..looked.len()]);
        assert_eq!(seen.into_inner(), looked.len());
    }
}
