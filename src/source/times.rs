//! Which times to believe. A file may say anything; what no sample of a running store can say must not decide how far a
//! cluster's data reaches, or jobs would wait for ever.

use crate::rules::timeline::Interval;

/// The clocks of hosts and store may be ahead of ours by so much (seconds).
const AHEAD: i64 = 3600;
/// No store remembers longer (seconds): ten years.
const MEMORY: i64 = 10 * 366 * 86_400;

/// The times that data can have which is read at `now` (Unix seconds).
pub(super) const fn believable(now: i64) -> Interval {
    Interval {
        from: now.saturating_sub(MEMORY),
        to: now.saturating_add(AHEAD),
    }
}
