//! The memory that decoded hosts and the series of jobs in work share.
//!
//! Most sweeps hold many hosts and few series. A giant job is the other way round: its hosts are of use to nobody else, and
//! the more of its series are held at a time the fewer times all its hosts are read. So what series take hosts give back, and
//! what a source must remember of its files as well.

use std::sync::atomic::{AtomicUsize, Ordering};

/// With less a job of everyday size would be read in several passes.
const LEAST: usize = 24 << 20;

/// What a host may take while it is read in any case.
const LEAST_READING: usize = 128 << 20;

/// So many bytes for both.
#[derive(Debug)]
pub struct Memory {
    all: usize,
    /// How many sources may have samples of the same host.
    sources: usize,
    /// Bytes of series that large jobs hold.
    series: AtomicUsize,
    /// Bytes that a source remembers of its files.
    files: AtomicUsize,
}

impl Memory {
    /// Of a sweep that may use so many bytes: three quarters. The rest is for rows, text, compression and files being read.
    pub fn of_sweep(bytes: usize) -> Self {
        Self::new((bytes / 4 * 3).max(LEAST))
    }

    /// `all`: bytes. One source has the samples of a host.
    pub const fn new(all: usize) -> Self {
        Self {
            all,
            sources: 1,
            series: AtomicUsize::new(0),
            files: AtomicUsize::new(0),
        }
    }

    /// The same where so many sources may have samples of the same host: what one holds is kept while the next is read.
    #[must_use]
    pub const fn with_sources(mut self, n: usize) -> Self {
        self.sources = if n == 0 { 1 } else { n };
        self
    }

    /// Bytes that the series of all jobs in work may take: three quarters, as long as one source has them; while they are read
    /// each source takes as much again.
    pub const fn for_series(&self) -> usize {
        self.all / 4 * 3 / self.sources
    }

    /// Bytes that one host may take in one source while it is read: in all of them together nearly as much as all that were
    /// read and the series, since what a file is decoded with is beside it, and never so little that a host of everyday size
    /// cannot be read.
    pub fn for_reading(&self) -> usize {
        (self.all / 16 * 15).max(LEAST_READING) / self.sources
    }

    /// Bytes that decoded hosts may take now: two thirds, or what series and files leave if that is less.
    pub fn for_hosts(&self) -> usize {
        let others = [&self.series, &self.files].map(|n| n.load(Ordering::Relaxed));
        let left = others.into_iter().fold(self.all, usize::saturating_sub);
        left.min(self.all / 3 * 2)
    }

    /// Notes how many bytes of series large jobs hold now.
    pub fn note_series(&self, bytes: usize) {
        self.series.store(bytes, Ordering::Relaxed);
    }

    /// Notes how many bytes a source remembers of its files now.
    pub fn note_files(&self, bytes: usize) {
        self.files.store(bytes, Ordering::Relaxed);
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
        memory.note_files(100);
        assert_eq!(memory.for_hosts(), 200);
        memory.note_series(2000);
        assert_eq!(memory.for_hosts(), 0);
    }

    #[test]
    fn copies_of_a_host_in_several_sources_share_what_one_copy_has() {
        let one = Memory::new(1200 << 20);
        assert_eq!(one.for_reading(), 1125 << 20);
        let three = Memory::new(1200 << 20).with_sources(3);
        assert_eq!(three.for_reading(), 375 << 20);
        assert_eq!(three.for_series(), 300 << 20);
        assert_eq!(Memory::new(1200).with_sources(0).for_series(), 900);
    }
}
