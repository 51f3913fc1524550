//! The integration tests: one binary, one module a subject.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a broken fixture should panic"
)]

mod cli;
mod demo;
mod model;
mod neighbours;
mod outcomes;
mod site;
mod support;
