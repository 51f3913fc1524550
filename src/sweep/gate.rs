//! A bound on the memory of all jobs in work together: whoever needs some waits until others have given back enough, and
//! works for them meanwhile. A giant job has nearly all of it at a time, so that its hosts are read as few times as can be.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::model::memory::Memory;
use crate::model::stop::Stop;

/// How often a waiting worker looks at the stop token, and whether others have work for it.
const POLL: Duration = Duration::from_millis(10);
/// This part of the memory is for small jobs, which wait for nobody.
const FOR_SMALL: usize = 4;

/// So many bytes, shared by all workers.
#[derive(Debug)]
pub(super) struct Gate {
    memory: Arc<Memory>,
    all: usize,
    /// What is at most so large is given at once: a small job must not wait for a large one.
    small: usize,
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
    /// A gate for so many workers, each of which holds bytes once at a time.
    pub(super) fn new(memory: &Arc<Memory>, workers: usize) -> Self {
        let all = memory.for_series();
        let for_small = all / FOR_SMALL;
        Self {
            memory: Arc::clone(memory),
            all: all - for_small,
            small: for_small / workers.max(1),
            taken: Mutex::new(0),
            given_back: Condvar::new(),
        }
    }

    /// The most that a job should ask for at a time.
    pub(super) const fn share(&self) -> usize {
        self.all
    }

    /// Waits for `bytes`; more than there are in all are given when nobody else holds any. None when the sweep is cancelled.
    pub(super) fn take(&self, bytes: usize, stop: &Stop) -> Option<Held<'_>> {
        if bytes <= self.small {
            return Some(Held {
                gate: self,
                bytes: 0,
            });
        }
        let bytes = bytes.min(self.all);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken + bytes > self.all {
            if stop.is_cancelled() {
                return None;
            }
            drop(taken);
            let helped = rayon::yield_now() == Some(rayon::Yield::Executed);
            taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            if !helped && *taken + bytes > self.all {
                (taken, _) = self
                    .given_back
                    .wait_timeout(taken, POLL)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
        *taken += bytes;
        self.memory.note_series(*taken);
        Some(Held { gate: self, bytes })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let gate = self.gate;
        let mut taken = gate.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken -= self.bytes;
        gate.memory.note_series(*taken);
        gate.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exceeds_the_gate_goes_alone_and_a_cancelled_sweep_does_not_wait() {
        let memory = Arc::new(Memory::new(536));
        let (gate, stop) = (Gate::new(&memory, 2), Stop::new());
        let giant = gate.take(1000, &stop);
        assert!(giant.is_some());
        let small: Vec<_> = (0..2).map(|_| gate.take(50, &stop)).collect();
        assert!(small.iter().all(Option::is_some), "small jobs do not wait");
        stop.cancel();
        assert!(gate.take(51, &stop).is_none());
        assert_eq!(memory.for_hosts(), 536 - gate.share());
        drop(giant);
        assert!(memory.for_hosts() > gate.share());
        let two: Vec<_> = (0..2).map(|_| gate.take(gate.share() / 2, &stop)).collect();
        assert!(two.iter().all(Option::is_some), "two that fit");
    }
}
