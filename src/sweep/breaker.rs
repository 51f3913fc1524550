//! A mass failure is an outage, not bad jobs.
//!
//! Failures of source or target are held back until a job shows that both work. When enough are held and all say the
//! same of different files, the sweep must stop, and none of them counts. Failures that all concern one file are no
//! outage, however many: a host with a damaged snapshot must not stop every sweep.

use super::Done;
use crate::model::failure::{Failure, Reason};
use crate::model::outcome::Outcome;

/// So many equal failures in a row, before any success, are an outage.
const HELD: usize = 20;

/// Holds back failures.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    held: Vec<Done>,
    open: bool,
}

/// What to do with a result.
#[derive(Debug)]
pub(super) enum Decision {
    /// Record these.
    Record(Vec<Done>),
    /// Nothing yet.
    Hold,
    /// Stop the sweep; what is held is forgotten.
    Outage(Failure),
}

impl Breaker {
    pub(super) fn take(&mut self, done: Done) -> Decision {
        if self.open {
            return Decision::Record(vec![done]);
        }
        let failure = match &done.outcome {
            // One cluster is missing among others that are there: its jobs must not stop theirs.
            Outcome::Failed(f) if f.reason == Reason::SourceMissing && !f.subject.is_empty() => {
                return Decision::Record(vec![done]);
            }
            Outcome::Failed(f) if f.reason.may_be_outage() => Some(f.clone()),
            // Source and target work.
            Outcome::Complete
            | Outcome::Partial
            | Outcome::Provisional
            | Outcome::Adopted
            | Outcome::NoData(_) => None,
            // These say nothing of either.
            Outcome::Failed(_)
            | Outcome::Empty
            | Outcome::NotYet
            | Outcome::UnknownEnd
            | Outcome::Interrupted
            | Outcome::Raced => return Decision::Record(vec![done]),
        };
        let differs = failure
            .as_ref()
            .is_none_or(|f| self.reasons().any(|r| r != f.reason));
        if differs && (failure.is_none() || !self.held.is_empty()) {
            self.open = true;
            self.held.push(done);
            return Decision::Record(std::mem::take(&mut self.held));
        }
        self.held.push(done);
        match failure {
            Some(f) if self.held.len() >= HELD && self.subjects() > 1 => {
                self.held.clear();
                Decision::Outage(f)
            }
            _ => Decision::Hold,
        }
    }

    fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.held.iter().filter_map(|d| d.outcome.failure())
    }

    fn reasons(&self) -> impl Iterator<Item = Reason> + '_ {
        self.failures().map(|f| f.reason)
    }

    /// 1 where all failures concern the same file, else more.
    fn subjects(&self) -> usize {
        let mut subjects = self.failures().map(|f| f.subject.as_str());
        let first = subjects.next();
        if subjects.all(|s| Some(s) == first) && first != Some("") {
            1
        } else {
            2
        }
    }

    /// What is still held when the sweep is over.
    pub(super) fn finish(self) -> Vec<Done> {
        self.held
    }
}
