//! What is the matter with one job: its row, what the sources and the archive hold of it, what the next sweep would do, and
//! what a person can do.
//!
//! The sources are read as a sweep reads them, and the same rules judge what they hold; nothing is written.

use serde::Serialize;

use super::evidence::{Evidence, Held, read};
use super::status::Place;
use super::{Ports, Terms};
use crate::jobs;
use crate::ledger::{Entry, Told};
use crate::model::failure::{Failure, Reason, Stage};
use crate::model::job::{
    Head, Job, JobKey, Row, STATUS_ARCHIVED, STATUS_DISABLED, Shown, Text, camel,
};
use crate::model::message::History;
use crate::model::outcome::Outcome;
use crate::model::standing::Standing;
use crate::model::stop::Stop;
use crate::rules::judge::{Policy, Verdict, judge};
use crate::rules::retry::{self, ATTEMPTS};
use crate::rules::richness::{Comparison, compare};
use crate::target::Found;

/// All about one job.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// When this was looked at.
    pub now: i64,
    /// The job's row.
    pub job: Card,
    /// What is wrong with the row.
    pub row_problem: Option<String>,
    /// What earlier sweeps made of it.
    pub history: Option<Told>,
    /// What the archive holds of it.
    pub archive: Archive,
    /// What each source holds of it.
    pub sources: Vec<Held>,
    /// What happens next.
    pub next: Next,
}

/// The row for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// The job.
    #[serde(flatten, serialize_with = "camel")]
    pub key: JobKey,
    /// The row's id in the database.
    pub id: i64,
    /// `job_state`.
    pub state: String,
    /// `monitoring_status`.
    pub monitoring_status: i64,
    /// Seconds.
    pub duration: i64,
    /// When it ended.
    pub end: i64,
    /// `subcluster`
    pub subcluster: String,
    /// `hpc_user`
    pub user: String,
    /// `project`
    pub project: String,
    /// Its hosts.
    pub hosts: Vec<String>,
    /// Seconds; 0 where it is not known.
    pub walltime: i64,
}

impl Card {
    pub(super) fn new(row: &Row) -> Self {
        let head = &row.head;
        let mut card = Self {
            key: head.key.clone(),
            id: head.id,
            state: head.state.clone(),
            monitoring_status: head.status,
            duration: head.duration,
            end: head.end(),
            subcluster: String::new(),
            user: String::new(),
            project: String::new(),
            hosts: Vec::new(),
            walltime: 0,
        };
        if let Ok(job) = &row.job {
            let text = |t: &Text| String::from_utf8_lossy(&t.0).into_owned();
            card.subcluster.clone_from(&job.subcluster);
            card.user = text(&job.user);
            card.project = text(&job.project);
            card.hosts = job.resources.iter().map(|r| r.hostname.clone()).collect();
            card.walltime = job.walltime;
        }
        card
    }
}

/// What the archive holds of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "holds")]
pub enum Archive {
    /// Nothing.
    Nothing,
    /// A whole archive of this job.
    Whole {
        /// Values in the data file.
        values: u64,
        /// Seconds.
        duration: i64,
    },
    /// Something that is no whole archive of this job.
    Incomplete {
        /// Values in the data file, as far as it can be read.
        values: u64,
    },
    /// It could not be read.
    Unreadable {
        /// Why.
        detail: String,
    },
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Next {
    /// Where the next sweep finds the job; none where it is no part of the backlog.
    pub place: Option<Place>,
    /// When it is tried; none where no sweep tries it by itself. The past means the next sweep.
    pub at: Option<i64>,
    /// What a try would come to now.
    pub outcome: Option<String>,
    /// Code of what would go wrong.
    pub reason: Option<String>,
    /// What happens and why, in words.
    pub why: String,
    /// The one thing that a person can do.
    pub advice: String,
    /// The command that does it, where there is one.
    pub command: Option<String>,
    /// Whether a person has to.
    pub needs_person: bool,
}

/// Explains a job, given its row.
///
/// # Errors
/// When the job database cannot be read.
pub fn explain(
    ports: &Ports<'_>,
    terms: &Terms,
    row: &Row,
    stop: &Stop,
) -> Result<Explained, jobs::Error> {
    let head = &row.head;
    let now = terms.clock.now();
    let found = ports.target.find(&head.key);
    let history = ports.ledger.told(&head.key);
    let entry = ports.ledger.job(&head.key);
    let asking = Asking {
        ports,
        terms,
        now,
        entry: entry.as_ref(),
        stop,
    };
    let (sources, next) = match (&row.job, &found) {
        (_, Err(e)) => {
            let f = Failure::new(Stage::Store, Reason::TargetUnwritable, e.to_string());
            (
                Vec::new(),
                asking.next(head, Some(&Outcome::Failed(f)), false, None),
            )
        }
        (Err(why), _) => {
            let f = Failure::new(Stage::Row, Reason::RowInvalid, why.clone());
            let archive = found.as_ref().ok().and_then(Option::as_ref);
            (
                Vec::new(),
                asking.next(head, Some(&Outcome::Failed(f)), false, archive),
            )
        }
        (Ok(job), Ok(found)) => asking.job(job, found.as_ref()),
    };
    Ok(Explained {
        now,
        job: Card::new(row),
        row_problem: row.job.as_ref().err().cloned(),
        history,
        archive: match &found {
            Err(e) => Archive::Unreadable {
                detail: e.to_string(),
            },
            Ok(found) => archive(found.as_ref()),
        },
        sources,
        next,
    })
}

fn archive(found: Option<&Found>) -> Archive {
    let Some(found) = found else {
        return Archive::Nothing;
    };
    let values = found.values.values().map(|h| h.values).sum();
    match &found.whole {
        Some(whole) => Archive::Whole {
            values,
            duration: whole.duration,
        },
        None => Archive::Incomplete { values },
    }
}

struct Asking<'a> {
    ports: &'a Ports<'a>,
    terms: &'a Terms,
    now: i64,
    entry: Option<&'a Entry>,
    stop: &'a Stop,
}

