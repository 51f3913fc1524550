//! Why an archive did not do what it was asked for.

use std::io::{self, ErrorKind};

use crate::model::failure::{Failure, Reason, Stage};

/// What a target answers instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The whole archive is full, read-only, gone or unreachable: no job can be stored.
    #[error("{detail}")]
    Gone {
        /// The file, folder or object that showed it.
        subject: String,
        /// In words.
        detail: String,
    },
    /// One place in it cannot be read or written; others may.
    #[error("{detail}")]
    Place {
        /// The file, folder or object.
        subject: String,
        /// In words.
        detail: String,
    },
    /// It does not take what is asked of it before somebody changes something: a key, a name, a clock.
    #[error("{detail}")]
    Refused {
        /// In words, with what to do.
        detail: String,
    },
    /// The sweep is being ended, and its answer was not waited for.
    #[error("the sweep is being ended")]
    Cancelled,
    /// It is in a format that this program does not know.
    #[error("the archive has version `{found}`; expected `3`")]
    Version {
        /// What stands where the version belongs, printable.
        found: String,
    },
    /// What this user would write could not be changed by the archive's owner afterwards, or this user cannot write at all.
    #[error("{detail}")]
    NotAllowed {
        /// In words, with what to do.
        detail: String,
    },
}

/// Whether a medium takes nothing more at all, so that no job can be stored.
pub(super) fn takes_nothing(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem
    )
}

impl Error {
    /// The failure of a job that needed the answer.
    pub fn failure(self) -> Failure {
        let detail = self.to_string();
        match self {
            Self::Gone { subject, .. } => {
                Failure::new(Stage::Store, Reason::TargetGone, detail).of(subject)
            }
            Self::Refused { .. } => Failure::new(Stage::Store, Reason::TargetRefused, detail),
            Self::Cancelled => Failure::new(Stage::Store, Reason::TargetUnwritable, detail),
            Self::Place { subject, .. } => {
                Failure::new(Stage::Store, Reason::TargetUnwritable, detail).of(subject)
            }
            Self::Version { .. } | Self::NotAllowed { .. } => {
                Failure::new(Stage::Store, Reason::TargetGone, detail)
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        e.failure()
    }
}
