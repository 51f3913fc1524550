//! Repairs of what `verify` found: only those by which nothing can be lost, each decided anew when it is done.
//!
//! A plan is made of findings and can be told before anything is done. Whoever carries it out holds the lock of a sweep, so
//! that no other sweep is at work; cc-backend may be. Some flaws are mended in the archive itself. The others are left to a
//! sweep of the jobs concerned, which knows best: it adopts whole archives of rows that are not at 3, and archives jobs
//! again whose archive is not whole or not true, never by a poorer one.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{self, Read};
use std::path::PathBuf;

use crate::format::gzip::PLAIN_UP_TO;
use crate::format::read;
use crate::inspect::Ports;
use crate::inspect::verify::{self, Fault, Finding, Repair};
use crate::jobs;
use crate::model::job::{Head, JobKey, Row, STATUS_DISABLED};
use crate::model::selection::Selection;
use crate::model::stop::Stop;
use crate::model::stored::{Form, Values};
use crate::rules::richness::{Comparison, compare};
use crate::target::{Flaw, Stored, Unmended, Walk, Walked};

/// Ranks of the steps that a sweep does; those below are done in place.
const ADOPT: u8 = 4;
const AGAIN: u8 = 5;
/// Steps that a plan holds; what else was found is repaired by another run.
const MOST: usize = 100_000;

/// One repair.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// Earlier steps may change what later ones find.
    rank: u8,
    /// The job, where it is a job's.
    pub job: Option<JobKey>,
    /// The file or folder, where it is about one.
    pub path: Option<PathBuf>,
    /// What was found.
    pub fault: Fault,
}

/// The repairs of a run, each once, in the order in which they are done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    steps: BTreeSet<Step>,
    again: HashSet<JobKey>,
}

impl Plan {
    /// Adds what repairs a finding, if that is safe.
    pub fn add(&mut self, f: &Finding) {
        let rank = match f.repair {
            Repair::Place(Flaw::Leftovers) => 0,
            Repair::Place(Flaw::Rights | Flaw::NoForm) => 1,
            Repair::Forms => 2,
            Repair::Place(Flaw::EmptyFolder) => 3,
            Repair::Adopt => ADOPT,
            Repair::ArchiveAgain => AGAIN,
            Repair::Person => return,
        };
        let job = f.job.as_ref().map(|named| named.0.clone());
        // Once mends everything that is wrong with it.
        let is_again = |j: &JobKey| rank == AGAIN && !self.again.insert(j.clone());
        if self.steps.len() < MOST && !job.as_ref().is_some_and(is_again) {
            self.steps.insert(Step {
                rank,
                job,
                path: f.at.clone().filter(|_| rank < ADOPT),
                fault: f.fault,
            });
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The steps.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter()
    }
}

impl Step {
    /// Whether a sweep archives the job again.
    pub fn is_again(&self) -> bool {
        self.rank == AGAIN
    }

    /// Whether it is mended in the archive itself.
    pub fn is_in_place(&self) -> bool {
        self.rank < ADOPT
    }
}

/// The rows of the jobs that a plan leaves to a sweep, as far as one would take them: in a source that is at hand, to be
/// adopted only if not archived and stopped long enough ago, to be archived again only if stopped and with monitoring
/// switched on, as if they were named. `now`: Unix seconds.
///
/// # Errors
/// When the job database cannot be read.
pub fn for_sweep(
    ports: &Ports<'_>,
    plan: &Plan,
    selection: &Selection,
    now: i64,
    stop: &Stop,
) -> Result<Vec<Head>, jobs::Error> {
    let latest = now.saturating_sub(selection.min_age);
    let mut heads = BTreeMap::new();
    for step in plan.steps().filter(|s| !s.is_in_place()) {
        let Some(key) = &step.job else {
            continue;
        };
        let Some(Row { head, job }) = ports.rows.by_key(key, stop)? else {
            continue;
        };
        let subcluster = job.as_ref().map(|j| j.subcluster.as_bytes());
        let elsewhere = selection.is_elsewhere(&key.cluster, subcluster.unwrap_or_default());
        let is_taken = if step.is_again() {
            head.stopped() && head.status != STATUS_DISABLED
        } else {
            head.is_unarchived() && head.end() <= latest
        };
        if is_taken && !elsewhere {
            heads.insert(head.id, head);
        }
    }
    Ok(heads.into_values().collect())
}

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not mended in place.
    #[error("this is repaired in another way")]
    Elsewhere,
    /// No form of the data may be removed.
    #[error("neither data.json nor data.json.gz belongs to meta.json")]
    NoForm,
    /// The form that would be removed is the better one.
    #[error(
        "the data that does not belong to meta.json holds more values: compare both, and move one away"
    )]
    Poorer,
    /// What is there cannot be read, so that nothing may be removed.
    #[error(transparent)]
    Unread(#[from] read::Error),
    /// The archive did not do it.
    #[error(transparent)]
    Place(#[from] Unmended),
}

/// Does a step that is mended in place.
///
/// # Errors
/// When it was not done.
pub fn mend(archive: &dyn Walk, step: &Step) -> Result<(), Error> {
    let place = Walked {
        key: step.job.clone(),
        path: step.path.clone().unwrap_or_default(),
        odd: Vec::new(),
    };
    let flaw = match (step.fault, &step.job) {
        (Fault::Leftover, _) => Flaw::Leftovers,
        (Fault::Rights, _) => Flaw::Rights,
        (Fault::EmptyFolder, _) => Flaw::EmptyFolder,
        (Fault::NoForm, _) => Flaw::NoForm,
        (Fault::TwoForms, Some(key)) => return keep_the_right_form(archive, key),
        _ => return Err(Error::Elsewhere),
    };
    Ok(archive.mend(flaw, &place)?)
}

/// Removes the form of a job's data that does not belong to its meta.json, unless it holds more than the other.
fn keep_the_right_form(archive: &dyn Walk, key: &JobKey) -> Result<(), Error> {
    let read = || archive.both_forms(key).map_err(Unmended::from);
    let both = read()?;
    if both.is_empty() {
        return Err(Unmended::Busy.into());
    }
    let mut right: Vec<Form> = Vec::new();
    for stored in both {
        let form = stored.form;
        if verify::belong_together(stored)? {
            right.push(form);
        }
    }
    let kept = match right[..] {
        [] => return Err(Error::NoForm),
        [one] => one,
        // Both say the same: the form that cc-backend chooses.
        _ if is_short(read()?) => Form::Plain,
        _ => Form::Gzip,
    };
    let (mut of_kept, mut of_other) = (Values::new(), Values::new());
    for Stored { form, data, .. } in read()? {
        let values = if form == kept {
            &mut of_kept
        } else {
            &mut of_other
        };
        // What a torn file holds counts too.
        if let Err(e @ read::Error::Refused { .. }) = read::count(data, form, values) {
            return Err(e.into());
        }
    }
    if let Comparison::Poorer(_) = compare(&of_other, &of_kept, false) {
        return Err(Error::Poorer);
    }
    Ok(archive.keep_form(key, kept)?)
}

/// Whether data.json is one that is stored as it is.
fn is_short(both: Vec<Stored>) -> bool {
    let longest = PLAIN_UP_TO as u64;
    let plain = both.into_iter().find(|s| s.form == Form::Plain);
    plain.is_some_and(|s| {
        let read = io::copy(&mut s.data.take(longest + 1), &mut io::sink());
        read.is_ok_and(|n| n <= longest)
    })
}
