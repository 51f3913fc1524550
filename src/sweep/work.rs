//! One job from start to end: its row as it is now, what the archive has of it, what its hosts hold, what follows.
//!
//! The row is looked at twice: when the work begins, and once more before the archive is published. What changed in
//! between goes into the archive that is published, since the work is done again.

use std::time::Instant;

use super::becomes::keep_settled_hours;
use super::document::Document;
use super::hand::{Ending, Shared, Subject, Work, no_data, place};
use super::{hosts, large};
use crate::jobs;
use crate::model::failure::{Failure, Reason, Stage, chain, fit_to_print};
use crate::model::job::{Head, Job, LONGEST_JOB, Row, STATUS_ARCHIVED};
use crate::model::message::{Finished, Task};
use crate::model::outcome::Outcome;
use crate::model::row_columns::Columns;
use crate::rules::assemble::Assembler;
use crate::rules::evidence::Damage;
use crate::rules::judge::{Findings, Policy, Verdict, judge};
use crate::rules::retry::ATTEMPTS;
use crate::rules::timeline::Interval;
use crate::source::{Reach, Request};
use crate::target::Found;

/// How often a job is done again because its row changed while it was worked on.
const TRIES: usize = 3;

impl<'a> Work<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, task: &'a Task) -> Self {
        let done = Finished::new(task.head.clone(), task.history.clone(), Outcome::Raced);
        Self { shared, task, done }
    }

    /// Works on the job until its row keeps still, or did not for several tries.
    pub(super) fn run(mut self) -> Finished {
        for _ in 0..TRIES {
            let stages = self.done.stages;
            self = Self::new(self.shared, self.task);
            self.done.stages = stages;
            match self.archive() {
                Ok(outcome) | Err(Ending::Outcome(outcome)) => self.done.outcome = outcome,
                Err(Ending::Cancelled) => self.done.outcome = Outcome::Interrupted,
                Err(Ending::Changed) => continue,
                Err(Ending::Fatal(failure)) => self.done.fatal = Some(failure),
            }
            break;
        }
        let failure = self.done.outcome.failure();
        if failure.is_some_and(|f| f.reason == Reason::SourceMissing) {
            let now = self.shared.settings.clock.now();
            self.done.lost = self.policy().is_forgotten(&self.done.head, now);
        }
        if !self.done.outcome.is_archived() {
            // Nobody keeps them, and results may wait in thousands.
            self.done.coverage.gaps = Vec::new();
        }
        keep_settled_hours(&mut self.done);
        self.done
    }

    fn archive(&mut self) -> Result<Outcome, Ending> {
        let Some(row) = self.row()?.filter(|r| self.is_wanted(r)) else {
            return Ok(Outcome::Raced);
        };
        self.done.head = row.head;
        let job = row
            .job
            .map_err(|why| Failure::new(Stage::Row, Reason::RowInvalid, why))?;
        let place = place(self.shared.clusters, &job)?;
        let unknown_end = job.has_unknown_end();
        if unknown_end && !self.shared.settings.walltime {
            return Ok(Outcome::UnknownEnd);
        }
        let target = self.shared.target;
        if !self.shared.dry_run {
            target.tidy(&job.head.key)?;
        }
        if let Some(seen) = self.task.history.provisional
            && self.has_nothing_new(&job, seen)?
        {
            return Ok(Outcome::NotYet);
        }
        let mut found = target.find(&job.head.key)?;
        // The length of a provisional archive of a job of unknown end stands in the archive alone.
        let has_length = |found: &Found| found.whole.as_ref().is_some_and(|w| w.duration > 0);
        let unknown_end = unknown_end
            || self.task.history.provisional.is_some()
                && job.head.duration == 0
                && found.as_ref().is_some_and(has_length);
        if let Some(found) = &mut found {
            // An archive of another length is not one of this job as it is now.
            found.whole = found
                .whole
                .take()
                .filter(|w| w.duration == job.head.duration);
        }
        let mut subject = Subject {
            job: job.clone(),
            row: job,
            place,
            found,
        };
        if unknown_end {
            match self.known_end(&subject.row)? {
                Some(end) => subject.job.head.duration = end - subject.row.head.key.start_time,
                None => return self.without_end(&subject),
            }
        }
        self.build(&subject)
    }

    /// The job's row as it is now; none where it is gone.
    fn row(&self) -> Result<Option<Row>, Ending> {
        let stop = self.shared.stop;
        let answer = self.shared.rows.by_id(self.task.head.id, stop);
        answer.map_err(|e| self.database_failed(&e))
    }

    /// Footprint and energy of the job's row; none where it is another than `row` now.
    pub(super) fn columns(&self, row: &Job) -> Result<Option<Columns>, Ending> {
        let answer = self.shared.rows.several(&[row.head.id], self.shared.stop);
        let mut rows = answer.map_err(|e| self.database_failed(&e))?.into_iter();
        let same = rows.next().filter(|(now, _)| now.head == row.head);
        Ok(same.map(|(_, columns)| columns))
    }

    fn database_failed(&self, e: &jobs::Error) -> Ending {
        if self.shared.stop.is_cancelled() && e.is_locked() {
            Ending::Cancelled
        } else {
            Ending::Fatal(Failure::new(Stage::Row, Reason::Database, chain(e)))
        }
    }

    /// Whether the row is still the one that was listed, and still to be archived.
    fn is_wanted(&self, row: &Row) -> bool {
        let (now, listed) = (&row.head, &self.task.head);
        let again = listed.status == STATUS_ARCHIVED;
        now.key == listed.key
            && if again {
                now.stopped() && now.status == STATUS_ARCHIVED
            } else {
                now.is_unarchived()
            }
    }

    /// Makes sure that the row did not change since the work on it began.
    pub(super) fn check_row(&self, row: &Job) -> Result<(), Ending> {
        match self.row()? {
            Some(Row { job: Ok(now), .. }) if now == *row => Ok(()),
            _ => Err(Ending::Changed),
        }
    }

    /// Whether the cluster has no newer data than when a provisional archive was made, while more may come.
    fn has_nothing_new(&mut self, job: &Job, seen: i64) -> Result<bool, Ending> {
        let now = self.shared.settings.clock.now();
        let newest = self.reach(job)?.newest;
        self.done.newest = Some(newest);
        Ok(newest <= seen && !self.policy().is_over(&job.head, now, newest))
    }

    pub(super) fn policy(&self) -> Policy {
        let settings = self.shared.settings;
        Policy {
            settle: settings.settle,
            retention: settings.retention,
            accept_empty: self.task.accept_empty,
            ignore_damage: self.task.history.damaged && self.task.history.failures + 1 >= ATTEMPTS,
        }
    }

    /// What becomes of a job of unknown end of which no host has a sample within the walltime.
    fn without_end(&mut self, subject: &Subject<'a>) -> Result<Outcome, Ending> {
        let policy = self.policy();
        if policy.accept_empty && subject.found.is_none() {
            // Of a length of 0 no sample is expected.
            return self.build(subject);
        }
        let now = self.shared.settings.clock.now();
        let whole = whole_walltime(&subject.row);
        self.done.lost = subject.found.is_none() && policy.is_forgotten(&whole, now);
        let none = no_data("no sample of any host lies within the walltime");
        self.keep(subject, Outcome::NoData(none))
    }

    /// The end that the samples within a job's walltime tell (Unix seconds); none without a sample.
    fn known_end(&mut self, job: &Job) -> Result<Option<i64>, Ending> {
        let reach = self.reach(job)?;
        // Its last sample tells its end, so that all samples within the walltime must be there first.
        let whole = whole_walltime(job);
        let (start, end) = (whole.key.start_time, whole.end());
        let now = self.shared.settings.clock.now();
        self.done.newest = Some(reach.newest);
        if reach.newest < end && self.policy().waits(&whole, now, reach.newest) {
            return Err(Ending::Outcome(Outcome::NotYet));
        }
        let window = Interval {
            from: start,
            to: end,
        };
        let mut last = None;
        for r in &job.resources {
            let request = Request {
                cluster: &job.head.key.cluster,
                subcluster: &job.subcluster,
                host: &r.hostname,
                metrics: &[],
                window,
            };
            let evidence = self.shared.ask(&request, &mut self.done.stages)?;
            let policy = self.policy();
            let counts = |d: &&Damage| d.concerns(start, end) && !policy.gives_up(d);
            if let Some(d) = evidence.damaged.iter().find(counts) {
                return Err(d.failure().into());
            }
            last = last.max(evidence.series.last_sample(start, end));
        }
        Ok(last.map(|last| last.min(end)))
    }

    fn build(&mut self, subject: &Subject<'a>) -> Result<Outcome, Ending> {
        let (shared, job) = (self.shared, &subject.job);
        let assembler = Assembler::new(
            job,
            shared.clusters,
            subject.place.cluster,
            subject.place.sub,
        );
        let mut document = Document::new(shared.settings.compression, subject.found.is_some());
        let mut findings = Findings {
            read_at: i64::MAX,
            final_until: vec![None; job.resources.len()],
            archived: subject.found.is_some(),
            ..Findings::default()
        };
        let groups = if job.head.duration == 0 {
            Vec::new()
        } else {
            // Before the hosts are read: data that comes meanwhile must not make a hole look final.
            let reach = self.reach(job)?;
            findings.newest = reach.newest;
            assembler.groups(shared.gate.share())
        };
        for (k, plan) in groups.into_iter().enumerate() {
            let _held = shared
                .gate
                .take(plan.bytes, shared.stop)
                .ok_or(Ending::Cancelled)?;
            let read = hosts::read(shared, &assembler, job, &plan)?;
            self.note(read.notes, k == 0, &mut findings);
            let begun = Instant::now();
            let (opened, part) = assembler.open(read.group);
            let metrics = large::map(plan.bytes, opened, |o| assembler.close(o));
            self.done.stages.compute += begun.elapsed();
            findings.account.add(part);
            let metrics: Vec<_> = metrics.into_iter().flatten().collect();
            self.add_metrics(job, &metrics, plan.bytes, &mut document)?;
        }
        findings.nothing_kept = document.metrics == 0;
        self.done.coverage = findings.account.coverage.clone();
        self.done.hours = findings.account.hours.by_host(&job.resources);
        self.conclude(subject, document, &findings)
    }

    /// Takes over what was noted while the hosts of a group were read; of the first group also what is known of the hosts.
    fn note(&mut self, notes: hosts::Notes, is_first: bool, findings: &mut Findings) {
        self.done.stages.add(&notes.stages);
        findings.read_at = findings.read_at.min(notes.read_at);
        findings.final_until = notes.final_until;
        self.done.note = self.done.note.take().or(notes.passed_over);
        if is_first {
            self.done.phases = notes.phases;
        }
    }

    /// Judges what was found, and publishes what there is to publish.
    fn conclude(
        &mut self,
        subject: &Subject<'a>,
        document: Document<'a>,
        findings: &Findings,
    ) -> Result<Outcome, Ending> {
        let account = &findings.account;
        let verdict = judge(&subject.job.head, findings, &self.policy());
        self.done.newest = Some(findings.newest);
        if !matches!(verdict, Verdict::Partial | Verdict::Provisional) {
            self.done.note = None;
        }
        let outcome = match verdict {
            Verdict::Complete => Outcome::Complete,
            Verdict::Partial => {
                if let Some(d) = account.blamed.first() {
                    self.done.note = Some(fit_to_print(&format!(
                        "archived without {}, which cannot be read: {}",
                        d.subject, d.detail
                    )));
                }
                Outcome::Partial
            }
            Verdict::Provisional => Outcome::Provisional,
            Verdict::Empty => Outcome::Empty,
            Verdict::NotYet => return self.keep(subject, Outcome::NotYet),
            Verdict::NoData { lost } => {
                self.done.lost = lost;
                let none = no_sample_found(&subject.job, account.coverage.points.expected);
                return self.keep(subject, Outcome::NoData(none));
            }
            Verdict::Damaged => {
                let failure = account.damage();
                return Err(failure.map_or(Ending::Changed, Ending::from));
            }
            Verdict::NotAggregated => {
                let failure = Assembler::not_aggregated(account);
                return Err(failure.map_or(Ending::Changed, Ending::from));
            }
        };
        self.finish(subject, document, outcome)
    }

    fn reach(&self, job: &Job) -> Result<Reach, Ending> {
        let cluster = &job.head.key.cluster;
        Ok(self.shared.source.reach(cluster, self.shared.stop)?)
    }
}

/// A job as if it had lasted for its whole walltime.
fn whole_walltime(job: &Job) -> Head {
    Head {
        duration: job.walltime.min(LONGEST_JOB),
        ..job.head.clone()
    }
}

fn no_sample_found(job: &Job, expected: u64) -> Failure {
    let hosts: Vec<&str> = job
        .resources
        .iter()
        .take(3)
        .map(|r| r.hostname.as_str())
        .collect();
    let more = if job.resources.len() > 3 { ", …" } else { "" };
    no_data(&format!(
        "none of the {expected} samples expected was found on {}{more}",
        hosts.join(", ")
    ))
}
