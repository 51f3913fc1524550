//! The one place that knows which media an archive may be kept on.

use std::sync::Arc;

use ccarchive::inspect::verify::Fault;
use ccarchive::model::clock::Clock;
use ccarchive::model::stop::Stop;
use ccarchive::site::{ArchivePlace, Site};
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
    site: &Site,
    clock: Clock,
    stop: &Arc<Stop>,
) -> Result<Box<dyn Archive>, Stopped> {
    Ok(match &site.archive.value {
        ArchivePlace::Tree(root) => Box::new(Tree::new(root)),
        ArchivePlace::Sqlite(file) => Box::new(Sqlite::new(file)),
        #[cfg(feature = "s3")]
        ArchivePlace::S3(bucket) => {
            let trust = super::trust::trust(site.archive_ca().as_ref())?;
            let bucket = (**bucket).clone();
            Box::new(S3::new(bucket, trust, clock, Arc::clone(stop)))
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
