//! The memory that decoded hosts and the series of jobs in work share.
//!
//! Most sweeps hold many hosts and few series. A giant job is the other way round: its hosts are of use to nobody else, and
//! the more of its series are held at a time the fewer times all its hosts are read. So what series take hosts give back.

use std::sync::atomic::{AtomicUsize, Ordering};

/// With less a job of everyday size would be read in several passes.
const LEAST: usize = 24 << 20;

/// What a host may take while it is read in any case.
const LEAST_READING: usize = 128 << 20;

/// So many bytes for both.
#[derive(Debug)]
pub struct Memory {
    all: usize,
    /// Bytes of series that large jobs hold.
    series: AtomicUsize,
}

impl Memory {
    /// Of a sweep that may use so many bytes: three quarters. The rest is for rows, text, compression and files being read.
    pub fn of_sweep(bytes: usize) -> Self {
        Self::new((bytes / 4 * 3).max(LEAST))
    }

    /// `all`: bytes.
    pub const fn new(all: usize) -> Self {
        Self {
            all,
            series: AtomicUsize::new(0),
        }
    }

    /// Bytes that the series of all jobs in work may take: three quarters.
    pub const fn for_series(&self) -> usize {
        self.all / 4 * 3
    }

    /// Bytes that one host may take while it is read: as much as all that were read and the series together, and never so
    /// little that a host of everyday size cannot be read.
    pub fn for_reading(&self) -> usize {
        self.all.max(LEAST_READING)
    }

    /// Bytes that decoded hosts may take now: two thirds, or what series leave if that is less.
    pub fn for_hosts(&self) -> usize {
        let left = self.all.saturating_sub(self.series.load(Ordering::Relaxed));
        left.min(self.all / 3 * 2)
    }

    /// Notes how many bytes of series large jobs hold now.
    pub fn note_series(&self, bytes: usize) {
        self.series.store(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_what_series_leave() {
        let memory = Memory::new(1200);
        assert_eq!((memory.for_series(), memory.for_hosts()), (900, 800));
        memory.note_series(300);
        assert_eq!(memory.for_hosts(), 800);
        memory.note_series(900);
        assert_eq!(memory.for_hosts(), 300);
        memory.note_series(2000);
        assert_eq!(memory.for_hosts(), 0);
    }
}
