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
//! | layer | module | what it knows |
//! |---|---|---|
//! | engine | [`sweep`] | threads, channels, the order of writes |
//! | engine | [`monitor`] | what the engine tells whoever watches |
//! | ports | [`source`] | metric samples: checkpoint folders, and a cache before them |
//! | ports | [`archive`] | the job archive: a file tree |
//! | ports | [`db`] | cc-backend's job database, the only SQL on it |
//! | ports | [`ledger`] | our own memory of attempts, reasons and coverage |
//! | ports | [`lock`] | one sweep per database |
//! | pure | [`assemble`] | which series a job has, out of what its hosts hold |
//! | pure | [`timeline`] | from snapshots and logs back to what the live store knew |
//! | pure | [`document`] | the bytes of meta.json, data.json and the row's columns |
//! | pure | [`stats`] | statistics, footprint, energy |
//! | pure | [`query`] | scopes and units of a job |
//! | pure | [`compress`] | documents as gzip |
//! | pure | [`cluster`] | cluster.json as cc-backend derives it |
//! | words | [`job`], [`series`], [`host`], [`stored`], [`verdict`], [`stop`] | rows, series, hosts, files, outcomes, the stop token |
//! | settings | [`site`], [`selection`], [`when`], [`quantity`] | places, choice of jobs, times, durations and sizes |
//! | helpers of ports | `regular`, `sqlite` | opening files and databases that others made |
//! | apart | `fuzzing` | entry points for fuzzers |

pub mod archive;
pub mod assemble;
pub mod cluster;
pub mod compress;
pub mod db;
pub mod document;
#[doc(hidden)]
pub mod fuzzing;
pub mod host;
pub mod job;
pub mod ledger;
pub mod lock;
pub mod monitor;
pub mod quantity;
pub mod query;
mod regular;
pub mod selection;
pub mod series;
pub mod site;
pub mod source;
mod sqlite;
pub mod stats;
pub mod stop;
pub mod stored;
pub mod sweep;
pub mod timeline;
pub mod verdict;
pub mod when;
