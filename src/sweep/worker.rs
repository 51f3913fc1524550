//! One job from start to end: row, load, compute, store. Publishes, but changes no row.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use super::{Done, Settings, Stages, Task};
use crate::archive::{Archive, Files, Found, Publication, Values, content};
use crate::assemble::{Account, Assembler};
use crate::cluster::{Cluster, Clusters, Subcluster};
use crate::compress::{Encoder, Form};
use crate::document::{data, meta};
use crate::job::{Head, Job, STATUS_ARCHIVED, STATUS_FAILED, Shown};
use crate::ledger::{ATTEMPTS, Columns, Ledger, Published, row_print};
use crate::series::MetricData;
use crate::source::{Broken, Host, Source};
use crate::stats;
use crate::stop::Stop;
use crate::verdict::{Coverage, Failure, Outcome, Reason, Stage};

/// When the source forgets within this time (seconds), nothing is waited for any more.
const NEAR: i64 = 3600;
/// Without a known retention, a job without data is given up this long (seconds) after its end.
const GIVE_UP: i64 = 7 * 86_400;

/// What all workers use.
pub(super) struct Shared<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) archive: &'a dyn Archive,
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
        let (head, attempts) = (task.candidate.head.clone(), task.attempts);
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
            Done::new(head, attempts, Outcome::Failed(failure))
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
enum Ending {
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
struct Work<'a> {
    shared: &'a Shared<'a>,
    task: &'a Task,
    done: Done,
}

/// Where the configuration places a job.
#[derive(Clone, Copy)]
struct Place<'a> {
    cluster: &'a Cluster,
    sub: &'a Subcluster,
}

/// A data document while it is made.
struct Document<'a> {
    encoder: Encoder,
    publication: Option<Box<dyn Publication + 'a>>,
    metrics: usize,
    statistics: BTreeMap<String, meta::JobStatistics>,
    /// Counted only where an archive is there to be compared with.
    values: Option<Values>,
    stored: u64,
    raw: u64,
}

impl<'a> Work<'a> {
    fn new(shared: &'a Shared<'a>, task: &'a Task) -> Self {
        let done = Done::new(task.candidate.head.clone(), task.attempts, Outcome::Raced);
        Self { shared, task, done }
    }

    fn run(mut self) -> Done {
        self.done.outcome = match self.archive() {
            Ok(outcome) => outcome,
            Err(Ending::Cancelled) => Outcome::Interrupted,
            Err(Ending::NotYet) => Outcome::NotYet,
            Err(Ending::UnknownEnd) => Outcome::UnknownEnd,
            Err(Ending::Failed(f)) => Outcome::Failed(f),
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
        let unknown_end = job.head.duration == 0 && job.head.status == STATUS_FAILED;
        if unknown_end && !(self.shared.settings.walltime && job.walltime > 0) {
            return Err(Ending::UnknownEnd);
        }
        let found = self
            .shared
            .archive
            .find(&job.head.key, !self.shared.dry_run)?;
        if let Some(outcome) = self.resume(job, found.as_ref()) {
            return Ok(outcome);
        }
        if unknown_end {
            let job = self.with_known_end(job)?;
            return self.build(&job, place, found);
        }
        self.build(job, place, found)
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
        let end = start.saturating_add(job.walltime.min(crate::job::LONGEST_JOB));
        let mut last = None;
        for r in &job.resources {
            last = last.max(
                self.host(&job.head.key.cluster, &r.hostname)?
                    .root
                    .last_sample(start, end),
            );
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
        found: Option<Found>,
    ) -> Result<Outcome, Ending> {
        let assembler = Assembler::new(job, self.shared.clusters, place.cluster, place.sub);
        let mut document = Document {
            encoder: Encoder::new(self.shared.settings.compression),
            publication: None,
            metrics: 0,
            statistics: BTreeMap::new(),
            values: found.as_ref().map(|_| Values::new()),
            stored: 0,
            raw: 0,
        };
        let mut account = Account::default();
        let mut snapshot_ends = vec![None; job.resources.len()];
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
                snapshot_ends[k] = host.snapshot_end;
                let begun = Instant::now();
                assembler.add_host(&mut group, k, &host);
                self.done.stages.compute += begun.elapsed();
            }
            let begun = Instant::now();
            let (metrics, part) = assembler.finish(group);
            self.done.stages.compute += begun.elapsed();
            account.add(part);
            for m in &metrics {
                self.add_metric(job, m, &mut document)?;
            }
        }
        self.done.coverage = account.coverage.clone();
        let outcome = self.judge(job, &account, &snapshot_ends, document.metrics == 0)?;
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
        let Some(b) = broken
            .iter()
            .find(|b| b.interval.from < end && start < b.interval.to)
        else {
            return Ok(());
        };
        if self.task.attempts + 1 < ATTEMPTS {
            return Err(b.failure());
        }
        self.done.note = Some(format!(
            "archived without {}, which cannot be read: {}",
            b.file, b.detail
        ));
        Ok(())
    }

