//! The time of a sweep: read once from the system, then counted on by the monotonic clock, so that a clock which is set
//! while a sweep runs changes no decision.

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
