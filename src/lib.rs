//! ccarchive archives the stopped jobs that cc-backend left behind.

pub mod archive;
pub mod assemble;
pub mod cluster;
pub mod compress;
pub mod db;
pub mod demo;
pub mod document;
#[doc(hidden)]
pub mod fuzzing;
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
pub mod sqlite;
pub mod stats;
pub mod stop;
pub mod sweep;
pub mod timeline;
pub mod verdict;
pub mod when;
