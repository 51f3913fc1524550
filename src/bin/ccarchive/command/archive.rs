//! The one place that knows which media an archive may be kept on.

use ccarchive::site::ArchivePlace;
use ccarchive::sweep::Exit;
use ccarchive::target::sqlite::Sqlite;
use ccarchive::target::tree::Tree;
use ccarchive::target::{Archive, Error, Target};

use super::Stopped;

/// The archive of a site; nothing is opened before it is asked.
pub(super) fn open(place: &ArchivePlace) -> Box<dyn Archive> {
    match place {
        ArchivePlace::Tree(root) => Box::new(Tree::new(root)),
        ArchivePlace::Sqlite(file) => Box::new(Sqlite::new(file)),
    }
}

/// Looks whether the archive can be read, and gives back why it cannot be written.
pub(super) fn obstacle(archive: &dyn Target) -> Result<Option<String>, Stopped> {
    match archive.check() {
        Ok(_) => Ok(None),
        Err(Error::NotAllowed { detail }) => Ok(Some(detail)),
        Err(e @ Error::Version { .. }) => Err(Stopped::new(
            Exit::Unsupported,
            format!(
                "{e}; bring the archive to version 3 with cc-backend's archive-migration, or use a ccarchive that knows this version"
            ),
        )),
        Err(e @ (Error::Gone { .. } | Error::Place { .. })) => {
            Err(Stopped::new(Exit::Aborted, e.to_string()))
        }
    }
}
