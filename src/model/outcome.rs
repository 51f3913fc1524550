//! What became of a job, and how much of its data was found.

use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumIter, EnumString, IntoStaticStr};

use super::failure::Failure;

/// Expected and received samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Points {
    /// What a perfect record would hold.
    pub expected: u64,
    /// Samples that were found and can be archived (finite).
    pub received: u64,
}

impl Points {
    /// Adds another count.
    pub fn add(&mut self, other: Self) {
        self.expected += other.expected;
        self.received += other.received;
    }

    /// The share of the samples that were found, 0 to 1; 1 where none is expected.
    pub fn share(self) -> f64 {
        if self.expected == 0 {
            return 1.0;
        }
        self.received as f64 / self.expected as f64
    }

    /// Whether nothing is missing.
    pub const fn is_full(self) -> bool {
        self.received >= self.expected
    }
}

/// Coverage of one metric on one host of a job that has gaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The metric.
    pub metric: String,
    /// The host.
    pub host: String,
    /// Its samples.
    pub points: Points,
}

/// What a job's archive holds of what it could hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Over all native series.
    pub points: Points,
    /// Metric × host pairs with samples missing, in the order of metrics, then hosts.
    pub gaps: Vec<Gap>,
    /// Samples left out since they are infinite or beyond f32.
    pub unusable: u64,
    /// Where several sources were asked: what others than the first one gave.
    pub filled: Vec<Filled>,
    /// Whether a source had to guess where the slots of some series begin, so that values may stand one slot off.
    pub phase_guessed: bool,
}

impl Coverage {
    /// Notes what further sources gave.
    pub fn fill(&mut self, more: &[Filled]) {
        for m in more {
            match self.filled.iter_mut().find(|s| s.source == m.source) {
                Some(sum) => sum.values += m.values,
                None => self.filled.push(m.clone()),
            }
        }
    }
}

/// What a source gave that those before it lacked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// The source's name.
    pub source: String,
    /// Values.
    pub values: u64,
}

/// What became of a job in this sweep.
///
/// [`Kind`] is the same without the failure: the stable words in the ledger, in JSON and in the summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[strum_discriminants(
    name(Kind),
    derive(
        PartialOrd,
        Ord,
        Hash,
        Serialize,
        Deserialize,
        EnumIter,
        EnumString,
        IntoStaticStr
    ),
    strum(serialize_all = "snake_case"),
    serde(rename_all = "snake_case"),
    doc = "The kinds of [`Outcome`], in the order of the summary."
)]
pub enum Outcome {
    /// Archived, nothing missing.
    Complete,
    /// Archived, with gaps.
    Partial,
    /// Archived with the samples found so far. Missing ones may still reach the source; a later sweep then replaces the
    /// archive by a richer one.
    Provisional,
    /// The job archive already held a whole archive of this job with at least as many samples as the source has now.
    Adopted,
    /// Archived without data, because none was expected or the operator accepted that there is none.
    Empty,
    /// No sample so far, but samples may still reach the source: left alone.
    NotYet,
    /// No sample anywhere.
    NoData(Failure),
    /// Failed.
    Failed(Failure),
    /// The row does not tell when the job ended.
    UnknownEnd,
    /// Still running when the grace period of a shutdown ended.
    Interrupted,
    /// The row changed while the job was worked on.
    Raced,
}

impl Kind {
    /// The stable word.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether the job's row becomes 3.
    pub const fn is_archived(self) -> bool {
        match self {
            Self::Complete | Self::Partial | Self::Provisional | Self::Adopted | Self::Empty => {
                true
            }
            Self::NotYet
            | Self::NoData
            | Self::Failed
            | Self::UnknownEnd
            | Self::Interrupted
            | Self::Raced => false,
        }
    }
}

impl Outcome {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.into()
    }

    /// The stable word.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// Whether the job's row becomes 3.
    pub fn is_archived(&self) -> bool {
        self.kind().is_archived()
    }

    /// The failure, of failed jobs and those without data.
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::NoData(f) | Self::Failed(f) => Some(f),
            Self::Complete
            | Self::Partial
            | Self::Provisional
            | Self::Adopted
            | Self::Empty
            | Self::NotYet
            | Self::UnknownEnd
            | Self::Interrupted
            | Self::Raced => None,
        }
    }
}
