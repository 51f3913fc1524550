//! Where a job stands between two sweeps.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// Where a job stands; the words are those of the ledger's file.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum Standing {
    /// Archived with the samples found so far; read again once its cluster has newer data.
    Provisional,
    /// Waits for its next try.
    Waiting,
    /// Failed too often: not tried again until an operator asks for it.
    Quarantined,
    /// The source that was asked can no longer have the job's data.
    Lost,
    /// Archived and recorded.
    Done,
}

impl Standing {
    /// The word in the file.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
