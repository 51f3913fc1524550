//! Where metric samples come from: the port and what its media answer with.
//!
//! A source answers per host, with everything it holds of it, since jobs share hosts and a host's files are
//! decoded once. A host that never reported is an empty answer; a folder that is missing, empty or unreadable where
//! the source itself should be is an error, never "no data".

pub mod cache;
pub mod checkpoint;

use std::sync::Arc;

use crate::model::failure::{Failure, Reason, Stage};
use crate::model::stop::Stop;
use crate::rules::evidence::Host;

/// How far a cluster's data reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Horizon {
    /// Unix seconds of the newest data of any host.
    pub newest: i64,
    /// Unix seconds where the oldest file of any host begins.
    pub oldest: i64,
}

/// Why a source did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The whole source is missing.
    #[error("{0}")]
    Gone(String),
    /// It holds nothing of the cluster.
    #[error("{detail}")]
    ClusterMissing {
        /// The folder; empty where the source holds no other cluster either.
        subject: String,
        /// In words.
        detail: String,
    },
    /// The file system refused.
    #[error("{detail}")]
    Unreadable {
        /// The file or folder.
        subject: String,
        /// In words.
        detail: String,
    },
    /// The sweep is being cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// The failure of a job that needed the answer; none when the sweep was cancelled.
    pub fn failure(self) -> Option<Failure> {
        match self {
            Self::Gone(detail) => Some(Failure::new(Stage::Load, Reason::SourceGone, detail)),
            Self::ClusterMissing { subject, detail } => {
                Some(Failure::new(Stage::Load, Reason::SourceMissing, detail).of(subject))
            }
            Self::Unreadable { subject, detail } => {
                Some(Failure::new(Stage::Load, Reason::SourceUnreadable, detail).of(subject))
            }
            Self::Cancelled => None,
        }
    }
}

/// A source of samples.
pub trait Source: Sync {
    /// Everything it holds of a host.
    ///
    /// # Errors
    /// When it could not answer; see [`Error`].
    fn host(&self, cluster: &str, host: &str, stop: &Stop) -> Result<Arc<Host>, Error>;

    /// How far a cluster's data reaches.
    ///
    /// # Errors
    /// When it could not answer.
    fn horizon(&self, cluster: &str) -> Result<Horizon, Error>;
}
