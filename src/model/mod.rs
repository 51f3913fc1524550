//! The words of the program: jobs, series, outcomes, clusters, and what the stages of a sweep say to each other.
//!
//! Nothing here reads a file, asks a clock or decides what becomes of a job.

pub mod bucket;
pub mod checkpoint;
pub mod clock;
pub mod cluster;
pub mod failure;
pub mod job;
pub mod memory;
pub mod message;
pub mod outcome;
pub mod row_columns;
pub mod secret;
pub mod selection;
pub mod series;
pub mod standing;
pub mod stop;
pub mod stored;
