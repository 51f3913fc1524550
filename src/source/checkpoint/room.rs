//! The memory that readings of hosts may take together.
//!
//! A host's files can be of any size: a store that nobody stopped writes what it has. So a reading takes part in the room by
//! the size of the files, before it begins, and what it keeps is counted as it grows.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::model::stop::Stop;

/// How often a waiting reading looks at the stop token.
const POLL: Duration = Duration::from_millis(50);

/// Bytes that readings share. Each reads one host.
#[derive(Debug)]
pub(super) struct Room {
    bytes: usize,
    taken: Mutex<usize>,
    given_back: Condvar,
}

/// A part of the room, until it is dropped.
#[derive(Debug)]
pub(super) struct Part<'a> {
    room: &'a Room,
    bytes: usize,
}

impl Room {
    pub(super) const fn new(bytes: usize) -> Self {
        Self {
            bytes,
            taken: Mutex::new(0),
            given_back: Condvar::new(),
        }
    }

    /// The most that one host may take.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Waits until files of so many bytes can be read beside what others read; larger ones than there is room for are read
    /// alone. None when the sweep is cancelled.
    pub(super) fn take(&self, files: u64, stop: &Stop) -> Option<Part<'_>> {
        let bytes = usize::try_from(files).map_or(self.bytes, |f| f.min(self.bytes));
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while bytes > self.bytes - *taken {
            if stop.is_cancelled() {
                return None;
            }
            let waited = self.given_back.wait_timeout(taken, POLL);
            (taken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        *taken += bytes;
        Some(Part { room: self, bytes })
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let mut taken = self
            .room
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *taken -= self.bytes;
        self.room.given_back.notify_all();
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
}
