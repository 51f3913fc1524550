//! Size and checksum of a file while it is written or read.

use std::io::{self, Read};

use crate::model::stored::Sum;

/// Of the bytes so far.
#[derive(Debug, Default)]
pub(super) struct Summing {
    crc: crc32fast::Hasher,
    size: u64,
}

impl Summing {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.size += bytes.len() as u64;
    }

    pub(super) fn sum(&self) -> Sum {
        Sum {
            size: self.size,
            crc: self.crc.clone().finalize(),
        }
    }
}

/// Sums what is read through it.
#[derive(Debug)]
pub(super) struct SummingReader<R> {
    inner: R,
    summing: Summing,
}

impl<R: Read> SummingReader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            summing: Summing::default(),
        }
    }

    /// Of the whole, whatever of it was read so far.
    pub(super) fn finish(mut self) -> io::Result<Sum> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.summing.sum())
    }
}

impl<R: Read> Read for SummingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.summing.add(&buffer[..n]);
        Ok(n)
    }
}
