//! The stop token: a value that loops and waits ask, in two strengths.
//!
//! Drain: take no new work, finish what is in hand. Cancel: drop what is in hand. The token never goes back
//! to a weaker state, and draining may have a deadline after which it counts as cancelled.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Default, Clone, Copy)]
struct State {
    draining: bool,
    cancelled: bool,
    deadline: Option<Instant>,
}

/// Shared by reference between the signal handler, the sweep's threads and everything that waits.
#[derive(Debug, Default)]
pub struct Stop {
    state: Mutex<State>,
    changed: Condvar,
}

impl Stop {
    /// A token that nobody has asked to stop.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks to finish what is in hand within `grace`, and to take nothing new. A second call changes nothing.
    pub fn drain(&self, grace: Duration) {
        let mut s = self.lock();
        if !s.draining {
            s.draining = true;
            s.deadline = Instant::now().checked_add(grace);
        }
        self.changed.notify_all();
    }

    /// Asks to drop what is in hand.
    pub fn cancel(&self) {
        let mut s = self.lock();
        s.draining = true;
        s.cancelled = true;
        self.changed.notify_all();
    }

    /// Whether no new work may begin.
    pub fn is_draining(&self) -> bool {
        self.lock().draining
    }

    /// Whether work in hand must be dropped: asked for, or the grace is over.
    pub fn is_cancelled(&self) -> bool {
        let s = self.lock();
        s.cancelled || (s.draining && s.deadline.is_some_and(|d| Instant::now() >= d))
    }

    /// Waits, at most until the token drains; true when it waited to the end.
    pub fn wait(&self, time: Duration) -> bool {
        let s = self.lock();
        let (s, _) = self
            .changed
            .wait_timeout_while(s, time, |s| !s.draining)
            .unwrap_or_else(PoisonError::into_inner);
        !s.draining
    }

    /// Waits, at most until the token is cancelled, for what must be brought to its end while it drains; true when it waited
    /// to the end.
    pub fn wait_while_draining(&self, time: Duration) -> bool {
        let s = self.lock();
        let waited = self
            .changed
            .wait_timeout_while(s, time, |s| !s.cancelled)
            .unwrap_or_else(PoisonError::into_inner);
        drop(waited);
        !self.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draining_becomes_cancelled_when_its_grace_is_over() {
        let stop = Stop::new();
        assert!(!stop.is_draining());
        stop.drain(Duration::from_secs(3600));
        assert!(stop.is_draining() && !stop.is_cancelled());
        assert!(!stop.wait(Duration::from_secs(3600)));
        stop.drain(Duration::ZERO);
        assert!(
            !stop.is_cancelled(),
            "a later drain does not shorten the grace"
        );
        stop.cancel();
        assert!(stop.is_cancelled());
        let at_once = Stop::new();
        at_once.drain(Duration::ZERO);
        assert!(at_once.is_cancelled());
    }
}
