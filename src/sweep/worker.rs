//! One job from start to end: row, load, compute, store. Publishes, but changes no row.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use super::document::Document;
use super::{Done, Settings, Stages, Task};
use crate::ledger::Ledger;
use crate::model::cluster::{Cluster, Clusters, Subcluster};
use crate::model::failure::{Failure, Reason, Stage, fit_to_print};
use crate::model::job::{Head, Job, Shown};
use crate::model::outcome::{Coverage, Outcome};
use crate::model::published::{Columns, row_print};
use crate::model::stop::Stop;
use crate::rules::assemble::{Account, Assembler};
use crate::rules::evidence::{Broken, Host};
use crate::rules::retry::ATTEMPTS;
use crate::source::Source;
use crate::target::{Target, Found};

/// What all workers use.
pub(super) struct Shared<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) archive: &'a dyn Target,
    pub(super) clusters: &'a Clusters,
    pub(super) ledger: &'a Ledger,
    pub(super) settings: &'a Settings,
    pub(super) stop: &'a Stop,
    pub(super) dry_run: bool,
}

/// Takes tasks until there are none or the sweep drains.
pub(super) fn run(shared: &Shared<'_>, tasks: &Receiver<Task>, to_recorder: &Sender<Done>) {
    for task in tasks {
        if shared.stop.is_draining() {
            break;
        }
        let (head, failures) = (task.candidate.head.clone(), task.failures);
        let work = catch_unwind(AssertUnwindSafe(|| Work::new(shared, &task).run()));
        let done = work.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
            let text = text
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            let failure = Failure::new(
                Stage::Compute,
                Reason::Internal,
                format!("a mistake in ccarchive: {text}"),
            );
            Done::new(head, failures, Outcome::Failed(failure))
        });
        if to_recorder.send(done).is_err() {
            break;
        }
    }
}

impl Done {
    fn new(head: Head, attempts: u32, outcome: Outcome) -> Self {
        Self {
            head,
            outcome,
            coverage: Coverage::default(),
            columns: Columns::default(),
            attempts,
            lost: false,
            raw_bytes: 0,
            stored_bytes: 0,
            note: None,
            resumed: false,
            stages: Stages::default(),
        }
    }
}

/// Why work on a job ends without an archive.
pub(super) enum Ending {
    Cancelled,
    NotYet,
    UnknownEnd,
    Failed(Failure),
    NoData(Failure),
}

impl From<Failure> for Ending {
    fn from(f: Failure) -> Self {
        Self::Failed(f)
    }
}

/// One job.
pub(super) struct Work<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) task: &'a Task,
    pub(super) done: Done,
    /// Whether the archive has something of the job.
    pub(super) found: bool,
}

/// Where the configuration places a job.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) sub: &'a Subcluster,
}

impl<'a> Work<'a> {
    fn new(shared: &'a Shared<'a>, task: &'a Task) -> Self {
        let done = Done::new(task.candidate.head.clone(), task.attempts, Outcome::Raced);
        Self {
            shared,
            task,
            done,
            found: false,
        }
    }

    fn run(mut self) -> Done {
        self.done.outcome = match self.archive() {
            Ok(outcome) => outcome,
            Err(Ending::Cancelled) => Outcome::Interrupted,
            Err(Ending::NotYet) => Outcome::NotYet,
            Err(Ending::UnknownEnd) => Outcome::UnknownEnd,
            Err(Ending::Failed(f)) => {
                self.done.attempts = self.task.failures;
                Outcome::Failed(f)
            }
            Err(Ending::NoData(f)) => Outcome::NoData(f),
        };
        self.done
    }

    fn archive(&mut self) -> Result<Outcome, Ending> {
        let job = match &self.task.candidate.job {
            Ok(job) => job,
            Err(why) => {
                return Err(Failure::new(Stage::Row, Reason::RowInvalid, why.clone()).into());
            }
        };
        let place = self.place(job)?;
        let unknown_end = job.head.has_unknown_end();
        if unknown_end && !(self.shared.settings.walltime && job.walltime > 0) {
            return Err(Ending::UnknownEnd);
        }
        let found = self
            .shared
            .archive
            .find(&job.head.key, !self.shared.dry_run)?;
        self.found = found.is_some();
        if let Some(outcome) = self.resume(job, found.as_ref()) {
            return Ok(outcome);
        }
        if unknown_end {
            let job = self.with_known_end(job)?;
            return self.build(&job, place, found.as_ref());
        }
        self.build(job, place, found.as_ref())
    }

