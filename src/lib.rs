//! ccarchive archives the stopped jobs that cc-backend left behind.
pub mod cluster;
pub mod job;
pub mod query;
pub mod series;
pub mod source;
pub mod stop;
pub mod timeline;
pub mod verdict;
pub mod assemble;
pub mod document;
pub mod stats;
