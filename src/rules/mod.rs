//! What follows from what: pure functions, without files, threads or a clock of their own.
//!
//! Whoever asks gets the same answer from the same evidence, whether it is a sweep, a command that explains, or a test.

pub mod assemble;
pub mod evidence;
pub mod judge;
pub mod request;
pub mod retry;
pub mod richness;
pub mod scopes;
pub mod spread;
pub mod statistics;
pub mod timeline;