    fn place(&self, job: &Job) -> Result<Place<'a>, Failure> {
        let name = &job.head.key.cluster;
        let cluster = self.shared.clusters.get(name).ok_or_else(|| {
            Failure::new(
                Stage::Row,
                Reason::ClusterUnknown,
                format!(
                    "cluster `{}` has no cluster.json in the archive",
                    Shown(name)
                ),
            )
        })?;
        let sub = cluster.subcluster(&job.subcluster).ok_or_else(|| {
            let sub = Shown(&job.subcluster);
            Failure::new(
                Stage::Row,
                Reason::SubclusterUnknown,
                format!("cluster `{name}` has no subcluster `{sub}` in cluster.json"),
            )
        })?;
        Ok(Place { cluster, sub })
    }

    /// Recognises what a sweep that died had published for this very row.
    fn resume(&mut self, job: &Job, found: Option<&Found>) -> Option<Outcome> {
        let p = self.task.published.as_ref()?;
        if found?.files? != p.files || row_print(job) != p.row_print {
            return None;
        }
        self.done.coverage = p.coverage.clone();
        self.done.columns = p.columns.clone();
        self.done.stored_bytes = p.files.data.size;
        self.done.resumed = true;
        Some(p.outcome.clone())
    }

    /// The job with the length that the samples within its walltime tell.
    fn with_known_end(&mut self, job: &Job) -> Result<Job, Ending> {
        let start = job.head.key.start_time;
        let end = start.saturating_add(job.walltime.min(crate::model::job::LONGEST_JOB));
        // What it may still lack within the walltime counts before it is cut to what there is.
        let mut whole = job.clone();
        whole.head.duration = end - start;
        self.check_reach(&whole)?;
        let mut last = None;
        for r in &job.resources {
            let host = self.host(&job.head.key.cluster, &r.hostname)?;
            self.check_broken(&whole, &host.broken)?;
            last = last.max(host.root.last_sample(start, end));
        }
        let last = last.ok_or_else(|| no_data("no sample of any host lies within the walltime"))?;
        let mut job = job.clone();
        job.head.duration = last.min(end) - start;
        Ok(job)
    }

    fn build(
        &mut self,
        job: &Job,
        place: Place<'_>,
        found: Option<&Found>,
    ) -> Result<Outcome, Ending> {
        let assembler = Assembler::new(job, self.shared.clusters, place.cluster, place.sub);
        let mut document = Document::new(self.shared.settings.compression, found.is_some());
        let mut account = Account::default();
        let (start, end) = (job.head.key.start_time, job.head.end());
        let (mut snapshot_ends, mut damaged_log) = (vec![None; job.resources.len()], None);
        let groups = if job.head.duration == 0 {
            Vec::new()
        } else {
            assembler.groups(self.shared.settings.group_bytes)
        };
        for range in groups {
            let mut group = assembler.begin(range);
            for (k, r) in job.resources.iter().enumerate() {
                let host = self.host(&job.head.key.cluster, &r.hostname)?;
                self.check_broken(job, &host.broken)?;
                let log = host.damaged_log.as_ref();
                damaged_log = damaged_log.or(log.filter(|l| l.concerns(start, end)).cloned());
                snapshot_ends[k] = host.snapshot_end;
                let begun = Instant::now();
                assembler.add_host(&mut group, k, &host);
                self.done.stages.compute += begun.elapsed();
            }
            let begun = Instant::now();
            let (metrics, part) = assembler.finish(group);
            self.done.stages.compute += begun.elapsed();
            account.add(part);
            self.check_waiting(job, &account, &snapshot_ends)?;
            for m in &metrics {
                self.add_metric(job, m, &mut document)?;
            }
        }
        self.done.coverage = account.coverage.clone();
        let outcome = self.judge(job, &account, &snapshot_ends, document.metrics == 0)?;
        if let Some(l) = damaged_log.filter(|_| outcome == Outcome::Partial) {
            let note = || fit_to_print(&format!("{} has {}, passed over", l.file, l.detail));
            self.done.note.get_or_insert_with(note);
        }
        self.finish(job, place, document, found, outcome)
    }

    fn host(&mut self, cluster: &str, host: &str) -> Result<Arc<Host>, Ending> {
        if self.shared.stop.is_cancelled() {
            return Err(Ending::Cancelled);
        }
        let begun = Instant::now();
        let answer = self.shared.source.host(cluster, host, self.shared.stop);
        self.done.stages.load += begun.elapsed();
        answer.map_err(|e| e.failure().map_or(Ending::Cancelled, Ending::Failed))
    }

    /// A file that could not be read whole fails the jobs that need it, until the last attempt.
    fn check_broken(&mut self, job: &Job, broken: &[Broken]) -> Result<(), Failure> {
        let (start, end) = (job.head.key.start_time, job.head.end());
        let Some(b) = broken.iter().find(|b| b.concerns(start, end)) else {
            return Ok(());
        };
        if self.task.failures + 1 < ATTEMPTS {
            return Err(b.failure());
        }
        self.done.note = Some(fit_to_print(&format!(
            "archived without {}, which cannot be read: {}",
            b.file, b.detail
        )));
        Ok(())
    }
}

pub(super) fn no_data(why: &str) -> Ending {
    Ending::NoData(Failure::new(Stage::Load, Reason::NoData, why))
}
