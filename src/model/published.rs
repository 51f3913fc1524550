//! What was published for a job, so that a sweep which takes over from a killed one can tell.

use serde::{Deserialize, Serialize};

use super::job::Job;
use super::outcome::{Coverage, Outcome};
use super::stored::Files;

/// What was published for a job and what its row becomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// Checksum of the row that was archived, see [`row_print`].
    pub row_print: u32,
    /// Both files.
    pub files: Files,
    /// `complete`, `partial` or `empty`.
    pub outcome: Outcome,
    /// Expected and received samples.
    pub coverage: Coverage,
    /// Columns of the row, footprints as JSON text.
    pub columns: Columns,
}

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

/// Checksum of all that an archive takes from a row: a published archive of another row is done again.
pub fn row_print(job: &Job) -> u32 {
    // The debug form names every field; two equal rows have equal forms within one version of the program.
    let text = format!("{} {job:?}", env!("CARGO_PKG_VERSION"));
    crc32fast::hash(text.as_bytes())
}
