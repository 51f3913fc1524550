//! What every medium behind a port promises: one suite a port, run over each medium.

mod owner;
mod replacing;
mod sqlite;
mod target;
mod tree;
