//! Asking again: what fails for a moment (a connection, a busy server) is asked a few times more, with growing pauses that
//! end when the sweep does, and not for longer than a total time.
//!
//! Checkpoint folders need none of it: the kernel repeats what a disk refuses, and a file that a network file system lost is
//! listed and opened again where it is read.

use std::time::{Duration, Instant};

use crate::model::stop::Stop;

/// How often and how long something is asked.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// At most so often.
    pub tries: u32,
    /// Before the second try; doubled before each further one.
    pub pause: Duration,
    /// No try begins later than this after the first one.
    pub total: Duration,
}

impl Patience {
    /// Asks until the answer is no trouble that may pass (`is_passing`). None where the sweep ended during a pause: a sweep
    /// that drains waits for nobody, and the job is interrupted, which does not count as a failure.
    pub fn again<T, E>(
        &self,
        stop: &Stop,
        is_passing: impl Fn(&E) -> bool,
        mut ask: impl FnMut() -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let begun = Instant::now();
        let mut pause = self.pause;
        for _ in 1..self.tries {
            let answer = ask();
            let again = answer.as_ref().is_err_and(&is_passing);
            if !again || begun.elapsed().saturating_add(pause) > self.total {
                return Some(answer);
            }
            if !stop.wait(pause) {
                return None;
            }
            pause = pause.saturating_mul(2);
        }
        Some(ask())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        tries: 3,
        pause: Duration::from_millis(1),
        total: Duration::from_secs(60),
    };

    /// Asks what fails so many times, passing or not; whether it succeeded in the end, and how often it was asked.
    fn asked(patience: Patience, fails: u32, passing: bool, stop: &Stop) -> (Option<bool>, u32) {
        let mut times = 0;
        let answer = patience.again(
            stop,
            |passing: &bool| *passing,
            || {
                times += 1;
                if times <= fails { Err(passing) } else { Ok(()) }
            },
        );
        (answer.map(|a| a.is_ok()), times)
    }

    #[test]
    fn what_fails_for_a_moment_is_asked_again_and_not_for_ever() {
        let stop = Stop::new();
        assert_eq!(asked(PATIENCE, 0, true, &stop), (Some(true), 1));
        assert_eq!(asked(PATIENCE, 2, true, &stop), (Some(true), 3));
        assert_eq!(asked(PATIENCE, 3, true, &stop), (Some(false), 3));
        assert_eq!(asked(PATIENCE, 1, false, &stop), (Some(false), 1));
    }

    #[test]
    fn no_try_begins_when_the_total_time_is_over() {
        let patience = Patience {
            total: Duration::ZERO,
            ..PATIENCE
        };
        assert_eq!(asked(patience, 1, true, &Stop::new()), (Some(false), 1));
    }

    #[test]
    fn a_sweep_that_ends_does_not_wait_to_ask_again() {
        let stop = Stop::new();
        stop.drain(Duration::from_secs(3600));
        let patience = Patience {
            pause: Duration::from_secs(3600),
            total: Duration::from_secs(86_400),
            ..PATIENCE
        };
        assert_eq!(asked(patience, 1, true, &stop), (None, 1));
    }
}
