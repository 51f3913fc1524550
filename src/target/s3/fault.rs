//! Why a request brought nothing.

use std::fmt;
use std::io;

use crate::target::Error;

/// What happened to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The sweep ends.
    Cancelled,
    /// It did not succeed; others may.
    Failed { detail: String, subject: String },
    /// None will succeed before somebody changes something.
    Refused(String),
}

impl Fault {
    pub(super) const fn failed(detail: String, subject: String) -> Self {
        Self::Failed { detail, subject }
    }

    pub(super) const fn refused(detail: String) -> Self {
        Self::Refused(detail)
    }

    /// As an error of a reader.
    pub(super) fn io(self) -> io::Error {
        io::Error::other(Error::from(self))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the sweep is being ended"),
            Self::Failed { detail, .. } | Self::Refused(detail) => f.write_str(detail),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Cancelled => Self::Cancelled,
            Fault::Failed { detail, subject } => Self::Place { subject, detail },
            Fault::Refused(detail) => Self::Refused { detail },
        }
    }
}
