//! What may be found, how bad it is, and what repairs it.

use std::path::{Path, PathBuf};

use serde::Serialize;
use strum::{EnumIter, IntoStaticStr};

use crate::model::job::{JobKey, camel};
use crate::target::Flaw;

/// What was found. The words are stable; new ones may come.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, EnumIter, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Fault {
    /// The row says archived, and the archive holds nothing whole.
    Missing,
    /// The archive holds a job that has no row.
    NoRow,
    /// A document does not decode.
    Damaged,
    /// The archive is that of another job, or of another length.
    OtherJob,
    /// meta.json's statistics do not follow from the data.
    Statistics,
    /// Footprint or energy of the row do not follow from the statistics.
    Footprint,
    /// Footprint or energy of meta.json do not follow from its statistics.
    MetaFootprint,
    /// meta.json is as cc-backend's own archiver leaves it: footprint and energy are those of the job's end, or none.
    MetaUnfinished,
    /// The row says not archived, and the archive is whole.
    NotRecorded,
    /// Whether the data is compressed is not told.
    NoForm,
    /// A second data file that may be an older one.
    TwoForms,
    /// A part of a job's archive is missing or empty.
    Incomplete,
    /// A temporary file of a sweep that was killed.
    Leftover,
    /// A place without anything, which cc-backend takes for an archive.
    EmptyFolder,
    /// A cluster without cluster.json.
    NoClusterJson,
    /// What does not belong into an archive.
    Stranger,
    /// Owner or rights are not such that cc-backend can use it.
    Rights,
    /// Database and archive do not belong to one user, so that cc-backend cannot write both.
    Owners,
    /// The archive is of a version that neither cc-backend nor this program knows.
    Version,
    /// The row itself cannot be used.
    Row,
    /// It could not be looked at.
    Unreadable,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Data is missing, damaged or cannot be reached.
    Error,
    /// Something is not as it should be, and no data is in danger.
    Warning,
    /// Nothing to do.
    Note,
}

impl Fault {
    /// The stable word.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// One character for lists.
    pub const fn symbol(self) -> char {
        match self {
            Self::Missing => '-',
            Self::NoRow => '+',
            Self::Damaged | Self::Incomplete => '!',
            Self::OtherJob | Self::Statistics | Self::Footprint | Self::MetaFootprint => '*',
            Self::MetaUnfinished => 'm',
            Self::NotRecorded => '>',
            Self::NoForm => 'f',
            Self::TwoForms => '2',
            Self::EmptyFolder => '0',
            Self::Leftover => 't',
            Self::NoClusterJson => 'c',
            Self::Stranger => '~',
            Self::Rights => 'r',
            Self::Owners => 'o',
            Self::Version => 'v',
            Self::Row | Self::Unreadable => '?',
        }
    }

    const fn severity(self) -> Severity {
        match self {
            Self::Missing
            | Self::Damaged
            | Self::OtherJob
            | Self::Incomplete
            | Self::EmptyFolder
            | Self::NoForm
            | Self::Rights
            | Self::NoClusterJson
            | Self::Owners
            | Self::Version
            | Self::Unreadable => Severity::Error,
            Self::NoRow
            | Self::Statistics
            | Self::Footprint
            | Self::MetaFootprint
            | Self::TwoForms
            | Self::Leftover
            | Self::Stranger
            | Self::Row => Severity::Warning,
            Self::NotRecorded | Self::MetaUnfinished => Severity::Note,
        }
    }

    /// What repairs it.
    const fn repair(self) -> Repair {
        match self {
            Self::NotRecorded => Repair::Adopt,
            Self::Leftover => Repair::Place(Flaw::Leftovers),
            Self::EmptyFolder => Repair::Place(Flaw::EmptyFolder),
            Self::Rights => Repair::Place(Flaw::Rights),
            Self::NoForm => Repair::Place(Flaw::NoForm),
            Self::TwoForms => Repair::Forms,
            Self::Missing
            | Self::Damaged
            | Self::OtherJob
            | Self::Statistics
            | Self::Footprint
            | Self::MetaFootprint
            | Self::Incomplete => Repair::ArchiveAgain,
            Self::NoRow
            | Self::MetaUnfinished
            | Self::NoClusterJson
            | Self::Stranger
            | Self::Owners
            | Self::Version
            | Self::Row
            | Self::Unreadable => Repair::Person,
        }
    }
}

/// What repairs what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Safe: something at its place in the archive.
    Place(Flaw),
    /// Safe: the form of the data that does not belong to meta.json goes.
    Forms,
    /// Safe: a sweep takes the archive over.
    Adopt,
    /// Archive the job again while its source has the data.
    ArchiveAgain,
    /// Only a person can tell what is right.
    Person,
}

impl Repair {
    /// The stable word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Place(_) | Self::Forms | Self::Adopt => "safe",
            Self::ArchiveAgain => "archive_again",
            Self::Person => "person",
        }
    }
}

impl Serialize for Repair {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What.
    pub fault: Fault,
    /// How bad.
    pub severity: Severity,
    /// The job, where it is a job's.
    pub job: Option<Named>,
    /// The file or folder, where it is about one.
    pub path: Option<String>,
    /// In words.
    pub detail: String,
    /// What repairs it.
    pub repair: Repair,
    /// The file or folder itself.
    #[serde(skip)]
    pub at: Option<PathBuf>,
}

/// A job by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Named(#[serde(serialize_with = "camel")] pub JobKey);

impl Finding {
    /// An archive of a version that is not known: nothing else can be said of it.
    pub fn of_version(detail: &str) -> Self {
        Self::new(Fault::Version, None, detail)
    }

    pub(super) fn new(fault: Fault, job: Option<&JobKey>, detail: impl Into<String>) -> Self {
        Self {
            fault,
            severity: fault.severity(),
            job: job.cloned().map(Named),
            path: None,
            detail: detail.into(),
            repair: fault.repair(),
            at: None,
        }
    }

    pub(super) fn at(mut self, path: &Path) -> Self {
        self.path = Some(path.display().to_string());
        self.at = Some(path.to_path_buf());
        self
    }

    /// Of a job without a row, which cannot be archived again.
    pub(super) fn without_row(mut self) -> Self {
        if self.repair == Repair::ArchiveAgain {
            self.repair = Repair::Person;
        }
        self
    }
}

/// A part of the archive that cannot be listed.
pub(super) fn unlisted(path: Option<&Path>, why: &str) -> Finding {
    let finding = Finding::new(Fault::Unreadable, None, format!("cannot be listed: {why}"));
    match path {
        Some(path) => finding.at(path),
        None => finding,
    }
}
