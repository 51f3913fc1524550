//! The parts of the fault matrix: what a cell says, and why some combinations have none.

use super::how::How;

/// What must become of a sweep. The next one, without the fault, ends as an undisturbed one does in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    /// As undisturbed: exit 3, since the site has broken jobs.
    Done,
    /// Rows and archive as undisturbed; the sweep says that it goes on without the ledger.
    Forgets,
    /// Exit 3. The jobs that are hit: row 2, nothing in the archive, one attempt with this reason in the ledger. The
    /// others as undisturbed.
    Failed(&'static str),
    /// Exit 1 for this reason. What is recorded is as undisturbed; the rest of the rows is untouched, no attempt is
    /// counted.
    Stops(&'static str),
    /// Exit 1 before anything was done.
    Refused,
    /// Exit 1, since nobody can read what became of it; rows, archive and ledger as undisturbed.
    Unheard,
    /// Exit 1 or 3, depending on what the limit hits. What is recorded is as undisturbed.
    Survives,
}

/// What the faulty sweep may leave behind for the next one to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    Nothing,
    /// Files under temporary names, and folders.
    Temporary,
    /// The complete new archive of a job that failed since an old file stayed.
    Published,
    /// SQLite's own files.
    Log,
}

/// A cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) stage: &'static str,
    pub(super) operation: &'static str,
    pub(super) fault: &'static str,
    pub(super) how: How,
    pub(super) expect: Expect,
    pub(super) leaves: Leaves,
}

/// A cell; `at` is stage, operation and fault.
pub(super) fn cell(at: &'static str, how: How, expect: Expect) -> Cell {
    let mut words = at.split(' ');
    let mut word = || words.next().unwrap();
    Cell {
        stage: word(),
        operation: word(),
        fault: word(),
        how,
        expect,
        leaves: Leaves::Nothing,
    }
}

impl Cell {
    /// The same, with something left behind.
    pub(super) fn leaving(self, leaves: Leaves) -> Self {
        Self { leaves, ..self }
    }
}

pub(super) const STAGES: [&str; 7] = [
    "select", "load", "write", "publish", "flush", "record", "ledger",
];
pub(super) const OPERATIONS: [&str; 8] = [
    "open",
    "read",
    "write",
    "fsync",
    "rename",
    "unlink",
    "statement",
    "commit",
];
pub(super) const FAULTS: [&str; 6] = ["ENOSPC", "EIO", "EACCES", "EMFILE", "BUSY", "FULL"];

/// Why a stage has no such cell.
pub(super) fn why_not(stage: &str, operation: &str, fault: &str) -> Option<&'static str> {
    let sql = matches!(operation, "statement" | "commit");
    let own = matches!(stage, "select" | "record" | "ledger");
    Some(match (stage, operation, fault) {
        (_, _, "BUSY" | "FULL") if !sql => "an answer of SQLite, not of a call",
        (_, "statement" | "commit", _) if !own => "no SQL there",
        (_, "statement" | "commit", "ENOSPC" | "EIO" | "EACCES" | "EMFILE") => {
            "comes from the calls below: see open, read, write, fsync"
        }
        (_, "read" | "write" | "fsync" | "rename" | "unlink", "EMFILE") => {
            "only open takes a descriptor"
        }
        (_, "read" | "write" | "fsync", "EACCES") => "rights are asked for by open",
        (_, "read" | "unlink", "ENOSPC") | ("select", "statement", "FULL") => "takes no space",
        ("load", "write" | "fsync" | "rename" | "unlink", _) => "sources are only read",
        ("load" | "select" | "flush", "open", "ENOSPC") => "creates nothing",
        ("select", "write" | "fsync" | "rename" | "unlink", _) => "reads only",
        ("select", "commit", _) => "a reader has nothing to commit",
        ("write", "read", _) => "what was written is not read again",
        ("write", "fsync" | "rename" | "unlink", _) => "is done by publish and flush",
        ("publish", "open" | "read" | "write" | "fsync", _) => "only gives names",
        ("flush", "open", _) => {
            "which way a flush takes, and so what it opens, depends on what the disk is at"
        }
        ("flush", "read" | "write" | "rename" | "unlink", _) => "only syncs",
        ("record" | "ledger", "rename", _) => "SQLite renames nothing",
        ("record" | "ledger", "statement", "FULL") => {
            "a batch fits SQLite's cache: it writes at the commit"
        }
        ("ledger", "commit", "BUSY") => "a log's writer has the lock since its first statement",
        ("record", "open", "ENOSPC") => "the log was created at the start: see select",
        _ => return None,
    })
}
