//! Where archives go: the port and what its media have in common.
//!
//! An archive is published in one step: everything is complete before a reader sees any of it, data comes before meta, and
//! the caller learns size and checksum of both before anything is visible ([`Files`]). It is durable only after
//! [`Target::flush`]. Whatever is cut short, by a failure or by a kill, can be brought in order from what the medium holds
//! ([`Target::tidy`]): nothing else has to remember it.

mod error;
mod found;
mod names;
mod owner;
#[cfg(feature = "s3")]
pub mod s3;
mod spool;
pub mod sqlite;
mod sum;
pub mod tree;
mod walk;

use std::fmt;
use std::io::Read;

use crate::format::read::{self, Meta, Visitor};
use crate::model::job::JobKey;
use crate::model::stored::{Files, Form};

pub use error::Error;
pub use found::{Found, Whole};
pub use walk::{Archive, Flaw, Odd, Part, Unmended, Walk, Walked};

/// What a start-up must know of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Bytes that can still be written, where the medium tells.
    pub free: Option<u64>,
}

/// What describes the clusters of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterFiles {
    /// Name and cluster.json, in the order of names.
    pub files: Vec<(String, Vec<u8>)>,
    /// Names that have none; cc-backend does not start with such a one.
    pub without: Vec<String>,
    /// Names that lead to a folder that is not there now: its file system is not mounted, or it is nobody's.
    pub gone: Vec<String>,
}

/// An archived job as it is stored.
pub struct Stored {
    /// meta.json.
    pub meta: Vec<u8>,
    /// The form of the data.
    pub form: Form,
    /// The data as stored.
    pub data: Box<dyn Read>,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("meta", &self.meta.len())
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

impl Stored {
    /// What meta.json says.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn meta(&self) -> Result<Meta, read::Error> {
        read::meta(&self.meta)
    }

    /// Reads the data to its end.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn visit(self, visitor: &mut dyn Visitor) -> Result<(), read::Error> {
        read::data(self.data, self.form, visitor)
    }
}

/// A job archive.
pub trait Target: Sync {
    /// Looks whether a sweep may begin: the archive has the version that this program knows, and its owner will own what is
    /// written. Writes nothing, so that a dry run finds the same obstacles as a sweep.
    ///
    /// # Errors
    /// When it may not.
    fn check(&self) -> Result<Condition, Error>;

    /// What describes the clusters.
    ///
    /// # Errors
    /// When the archive cannot be read.
    fn clusters(&self) -> Result<ClusterFiles, Error>;

    /// What is there for a job, read from the medium and not from what is remembered of it. Changes nothing.
    ///
    /// # Errors
    /// When the archive or the job's place cannot be read.
    fn find(&self, key: &JobKey) -> Result<Option<Found>, Error>;

    /// What is stored for a job; none where a reader of the archive would find none.
    ///
    /// # Errors
    /// When the archive or the job's place cannot be read.
    fn read(&self, key: &JobKey) -> Result<Option<Stored>, Error>;

    /// Brings a job's place in order: ends or undoes a replacement that a killed sweep had begun, and removes what only it
    /// knew. Nothing happens where nothing was begun, and what a living sweep is at is left alone.
    ///
    /// # Errors
    /// When the archive cannot be read or written.
    fn tidy(&self, key: &JobKey) -> Result<(), Error>;

    /// Begins to store a job; nothing is visible before [`Draft::publish`].
    ///
    /// # Errors
    /// When the archive cannot be written, or another sweep is at this very job.
    fn begin(&self, key: &JobKey) -> Result<Box<dyn Draft + '_>, Error>;

    /// Asks what only a sick medium cannot answer: writes, makes durable and removes something where the archive allows it.
    /// The sweep asks it when failures pile up, to tell an outage from bad jobs.
    ///
    /// # Errors
    /// When the medium is sick.
    fn probe(&self) -> Result<(), Error>;

    /// How many jobs, besides one for each processor, should be in work at once, since a job of this medium mostly waits for
    /// answers.
    fn waits(&self) -> usize {
        0
    }

    /// Makes the archives of these jobs durable, published in this sweep or found.
    ///
    /// # Errors
    /// When the medium does not say that they are.
    fn flush(&self, jobs: &[&JobKey]) -> Result<(), Error>;
}

/// A job that is being stored. Dropped before [`Draft::publish`], it leaves nothing.
pub trait Draft {
    /// Appends to the data, in its stored form.
    ///
    /// # Errors
    /// When the archive cannot be written.
    fn write(&mut self, data: &[u8]) -> Result<(), Error>;

    /// Completes both documents; still nobody sees them.
    ///
    /// # Errors
    /// When the archive cannot be written.
    fn complete(&mut self, form: Form, meta: &[u8]) -> Result<Files, Error>;

    /// Shows both documents to readers, at the latest with the next flush: first the data, then meta.json; then the other
    /// form of the data is removed. A job that was archived before has its old archive or the new one, whatever happens, at
    /// the latest after [`Target::tidy`].
    ///
    /// # Errors
    /// When the archive cannot be written; the old archive is then in place again, or the next [`Target::tidy`] sees to it.
    fn publish(self: Box<Self>) -> Result<(), Error>;
}
