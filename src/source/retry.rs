//! A source that asks again: what fails for a moment (a connection, a busy server) is asked a few times more, with growing
//! pauses that end when the sweep does.
//!
//! Checkpoint folders need none of it: the kernel repeats what a disk refuses, and a file that a network file system lost is
//! listed and opened again where it is read.

use std::sync::Arc;
use std::time::Duration;

use super::{Error, Reach, Request, Source};
use crate::model::stop::Stop;
use crate::rules::evidence::Evidence;

/// Decorates a source.
#[derive(Debug)]
pub struct Retrying<S> {
    inner: S,
    /// How often a question is asked at most.
    tries: u32,
    /// Before the second try; doubled before each further one.
    pause: Duration,
}

impl<S: Source> Retrying<S> {
    /// Asks every question at most `tries` times, with a pause before the second time that doubles from then on.
    pub const fn new(inner: S, tries: u32, pause: Duration) -> Self {
        Self {
            inner,
            tries,
            pause,
        }
    }

    fn again<T>(&self, stop: &Stop, ask: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
        let mut pause = self.pause;
        for _ in 1..self.tries {
            match ask() {
                Err(Error::Unreadable {
                    transient: true, ..
                }) => {}
                answer => return answer,
            }
            // A sweep that drains waits for nobody. The job is interrupted, which does not count as a failure.
            if !stop.wait(pause) {
                return Err(Error::Cancelled);
            }
            pause = pause.saturating_mul(2);
        }
        ask()
    }
}

impl<S: Source> Source for Retrying<S> {
    fn ask(&self, request: &Request<'_>, stop: &Stop) -> Result<Arc<Evidence>, Error> {
        self.again(stop, || self.inner.ask(request, stop))
    }

    fn reach(&self, cluster: &str, stop: &Stop) -> Result<Reach, Error> {
        self.again(stop, || self.inner.reach(cluster, stop))
    }

    fn probe(&self, cluster: &str, but: &[&str], stop: &Stop) -> Result<(), Error> {
        self.again(stop, || self.inner.probe(cluster, but, stop))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::source::testing::{Fake, about, holding, unreadable};

    /// Fails so many times, then answers.
    fn failing(times: u32, transient: bool) -> Fake {
        let left = AtomicU32::new(times);
        Fake::new(move |_| {
            let fails = left.load(Ordering::SeqCst) > 0;
            left.fetch_sub(u32::from(fails), Ordering::SeqCst);
            if fails {
                return Err(unreadable(transient));
            }
            Ok(holding(0, &[1.0]))
        })
    }

    fn tries(fake: &Fake, stop: &Stop) -> (bool, usize) {
        let source = Retrying::new(fake, 3, Duration::from_millis(1));
        let answer = source.ask(&about("h", 0, 1), stop);
        (answer.is_ok(), fake.times())
    }

    #[test]
    fn what_fails_for_a_moment_is_asked_again_and_not_for_ever() {
        let stop = Stop::new();
        assert_eq!(tries(&failing(0, true), &stop), (true, 1));
        assert_eq!(tries(&failing(2, true), &stop), (true, 3));
        assert_eq!(tries(&failing(3, true), &stop), (false, 3));
        assert_eq!(tries(&failing(1, false), &stop), (false, 1));
    }

    #[test]
    fn a_sweep_that_ends_does_not_wait_to_ask_again() {
        let stop = Stop::new();
        stop.drain(Duration::from_secs(3600));
        let fake = failing(1, true);
        let source = Retrying::new(&fake, 3, Duration::from_secs(3600));
        let answer = source.ask(&about("h", 0, 1), &stop);
        assert_eq!(answer.unwrap_err(), Error::Cancelled);
    }
}