    fn add_metric(
        &mut self,
        job: &Job,
        m: &MetricData,
        document: &mut Document<'a>,
    ) -> Result<(), Ending> {
        if self.shared.stop.is_cancelled() {
            return Err(Ending::Cancelled);
        }
        let begun = Instant::now();
        if let Some(values) = stats::of_job(m, job.num_nodes) {
            document.statistics.insert(
                m.name.clone(),
                meta::JobStatistics {
                    unit: m.unit.clone(),
                    values,
                },
            );
        }
        if let Some(values) = &mut document.values {
            content::add(values, m, &job.resources);
        }
        data::metric(
            m,
            document.metrics == 0,
            &job.resources,
            document.encoder.buffer(),
        );
        document.metrics += 1;
        self.done.stages.compute += begun.elapsed();
        let begun = Instant::now();
        let members = document.encoder.ready();
        self.done.stages.compress += begun.elapsed();
        self.write(job, document, &members)
    }

    fn write(
        &mut self,
        job: &Job,
        document: &mut Document<'a>,
        members: &[Vec<u8>],
    ) -> Result<(), Ending> {
        let begun = Instant::now();
        for m in members {
            document.stored += m.len() as u64;
            if self.shared.dry_run {
                continue;
            }
            if document.publication.is_none() {
                document.publication = Some(self.shared.archive.create(&job.head.key)?);
            }
            if let Some(p) = &mut document.publication {
                p.write(m)?;
            }
        }
        self.done.stages.store += begun.elapsed();
        Ok(())
    }

    /// What the samples that were found make of the job.
    fn judge(
        &mut self,
        job: &Job,
        account: &Account,
        snapshot_ends: &[Option<i64>],
        document_is_empty: bool,
    ) -> Result<Outcome, Ending> {
        let points = account.coverage.points;
        if job.head.duration == 0 {
            return Ok(Outcome::Empty);
        }
        if points.received > 0 && points.is_full() {
            return Ok(Outcome::Complete);
        }
        if self.may_come(job, account, snapshot_ends)? {
            return Err(Ending::NotYet);
        }
        if points.received > 0 {
            if let Some(f) = Assembler::not_aggregated(account).filter(|_| document_is_empty) {
                return Err(f.into());
            }
            return Ok(Outcome::Partial);
        }
        if self.shared.settings.accept_empty {
            return Ok(Outcome::Empty);
        }
        self.done.lost = self.is_lost(job)?;
        let hosts: Vec<&str> = job
            .resources
            .iter()
            .take(3)
            .map(|r| r.hostname.as_str())
            .collect();
        let more = if job.resources.len() > 3 { ", …" } else { "" };
        Err(no_data(&format!(
            "none of the {} samples expected was found on {}{more}",
            points.expected,
            hosts.join(", ")
        )))
    }

    /// Whether missing samples may still reach the source.
    fn may_come(
        &self,
        job: &Job,
        account: &Account,
        snapshot_ends: &[Option<i64>],
    ) -> Result<bool, Ending> {
        let s = self.shared.settings;
        let (start, end, now) = (job.head.key.start_time, job.head.end(), s.clock.now());
        let forgotten = s
            .retention
            .is_some_and(|r| now.saturating_add(NEAR) >= start.saturating_add(r));
        if now >= end.saturating_add(s.settle) || forgotten {
            return Ok(false);
        }
        let behind = |(k, t): (&usize, &i64)| {
            snapshot_ends
                .get(*k)
                .copied()
                .flatten()
                .is_none_or(|e| *t >= e)
        };
        if account.last_missing.iter().any(behind) {
            return Ok(true);
        }
        Ok(self.horizon(job)?.newest < end)
    }

