//! The golden judge: holds what a sweep made of a site against what cc-backend made of it, down to single
//! bytes, allowing exactly the differences that `difference` lists, and counting each.
//!
//! It shares no code with the program: own JSON, own reader of the store's files, own rounding.

mod case;
mod checkpoint;
mod database;
mod difference;
mod document;
mod entry;
mod expected;
mod job;
pub(crate) mod json;
mod meta;
mod number;
mod recovered;
mod row;
mod rows_only;
mod site;
mod spread;
mod timeline;
mod tree;
mod values;

pub(crate) use database::{read_after, read_at_rest};
pub(crate) use difference::{Difference, Outcome};
pub(crate) use site::Site;
pub(crate) use tree::walk;

use anyhow::{Context, Result};
use case::Case;
use database::{Database, Row};
use difference::Used;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

/// What the judge found. Nothing is wrong when `wrong` is empty.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    site: String,
    jobs: usize,
    pub(crate) wrong: Vec<Wrong>,
    pub(crate) outcomes: BTreeMap<Outcome, usize>,
    /// Jobs that needed a difference, by difference.
    pub(crate) differences: BTreeMap<Difference, usize>,
    /// Archived jobs that needed none.
    pub(crate) clean: usize,
}

/// Something unexplained: about one job, or about the site when there is no job id.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) job_id: Option<i64>,
    pub(crate) reason: String,
}

impl Wrong {
    fn site(reason: String) -> Wrong {
        Wrong {
            job_id: None,
            reason,
        }
    }
}

/// Judges `result`, which holds job.db and job-archive after the sweep.
pub(crate) fn judge(site: &Site, result: &Path) -> Result<Verdict> {
    judge_jobs(site, result, |_| true)
}

/// Judges only the jobs whose job id `wanted` says, and whatever concerns no job.
pub(crate) fn judge_jobs(
    site: &Site,
    result: &Path,
    wanted: impl Fn(i64) -> bool,
) -> Result<Verdict> {
    let after = read_after(&result.join("job.db"))?;
    let mut verdict = Verdict {
        site: site.name(),
        jobs: site.before.jobs.len(),
        ..Verdict::default()
    };
    let reasons = wrong_tables(&site.before, &after);
    let stray = tree::compare(site, result).err();
    let reasons = reasons.into_iter().chain(stray.map(|e| format!("{e:#}")));
    verdict.wrong.extend(reasons.map(Wrong::site));
    for job in site.before.jobs.values().filter(|job| wanted(job.job_id)) {
        let mut used = Used::default();
        match outcome(site, job, after.jobs.get(&job.id), (result, &mut used)) {
            Ok(outcome) => verdict.add_right(outcome, &used),
            Err(e) => verdict.add_wrong(site, job, &e),
        }
    }
    Ok(verdict)
}

/// What is wrong with the database beyond the rows of jobs.
fn wrong_tables(before: &Database, after: &Database) -> Vec<String> {
    let mut wrong = Vec::new();
    if !before.jobs.keys().eq(after.jobs.keys()) {
        wrong.push("rows were added or removed".to_owned());
    }
    let names: BTreeSet<&String> = before.others.keys().chain(after.others.keys()).collect();
    let changed = |name: &&&String| before.others.get(**name) != after.others.get(**name);
    wrong.extend(
        names
            .iter()
            .filter(changed)
            .map(|name| format!("{name} changed")),
    );
    wrong
}

fn outcome(
    site: &Site,
    job: &Row,
    after: Option<&Row>,
    (result, used): (&Path, &mut Used),
) -> Result<Outcome> {
    let after = after.context("the row is gone")?;
    if site.root.join("expected/job-archive").is_dir() {
        return job::compare(&Case::new(site, job, after, result), used);
    }
    if let Some(want) = site.rows.get(&job.id) {
        rows_only::compare(site, want, after, result)?;
    }
    Ok(Outcome::Archived)
}

impl Verdict {
    fn add_right(&mut self, outcome: Outcome, used: &Used) {
        *self.outcomes.entry(outcome).or_default() += 1;
        if outcome == Outcome::Archived && used.differences.is_empty() {
            self.clean += 1;
        }
        for difference in &used.differences {
            *self.differences.entry(*difference).or_default() += 1;
        }
    }

    fn add_wrong(&mut self, site: &Site, job: &Row, error: &anyhow::Error) {
        let reason = match site.note(job.id) {
            "" => format!("{error:#}"),
            note => format!("{error:#}   [{note}]"),
        };
        self.wrong.push(Wrong {
            job_id: Some(job.job_id),
            reason,
        });
    }
}

/// Of a thousand wrong jobs nobody reads more.
const SHOWN: usize = 20;

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for wrong in self.wrong.iter().take(SHOWN) {
            match wrong.job_id {
                Some(job) => writeln!(f, "   {job} {}", wrong.reason)?,
                None => writeln!(f, "   site: {}", wrong.reason)?,
            }
        }
        for (difference, jobs) in &self.differences {
            writeln!(f, "   {jobs:5} jobs  {}", difference.text())?;
        }
        let (wrong, jobs) = (self.wrong.len(), self.jobs);
        write!(f, "{}: {wrong} wrong of {jobs} jobs; ", self.site)?;
        for (outcome, jobs) in &self.outcomes {
            write!(f, "{jobs} {outcome}, ")?;
        }
        write!(f, "{} archived without any difference", self.clean)
    }
}
