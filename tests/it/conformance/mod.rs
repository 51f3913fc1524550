//! What every medium behind a port promises: one suite a port, run over each medium.

mod faults;
mod owner;
mod replacing;
#[cfg(feature = "s3")]
mod s3;
mod source;
mod sqlite;
mod target;
mod tree;
