//! The integration tests: one binary, one module a subject.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "helpers of tests fail the test and say what they found; clippy's switches for tests do not reach them"
)]

mod damage;
mod golden;
mod judge;
mod support;
