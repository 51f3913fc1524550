//! What the tests stand on: carried and shared golden sites, sweeping a copy of one, and the other judge.

pub(crate) mod golden;
pub(crate) mod python;
pub(crate) mod shared;
