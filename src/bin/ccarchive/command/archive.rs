//! The one place that knows which media an archive may be kept on.

use std::sync::Arc;

use ccarchive::inspect::verify::Fault;
use ccarchive::model::clock::Clock;
use ccarchive::model::stop::Stop;
use ccarchive::site::ArchivePlace;
use ccarchive::sweep::Exit;
#[cfg(feature = "s3")]
use ccarchive::target::s3::S3;
use ccarchive::target::sqlite::Sqlite;
use ccarchive::target::tree::Tree;
use ccarchive::target::{Archive, Error, Target};

use super::Stopped;
use crate::report::advice;

/// The archive of a site that was checked; nothing is opened before it is asked. Waits for a server end with `stop`.
#[cfg_attr(
    not(feature = "s3"),
    expect(
        clippy::unnecessary_wraps,
        unused_variables,
        reason = "for the feature s3"
    )
)]
pub(super) fn open(
    place: &ArchivePlace,
    clock: Clock,
    stop: &Arc<Stop>,
) -> Result<Box<dyn Archive>, Stopped> {
    Ok(match place {
        ArchivePlace::Tree(root) => Box::new(Tree::new(root)),
        ArchivePlace::Sqlite(file) => Box::new(Sqlite::new(file)),
        #[cfg(feature = "s3")]
        ArchivePlace::S3(bucket) => {
            let s3 = S3::new((**bucket).clone(), clock, Arc::clone(stop));
            Box::new(s3.map_err(|e| Stopped::new(Exit::Aborted, e.to_string()))?)
        }
        #[cfg(not(feature = "s3"))]
        ArchivePlace::S3(_) => {
            let text = "this ccarchive was built without the feature s3";
            return Err(Stopped::new(Exit::Usage, text));
        }
    })
}

/// Looks whether the archive can be read, and gives back why it cannot be written.
pub(super) fn obstacle(archive: &dyn Target) -> Result<Option<String>, Stopped> {
    match archive.check() {
        Ok(_) => Ok(None),
        Err(Error::NotAllowed { detail }) => Ok(Some(detail)),
        Err(e @ Error::Version { .. }) => Err(Stopped::of_version(format!(
            "{e}; {}",
            advice::remedy(Fault::Version)
        ))),
        Err(e @ (Error::Gone { .. } | Error::Place { .. } | Error::Refused { .. })) => {
            Err(Stopped::new(Exit::Aborted, e.to_string()))
        }
        Err(e @ Error::Cancelled) => Err(Stopped::new(Exit::Interrupted, e.to_string())),
    }
}
