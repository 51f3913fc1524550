//! Waiting in tests: for a fact, with a limit far beyond what a loaded machine needs.

use std::time::{Duration, Instant};

/// After this time a fact will not come any more.
const LIMIT: Duration = Duration::from_secs(120);

/// Waits for a fact.
pub(crate) fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < LIMIT, "waited in vain until {what}");
        pause(Duration::from_millis(5));
    }
}

/// Waits a time.
pub(crate) fn pause(time: Duration) {
    let begun = Instant::now();
    while let Some(left) = time.checked_sub(begun.elapsed()).filter(|l| !l.is_zero()) {
        std::thread::park_timeout(left);
    }
}

/// What a push does of something, or the long form where `CCARCHIVE_TEST_LONG` asks for it.
pub(crate) fn short_or_long<T>(short: T, long: T) -> T {
    if std::env::var_os("CCARCHIVE_TEST_LONG").is_some() {
        long
    } else {
        short
    }
}

/// Unix seconds.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
