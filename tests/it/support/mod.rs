//! What the tests stand on: carried and shared golden sites, small sites, the metric store's files,
//! the engine with a recording monitor, the program as a process.

pub(crate) mod documents;
pub(crate) mod engine;
pub(crate) mod golden;
pub(crate) mod gzip;
pub(crate) mod media;
#[cfg(feature = "parquet")]
#[path = "../../../src/source/parquet/testing.rs"]
#[expect(dead_code, reason = "the tests of the source itself need more")]
pub(crate) mod parquet_files;
pub(crate) mod preload;
pub(crate) mod program;
pub(crate) mod question;
pub(crate) mod random;
#[cfg(feature = "s3")]
pub(crate) mod s3;
pub(crate) mod shared;
pub(crate) mod site;
pub(crate) mod snapshots;
pub(crate) mod sqlite_archive;
pub(crate) mod stall;
#[cfg(feature = "http")]
pub(crate) mod store;
pub(crate) mod tree;
pub(crate) mod trouble;
pub(crate) mod wait;
#[cfg(any(feature = "http", feature = "s3"))]
pub(crate) mod wire;
