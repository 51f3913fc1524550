//! Read-only questions, answered as plain structs: how the backlog stands, what is the matter with a job, whether an archive
//! is sound.
//!
//! Nothing here writes, takes a lock or prints, so that every question may be asked beside a running sweep or cc-backend.
//! What decides is asked of the very rules that a sweep follows (`rules::judge`, `rules::retry`, `rules::statistics`):
//! an answer that follows another rule than the sweep would be worse than none. All times are Unix seconds.

pub mod explain;
mod held;
mod place;
pub mod show;
pub mod status;
pub mod verify;

pub use held::Held;
pub use place::Place;

use std::path::Path;
use std::time::Duration;

use crate::jobs::Rows;
use crate::ledger::Ledger;
use crate::model::clock::Clock;
use crate::model::cluster::Clusters;
use crate::source::Source;
use crate::target::Target;

/// A source under the name that people know.
#[expect(missing_debug_implementations, reason = "a source has none")]
pub struct Named<'a> {
    /// A path or an address.
    pub name: String,
    /// The source.
    pub source: &'a dyn Source,
}

/// Where the answers come from.
#[expect(missing_debug_implementations, reason = "ports have none")]
pub struct Ports<'a> {
    /// cc-backend's job database.
    pub database: &'a Path,
    /// Its rows.
    pub rows: &'a Rows,
    /// Our own memory, opened to be read.
    pub ledger: &'a Ledger,
    /// The sources one by one, the first has priority.
    pub sources: &'a [Named<'a>],
    /// All of them as one, as a sweep asks them.
    pub source: &'a dyn Source,
    /// The archive.
    pub target: &'a dyn Target,
    /// The clusters' configuration.
    pub clusters: &'a Clusters,
}

/// What a sweep of this site goes by.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The time.
    pub clock: Clock,
    /// The source's name in the ledger.
    pub source: String,
    /// Seconds after a job's end during which samples may still reach the source.
    pub settle: i64,
    /// Seconds that the source remembers, if that is known.
    pub retention: Option<i64>,
    /// Seconds for which a stopped job is left to the live server.
    pub min_age: i64,
    /// What sweeps leave alone, since its data is in a store that this program does not ask: `*`, clusters, or
    /// `cluster/subcluster`.
    pub elsewhere: Vec<String>,
    /// How long a lock of others is waited for.
    pub patience: Duration,
}
