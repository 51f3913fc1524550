//! Where archives go: the port and what its media have in common.
//!
//! An archive is published in one step: its files are complete and under other names before the first rename, data
//! comes before meta, and the caller learns size and checksum of both before the first rename ([`Files`]). It is
//! durable only after [`Archive::flush`].

pub mod tree;

use crate::model::failure::Failure;
use crate::model::job::JobKey;
use crate::model::stored::{Files, Form, Values};

/// What an archive holds for a job.
#[derive(Debug)]
pub struct Found {
    /// Size and checksum, where both files are there and no second data file is.
    pub files: Option<Files>,
    /// What the data file holds, as far as it can be read; the more where both variants are there.
    pub values: Values,
}

/// A job archive.
pub trait Archive: Sync {
    /// What is there for a job. With `tidy`, what a killed sweep left in the job's folder is removed.
    ///
    /// # Errors
    /// When the archive or the job's folder cannot be read.
    fn find(&self, key: &JobKey, tidy: bool) -> Result<Option<Found>, Failure>;

    /// Begins to store a job; nothing is visible before [`Publication::publish`].
    ///
    /// # Errors
    /// When the archive cannot be written.
    fn create(&self, key: &JobKey) -> Result<Box<dyn Publication + '_>, Failure>;

    /// Makes everything published so far durable.
    ///
    /// # Errors
    /// When the medium does not say that it is.
    fn flush(&self) -> Result<(), Failure>;
}

/// A job that is being stored. Dropped before [`Publication::publish`], it leaves nothing.
pub trait Publication {
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