impl Asking<'_> {
    /// What the sources hold of a job, and what follows.
    fn job(&self, job: &Job, found: Option<&Found>) -> (Vec<Held>, Next) {
        let ports = self.ports;
        let mut held = Vec::new();
        for named in ports.sources {
            let answer = read(named.source, ports.clusters, job, self.stop);
            held.push(Held::new(&named.name, job, answer));
        }
        let (outcome, lost) = match read(ports.source, ports.clusters, job, self.stop) {
            Err(f) => (Outcome::Failed(f), false),
            Ok(mut evidence) => {
                evidence.findings.archived = found.is_some();
                self.outcome(job, &evidence, found)
            }
        };
        let outcome = if job.has_unknown_end() {
            Outcome::UnknownEnd
        } else {
            outcome
        };
        (held, self.next(&job.head, Some(&outcome), lost, found))
    }

    /// What a sweep would make of the evidence, and whether no later one can find data.
    fn outcome(&self, job: &Job, evidence: &Evidence, found: Option<&Found>) -> (Outcome, bool) {
        let failures = self.entry.map_or(0, |e| e.failures);
        let policy = Policy {
            settle: self.terms.settle,
            retention: self.terms.retention,
            accept_empty: false,
            ignore_damage: failures + 1 >= ATTEMPTS,
        };
        let account = &evidence.findings.account;
        let verdict = judge(&job.head, &evidence.findings, &policy);
        let adoptable = found.is_some_and(|f| f.whole.is_some()) && job.head.is_unarchived();
        let outcome = match verdict {
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
                let failure = crate::rules::assemble::Assembler::not_aggregated(account);
                failure.map_or(Outcome::Raced, Outcome::Failed)
            }
        };
        let lost = verdict == Verdict::NoData { lost: true };
        match found {
            Some(f) if outcome.is_archived() && outcome != Outcome::Adopted => {
                (against(outcome, evidence, f, adoptable), lost)
            }
            _ => (outcome, lost),
        }
    }

    /// What happens next to a job of which a try would come to that.
    fn next(
        &self,
        head: &Head,
        outcome: Option<&Outcome>,
        lost: bool,
        found: Option<&Found>,
    ) -> Next {
        let mut next = Next {
            place: None,
            at: None,
            outcome: outcome.map(|o| o.name().to_owned()),
            reason: outcome
                .and_then(Outcome::failure)
                .map(|f| f.reason.code().to_owned()),
            why: String::new(),
            advice: "nothing to do".into(),
            command: None,
            needs_person: false,
        };
        if !head.stopped() {
            next.outcome = None;
            next.reason = None;
            next.why = format!(
                "it is {}: only stopped jobs are archived",
                Shown(&head.state)
            );
        } else if head.status == STATUS_DISABLED {
            next.outcome = None;
            next.reason = None;
            next.why = "its monitoring is switched off (status 0): it is never touched".into();
        } else if head.status == STATUS_ARCHIVED {
            self.archived(head, &mut next, found);
        } else {
            self.unarchived(head, outcome, lost, &mut next);
        }
        next
    }

    fn archived(&self, head: &Head, next: &mut Next, found: Option<&Found>) {
        let whole = found.is_some_and(|f| f.whole.is_some());
        if !whole {
            next.needs_person = true;
            next.why =
                "its row says archived (status 3), but the archive holds no whole archive of it"
                    .into();
            next.advice = "archive it again while the source has its data".into();
            next.command = Some(again(head));
        } else if self
            .entry
            .is_some_and(|e| e.standing == Standing::Provisional)
        {
            next.at = Some(self.now);
            next.why = "it is archived with what there was; sweeps read it again as soon as its hosts have newer data, and replace it only by a richer one".into();
        } else {
            next.outcome = None;
            next.reason = None;
            next.why = "it is archived; no sweep touches it".into();
        }
    }

    fn unarchived(&self, head: &Head, outcome: Option<&Outcome>, lost: bool, next: &mut Next) {
        let unknown_end = outcome == Some(&Outcome::UnknownEnd);
        let place = self.terms.place(
            head.end(),
            unknown_end,
            self.entry.map(Into::into),
            self.now,
        );
        next.place = Some(place);
        next.at = match place {
            Place::Due => Some(self.now),
            Place::Waiting => self.entry.map(|e| e.next_try),
            Place::Fresh | Place::Future => Some(head.end().saturating_add(self.terms.min_age)),
            Place::Quarantined | Place::Lost | Place::UnknownEnd => None,
        };
        let (why, advice, needs_person) = self.words(head, place, outcome, lost);
        next.why = why;
        next.advice = advice;
        next.command = match place {
            Place::UnknownEnd => Some(again(head) + " --zero-duration walltime"),
            Place::Quarantined => Some(again(head)),
            Place::Lost => Some(again(head) + " --source DIR"),
            Place::Due | Place::Fresh | Place::Future | Place::Waiting => None,
        };
        next.needs_person = needs_person;
    }

    fn words(
        &self,
        head: &Head,
        place: Place,
        outcome: Option<&Outcome>,
        lost: bool,
    ) -> (String, String, bool) {
        let tried = self.attempts();
        let nothing = || "nothing to do: a sweep takes it by itself".to_owned();
        match place {
            Place::UnknownEnd => (
                "nobody knows when it ended: length 0, state failed, as cc-backend's walltime check leaves a job".into(),
                "archive it up to its last sample within the walltime".into(),
                true,
            ),
            Place::Quarantined => {
                let advice = outcome.and_then(Outcome::failure).map_or_else(
                    || "what was wrong is gone; try it again".to_owned(),
                    |f| format!("{}; then try it again", f.reason.advice()),
                );
                (format!("it was tried {tried} without success: no sweep takes it by itself any more"), advice, true)
            }
            Place::Lost => (
                "this source cannot have its data any more: no sweep from it takes the job again".into(),
                "archive it from another source that has its data".into(),
                true,
            ),
            Place::Future => (
                "its row says that it ends in the future: the clock of this machine or of the scheduler is wrong".into(),
                "compare the clocks".into(),
                true,
            ),
            Place::Fresh => (
                "it stopped a short time ago and is left to the live server".into(),
                nothing(),
                false,
            ),
            Place::Due | Place::Waiting => match outcome {
                Some(Outcome::NoData(f)) if !self.is_proved(head) => (
                    format!("{}; no job of {} ever had a sample in this source, so that this says nothing about the job: its row stays as it is", f.detail, Shown(&head.key.cluster)),
                    "check that this is the cluster's source".into(),
                    true,
                ),
                Some(o) => {
                    let after = self.after(o, lost);
                    match o.failure() {
                        Some(f) => (format!("{}{after}", f.detail), f.reason.advice().into(), true),
                        None => (format!("{}{after}", meaning(o)), nothing(), false),
                    }
                }
                None => ("a sweep takes it".into(), nothing(), false),
            },
        }
    }

    fn attempts(&self) -> String {
        match self.entry.map_or(0, |e| e.attempts) {
            1 => "once".into(),
            n => format!("{n} times"),
        }
    }

    /// Where the job stands after a try that comes to that.
    fn after(&self, outcome: &Outcome, lost: bool) -> String {
        let history = self.entry.map_or_else(History::default, |e| History {
            attempts: e.attempts,
            failures: e.failures,
            provisional: None,
        });
        let at = self.entry.map_or(self.now, |e| e.next_try.max(self.now));
        match retry::next_after(outcome, &history, lost, at) {
            Some(n) if n.standing == Standing::Quarantined => {
                "; the next failure quarantines it".into()
            }
            Some(n) if n.standing == Standing::Lost => "; the next sweep closes it as lost".into(),
            _ => String::new(),
        }
    }

    fn is_proved(&self, head: &Head) -> bool {
        self.ports
            .ledger
            .is_proved(&head.key.cluster, &self.terms.source)
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

/// What an outcome without a failure means, in words.
fn meaning(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "all its samples are there: it becomes archived",
        Outcome::Partial => {
            "some samples are missing and will not come: it becomes archived with gaps"
        }
        Outcome::Provisional => {
            "some samples are missing that may still reach the source: it becomes archived with what there is, and better later"
        }
        Outcome::Adopted => {
            "the archive holds a whole archive of it already, no poorer than the source: its row becomes archived"
        }
        Outcome::Empty => "no sample is expected: it becomes archived without data",
        Outcome::NotYet => {
            "no sample of it is there yet, but some may still reach the source: it is left alone until then"
        }
        Outcome::UnknownEnd => "nobody knows when it ended",
        Outcome::NoData(_) | Outcome::Failed(_) => "it fails",
        Outcome::Interrupted | Outcome::Raced => {
            "its row or its source changed just now: ask again"
        }
    }
}

fn again(head: &Head) -> String {
    let key = &head.key;
    format!(
        "ccarchive run --job-id {} --cluster {} --start-time {}",
        key.job_id,
        Shown(&key.cluster),
        key.start_time
    )
}
