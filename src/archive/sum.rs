//! Size and checksum of a file, read once through.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::regular;
use crate::stored::Sum;

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
    let mut hash = Hashing {
        crc: crc32fast::Hasher::new(),
        size: 0,
    };
    io::copy(&mut file, &mut hash)?;
    Ok(Some(Sum {
        size: hash.size,
        crc: hash.crc.finalize(),
    }))
}

struct Hashing {
    crc: crc32fast::Hasher,
    size: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.crc.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
