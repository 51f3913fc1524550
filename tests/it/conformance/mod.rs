//! What every medium behind a port promises: one suite a port, run over each medium.

/// Runs facts over a medium, each on one of its own.
macro_rules! facts_of {
    ($name:ident, $medium:expr; $($fact:ident)*) => {
        mod $name {
            $(
                #[test]
                fn $fact() {
                    super::$fact(&$medium);
                }
            )*
        }
    };
}

mod faults;
mod owner;
mod replacing;
#[cfg(feature = "s3")]
mod s3;
mod source;
mod sqlite;
mod target;
mod tree;
