//! A snapshot that the test hands out when it wants to: a named pipe in a host's folder, on which a worker waits.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::site::Site;
use super::snapshots::json;
use super::wait::until;

#[derive(Debug)]
pub(crate) struct Fifo {
    path: PathBuf,
    content: String,
}

/// A reader that waits.
#[derive(Debug)]
pub(crate) struct Reader {
    pipe: File,
    content: String,
}

impl Fifo {
    /// In place of a host's JSON snapshot.
    pub(crate) fn new(site: &Site, host: &str, span: Range<i64>) -> Self {
        let path = site.host(host).path(&format!("{}.json", span.start));
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        Self {
            path,
            content: json(host, span),
        }
    }

    /// Waits until a worker stands before the pipe.
    pub(crate) fn reader(&self) -> Reader {
        let mut pipe = None;
        until("a worker reads the snapshot", || {
            // Without a reader it cannot be opened.
            let opened = OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(&self.path);
            pipe = opened.ok();
            pipe.is_some()
        });
        Reader {
            pipe: pipe.unwrap(),
            content: self.content.clone(),
        }
    }
}

impl Reader {
    /// Gives the worker the whole snapshot.
    pub(crate) fn feed(mut self) {
        self.pipe.write_all(self.content.as_bytes()).unwrap();
    }
}
