//! What a try to archive a job would come to now: the sources are read as a sweep reads them, and the sweep's own rules judge
//! what they hold.

use crate::inspect::evidence::{Evidence, Held, read};
use crate::inspect::{Ports, Terms};
use crate::model::failure::{Failure, Reason, Stage};
use crate::model::job::Job;
use crate::model::outcome::Outcome;
use crate::model::stop::Stop;
use crate::rules::assemble::Assembler;
use crate::rules::judge::{Policy, Verdict, judge};
use crate::rules::retry::ATTEMPTS;
use crate::rules::richness::{Comparison, compare};
use crate::target::Found;

/// What a try would come to.
pub(super) struct Trial {
    pub(super) outcome: Outcome,
    /// Whether no later try can find data.
    pub(super) lost: bool,
}

impl Trial {
    /// A try that fails before the source is asked.
    pub(super) fn failed(stage: Stage, reason: Reason, why: String) -> Self {
        Self::of(Outcome::Failed(Failure::new(stage, reason, why)))
    }

    fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            lost: false,
        }
    }

    /// Tries a job that the archive holds something of, or not, after so many failures.
    pub(super) fn run(
        ports: &Ports<'_>,
        terms: &Terms,
        job: &Job,
        found: Option<&Found>,
        failures: u32,
        stop: &Stop,
    ) -> Self {
        if job.has_unknown_end() {
            return Self::of(Outcome::UnknownEnd);
        }
        let mut evidence = match read(ports.source, ports.clusters, job, stop) {
            Ok(evidence) => evidence,
            Err(f) => return Self::of(Outcome::Failed(f)),
        };
        evidence.findings.archived = found.is_some();
        let policy = Policy {
            settle: terms.settle,
            retention: terms.retention,
            accept_empty: false,
            ignore_damage: failures + 1 >= ATTEMPTS,
        };
        let verdict = judge(&job.head, &evidence.findings, &policy);
        let adoptable = found.is_some_and(|f| f.whole.is_some()) && job.head.is_unarchived();
        let outcome = outcome(verdict, &evidence, adoptable);
        Self {
            outcome: match found {
                Some(f) if outcome.is_archived() && outcome != Outcome::Adopted => {
                    against(outcome, &evidence, f, adoptable)
                }
                _ => outcome,
            },
            lost: verdict == Verdict::NoData { lost: true },
        }
    }
}

/// What each source holds of a job.
pub(super) fn held(ports: &Ports<'_>, job: &Job, stop: &Stop) -> Vec<Held> {
    let one = |named: &crate::inspect::Named<'_>| {
        let answer = read(named.source, ports.clusters, job, stop);
        Held::new(&named.name, job, answer)
    };
    ports.sources.iter().map(one).collect()
}

/// What a sweep makes of the verdict.
fn outcome(verdict: Verdict, evidence: &Evidence, adoptable: bool) -> Outcome {
    let account = &evidence.findings.account;
    match verdict {
        Verdict::NotYet | Verdict::NoData { .. } if adoptable => Outcome::Adopted,
        Verdict::Complete => Outcome::Complete,
        Verdict::Partial => Outcome::Partial,
        Verdict::Provisional => Outcome::Provisional,
        Verdict::Empty => Outcome::Empty,
        Verdict::NotYet => Outcome::NotYet,
        Verdict::NoData { .. } => {
            let detail = format!(
                "none of the {} samples expected was found",
                account.coverage.points.expected
            );
            Outcome::NoData(Failure::new(Stage::Load, Reason::NoData, detail))
        }
        Verdict::Damaged => account.damage().map_or(Outcome::Raced, Outcome::Failed),
        Verdict::NotAggregated => {
            Assembler::not_aggregated(account).map_or(Outcome::Raced, Outcome::Failed)
        }
    }
}

/// An outcome that writes an archive, in view of what is there.
fn against(outcome: Outcome, evidence: &Evidence, found: &Found, adoptable: bool) -> Outcome {
    match compare(&found.values, &evidence.values, true) {
        Comparison::Equal | Comparison::Poorer(_) if adoptable => Outcome::Adopted,
        Comparison::Equal | Comparison::Richer => outcome,
        Comparison::Poorer(why) => Outcome::Failed(Failure::new(Stage::Store, Reason::Poorer, why)),
    }
}
