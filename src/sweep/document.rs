//! Makes a job's documents, metric by metric, compares them with what the archive has, and publishes the better one.

use std::collections::BTreeMap;
use std::time::Instant;

use super::hand::{Ending, Subject, Work, footprint, no_data};
use super::large;
use crate::format::deflate::Mistake;
use crate::format::gzip::{Effort, Encoder};
use crate::format::read;
use crate::format::{data, meta};
use crate::model::failure::{Failure, Reason, Stage};
use crate::model::job::{Job, STATUS_ARCHIVED};
use crate::model::message::Archived;
use crate::model::outcome::Outcome;
use crate::model::row_columns::{Columns, row_print};
use crate::model::series::{MetricData, Statistics};
use crate::model::stored::{Form, Values};
use crate::rules::richness::{Comparison, compare};
use crate::rules::statistics;
use crate::target::{Draft, Whole};

/// A data document while it is made.
pub(super) struct Document<'a> {
    encoder: Encoder,
    draft: Option<Box<dyn Draft + 'a>>,
    pub(super) metrics: usize,
    statistics: BTreeMap<String, meta::JobStatistics>,
    /// Counted only where an archive is there to be compared with.
    values: Option<Values>,
    stored: u64,
}

/// Text that a worker has at a time, roughly: what one member takes.
const AT_A_TIME: usize = 1 << 20;

/// The pieces that come next: of a large job so many that every worker has something to do.
fn wave<'p>(
    pieces: &mut impl Iterator<Item = data::Piece<'p>>,
    bytes: usize,
) -> Vec<data::Piece<'p>> {
    let workers = if large::is_large(bytes) {
        2 * rayon::current_num_threads()
    } else {
        1
    };
    let mut text = 0;
    let mut wave = Vec::new();
    while text < workers * AT_A_TIME
        && let Some(piece) = pieces.next()
    {
        text += piece.length();
        wave.push(piece);
    }
    wave
}

impl Document<'_> {
    /// An empty one; `compare`: whether what it holds is counted.
    pub(super) fn new(effort: Effort, compare: bool) -> Self {
        Self {
            encoder: Encoder::new(effort),
            draft: None,
            metrics: 0,
            statistics: BTreeMap::new(),
            values: compare.then(Values::new),
            stored: 0,
        }
    }

    /// Counts what a metric holds.
    fn count(&mut self, job: &Job, m: &MetricData) {
        if let Some(values) = statistics::of_job(m, job.num_nodes) {
            let unit = m.unit.clone();
            let of_job = meta::JobStatistics { unit, values };
            self.statistics.insert(m.name.clone(), of_job);
        }
        if let Some(values) = &mut self.values {
            read::add(values, m, &job.resources);
        }
    }

    /// Appends the text of pieces.
    fn add(&mut self, pieces: &[data::Piece<'_>], bytes: usize) {
        let text = self.encoder.buffer();
        if !large::is_large(bytes) {
            for piece in pieces {
                piece.write(text);
            }
            return;
        }
        let texts = large::map(bytes, pieces.to_vec(), |p| {
            let mut text = Vec::with_capacity(p.length());
            p.write(&mut text);
            text
        });
        for t in &texts {
            text.extend_from_slice(t);
        }
    }
}

/// The encoder did not make what went in: nothing of the job is published.
fn mistake(e: Mistake) -> Failure {
    Failure::new(Stage::Compute, Reason::Internal, e.to_string())
}

/// What to do with a document, in view of what the archive has.
enum Choice {
    /// It becomes the archive.
    Publish,
    /// What is there stays, and the row gets its columns.
    Keep(Columns),
    /// A provisional archive did not become better.
    Stay,
}

