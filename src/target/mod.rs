//! Where archives go: the port and what its media have in common.
//!
//! An archive is published in one step: its files are complete and under other names before the first rename, data
//! comes before meta, and the caller learns size and checksum of both before the first rename ([`Files`]). It is
//! durable only after [`Target::flush`].

pub mod tree;

use crate::model::failure::Failure;
use std::collections::BTreeMap;

use crate::model::job::JobKey;
use crate::model::series::Statistics;
use crate::model::stored::{Files, Form, Values};

/// What an archive holds for a job.
#[derive(Debug)]
pub struct Found {
    /// Size and checksum, where both files are there and no second data file is.
    pub files: Option<Files>,
    /// What the data file holds, as far as it can be read; the more where both variants are there.
    pub values: Values,
    /// Set where it is a whole archive of this very job: identity agrees, both documents decode.
    pub whole: Option<Whole>,
}

/// A whole archive of a job, as its meta.json describes it.
#[derive(Clone, Debug)]
pub struct Whole {
    /// Seconds.
    pub duration: i64,
    /// The job's statistics by metric.
    pub statistics: BTreeMap<String, Statistics>,
    /// Bytes of both files as stored.
    pub stored_bytes: u64,
}

/// A job archive.
pub trait Target: Sync {
    /// What is there for a job.
    ///
    /// # Errors
    /// When the archive or the job's folder cannot be read.
    fn find(&self, key: &JobKey) -> Result<Option<Found>, Failure>;

    /// Brings a job's place in order: ends or undoes a replacement that a killed sweep had begun, and removes what only it
    /// knew. Nothing happens where nothing was begun.
    ///
    /// # Errors
    /// When the archive cannot be read or written.
    fn tidy(&self, key: &JobKey) -> Result<(), Failure>;

    /// Begins to store a job; nothing is visible before [`Draft::publish`].
    ///
    /// # Errors
    /// When the archive cannot be written.
    fn begin(&self, key: &JobKey) -> Result<Box<dyn Draft + '_>, Failure>;

    /// Asks what only a sick medium cannot answer: writes, makes durable and removes something where the archive allows it.
    /// The sweep asks it when failures pile up, to tell an outage from bad jobs.
    ///
    /// # Errors
    /// When the medium is sick.
    fn probe(&self) -> Result<(), Failure>;

    /// Makes the archives of these jobs durable, published in this sweep or found.
    ///
    /// # Errors
    /// When the medium does not say that it is.
    fn flush(&self, jobs: &[&JobKey]) -> Result<(), Failure>;
}

/// A job that is being stored. Dropped before [`Draft::publish`], it leaves nothing.
pub trait Draft {
    /// Appends to the data file, in its stored form.
    ///
    /// # Errors
    /// When the archive cannot be written.
    fn write(&mut self, data: &[u8]) -> Result<(), Failure>;

    /// Completes both files under other names.
    ///
    /// # Errors
    /// When the archive cannot be written.
    fn complete(&mut self, form: Form, meta: &[u8]) -> Result<Files, Failure>;

    /// Gives both files their names: data, then meta, then the other variant of the data file is removed.
    ///
    /// # Errors
    /// When the archive cannot be written; the job may then have new data beside an old meta.json.
    fn publish(self: Box<Self>) -> Result<(), Failure>;
}
