//! Where metric samples come from: the port, and what stands before every medium.
//!
//! A source is asked for the samples of one host within a window and answers with [`Evidence`]. A host that never
//! reported is an empty answer; a place that is missing, empty or unreadable where the source itself should be is an
//! error and never "no data". Layers over time, retries and the cache are sources themselves, made of other sources; they
//! know only this port.

mod asked;
pub mod cache;
pub mod checkpoint;
pub mod filling;
mod flight;
#[cfg(feature = "http")]
pub mod http;
pub mod layers;
pub mod older;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod retry;
mod several;
#[cfg(test)]
mod testing;
mod times;

use std::sync::Arc;

use crate::model::failure::{Failure, Reason, Stage};
use crate::model::stop::Stop;
use crate::rules::evidence::Evidence;

pub use crate::rules::request::{Request, Wanted};

/// How far the data of a cluster reaches in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Unix seconds of the newest data of any host.
    pub newest: i64,
    /// Unix seconds where the oldest data of any host begins.
    pub oldest: i64,
}

impl Reach {
    /// How far the data of both reaches.
    #[must_use]
    pub fn united(self, other: Self) -> Self {
        Self {
            newest: self.newest.max(other.newest),
            oldest: self.oldest.min(other.oldest),
        }
    }
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
        /// The place that should hold it.
        subject: String,
        /// In words.
        detail: String,
    },
    /// The medium refused.
    #[error("{subject} cannot be read: {detail}")]
    Unreadable {
        /// The file, folder or address.
        subject: String,
        /// The cause, in words that do not repeat the subject.
        detail: String,
        /// Whether the same question may be answered a moment later.
        transient: bool,
    },
    /// It does not let us in: nothing will be had from it before somebody corrects that.
    #[error("{0}")]
    Refused(String),
    /// One of several sources is gone, and what is asked for may be there.
    #[error("{0}")]
    LayerGone(String),
    /// The sweep is being cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// The error as that of one of `count` sources: one of several that is gone leaves the others' jobs alone.
    pub(crate) fn of_one_of(self, count: usize) -> Self {
        if let Self::Gone(detail) = &self
            && count > 1
        {
            return Self::LayerGone(detail.clone());
        }
        self
    }

    /// The failure of a job that needed the answer; none when the sweep was cancelled.
    pub fn failure(self) -> Option<Failure> {
        let words = self.to_string();
        match self {
            Self::Gone(_) => Some(Failure::new(Stage::Load, Reason::SourceGone, words)),
            Self::ClusterMissing { subject, .. } => {
                Some(Failure::new(Stage::Load, Reason::SourceMissing, words).of(subject))
            }
            Self::Unreadable { subject, .. } => {
                Some(Failure::new(Stage::Load, Reason::SourceUnreadable, words).of(subject))
            }
            Self::Refused(_) => Some(Failure::new(Stage::Load, Reason::SourceRefused, words)),
            Self::LayerGone(_) => Some(Failure::new(Stage::Load, Reason::LayerGone, words)),
            Self::Cancelled => None,
        }
    }
}

/// A source of samples.
pub trait Source: Send + Sync {
    /// What it holds of a host.
    ///
    /// # Errors
    /// When it could not answer; see [`Error`].
    fn ask(&self, request: &Request<'_>, stop: &Stop) -> Result<Arc<Evidence>, Error>;

    /// How far a cluster's data reaches.
    ///
    /// # Errors
    /// When it could not answer.
    fn reach(&self, cluster: &str, stop: &Stop) -> Result<Reach, Error>;

    /// Asks what only a sick medium cannot answer: reads something of the cluster that is not of the hosts named, or that
    /// could be read before. The sweep asks it when failures pile up, to tell an outage from bad jobs.
    ///
    /// # Errors
    /// When the medium is sick.
    fn probe(&self, cluster: &str, but: &[&str], stop: &Stop) -> Result<(), Error>;
}

/// What points to a source is one.
macro_rules! point_to_sources {
    ($($pointer:ty),*) => {$(
        impl<S: Source + ?Sized> Source for $pointer {
            fn ask(&self, request: &Request<'_>, stop: &Stop) -> Result<Arc<Evidence>, Error> {
                (**self).ask(request, stop)
            }

            fn reach(&self, cluster: &str, stop: &Stop) -> Result<Reach, Error> {
                (**self).reach(cluster, stop)
            }

            fn probe(&self, cluster: &str, but: &[&str], stop: &Stop) -> Result<(), Error> {
                (**self).probe(cluster, but, stop)
            }
        }
    )*};
}

point_to_sources!(&S, Box<S>, Arc<S>);
