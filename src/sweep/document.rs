//! Makes a job's documents, metric by metric, and publishes them.

use std::collections::BTreeMap;
use std::time::Instant;

use super::worker::{Ending, Place, Work, no_data};
use crate::archive::{Found, Publication, content};
use crate::compress::{Encoder, Level};
use crate::document::{data, meta};
use crate::format::deflate::Mistake;
use crate::job::{Job, STATUS_ARCHIVED};
use crate::ledger::{Columns, Published, row_print};
use crate::series::MetricData;
use crate::stats;
use crate::stored::{Files, Form, Values};
use crate::verdict::{Failure, Outcome, Reason, Stage};

/// A data document while it is made.
pub(super) struct Document<'a> {
    encoder: Encoder,
    publication: Option<Box<dyn Publication + 'a>>,
    pub(super) metrics: usize,
    statistics: BTreeMap<String, meta::JobStatistics>,
    /// Counted only where an archive is there to be compared with.
    values: Option<Values>,
    stored: u64,
}

impl Document<'_> {
    /// An empty one; `compare`: whether what it holds is counted.
    pub(super) fn new(level: Level, compare: bool) -> Self {
        Self {
            encoder: Encoder::new(level),
            publication: None,
            metrics: 0,
            statistics: BTreeMap::new(),
            values: compare.then(Values::new),
            stored: 0,
        }
    }
}

/// The encoder did not make what went in: nothing of the job is published.
fn mistake(e: Mistake) -> Failure {
    Failure::new(Stage::Compute, Reason::Internal, e.to_string())
}

impl<'a> Work<'a> {
    pub(super) fn add_metric(
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
        let members = document.encoder.ready().map_err(mistake)?;
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
    pub(super) fn finish(
        &mut self,
        job: &Job,
        place: Place<'_>,
        mut document: Document<'a>,
        found: Option<&Found>,
        outcome: Outcome,
    ) -> Result<Outcome, Ending> {
        data::end(document.metrics == 0, document.encoder.buffer());
        self.done.raw_bytes = document.encoder.raw_bytes();
        let begun = Instant::now();
        let encoder = std::mem::replace(
            &mut document.encoder,
            Encoder::new(self.shared.settings.compression),
        );
        let (form, members) = encoder.finish().map_err(mistake)?;
        self.done.stages.compress += begun.elapsed();
        self.write(job, &mut document, &members)?;
        self.done.stored_bytes = document.stored;

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
        self.publish(job, document, (form, &meta), found, &outcome)?;
        self.done.stages.store += begun.elapsed();
        Ok(outcome)
    }

    fn publish(
        &self,
        job: &Job,
        document: Document<'a>,
        (form, meta): (Form, &[u8]),
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
        // An archived job that is there already, byte for byte, is not written again. Of others nobody knows whether
        // their files ever reached the disk.
        let archived = job.head.status == STATUS_ARCHIVED;
        if !(archived && found.and_then(|f| f.files) == Some(files)) {
            publication.publish()?;
        }
        Ok(())
    }
}
