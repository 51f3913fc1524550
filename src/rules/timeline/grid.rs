//! The times that a job asks for, and which times can be times at all.

/// Largest time (Unix seconds) and frequency that is taken for one: beyond it a file is damaged.
pub(super) const LATEST: i64 = 1 << 40;

/// Whether a time from a file can be a time.
pub const fn sane(t: i64) -> bool {
    -LATEST < t && t < LATEST
}

/// The grid that a job asks for: `n` values from `start`, `step` seconds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Unix seconds of value 0.
    pub start: i64,
    /// Seconds, at least 1.
    pub step: i64,
    /// Number of values.
    pub n: usize,
}

impl Grid {
    /// The grid of a job: ceil(duration / step) values.
    pub fn of_job(start: i64, duration: i64, step: i64) -> Self {
        let n = duration
            .max(0)
            .unsigned_abs()
            .div_ceil(step.max(1).unsigned_abs());
        Self {
            start,
            step,
            n: usize::try_from(n).unwrap_or(0),
        }
    }
}
