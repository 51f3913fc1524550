//! What the tests stand on: small sites, the metric store's files, the engine with a recording monitor, the program
//! as a process.

pub(crate) mod engine;
pub(crate) mod fifo;
pub(crate) mod program;
pub(crate) mod site;
pub(crate) mod snapshots;
pub(crate) mod wait;
