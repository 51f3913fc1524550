//! The metric store's archive of itself: Parquet files with what old checkpoints held, one a cluster and clean-up.
//!
//! The store writes `<root>/<cluster>/<number>.parquet` when it removes checkpoints, in place and without a checksum, and
//! deletes none. Files without a footer are being written, or were when the store died, and are passed over: the
//! checkpoints that they were made of are still there. What else cannot be read is damage of the time that it may have held.
//! By itself this is a source; where the checkpoints of the same store leave a gap it feeds their timeline (`older`).

mod answer;
mod borders;
mod catalogue;
mod content;
mod fault;
mod file;
mod folder;
mod pieces;
mod presence;
mod rows;
#[cfg(test)]
pub(super) mod testing;

use std::path::PathBuf;
use std::sync::Arc;

use super::older::{Old, Older, feed};
use super::times::believable;
use super::{Error, Reach, Request, Source};
use crate::model::clock::Clock;
use crate::model::memory::Memory;
use crate::model::stop::Stop;
use crate::rules::evidence::{Covers, Evidence};
use crate::rules::timeline::{Builder, Interval};
use answer::{Ended, Question, answer};
use catalogue::Catalogue;
use pieces::Keep;

/// Bytes that a host may take where the files are a source by themselves.
const ROOM: usize = 192 << 20;

/// How often everything is listed and read again when files go away.
const READINGS: usize = 3;

/// Folders of the store's archive.
#[derive(Debug)]
pub struct Parquet {
    roots: Vec<PathBuf>,
    clock: Clock,
    catalogue: Catalogue,
}

impl Parquet {
    /// Folders with one folder per cluster; operators move old files elsewhere, so there may be several. The clock says which
    /// times can be.
    pub fn new(roots: Vec<PathBuf>, clock: Clock) -> Self {
        Self {
            roots,
            clock,
            catalogue: Catalogue::default(),
        }
    }

    /// Notes in a memory what it remembers of the files.
    #[must_use]
    pub fn noting_in(mut self, memory: Arc<Memory>) -> Self {
        self.catalogue = Catalogue::noting_in(memory);
        self
    }

    /// What an operator should know of the folders before a sweep, a sentence each.
    pub fn oddities(&self) -> Vec<String> {
        let roots = self.roots.iter();
        roots.flat_map(|root| presence::oddities(root)).collect()
    }
}

impl Older for Parquet {
    fn within(
        &self,
        request: &Request<'_>,
        gap: Interval,
        room: usize,
        stop: &Stop,
    ) -> Result<Old, Error> {
        let metrics: Vec<&str> = request.metrics.iter().map(|w| w.metric).collect();
        let question = Question {
            cluster: request.cluster,
            host: request.host,
            keep: Keep {
                window: request.window,
                gap,
                metrics: &metrics,
                room,
            },
            believed: believable(self.clock.now()),
            stop,
        };
        for _ in 0..READINGS {
            let found = presence::files(&self.roots, request.cluster)?;
            match answer(&self.catalogue, &found.files, question) {
                Ok(mut old) => {
                    old.damaged.extend(found.gone);
                    if !old.damaged.is_empty() {
                        old.final_until = None;
                    }
                    return Ok(old);
                }
                Err(Ended::Changed) => {}
                Err(Ended::Cancelled) => return Err(Error::Cancelled),
            }
        }
        Err(presence::unsteady(&self.roots, request.cluster, READINGS))
    }
}

impl Source for Parquet {
    fn ask(&self, request: &Request<'_>, stop: &Stop) -> Result<Arc<Evidence>, Error> {
        let read_at = self.clock.now();
        let old = self.within(request, Interval::ALL, ROOM, stop)?;
        let mut builder = Builder::default();
        feed(old.series, &mut builder);
        let timeline = builder.finish(&[], believable(read_at).to);
        Ok(Arc::new(Evidence {
            series: timeline.series,
            newest: timeline.newest,
            phases: timeline.phases,
            phase_guessed: timeline.phase_guessed || old.phase_unknown,
            damaged: old.damaged,
            passed_over: old.passed_over,
            final_until: old.final_until,
            read_at,
            covers: Covers {
                window: None,
                all_metrics: request.metrics.is_empty(),
            },
            filled: Vec::new(),
            memory: None,
        }))
    }

    fn reach(&self, cluster: &str, stop: &Stop) -> Result<Reach, Error> {
        let found = presence::files(&self.roots, cluster)?;
        let mut times: Option<Interval> = None;
        let mut unknown = !found.gone.is_empty();
        for file in &found.files {
            if stop.is_cancelled() {
                return Err(Error::Cancelled);
            }
            match self.catalogue.contents(file, cluster) {
                Ok(contents) => {
                    let united = contents.times.map(|t| times.map_or(t, |all| all.united(t)));
                    times = united.or(times);
                }
                Err(fault) => unknown |= !fault.is_harmless(),
            }
        }
        let times = times.unwrap_or(Interval { from: 0, to: 0 });
        Ok(Reach {
            newest: times.to,
            // The oldest data may be in what cannot be read.
            oldest: if unknown { i64::MIN } else { times.from },
        })
    }

    fn probe(&self, cluster: &str, but: &[&str], stop: &Stop) -> Result<(), Error> {
        presence::probe(&self.roots, cluster, but, stop)
    }
}

#[cfg(test)]
mod tests;
