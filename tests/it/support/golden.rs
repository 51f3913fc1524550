//! The golden sites that the repository carries, unpacked, and the program run over one.
//!
//! A package holds what a sweep reads: job.db, job-archive and checkpoints, with the bytes that cc-backend wrote.

use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tempfile::TempDir;

use super::program::{Ran, program, run};

/// Where the repository keeps the packages, the approved sums and compare.py.
pub(crate) fn carried(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// A site in a temporary folder of its own, which is removed on drop.
#[derive(Debug)]
pub(crate) struct Unpacked {
    folder: TempDir,
    name: String,
}

impl Unpacked {
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.path().join("job.db")
    }
}

/// Unpacks a site that the repository carries.
pub(crate) fn unpack(name: &str) -> Unpacked {
    let package = carried(&format!("{name}.tar.gz"));
    let file = File::open(&package).unwrap_or_else(|e| panic!("{}: {e}", package.display()));
    let folder = TempDir::new().expect("a temporary folder");
    tar::Archive::new(GzDecoder::new(file))
        .unpack(folder.path())
        .expect("the site unpacks");
    Unpacked {
        folder,
        name: name.to_owned(),
    }
}

/// Runs `ccarchive run` over a site with nothing but defaults.
pub(crate) fn sweep(site: &Unpacked) -> Ran {
    run(program().arg("run").arg("--db").arg(site.db()))
}