impl<'a> Work<'a> {
    /// Adds metrics that take so many bytes of series.
    pub(super) fn add_metrics(
        &mut self,
        job: &Job,
        metrics: &[MetricData],
        bytes: usize,
        document: &mut Document<'a>,
    ) -> Result<(), Ending> {
        for m in metrics {
            document.count(job, m);
        }
        let first = document.metrics;
        document.metrics += metrics.len();
        let pieces = metrics.iter().enumerate();
        let mut pieces = pieces.flat_map(|(k, m)| data::pieces(m, first + k == 0, &job.resources));
        loop {
            let wave = wave(&mut pieces, bytes);
            if wave.is_empty() {
                return Ok(());
            }
            if self.shared.stop.is_cancelled() {
                return Err(Ending::Cancelled);
            }
            let begun = Instant::now();
            document.add(&wave, bytes);
            self.done.stages.compute += begun.elapsed();
            let begun = Instant::now();
            let members = document.encoder.ready().map_err(mistake)?;
            self.done.stages.compress += begun.elapsed();
            self.write(job, document, &members)?;
        }
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
            if document.draft.is_none() {
                document.draft = Some(self.shared.target.begin(&job.head.key)?);
            }
            if let Some(draft) = &mut document.draft {
                draft.write(m)?;
            }
        }
        self.done.stages.store += begun.elapsed();
        Ok(())
    }

    /// Ends the document and publishes it, unless what the archive has is better.
    pub(super) fn finish(
        &mut self,
        subject: &Subject<'a>,
        mut document: Document<'a>,
        outcome: Outcome,
    ) -> Result<Outcome, Ending> {
        let choice = self.choose(subject, &document, &outcome)?;
        match choice {
            Choice::Publish => {}
            Choice::Keep(columns) => return Ok(self.adopted(subject, columns, &outcome)),
            Choice::Stay => return self.stay(subject, &outcome),
        }
        let job = &subject.job;
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

        let of_metric = document
            .statistics
            .iter()
            .map(|(k, v)| (k.clone(), v.values))
            .collect();
        let footprint = self.footprint(subject, &of_metric)?;
        let meta = meta::document(job, &document.statistics, &footprint);
        let stored_bytes = document.stored + meta.len() as u64;
        let begun = Instant::now();
        self.publish(subject, document, form, &meta)?;
        self.done.stages.store += begun.elapsed();
        // Not before it is in place: this is what makes the recorder change the row.
        self.done.archived = Some(Archived {
            key: job.head.key.clone(),
            row_print: row_print(&subject.row),
            columns: meta::columns(&footprint),
            stored_bytes,
            written: true,
        });
        Ok(outcome)
    }

    /// Compares a document with what the archive has.
    fn choose(
        &self,
        subject: &Subject<'a>,
        document: &Document<'a>,
        outcome: &Outcome,
    ) -> Result<Choice, Ending> {
        let again = subject.row.head.status == STATUS_ARCHIVED;
        let provisional = self.task.history.provisional.is_some();
        if *outcome == Outcome::Empty && provisional {
            return Ok(Choice::Stay);
        }
        if *outcome == Outcome::Empty && again && Self::keeps_when_empty(subject) {
            let none = "no sample is expected or found now; the archived job stays as it is";
            return Err(Ending::Outcome(Outcome::NoData(no_data(none))));
        }
        let (Some(found), Some(new)) = (&subject.found, &document.values) else {
            return Ok(Choice::Publish);
        };
        // The end of a job of unknown end comes from the samples: fewer of them make it shorter.
        let length_known = subject.job.head.duration == subject.row.head.duration;
        let comparison = compare(&found.values, new, length_known);
        match comparison {
            _ if self.shared.settings.force && !provisional => Ok(Choice::Publish),
            Comparison::Richer => Ok(Choice::Publish),
            _ if provisional => Ok(Choice::Stay),
            Comparison::Equal if again || Self::is_described_otherwise(subject) => {
                Ok(Choice::Publish)
            }
            Comparison::Equal | Comparison::Poorer(_) if !again && found.whole.is_some() => {
                self.adopt_columns(subject).map(Choice::Keep)
            }
            Comparison::Equal => Ok(Choice::Publish),
            Comparison::Poorer(why) => Err(Failure::new(Stage::Store, Reason::Poorer, why).into()),
        }
    }

    /// Whether tags or meta data of the job changed since the whole archive that is there was made.
    fn is_described_otherwise(subject: &Subject<'a>) -> bool {
        let whole = subject.found.as_ref().and_then(|f| f.whole.as_ref());
        let is_other =
            |w: &Whole| w.tags != subject.row.tags || w.meta_data != subject.row.meta_data;
        whole.is_some_and(is_other)
    }

    /// Whether an archived job whose archive would be empty now stays as it is: not a job of length 0 of which no value is
    /// there, since its archive, its footprint or its row may be what is wrong.
    fn keeps_when_empty(subject: &Subject<'a>) -> bool {
        subject
            .found
            .as_ref()
            .is_some_and(|f| !f.values.is_empty() || subject.job.head.duration > 0)
    }

    /// What becomes of a job of which the source has no sample: a whole archive that is there is taken over. Otherwise it
    /// is as the source says, except for a provisional archive, which stays for good once nothing more can come.
    pub(super) fn keep(
        &mut self,
        subject: &Subject<'a>,
        otherwise: Outcome,
    ) -> Result<Outcome, Ending> {
        if self.task.history.provisional.is_some() {
            return self.stay(subject, &otherwise);
        }
        let whole = subject.found.as_ref().is_some_and(|f| f.whole.is_some());
        if !whole || subject.row.head.status == STATUS_ARCHIVED {
            return Ok(otherwise);
        }
        let columns = self.adopt_columns(subject)?;
        Ok(self.adopted(subject, columns, &otherwise))
    }

    /// Takes over the archive that is there; where more may come, later sweeps come back to it.
    fn adopted(&mut self, subject: &Subject<'a>, columns: Columns, otherwise: &Outcome) -> Outcome {
        let whole = subject.found.as_ref().and_then(|f| f.whole.as_ref());
        self.done.archived = Some(Archived {
            key: subject.row.head.key.clone(),
            row_print: row_print(&subject.row),
            columns,
            stored_bytes: whole.map_or(0, |w| w.stored_bytes),
            written: false,
        });
        if matches!(otherwise, Outcome::Provisional | Outcome::NotYet) {
            Outcome::Provisional
        } else {
            Outcome::Adopted
        }
    }

    /// The outcome of a provisional archive that did not become better. A sweep that ended between archive and row may have
    /// made it so before; the row gets its columns now.
    fn stay(&mut self, subject: &Subject<'a>, outcome: &Outcome) -> Result<Outcome, Ending> {
        self.done.lost = false;
        if subject.found.as_ref().is_some_and(|f| f.whole.is_some()) {
            let columns = self.adopt_columns(subject)?;
            if self.columns(&subject.row)?.is_some_and(|c| c != columns) {
                return Ok(self.adopted(subject, columns, outcome));
            }
        }
        if matches!(outcome, Outcome::Provisional | Outcome::NotYet) {
            Ok(Outcome::NotYet)
        } else {
            Ok(Outcome::Adopted)
        }
    }

    /// Columns of the row from the statistics of the archive that is there.
    fn adopt_columns(&self, subject: &Subject<'a>) -> Result<Columns, Ending> {
        let whole = subject.found.as_ref().and_then(|f| f.whole.as_ref());
        let statistics = whole.map(|w| w.statistics.clone()).unwrap_or_default();
        let footprint = self.footprint(subject, &statistics)?;
        Ok(meta::columns(&footprint))
    }

    fn footprint(
        &self,
        subject: &Subject<'a>,
        statistics: &BTreeMap<String, Statistics>,
    ) -> Result<statistics::Footprint, Ending> {
        let clusters = self.shared.clusters;
        Ok(footprint(
            clusters,
            &subject.place,
            &subject.job,
            statistics,
        )?)
    }

    fn publish(
        &self,
        subject: &Subject<'a>,
        document: Document<'a>,
        form: Form,
        meta: &[u8],
    ) -> Result<(), Ending> {
        let Some(mut draft) = document.draft else {
            return Ok(());
        };
        let files = draft.complete(form, meta)?;
        self.check_row(&subject.row)?;
        if self.shared.stop.is_cancelled() {
            return Err(Ending::Cancelled);
        }
        // Somebody else archived the job meanwhile: the two are compared.
        let key = &subject.job.head.key;
        if subject.found.is_none() && self.shared.target.find(key)?.is_some() {
            return Err(Ending::Changed);
        }
        // An archived job that is there already, byte for byte, is not written again. Of others nobody knows whether
        // their files ever reached the disk.
        let again = subject.row.head.status == STATUS_ARCHIVED;
        if !(again && subject.found.as_ref().and_then(|f| f.files) == Some(files)) {
            draft.publish()?;
        }
        Ok(())
    }
}
