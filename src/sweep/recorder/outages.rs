//! What results tell of the media: proofs that a source is the right one, outages, and data that should have come long ago.
//!
//! Failures in a row may be bad jobs or a sick medium. The breaker says when to ask the medium itself; a sick source closes
//! its cluster, a sick target ends the sweep, and the jobs concerned keep their status.

use super::Recording;
use crate::model::failure::Failure;
use crate::model::message::Finished;
use crate::model::outcome::Outcome;
use crate::rules::judge::WRITING;
use crate::source;
use crate::sweep::breaker::Medium;
use crate::sweep::summary::{Abort, Behind};
use crate::target;

/// A store writes a snapshot this often (seconds) if nobody configured it otherwise, so that files are no older.
const COMES_WITHIN: i64 = 12 * 3600;

impl Recording<'_, '_> {
    /// Lets the breaker know what proves that the source holds samples of a cluster.
    pub(super) fn look_for_proof(&mut self, done: &Finished, batch: &mut Vec<Finished>) {
        let cluster = &done.head.key.cluster;
        if self.breaker.is_proved(cluster) {
            return;
        }
        let source = &self.settings.source;
        if done.coverage.points.received > 0 {
            if self.database.is_some() {
                let now = self.settings.clock.now();
                self.ledger.prove(cluster, source, now);
            }
        } else {
            if done.outcome == Outcome::NotYet {
                *self.summary.silent.entry(cluster.clone()).or_default() += 1;
            }
            let asks = matches!(done.outcome, Outcome::NoData(_));
            if !(asks && self.ledger.is_proved(cluster, source)) {
                return;
            }
        }
        batch.extend(self.breaker.prove(cluster));
    }

    /// Notes jobs that wait for data of a cluster whose newest data is so old that more should have come long ago. A cluster
    /// without such jobs may rest as long as it likes.
    pub(super) fn look_how_old(&mut self, done: &Finished) {
        let waits = matches!(done.outcome, Outcome::NotYet | Outcome::Provisional);
        let ended_later = |newest: &i64| *newest < done.head.end();
        let Some(newest) = done.newest.filter(|n| waits && ended_later(n)) else {
            return;
        };
        let patience = self
            .settings
            .settle
            .max(COMES_WITHIN)
            .saturating_add(WRITING);
        // The newest data of a cluster is looked up once a sweep, and long sweeps go on while more comes.
        if newest.saturating_add(patience) >= self.settings.clock.start() {
            return;
        }
        let cluster = done.head.key.cluster.clone();
        let behind = self.summary.behind.entry(cluster);
        let behind = behind.or_insert(Behind { newest, jobs: 0 });
        behind.newest = behind.newest.max(newest);
        behind.jobs += 1;
    }

    /// Too few failures to ask their medium during the sweep may be the beginning of an outage all the same.
    pub(super) fn look_at_suspected_media(&mut self) {
        if self.summary.aborted.is_some() {
            return;
        }
        let mut released = Vec::new();
        for medium in self.breaker.suspected() {
            self.probe(&medium, &mut released);
        }
        self.record_all(released);
    }

    /// A source that ever held samples of a cluster is the right one, whatever it lacks now.
    pub(super) fn forget_silence_of_proved(&mut self) {
        let (breaker, ledger, source) = (&self.breaker, self.ledger, &self.settings.source);
        let is_proved = |c: &str| breaker.is_proved(c) || ledger.is_proved(c, source);
        self.summary.silent.retain(|cluster, _| !is_proved(cluster));
    }

    /// Tells an outage from bad jobs.
    pub(super) fn probe(&mut self, medium: &Medium, batch: &mut Vec<Finished>) {
        let subjects = self.breaker.subjects(medium);
        let sick = match medium {
            Medium::Source(cluster) => {
                // Hosts, or paths that lead through their folders.
                let but: Vec<&str> = subjects.iter().flat_map(|s| s.split('/')).collect();
                match self.source.probe(cluster, &but, self.stop) {
                    Ok(()) => None,
                    Err(source::Error::Cancelled) => {
                        self.breaker.forget(medium);
                        return;
                    }
                    Err(e) => e.failure(),
                }
            }
            Medium::Target => match self.probe_target() {
                Err(target::Error::Cancelled) => {
                    self.breaker.forget(medium);
                    return;
                }
                answer => answer.err().map(Failure::from),
            },
        };
        let Some(failure) = sick else {
            return batch.extend(self.breaker.release(medium));
        };
        let mut abort = Abort::of(&failure);
        abort.unmarked = self.breaker.sick(medium);
        match medium {
            Medium::Source(cluster) => {
                self.closed.close(cluster);
                abort.cluster = Some(cluster.clone());
                self.summary.outages.push(abort);
            }
            Medium::Target => self.end(abort),
        }
    }

    /// Counts a job that is left as it is, since it needs a source that is gone while others answer (nothing is wrong with
    /// the other jobs of its cluster), or since its cluster's folder in the archive is gone.
    pub(super) fn leave_for_what_is_gone(&mut self, done: &Finished) {
        let Some(f) = done.outcome.failure() else {
            return;
        };
        let cluster = &done.head.key.cluster;
        let mut outages = self.summary.outages.iter_mut();
        let told = outages.find(|o| o.reason == f.reason && o.cluster.as_ref() == Some(cluster));
        if let Some(told) = told {
            told.unmarked += 1;
        } else {
            self.summary.outages.push(Abort {
                cluster: Some(cluster.clone()),
                unmarked: 1,
                ..Abort::of(f)
            });
        }
    }

    /// Counts a job that is left as it is, since its medium is sick.
    pub(super) fn leave(&mut self, medium: &Medium) {
        let told = match medium {
            Medium::Source(cluster) => {
                let mut outages = self.summary.outages.iter_mut();
                outages.find(|o| !o.concerns_layer() && o.cluster.as_ref() == Some(cluster))
            }
            Medium::Target => self.summary.aborted.as_mut(),
        };
        if let Some(told) = told {
            told.unmarked += 1;
        }
    }

    fn probe_target(&self) -> Result<(), target::Error> {
        // In a dry run nothing is written, so that nothing failed to be written either.
        if self.database.is_none() {
            return Ok(());
        }
        self.target.probe()
    }
}
