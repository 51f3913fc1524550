//! Where things stand in the tree, and what an error at one of them means.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::model::job::JobKey;
use crate::opening::regular;
use crate::target::Error;
use crate::target::error::takes_nothing;
use crate::target::names::{VERSION, levels};

/// The folder with version.txt and one folder per cluster.
#[derive(Debug)]
pub(super) struct Root(pub(super) PathBuf);

/// Where a job stands.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The cluster's folder, which must be there.
    pub(super) cluster: PathBuf,
    /// The job's folder.
    pub(super) folder: PathBuf,
}

impl Root {
    pub(super) fn place(&self, key: &JobKey) -> Place {
        let cluster = self.0.join(&key.cluster);
        let mut folder = cluster.clone();
        folder.extend(levels(key));
        Place { cluster, folder }
    }

    pub(super) fn error(&self, doing: &str, path: &Path, e: &io::Error) -> Error {
        // Without its version.txt the root is gone (not mounted any more), or its file system is.
        let everything = takes_nothing(e) || self.0.join(VERSION).symlink_metadata().is_err();
        let subject = path.display().to_string();
        let detail = format!("{doing} {subject}: {e}");
        if everything {
            Error::Gone { subject, detail }
        } else {
            Error::Place { subject, detail }
        }
    }
}

impl Place {
    /// The job's folder and those above it, up to its cluster's, which is left out.
    pub(super) fn levels(&self) -> impl DoubleEndedIterator<Item = &Path> {
        let levels: Vec<&Path> = self
            .folder
            .ancestors()
            .take_while(|a| *a != self.cluster)
            .collect();
        levels.into_iter()
    }

    /// Makes sure, of a job without a folder, that no link above it leads to a file system that is not mounted: the job may
    /// be there.
    pub(super) fn leads_somewhere(&self) -> io::Result<()> {
        for level in std::iter::once(&*self.cluster).chain(self.levels().rev()) {
            match level.metadata() {
                Ok(_) => {}
                Err(e) if regular::leads_nowhere(level) => {
                    let e = regular::explain(level, e);
                    return Err(io::Error::other(format!("{}: {e}", level.display())));
                }
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// The error where the job's folder is something else. A link would lead out of the archive, to files that are not
    /// this job's; folders above it may be links, by which a site spreads its archive over file systems.
    pub(super) fn check(&self) -> io::Result<()> {
        let metadata = self.folder.symlink_metadata()?;
        if metadata.is_symlink() {
            return Err(io::Error::other(
                "it is a link, which is not followed; expected the job's own folder",
            ));
        }
        if !metadata.is_dir() {
            return Err(io::Error::from(ErrorKind::NotADirectory));
        }
        Ok(())
    }
}
