//! What an archived job's row gets, and how a row is recognised.

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

/// Checksum of all that an archive takes from a row: the archive of a row that changed meanwhile is made again.
pub fn row_print(job: &Job) -> u32 {
    // The debug form names every field; two equal rows have equal forms within one version of the program.
    let text = format!("{} {job:?}", env!("CARGO_PKG_VERSION"));
    crc32fast::hash(text.as_bytes())
}
