//! The memory that readings of hosts may take together.
//!
//! A host's files can be of any size: a store that nobody stopped writes what it has. So a reading takes part in the room by
//! the size of the files, before it begins, and what it keeps is counted as it grows. A large answer keeps its part until
//! nobody uses it any more: else the next host would be read while the workers still have the one before.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::stop::Stop;

/// How often a waiting reading looks at the stop token.
const POLL: Duration = Duration::from_millis(50);
/// So long a reading waits for answers alone: whoever keeps one for longer keeps it elsewhere in account.
const PATIENCE: Duration = Duration::from_secs(2);
/// An answer that takes more than this part of the room is large.
const LARGE: usize = 3;

/// Bytes that readings share. Each reads one host.
#[derive(Debug)]
pub(super) struct Room {
    bytes: usize,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    taken: Mutex<Taken>,
    given_back: Condvar,
}

/// Bytes by what takes them.
#[derive(Debug, Default)]
struct Taken {
    readings: usize,
    answers: usize,
}

/// A part of the room, until it is dropped.
#[derive(Debug)]
pub(super) struct Part {
    shared: Arc<Shared>,
    bytes: usize,
    is_answer: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            shared: Arc::default(),
        }
    }

    /// The most that one host may take.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Waits until files of so many bytes can be read beside what others read and use; larger ones than there is room for are
    /// read alone. None when the sweep is cancelled.
    pub(super) fn take(&self, files: u64, stop: &Stop) -> Option<Part> {
        let bytes = usize::try_from(files).map_or(self.bytes, |f| f.min(self.bytes));
        let begun = Instant::now();
        let mut taken = self.shared.lock();
        loop {
            let answers = if begun.elapsed() < PATIENCE {
                taken.answers
            } else {
                0
            };
            if taken.readings + answers + bytes <= self.bytes {
                break;
            }
            if stop.is_cancelled() {
                return None;
            }
            let waited = self.shared.given_back.wait_timeout(taken, POLL);
            (taken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        taken.readings += bytes;
        drop(taken);
        Some(Part {
            shared: Arc::clone(&self.shared),
            bytes,
            is_answer: false,
        })
    }

    /// The part that an answer of so many bytes keeps of what its reading took; none where it is not large.
    pub(super) fn keep(&self, mut part: Part, answer: usize) -> Option<Part> {
        if answer <= self.bytes / LARGE {
            return None;
        }
        let mut taken = self.shared.lock();
        taken.readings -= part.bytes;
        part.bytes = answer.min(self.bytes);
        part.is_answer = true;
        taken.answers += part.bytes;
        drop(taken);
        self.shared.given_back.notify_all();
        Some(part)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut taken = self.shared.lock();
        if self.is_answer {
            taken.answers -= self.bytes;
        } else {
            taken.readings -= self.bytes;
        }
        drop(taken);
        self.shared.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_waits_for_those_that_leave_no_room_and_hears_that_the_sweep_is_cancelled() {
        let (room, stop) = (Room::new(100), Stop::new());
        let small = room.take(40, &stop).unwrap();
        let other = room.take(60, &stop).unwrap();
        std::thread::scope(|threads| {
            let huge = threads.spawn(|| room.take(1000, &stop).map(|part| part.bytes));
            drop((small, other));
            assert_eq!(huge.join().unwrap(), Some(100));
        });
        let _all = room.take(u64::MAX, &stop).unwrap();
        stop.cancel();
        assert!(room.take(1, &stop).is_none());
    }

    #[test]
    fn a_large_answer_has_its_room_as_long_as_it_is_used() {
        let (room, stop) = (Room::new(90), Stop::new());
        let read = |files, answer| {
            let part = room.take(files, &stop).unwrap();
            room.keep(part, answer)
        };
        assert!(read(90, 30).is_none(), "it is small");
        let large = read(1000, 80);
        assert_eq!(room.shared.lock().answers, 80);
        drop(room.take(10, &stop).unwrap());
        drop(large);
        let taken = room.shared.lock();
        assert_eq!((taken.readings, taken.answers), (0, 0));
    }

    #[test]
    fn nobody_waits_for_ever_for_an_answer_that_somebody_keeps() {
        let (room, stop) = (Room::new(90), Stop::new());
        let part = room.take(90, &stop).unwrap();
        let _kept = room.keep(part, 80);
        assert!(room.take(90, &stop).is_some());
    }
}
