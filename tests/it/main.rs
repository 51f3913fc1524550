//! The integration tests: one binary, one module a subject.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a broken fixture should panic"
)]

mod damage;
mod demo;
mod encode;
mod fuzz;
mod site;
mod timeline;
