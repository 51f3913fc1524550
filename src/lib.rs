//! ccarchive archives the stopped jobs that cc-backend left behind.

pub mod demo;
