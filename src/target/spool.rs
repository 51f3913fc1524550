//! What a draft holds back until it is published, for media that take a document whole: in memory while it is small, in a
//! file without a name after that, which goes with its handle.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes that are held in memory, where nothing else is said.
const IN_MEMORY: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    in_memory: usize,
    memory: Vec<u8>,
    file: Option<File>,
    size: u64,
}

impl Spool {
    /// `folder` has room for what does not fit into memory.
    pub(super) fn new(folder: &Path) -> Self {
        Self::holding(IN_MEMORY, folder)
    }

    /// One that holds so many bytes in memory.
    pub(super) fn holding(in_memory: usize, folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
            in_memory,
            memory: Vec::new(),
            file: None,
            size: 0,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        if self.file.is_none() && self.memory.len() + bytes.len() > self.in_memory {
            let mut file = tempfile::tempfile_in(&self.folder)?;
            file.write_all(&std::mem::take(&mut self.memory))?;
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            return file.write_all(bytes);
        }
        self.memory.extend_from_slice(bytes);
        Ok(())
    }

    /// The whole, from its beginning.
    pub(super) fn read(&mut self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match &mut self.file {
            Some(file) => {
                file.seek(SeekFrom::Start(0))?;
                Box::new(file)
            }
            None => Box::new(Cursor::new(&self.memory)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_from_memory_or_file() {
        let dir = tempfile::tempdir().unwrap();
        for size in [0, 10, IN_MEMORY + 10, 2 * IN_MEMORY] {
            let all: Vec<u8> = (0..size).map(|k| u8::try_from(k % 251).unwrap()).collect();
            let mut spool = Spool::new(dir.path());
            all.chunks(1 << 20).for_each(|c| spool.write(c).unwrap());
            assert_eq!(spool.size(), size as u64);
            assert_eq!(spool.file.is_some(), size > IN_MEMORY);
            for _ in 0..2 {
                let mut back = Vec::new();
                spool.read().unwrap().read_to_end(&mut back).unwrap();
                assert!(back == all);
            }
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
