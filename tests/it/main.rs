//! The integration tests: one binary, one module a subject.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a broken fixture should panic, and a test says what it found"
)]

mod archives;
mod bad_day;
mod cli;
mod conformance;
mod damage;
mod demo;
mod faults;
mod fuzz;
#[path = "../../src/bin/ccarchive/generator/mod.rs"]
mod generator;
mod golden;
mod hazards;
#[cfg(feature = "http")]
mod http;
mod inspect;
mod layers;
mod log_file;
mod manual;
mod model;
mod neighbours;
mod outcomes;
mod packages;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "s3")]
mod s3_archive;
mod site;
mod sqlite_archive;
mod support;
mod timeline;
#[cfg(any(feature = "http", feature = "s3"))]
mod tls;
