//! A mass failure is an outage, not bad jobs, at any time of a sweep.
//!
//! Failures that may be the fault of the source or the archive are held back until a later job of the same medium
//! succeeds, or until the sweep ends. Before they are recorded, the medium is asked a question that only a sick one fails
//! ([`Decision::Probe`]): its answer tells an outage, of which nothing is recorded, from bad jobs, which must be recorded, since
//! otherwise they would stop every sweep at the same place. It is asked when enough failures are held in a row; when a success
//! comes after some, since the success may come from memory or have begun before them; and at the end of the sweep.
//!
//! Jobs without any sample are held back too, until the source has shown that it holds samples of the cluster at all.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::failure::{Failure, Reason};
use crate::model::message::Finished;
use crate::model::outcome::Outcome;

/// So many failures in a row raise the suspicion of an outage.
const SUSPICIOUS: usize = 20;
/// Jobs without data of one cluster that are kept until the source has proved itself; of more the rows stay as they are.
const MOST_HELD: usize = 10_000;

/// What may be sick.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Medium {
    /// The source, as far as a cluster is concerned.
    Source(String),
    /// The archive.
    Target,
}

/// What to do with a result.
#[derive(Debug)]
pub(super) enum Decision {
    /// Record these.
    Record(Vec<Finished>),
    /// Nothing yet.
    Hold,
    /// Leave the job as it is: its medium is known to be sick.
    Leave(Medium),
    /// Record these and ask the media; then [`Breaker::release`] or [`Breaker::sick`] or [`Breaker::forget`] for each.
    Probe(Vec<Medium>, Vec<Finished>),
}

/// Jobs of a cluster without any sample, while nothing proves that the source is the right one.
#[derive(Debug, Default)]
pub(super) struct Unproved {
    held: Vec<Finished>,
    /// How many there were.
    pub(super) count: u64,
}

/// Holds back what may be an outage.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: BTreeMap<Medium, Vec<Finished>>,
    unproved: BTreeMap<String, Unproved>,
    /// Clusters whose source has proved itself.
    proved: BTreeSet<String>,
    sick: BTreeSet<Medium>,
}

impl Breaker {
    pub(super) fn take(&mut self, done: Finished) -> Decision {
        let cluster = done.head.key.cluster.clone();
        let failure = done.outcome.failure();
        if let Some(f) = failure.filter(|f| f.reason.may_be_outage()) {
            return self.hold(medium_of(f, cluster), done);
        }
        if matches!(done.outcome, Outcome::NoData(_)) && !self.proved.contains(&cluster) {
            let unproved = self.unproved.entry(cluster).or_default();
            unproved.count += 1;
            if unproved.held.len() < MOST_HELD {
                unproved.held.push(done);
            }
            return Decision::Hold;
        }
        self.take_other(done, &cluster)
    }

    /// Takes a result that blames no medium: it may show that one is in order.
    fn take_other(&mut self, done: Finished, cluster: &str) -> Decision {
        let (mut release, mut probe) = (Vec::new(), Vec::new());
        let mut succeeded = Vec::new();
        if done.coverage.points.received > 0 {
            succeeded.push(Medium::Source(cluster.to_owned()));
            release.extend(self.prove(cluster));
        }
        if done.archived.as_ref().is_some_and(|a| a.written) {
            succeeded.push(Medium::Target);
        }
        for medium in succeeded {
            // The success may have begun before the medium fell ill, so that even one failure asks for a look.
            if self.failures.get(&medium).is_some_and(|f| !f.is_empty()) {
                probe.push(medium);
            }
        }
        release.push(done);
        if probe.is_empty() {
            Decision::Record(release)
        } else {
            Decision::Probe(probe, release)
        }
    }

    fn hold(&mut self, medium: Medium, done: Finished) -> Decision {
        if self.sick.contains(&medium) {
            return Decision::Leave(medium);
        }
        let held = self.failures.entry(medium.clone()).or_default();
        held.push(done);
        if held.len() < SUSPICIOUS {
            Decision::Hold
        } else {
            Decision::Probe(vec![medium], Vec::new())
        }
    }

    /// Takes what is held of a medium, to be recorded: these are bad jobs.
    pub(super) fn release(&mut self, medium: &Medium) -> Vec<Finished> {
        self.failures.remove(medium).unwrap_or_default()
    }

    /// The source holds samples of a cluster: jobs without any were really without.
    pub(super) fn prove(&mut self, cluster: &str) -> Vec<Finished> {
        self.proved.insert(cluster.to_owned());
        self.unproved.remove(cluster).unwrap_or_default().held
    }

    /// Whether the source of a cluster has proved itself.
    pub(super) fn is_proved(&self, cluster: &str) -> bool {
        self.proved.contains(cluster)
    }

    /// The media of failures that are held when the sweep is over. A cluster of which the source has no folder at all is
    /// no suspicion: its jobs fail, or a cluster that was taken out of service would alarm for ever.
    pub(super) fn suspected(&self) -> Vec<Medium> {
        let is_suspect = |d: &Finished| {
            let failure = d.outcome.failure();
            failure.is_some_and(|f| f.reason != Reason::SourceMissing)
        };
        let held = self.failures.iter();
        let suspected = held.filter(|(_, held)| held.iter().any(is_suspect));
        suspected.map(|(medium, _)| medium.clone()).collect()
    }

    /// The hosts and files of the failures that are held of a medium.
    pub(super) fn subjects(&self, medium: &Medium) -> Vec<String> {
        let held = self.failures.get(medium).into_iter().flatten();
        held.filter_map(|d| d.outcome.failure())
            .map(|f| f.subject.clone())
            .collect()
    }

    /// Forgets what is held of a medium, as nobody knows what it means; how many jobs it was.
    pub(super) fn forget(&mut self, medium: &Medium) -> u64 {
        self.release(medium).len() as u64
    }

    /// The medium did not answer: what is held and what still comes of it is no job's fault. How many jobs were held.
    pub(super) fn sick(&mut self, medium: &Medium) -> u64 {
        self.sick.insert(medium.clone());
        self.forget(medium)
    }

    /// What is still held when the sweep is over: failures, which count, and jobs without data of sources that did not prove
    /// themselves, which do not.
    pub(super) fn finish(self) -> (Vec<Finished>, BTreeMap<String, Unproved>) {
        let failures = self.failures.into_values().flatten().collect();
        (failures, self.unproved)
    }
}

fn medium_of(f: &Failure, cluster: String) -> Medium {
    if f.reason.blames_target() {
        Medium::Target
    } else {
        Medium::Source(cluster)
    }
}
