//! Going through everything that an archive holds, for whoever compares it with the database, and mending the flaws of
//! single places that can be mended without a source.

use std::io;
use std::path::PathBuf;

use super::{Error, Stored, Target};
use crate::model::job::JobKey;
use crate::model::stored::Form;

/// A part of an archive that is walked through at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The cluster.
    pub cluster: String,
    /// Its jobs' numbers divided by 1000.
    pub thousands: i64,
    /// The folder, or the file that holds it with all others.
    pub path: PathBuf,
}

impl Part {
    /// Whether there are jobs whose numbers, divided by 1000, are this number.
    pub(super) const fn is_of_jobs(thousands: i64) -> bool {
        thousands < i64::MAX / 1000
    }
}

/// A place in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The job whose place it is; none for what is no job's.
    pub key: Option<JobKey>,
    /// The file or folder, or what stands for it in a message.
    pub path: PathBuf,
    /// What is not as it should be.
    pub odd: Vec<Odd>,
}

/// What may be odd about a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Odd {
    /// Nothing of cc-backend's or ours stands there.
    Stranger,
    /// A cluster without cluster.json: cc-backend does not start with it.
    NoClusterJson,
    /// Nothing of a job stands in its place, and cc-backend takes the place for an archive.
    EmptyFolder,
    /// How the data is stored is not told, though the data itself tells it.
    NoForm,
    /// meta.json is missing.
    NoMeta,
    /// Both data files are missing.
    NoData,
    /// Both data files are there; readers take the compressed one, which may be the older.
    BothForms,
    /// A file of no bytes.
    EmptyFile(String),
    /// A temporary file of a sweep that was killed.
    Leftover(String),
    /// A file that no archive has.
    OtherFile(String),
    /// Somebody else's, or without the rights that its owner needs.
    Rights {
        /// The file or folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose the archive is.
        expected: u32,
        /// Its rights.
        mode: u32,
    },
    /// It cannot be looked at.
    Unreadable(String),
}

/// What can be mended at a place without a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Temporary files of killed sweeps: what they began is ended or undone, as the next sweep would do.
    Leftovers,
    /// A place without anything: removed.
    EmptyFolder,
    /// How the data is stored: told as the data itself tells it.
    NoForm,
    /// Owner or rights: as those of the cluster's folder, and readable and writable for the owner.
    Rights,
}

/// Why a flaw was not mended.
#[derive(Debug, thiserror::Error)]
pub enum Unmended {
    /// Archives of this kind do not have it, or not there.
    #[error("{0}")]
    NoSuchFlaw(&'static str),
    /// The place is to be mended later.
    #[error("a sweep is at work there")]
    SweepAtWork,
    /// What was found may not be so any more.
    #[error("somebody is at work there, or has been meanwhile")]
    Busy,
    /// A row is mended already, or cannot be.
    #[error("the row is not so any more, or its data tells nothing")]
    Changed,
    /// The archive did not do it.
    #[error(transparent)]
    Archive(#[from] Error),
    /// A file or folder could not be looked at or changed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The same in a job's folder.
    #[error("{}: {source}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// An archive with all that can be asked of one.
pub trait Archive: Target + Walk {}

impl<A: Target + Walk> Archive for A {}

/// What an archive that cannot be mended says.
const NOTHING: &str = "nothing can be mended in an archive of this kind";

/// An archive that can be gone through, place by place.
pub trait Walk: Sync {
    /// Its parts in the order of clusters and numbers, and what stands beside them and is no job's.
    ///
    /// # Errors
    /// When it cannot be listed.
    fn parts(&self) -> io::Result<(Vec<Part>, Vec<Walked>)>;

    /// The places of one part.
    ///
    /// # Errors
    /// When it cannot be listed.
    fn walk(&self, part: &Part) -> io::Result<Vec<Walked>>;

    /// Looks once more at a job's place, where something was odd, or repaired: somebody may have been at work there. Nothing is
    /// odd about a place that is gone.
    fn look_again(&self, key: &JobKey) -> Walked;

    /// Mends a flaw. What is done may be cut short anywhere and done again.
    ///
    /// # Errors
    /// When it was not done.
    fn mend(&self, flaw: Flaw, place: &Walked) -> Result<(), Unmended> {
        let _ = (flaw, place);
        Err(Unmended::NoSuchFlaw(NOTHING))
    }

    /// What a job's archive holds in either form, where both are there and no replacement is going on; nothing otherwise.
    ///
    /// # Errors
    /// When the place cannot be read.
    fn both_forms(&self, key: &JobKey) -> io::Result<Vec<Stored>> {
        let _ = key;
        Ok(Vec::new())
    }

    /// Removes the other form of a job's data once this one is durable.
    ///
    /// # Errors
    /// When it was not done.
    fn keep_form(&self, key: &JobKey, form: Form) -> Result<(), Unmended> {
        let _ = (key, form);
        Err(Unmended::NoSuchFlaw(NOTHING))
    }
}
