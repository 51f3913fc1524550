//! What may be found, how bad it is, and what helps.

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

    /// What helps.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Missing | Self::Damaged | Self::Incomplete => {
                "archive the job again while the source has its data: run --job-id; else restore its folder from a backup"
            }
            Self::OtherJob => {
                "restore the job's folder from a backup, or archive it again: run --job-id"
            }
            Self::Statistics => "archive the job again while the source has its data: run --job-id",
            Self::Footprint => {
                "if cluster.json changed since, nothing; else archive the job again: run --job-id"
            }
            Self::NoRow => {
                "restore the database, or take the job back into it with cc-backend -init-db; or move the folder away"
            }
            Self::NotRecorded => "nothing to do: the next sweep takes the archive over",
            Self::TwoForms => {
                "archive the job again: run --job-id; readers take data.json.gz meanwhile"
            }
            Self::EmptyFolder => "remove the folder: cc-backend takes it for an archive",
            Self::Stranger => "move it away: cc-backend may stop at it",
            Self::Rights => "give it to the archive's owner: chown and chmod as the message says",
            Self::Row => "correct the row in the database",
            Self::Unreadable => "check permissions and the disk",
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
    /// What helps.
    pub remedy: &'static str,
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
            remedy: fault.remedy(),
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
