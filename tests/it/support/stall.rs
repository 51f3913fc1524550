//! Holds a program at the opening of one file until the test lets it go, by the preload library of stall.c.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::preload;
use super::wait::until;

#[derive(Debug)]
pub(crate) struct Stall {
    marks: TempDir,
}

/// The compiled library.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| preload::compile("support/stall.c"))
}

impl Stall {
    /// Makes a command stop where it opens a file with this in its path.
    pub(crate) fn new(command: &mut Command, part: &str) -> Self {
        let marks = tempfile::tempdir().unwrap();
        command
            .env("LD_PRELOAD", library())
            .env("STALL_PATH", part)
            .env("STALL_REACHED", marks.path().join("reached"))
            .env("STALL_UNTIL", marks.path().join("until"));
        Self { marks }
    }

    /// Waits until the program stands before the file.
    pub(crate) fn reached(&self) {
        until("a worker opens the file", || {
            self.marks.path().join("reached").exists()
        });
    }

    /// Lets it go.
    pub(crate) fn release(&self) {
        drop(File::create(self.marks.path().join("until")).unwrap());
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        // A failed test must not leave a program that waits for ever; it is killed as well.
        drop(File::create(self.marks.path().join("until")));
    }
}
