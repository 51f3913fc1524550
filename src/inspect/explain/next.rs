//! What happens to a job next, why, and what a person can do about it.

use serde::Serialize;

use crate::inspect::{Place, Ports, Terms};
use crate::ledger::Entry;
use crate::model::failure::Reason;
use crate::model::job::{Head, STATUS_ARCHIVED, STATUS_DISABLED, Shown};
use crate::model::message::Finished;
use crate::model::outcome::Outcome;
use crate::model::standing::Standing;
use crate::rules::retry;

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
    /// The one thing that a person can do; whoever prints it words it.
    #[serde(skip)]
    pub step: Step,
}

/// What a person can do about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: no sweep touches the job.
    Nothing,
    /// Nothing: a sweep takes it by itself.
    Wait,
    /// Archive it again while the source has its data.
    ArchiveAgain,
    /// Archive it up to its last sample within the walltime.
    ArchiveToWalltime,
    /// Archive it from another source.
    OtherSource,
    /// Try it again, after mending what would go wrong now, if anything would.
    TryAgain(Option<Reason>),
    /// Mend what goes wrong; a sweep takes the job by itself then.
    Mend(Reason),
    /// Compare the clocks of this machine and of the scheduler.
    CompareClocks,
    /// Check that the source is the one of the job's cluster.
    CheckSource,
}

impl Step {
    /// Whether the job waits for a person.
    pub const fn needs_person(self) -> bool {
        !matches!(self, Self::Nothing | Self::Wait)
    }
}

/// Whom to ask about a job.
#[derive(Clone, Copy)]
pub(super) struct Outlook<'a> {
    pub(super) ports: &'a Ports<'a>,
    pub(super) terms: &'a Terms,
    pub(super) entry: Option<&'a Entry>,
    pub(super) now: i64,
    /// Whether the archive holds a whole archive of it; none where it cannot be read.
    pub(super) is_whole: Option<bool>,
    /// Whether its data is in a store that sweeps do not ask.
    pub(super) is_elsewhere: bool,
}

