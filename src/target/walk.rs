//! Going through everything that an archive holds, for whoever compares it with the database.

use std::io;
use std::path::PathBuf;

use super::Target;
use crate::model::job::JobKey;

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
    /// cc-backend takes it for an archive.
    EmptyFolder,
    /// meta.json is missing.
    NoMeta,
    /// Both data files are missing.
    NoData,
    /// Both data files are there; readers take the compressed one, which may be the older.
    BothForms,
    /// A file of no bytes.
    EmptyFile(String),
    /// A file that no archive has, as a killed sweep may leave it.
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

/// An archive with all that can be asked of one.
pub trait Archive: Target + Walk {}

impl<A: Target + Walk> Archive for A {}

/// An archive that can be gone through.
pub trait Walk: Sync {
    /// Its parts, and what stands beside them and is no job's.
    ///
    /// # Errors
    /// When it cannot be listed.
    fn parts(&self) -> io::Result<(Vec<Part>, Vec<Walked>)>;

    /// The places of one part.
    ///
    /// # Errors
    /// When it cannot be listed.
    fn walk(&self, part: &Part) -> io::Result<Vec<Walked>>;
}
