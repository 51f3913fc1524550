//! Work on large jobs in parts: what a worker has to do for each of many things, others may do.
//!
//! Results come in the order of the things, whoever made them, so that nothing in an archive depends on who was idle.

use rayon::prelude::*;

/// Bytes of series from which a job is large: some tens of milliseconds of work. Handing out parts takes microseconds, but a
/// small job is better done by one core, whose caches hold it.
const LARGE: usize = 4 << 20;

/// Whether a group of so many bytes of series is worth more than one worker.
pub(super) const fn is_large(bytes: usize) -> bool {
    bytes >= LARGE
}

/// Does the same to each of `things`, which take part in so many bytes of series.
pub(super) fn map<T: Send, R: Send>(
    bytes: usize,
    things: Vec<T>,
    f: impl Fn(T) -> R + Send + Sync,
) -> Vec<R> {
    if is_large(bytes) {
        things.into_par_iter().map(f).collect()
    } else {
        things.into_iter().map(f).collect()
    }
}
