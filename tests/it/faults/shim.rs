//! The preload library of shim.c: compiled once, told what to do by rules, read afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::preload;

/// Numbers in a report.
const NUMBERS: usize = 64;

/// The compiled library.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| preload::compile("faults/shim.c"))
}

/// Makes a command run under the shim; `report` is a file of its own.
pub(crate) fn preload(command: &mut Command, rules: &[String], report: &Path) {
    assert!(rules.len() <= 30, "the shim has room for 30 rules");
    fs::write(report, [0; NUMBERS * 8]).unwrap();
    command
        .env("LD_PRELOAD", library())
        .env("SHIM_RULES", rules.join(";"))
        .env("SHIM_REPORT", report);
}

/// What the shim counted.
#[derive(Debug)]
pub(crate) struct Report(Vec<u64>);

impl Report {
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap_or_default();
        let number = |b: &[u8]| u64::from_ne_bytes(b.try_into().unwrap());
        Self(bytes.chunks_exact(8).map(number).collect())
    }

    fn at(&self, k: usize) -> u64 {
        self.0.get(k).copied().unwrap_or(0)
    }

    /// Where the process was when it was killed: where the shim did it, or the last mark it left.
    pub(crate) fn stage(&self) -> usize {
        let stage = match self.at(1) {
            0 => self.at(0),
            killed => killed - 1,
        };
        usize::try_from(stage).unwrap()
    }

    /// Whether the shim killed the process.
    pub(crate) fn killed(&self) -> bool {
        self.at(1) > 0
    }

    /// Calls that matched a rule.
    pub(crate) fn calls(&self, rule: usize) -> u64 {
        self.at(2 + rule)
    }

    /// How often the action of a rule was done.
    pub(crate) fn done(&self, rule: usize) -> u64 {
        self.at(33 + rule)
    }
}
