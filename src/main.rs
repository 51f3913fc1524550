//! The program `ccarchive`.
fn main() {}
