//! The columns that a sweep writes into the row of an archived job, and a checksum that tells whether a row changed.

use serde::{Deserialize, Serialize};

use super::job::Job;

/// The columns that an archived job's row gets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Columns {
    /// JSON text.
    pub footprint: String,
    /// JSON text.
    pub energy_footprint: String,
    /// kWh.
    pub energy: f64,
}

/// Checksum of everything that an archive takes from a row. If it differs, the row changed, and the job is archived again.
pub fn row_print(job: &Job) -> u32 {
    // The debug form names every field; two equal rows have equal forms within one version of the program.
    let text = format!("{} {job:?}", env!("CARGO_PKG_VERSION"));
    crc32fast::hash(text.as_bytes())
}
