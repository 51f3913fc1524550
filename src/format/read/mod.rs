//! The one reader of an archived job's documents: stored bytes become values again.
//!
//! It takes what cc-backend and its tools write, older releases included: null is the zero value, unknown keys are passed
//! over, and what follows the document is not looked at. What is broken is told in one sentence. Memory stays bounded,
//! whatever the document holds: meta.json has a largest size, and data.json is read series by series.

mod data;
mod meta;
mod series;
mod values;

pub use data::{Data, SeriesRead, Visitor, data};
pub use meta::{LARGEST as LARGEST_META, Meta, meta};
pub use values::{Counting, add, count};

/// Why a document cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is no such document, or a torn one.
    #[error("{document} is damaged: {detail}")]
    Damaged {
        /// Which of the documents.
        document: &'static str,
        /// What was expected and where.
        detail: String,
    },
    /// The medium that it is stored on refused a part of it, which says nothing of the document.
    #[error("{document} cannot be read: {detail}")]
    Refused {
        /// Which of the documents.
        document: &'static str,
        /// What the medium said.
        detail: String,
    },
}
