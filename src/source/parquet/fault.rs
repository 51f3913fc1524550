//! Why a file is not read, and how panics of the library become such a reason.
//!
//! The files have no checksums, and the library panics on some damaged ones. A panic is a damaged file here, and nothing is
//! printed about it.

use std::cell::Cell;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use parquet::errors::ParquetError;

/// Why a file, or a part of it, is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It has no footer: it is being written, or whoever wrote it died.
    #[error("no footer (it is still being written, or its writer died)")]
    NoFooter,
    /// It is a Parquet file of something else.
    #[error("{0}")]
    Foreign(String),
    /// The medium refused.
    #[error("{0}")]
    Medium(#[from] io::Error),
    /// Its content cannot be what the store wrote.
    #[error("{0}")]
    Content(String),
    /// What it holds of a host takes more memory than is left for that.
    #[error(
        "with it the files of this host hold more than fits into the memory that one host may take"
    )]
    TooLarge,
    /// The sweep is being cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl Fault {
    /// Whether nothing is missing where the file is passed over.
    pub(super) const fn is_harmless(&self) -> bool {
        matches!(self, Self::NoFooter | Self::Foreign(_))
    }
}

impl From<ParquetError> for Fault {
    fn from(e: ParquetError) -> Self {
        if let ParquetError::General(words) | ParquetError::EOF(words) = e {
            Self::Content(words)
        } else {
            Self::Content(e.to_string())
        }
    }
}

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Does something that may panic on damaged bytes; a panic is a fault of the content, and is not printed.
pub(super) fn contained<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CONTAINED.get() {
                loud(info);
            }
        }));
    });
    let before = CONTAINED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(before);
    done.unwrap_or_else(|_| {
        Err(Fault::Content(
            "its bytes are damaged so that they cannot be decoded".into(),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_damaged_file() {
        let panics = || -> Result<(), Fault> { panic!("index out of bounds") };
        assert!(matches!(contained(panics), Err(Fault::Content(_))));
        assert!(!CONTAINED.get());
        assert!(matches!(contained(|| Ok(1)), Ok(1)));
    }
}
