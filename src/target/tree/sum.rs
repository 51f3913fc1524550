//! Size and checksum of a file while it is written or read.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::model::stored::Sum;
use crate::opening::regular;

/// Of the bytes so far.
#[derive(Default)]
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

impl Write for Summing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Of a stored file; none where there is none.
///
/// # Errors
/// When it cannot be read, or is no file.
pub(super) fn of_file(path: &Path) -> io::Result<Option<Sum>> {
    let mut file = match regular::open(path) {
        Ok(f) => f,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut summing = Summing::default();
    io::copy(&mut file, &mut summing)?;
    Ok(Some(summing.sum()))
}
