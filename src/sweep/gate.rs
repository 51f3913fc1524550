//! A bound on the memory of all jobs in work together: whoever needs some waits until others have given back enough.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::model::stop::Stop;

/// How often a waiting worker looks at the stop token.
const POLL: Duration = Duration::from_millis(100);

/// So many bytes, shared by all workers.
#[derive(Debug)]
pub(super) struct Gate {
    all: usize,
    taken: Mutex<usize>,
    given_back: Condvar,
}

/// Bytes that a worker holds until this is dropped.
#[derive(Debug)]
pub(super) struct Held<'a> {
    gate: &'a Gate,
    bytes: usize,
}

impl Gate {
    pub(super) fn new(all: usize) -> Self {
        Self {
            all,
            taken: Mutex::new(0),
            given_back: Condvar::new(),
        }
    }

    /// Waits for `bytes`; more than there are in all are given when nobody else holds any. None when the sweep is cancelled.
    pub(super) fn take(&self, bytes: usize, stop: &Stop) -> Option<Held<'_>> {
        let bytes = bytes.min(self.all);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken + bytes > self.all {
            if stop.is_cancelled() {
                return None;
            }
            (taken, _) = self
                .given_back
                .wait_timeout(taken, POLL)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *taken += bytes;
        Some(Held { gate: self, bytes })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self
            .gate
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.gate.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exceeds_the_gate_goes_alone_and_a_cancelled_sweep_does_not_wait() {
        let (gate, stop) = (Gate::new(100), Stop::new());
        let giant = gate.take(1000, &stop);
        assert!(giant.is_some());
        stop.cancel();
        assert!(gate.take(1, &stop).is_none());
        drop(giant);
        assert!(gate.take(1, &stop).is_some());
    }
}
