//! A mass failure is an outage, not bad jobs, at any time of a sweep.
//!
//! Failures that may be the fault of the source or the archive are held back until a later job of the same medium
//! succeeds, or until the sweep ends. When enough are held in a row and concern different files or hosts, the medium is
//! asked a question that only a sick one fails ([`Decision::Probe`]): its answer tells an outage, of which nothing is recorded,
//! from bad jobs, which must be recorded, since otherwise they would stop every sweep at the same place.
//!
//! Jobs without any sample are held back too, until the source has shown that it holds samples of the cluster at all.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::failure::Failure;
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
    /// Ask the medium; then [`Breaker::healthy`] or [`Breaker::sick`].
    Probe(Medium),
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
}

impl Breaker {
    pub(super) fn take(&mut self, done: Finished) -> Decision {
        let cluster = done.head.key.cluster.clone();
        match &done.outcome {
            Outcome::Failed(f) if f.reason.may_be_outage() => {
                self.hold(medium_of(f, cluster), done)
            }
            Outcome::NoData(_) if !self.proved.contains(&cluster) => {
                let unproved = self.unproved.entry(cluster).or_default();
                unproved.count += 1;
                if unproved.held.len() < MOST_HELD {
                    unproved.held.push(done);
                }
                Decision::Hold
            }
            _ => {
                let mut release = Vec::new();
                if done.coverage.points.received > 0 {
                    release.extend(self.release(&Medium::Source(cluster.clone())));
                    release.extend(self.prove(&cluster));
                }
                if done.archived.as_ref().is_some_and(|a| a.written) {
                    release.extend(self.release(&Medium::Target));
                }
                release.push(done);
                Decision::Record(release)
            }
        }
    }

    fn hold(&mut self, medium: Medium, done: Finished) -> Decision {
        let held = self.failures.entry(medium.clone()).or_default();
        held.push(done);
        if held.len().is_multiple_of(SUSPICIOUS) && concern_several(held) {
            Decision::Probe(medium)
        } else {
            Decision::Hold
        }
    }

    fn release(&mut self, medium: &Medium) -> Vec<Finished> {
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

    /// The hosts and files of the failures that are held of a medium.
    pub(super) fn subjects(&self, medium: &Medium) -> Vec<String> {
        let held = self.failures.get(medium).into_iter().flatten();
        held.filter_map(|d| d.outcome.failure())
            .map(|f| f.subject.clone())
            .collect()
    }

    /// The medium answered: what was held are bad jobs.
    pub(super) fn healthy(&mut self, medium: &Medium) -> Vec<Finished> {
        self.release(medium)
    }

    /// The medium did not answer: how many jobs were held; they are forgotten.
    pub(super) fn sick(&mut self, medium: &Medium) -> u64 {
        self.release(medium).len() as u64
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

/// Whether failures concern more than one file or host. One that names none may concern any.
fn concern_several(held: &[Finished]) -> bool {
    let mut subjects = held
        .iter()
        .filter_map(|d| d.outcome.failure())
        .map(|f| f.subject.as_str());
    let first = subjects.next();
    first == Some("") || subjects.any(|s| Some(s) != first)
}
