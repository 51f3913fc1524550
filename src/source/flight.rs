//! An answer that one thread gets and others wait for. No lock is held while it is being got, and whoever waits hears the
//! stop token.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Error;
use crate::model::stop::Stop;

/// The stop token is asked so often while waiting.
const GLANCE: Duration = Duration::from_millis(50);

/// One question under way.
#[derive(Debug)]
pub(super) struct Flight<T> {
    answer: Mutex<Option<Result<T, Error>>>,
    landed: Condvar,
}

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Self {
            answer: Mutex::new(None),
            landed: Condvar::new(),
        }
    }
}

impl<T: Clone> Flight<T> {
    fn lock(&self) -> MutexGuard<'_, Option<Result<T, Error>>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gets the answer and hands it to all who wait. Where getting it panics, they get an error, and do not wait for ever.
    pub(super) fn fly(&self, ask: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let landing = Landing(self);
        let answer = ask();
        *landing.0.lock() = Some(answer.clone());
        answer
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// As the answer, and when the sweep is cancelled first.
    pub(super) fn wait(&self, stop: &Stop) -> Result<T, Error> {
        let mut answer = self.lock();
        loop {
            if let Some(answer) = &*answer {
                return answer.clone();
            }
            if stop.is_cancelled() {
                return Err(Error::Cancelled);
            }
            answer = self
                .landed
                .wait_timeout(answer, GLANCE)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// Wakes those who wait, whatever happened.
struct Landing<'a, T: Clone>(&'a Flight<T>);

impl<T: Clone> Drop for Landing<'_, T> {
    fn drop(&mut self) {
        self.0.lock().get_or_insert_with(|| {
            Err(Error::Unreadable {
                subject: "the source".into(),
                detail: "internal error (a bug in ccarchive)".into(),
                transient: false,
            })
        });
        self.0.landed.notify_all();
    }
}
