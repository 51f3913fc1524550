//! The bytes of an open file, as the library wants them: any part at any time, by any thread.
//!
//! Nothing is allocated that the file cannot fill, whatever a damaged footer asks for. An error of the medium is kept apart,
//! because the library makes words of it and a damaged file must be told from a sick disk. Each reading has a place of its
//! own for it: several threads read the same open file.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// A page header is a few dozen bytes, its statistics included.
const AHEAD: usize = 512;

/// An open file.
#[derive(Clone, Debug)]
pub(super) struct Content {
    file: Arc<File>,
    length: u64,
    /// What the medium said first.
    refused: Arc<Mutex<Option<io::Error>>>,
}

impl Content {
    /// `length`: of the file when it was opened; what comes after is not looked at.
    pub(super) fn new(file: File, length: u64) -> Self {
        Self {
            file: Arc::new(file),
            length,
            refused: Arc::default(),
        }
    }

    /// The same bytes for another reading, to which the medium refused nothing so far.
    pub(super) fn anew(&self) -> Self {
        Self {
            file: Arc::clone(&self.file),
            length: self.length,
            refused: Arc::default(),
        }
    }

    /// What the medium refused to this reading, if anything. It is told once.
    pub(super) fn refused(&self) -> Option<io::Error> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.take()
    }

    /// Some bytes, as many as are there.
    fn read_at(&self, out: &mut [u8], at: u64) -> io::Result<usize> {
        loop {
            match self.file.read_at(out, at) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    let again = e
                        .raw_os_error()
                        .map_or_else(|| e.kind().into(), io::Error::from_raw_os_error);
                    let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                    refused.get_or_insert(e);
                    return Err(again);
                }
                read => return read,
            }
        }
    }
}

impl Length for Content {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Content {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let from = From {
            content: self.clone(),
            at: start,
        };
        Ok(BufReader::with_capacity(AHEAD, from))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = start.checked_add(length as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF(format!(
                "{length} bytes were expected from byte {start} on, but it has {} bytes",
                self.length
            )));
        }
        let mut out = vec![0; length];
        let mut rest = out.as_mut_slice();
        let mut at = start;
        while !rest.is_empty() {
            let n = self.read_at(rest, at)?;
            if n == 0 {
                return Err(ParquetError::EOF(format!("it ends at byte {at}")));
            }
            at += n as u64;
            rest = rest.get_mut(n..).unwrap_or_default();
        }
        Ok(out.into())
    }
}

/// The bytes from some place on.
#[derive(Debug)]
pub(super) struct From {
    content: Content,
    at: u64,
}

impl Read for From {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.content.length.saturating_sub(self.at);
        let wanted = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let out = out.get_mut(..wanted).unwrap_or_default();
        if out.is_empty() {
            return Ok(0);
        }
        let n = self.content.read_at(out, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_medium_refused_is_told_to_the_reading_that_asked() {
        // A folder opens, and no byte of it can be read.
        let folder = tempfile::tempdir().unwrap();
        let file = Content::new(File::open(folder.path()).unwrap(), 100);
        let (one, other) = (file.anew(), file.anew());
        one.get_bytes(0, 10).unwrap_err();
        assert!(other.refused().is_none() && file.refused().is_none());
        assert!(one.refused().is_some() && one.refused().is_none());
    }
}
