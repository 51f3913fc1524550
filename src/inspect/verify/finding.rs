//! What may be found, and how bad it is.

use serde::Serialize;
use strum::{EnumIter, IntoStaticStr};

use crate::model::job::{JobKey, camel};

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
    /// The row says not archived, and the archive is whole.
    NotRecorded,
    /// A second data file that may be an older one.
    TwoForms,
    /// A part of a job's archive is missing or empty.
    Incomplete,
    /// A folder without anything, which cc-backend takes for an archive.
    EmptyFolder,
    /// What does not belong into an archive.
    Stranger,
    /// Owner or rights are not such that cc-backend can use it.
    Rights,
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
            Self::OtherJob | Self::Statistics | Self::Footprint => '*',
            Self::NotRecorded => '>',
            Self::TwoForms => '2',
            Self::EmptyFolder => '0',
            Self::Stranger => '~',
            Self::Rights => 'r',
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
            | Self::Rights
            | Self::Unreadable => Severity::Error,
            Self::NoRow
            | Self::Statistics
            | Self::Footprint
            | Self::TwoForms
            | Self::Stranger
            | Self::Row => Severity::Warning,
            Self::NotRecorded => Severity::Note,
        }
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
}

/// A job by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Named(#[serde(serialize_with = "camel")] pub JobKey);

impl Finding {
    pub(super) fn new(fault: Fault, job: Option<&JobKey>, detail: impl Into<String>) -> Self {
        Self {
            fault,
            severity: fault.severity(),
            job: job.cloned().map(Named),
            path: None,
            detail: detail.into(),
        }
    }

    pub(super) fn at(mut self, path: &std::path::Path) -> Self {
        self.path = Some(path.display().to_string());
        self
    }
}

/// A part of the archive that cannot be listed.
pub(super) fn unlisted(path: Option<&std::path::Path>, why: &str) -> Finding {
    let finding = Finding::new(Fault::Unreadable, None, format!("cannot be listed: {why}"));
    match path {
        Some(path) => finding.at(path),
        None => finding,
    }
}