impl Outlook<'_> {
    /// What happens next to a job, given what a try would come to now.
    pub(super) fn next(&self, head: &Head, trial: &Finished) -> Next {
        if !head.stopped() {
            let why = format!(
                "it is {}: only stopped jobs are archived",
                Shown(&head.state)
            );
            return untouched(why);
        }
        match head.status {
            STATUS_DISABLED => {
                untouched("its monitoring is switched off (status 0): it is never touched".into())
            }
            STATUS_ARCHIVED => self.archived(trial),
            _ if self.is_elsewhere => {
                let why = "its data is in a metric store that this ccarchive does not ask: sweeps leave it alone";
                Next {
                    step: Step::OtherSource,
                    ..untouched(why.into())
                }
            }
            _ => self.unarchived(head, trial),
        }
    }

    fn archived(&self, trial: &Finished) -> Next {
        let Some(is_whole) = self.is_whole else {
            let why = "its row says archived (status 3), and the archive cannot be read now, so that nobody knows whether it is there";
            return untouched(why.into());
        };
        if !is_whole {
            let why =
                "its row says archived (status 3), but the archive holds no whole archive of it";
            return tried(None, trial, why.into(), Step::ArchiveAgain);
        }
        let provisional = |e: &&Entry| e.standing == Standing::Provisional && !self.is_elsewhere;
        if let Some(entry) = self.entry.filter(provisional) {
            let is_held = self.terms.held(entry.into(), self.now).is_some();
            let why = "it is archived with what there was; sweeps read it again as soon as its cluster has newer data, and replace it only by a richer one";
            let next = tried(None, trial, why.into(), Step::Nothing);
            return Next {
                at: Some(if is_held { entry.next_try } else { self.now }),
                ..next
            };
        }
        untouched("it is archived; no sweep touches it".into())
    }

    fn unarchived(&self, head: &Head, trial: &Finished) -> Next {
        let unknown_end = trial.outcome == Outcome::UnknownEnd;
        let kept_back = self.entry.and_then(|e| self.terms.held(e.into(), self.now));
        let end = head.believable_end();
        let place = self.terms.place(end, unknown_end, kept_back, self.now);
        let at = match place {
            Place::Due => Some(self.now),
            Place::Waiting => self.entry.map(|e| e.next_try),
            Place::Fresh | Place::Future => Some(head.end().saturating_add(self.terms.min_age)),
            Place::Quarantined | Place::Lost | Place::UnknownEnd => None,
        };
        let (why, step) = match place {
            Place::UnknownEnd => (
                "nobody knows when it ended: length 0, state failed, as cc-backend's walltime check leaves a job".into(),
                Step::ArchiveToWalltime,
            ),
            Place::Quarantined => (
                format!("it was tried {} without success: no sweep takes it by itself any more", self.attempts()),
                Step::TryAgain(trial.outcome.failure().map(|f| f.reason)),
            ),
            Place::Lost => (
                "this source cannot have its data any more: no sweep from it takes the job again".into(),
                Step::OtherSource,
            ),
            Place::Future => (
                "its row says that it ends in the future: the clock of this machine or of the scheduler is wrong".into(),
                Step::CompareClocks,
            ),
            Place::Fresh => (
                format!(
                    "it stopped less than {} s ago: cc-backend may still archive it, and a sweep leaves it alone so long",
                    self.terms.min_age
                ),
                Step::Wait,
            ),
            Place::Due | Place::Waiting => self.taken(head, trial),
        };
        let next = tried(Some(place), trial, why, step);
        Next { at, ..next }
    }

    /// Of a job that a sweep takes by itself.
    fn taken(&self, head: &Head, trial: &Finished) -> (String, Step) {
        let after = self.after(trial);
        if let Outcome::NoData(f) = &trial.outcome
            && !self.is_proved(head)
        {
            let why = format!(
                "{}; no job of {} ever had a sample in this source, so that this says nothing about the job: its row stays as it is",
                f.detail,
                Shown(&head.key.cluster)
            );
            return (why, Step::CheckSource);
        }
        match trial.outcome.failure() {
            Some(f) => (format!("{}{after}", f.detail), Step::Mend(f.reason)),
            None => (format!("{}{after}", meaning(&trial.outcome)), Step::Wait),
        }
    }

    fn attempts(&self) -> String {
        match self.entry.map_or(0, |e| e.attempts) {
            1 => "once".into(),
            n => format!("{n} times"),
        }
    }

    /// Where the job stands after a try that comes to that.
    fn after(&self, trial: &Finished) -> &'static str {
        let history = self.entry.map(|e| e.history(false)).unwrap_or_default();
        let at = self.entry.map_or(self.now, |e| e.next_try.max(self.now));
        match retry::next_after(&trial.outcome, &history, trial.lost, at) {
            Some(n) if n.standing == Standing::Quarantined => "; the next failure quarantines it",
            Some(n) if n.standing == Standing::Lost => "; the next sweep closes it as lost",
            _ => "",
        }
    }

    fn is_proved(&self, head: &Head) -> bool {
        let ledger = self.ports.ledger;
        ledger.is_proved(&head.key.cluster, &self.terms.source)
    }
}

/// Of a job that no sweep takes.
fn untouched(why: String) -> Next {
    Next {
        place: None,
        at: None,
        outcome: None,
        reason: None,
        why,
        step: Step::Nothing,
    }
}

/// Of a job for which it counts what a try would come to.
fn tried(place: Option<Place>, trial: &Finished, why: String, step: Step) -> Next {
    let reason = trial.outcome.failure().map(|f| f.reason.code().to_owned());
    Next {
        place,
        at: None,
        outcome: Some(trial.outcome.name().to_owned()),
        reason,
        why,
        step,
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
