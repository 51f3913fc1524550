//! The commands, one file each: they wire the parts of the engine together and turn the result into an exit code.

mod afterwards;
mod archive;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod inspected;
mod mend;
mod preflight;
pub(crate) mod run;
pub(crate) mod show;
mod source;
mod sources;
pub(crate) mod status;
#[cfg(any(feature = "http", feature = "s3"))]
mod trust;
pub(crate) mod verify;
mod wire;

use std::io;
use std::path::Path;

use ccarchive::jobs;
use ccarchive::model::failure::chain;
use ccarchive::site::{ConfigError, ErrorKind};
use ccarchive::sweep::Exit;

use crate::report::with_advice;

/// Why a command ended before it began.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    /// Whether the archive's version is to blame: for `verify` that is a finding.
    version: bool,
}

impl Stopped {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            version: false,
        }
    }

    /// The archive is of a version that is not known.
    fn of_version(message: impl Into<String>) -> Self {
        Self {
            version: true,
            ..Self::new(Exit::Unsupported, message)
        }
    }

    /// A file that was asked for cannot be written.
    fn unwritten(what: &str, file: &Path, e: &io::Error) -> Self {
        let file = file.display();
        Self::new(
            Exit::Aborted,
            format!("the {what} {file} cannot be written: {e}"),
        )
    }
}

impl From<jobs::Error> for Stopped {
    fn from(e: jobs::Error) -> Self {
        let exit = if matches!(e, jobs::Error::Version(_)) {
            Exit::Unsupported
        } else {
            Exit::Aborted
        };
        Self::new(exit, chain(&e))
    }
}

impl From<ConfigError> for Stopped {
    fn from(e: ConfigError) -> Self {
        let text = with_advice(&chain(&e), e.advice());
        match e.kind() {
            ErrorKind::Usage => Self::new(Exit::Usage, text),
            ErrorKind::Unsupported => Self::of_version(text),
            ErrorKind::CouldNotRun => Self::new(Exit::Aborted, text),
        }
    }
}

impl From<io::Error> for Stopped {
    fn from(e: io::Error) -> Self {
        Self::new(
            Exit::Aborted,
            format!("standard output cannot be written: {e}"),
        )
    }
}
