//! The time of a sweep. It is read once from the system clock and then advanced by the monotonic clock, so that setting the
//! system clock during a sweep changes no decision.

use std::time::{Duration, Instant};

/// The time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: i64,
    since: Instant,
}

impl Clock {
    /// A clock that stands at `now`, Unix seconds.
    pub fn starting_at(now: i64) -> Self {
        Self {
            start: now,
            since: Instant::now(),
        }
    }

    /// When the clock was made, Unix seconds.
    pub const fn start(&self) -> i64 {
        self.start
    }

    /// Unix seconds.
    pub fn now(&self) -> i64 {
        self.start
            .saturating_add_unsigned(self.since.elapsed().as_secs())
    }

    /// Since the clock was made.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}
