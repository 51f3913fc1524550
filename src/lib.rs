//! ccarchive archives the stopped jobs that cc-backend left behind: the engine, without flags and terminal.
//!
//! A sweep ([`sweep::run`]) reads the backlog from cc-backend's job database in pages, hands the jobs through a bounded
//! channel to workers, and records what became of them on one thread. A worker takes one job from start to end: it
//! finds out which series the job's archive has, reads them host by host from the source, computes statistics,
//! encodes and compresses metric by metric, and publishes the result in the archive in one step. A row changes only after its
//! archive is durable, so a crash anywhere costs a repeat and never a loss.
//!
//! Dependencies point down; a test holds the imports to this map.
//!
//! | module | what it knows |
//! |---|---|
//! | [`repair`] | what can be repaired in an archive without a source and without losing anything |
//! | [`inspect`] | read-only questions: the backlog, one job, an archive; answers are plain structs |
//! | [`sweep`] | threads and channels: intake, workers, recorder, what it tells a monitor (elsewhere only the file tree has threads, which wait for the disk) |
//! | [`ledger`] | our own memory of attempts, reasons and coverage |
//! | [`jobs`] | cc-backend's job database: the only SQL on it, and the lock of a sweep |
//! | [`source`] | where samples come from: the port, layers and cache; checkpoint folders, metric stores over HTTP, Parquet files |
//! | [`target`] | where archives go: the port, the file tree, the SQLite file, the S3 bucket |
//! | [`format`](mod@format) | the documents of an archived job, written and read back |
//! | [`rules`] | pure: scopes, timeline, series of a job, statistics, footprint, what the evidence makes of a job, when it is tried again |
//! | [`site`] | where a site keeps things: what flags, environment and cc-backend's configuration name, and from where each value came |
//! | [`model`] | words: jobs, series, outcomes, clusters, the stop token |
//! | [`https`] | whom connections to stores and buckets trust |
//! | `opening` | opening files and databases that others made |
//! | `fuzzing` | behind a feature: entry points for fuzzers; no part of the program |

pub mod format;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(any(feature = "http", feature = "s3"))]
pub mod https;
pub mod inspect;
pub mod jobs;
pub mod ledger;
pub mod model;
mod opening;
pub mod repair;
pub mod rules;
pub mod site;
pub mod source;
pub mod sweep;
pub mod target;