    fn horizon(&self, job: &Job) -> Result<crate::source::Horizon, Ending> {
        let answer = self.shared.source.horizon(&job.head.key.cluster);
        answer.map_err(|e| e.failure().map_or(Ending::Cancelled, Ending::Failed))
    }

    /// Whether no source can have the job's data any more. Files live between one and two retentions.
    fn is_lost(&self, job: &Job) -> Result<bool, Ending> {
        let s = self.shared.settings;
        let end = job.head.end();
        let patience = s.retention.map_or(GIVE_UP, |r| r.saturating_mul(2));
        Ok(s.clock.now() >= end.saturating_add(patience) || self.horizon(job)?.oldest > end)
    }

    fn finish(
        &mut self,
        job: &Job,
        place: Place<'_>,
        mut document: Document<'a>,
        found: Option<Found>,
        outcome: Outcome,
    ) -> Result<Outcome, Ending> {
        data::end(document.metrics == 0, document.encoder.buffer());
        document.raw = document.encoder.raw_bytes();
        let begun = Instant::now();
        let encoder = std::mem::replace(
            &mut document.encoder,
            Encoder::new(self.shared.settings.compression),
        );
        let (form, members) = encoder.finish();
        self.done.stages.compress += begun.elapsed();
        self.write(job, &mut document, &members)?;
        (self.done.raw_bytes, self.done.stored_bytes) = (document.raw, document.stored);

        let statistics = document
            .statistics
            .iter()
            .map(|(k, v)| (k.clone(), v.values))
            .collect();
        let footprint = stats::footprint(
            self.shared.clusters,
            place.sub,
            &statistics,
            job.num_nodes,
            job.head.duration,
        )
        .map_err(|e| Failure::new(Stage::Compute, Reason::FootprintInvalid, e))?;
        self.done.columns = Columns::new(&footprint);
        let meta = meta::document(job, &document.statistics, &footprint);
        let begun = Instant::now();
        self.publish(job, document, form, &meta, found.as_ref(), &outcome)?;
        self.done.stages.store += begun.elapsed();
        Ok(outcome)
    }

    fn publish(
        &self,
        job: &Job,
        document: Document<'a>,
        form: Form,
        meta: &[u8],
        found: Option<&Found>,
        outcome: &Outcome,
    ) -> Result<(), Ending> {
        if *outcome == Outcome::Empty && job.head.status == STATUS_ARCHIVED {
            return Err(no_data(
                "no sample is expected or found now; the archived job stays as it is",
            ));
        }
        // The end of a job of unknown end comes from the samples: less of them makes it shorter.
        let length_known = job.head.duration == self.task.candidate.head.duration;
        let poorer = found
            .zip(document.values.as_ref())
            .and_then(|(f, new)| content::poorer(&f.values, new, length_known));
        if let Some(why) = poorer.filter(|_| !self.shared.settings.force) {
            return Err(Failure::new(Stage::Store, Reason::Poorer, why).into());
        }
        let Some(mut publication) = document.publication else {
            return Ok(());
        };
        let files: Files = publication.complete(form, meta)?;
        let published = Published {
            row_print: row_print(self.task.candidate.job.as_ref().unwrap_or(job)),
            files,
            outcome: outcome.clone(),
            coverage: self.done.coverage.clone(),
            columns: self.done.columns.clone(),
        };
        if self.shared.stop.is_cancelled() {
            return Err(Ending::Cancelled);
        }
        self.shared.ledger.publishing(&job.head.key, &published);
        // An archive that is there already, byte for byte, is not written again.
        if found.and_then(|f| f.files) != Some(files) {
            publication.publish()?;
        }
        Ok(())
    }
}

fn no_data(why: &str) -> Ending {
    Ending::NoData(Failure::new(Stage::Load, Reason::NoData, why))
}
