//! The folders of jobs: made when a job is begun, removed again when it comes to nothing.
//!
//! cc-backend takes an empty folder for an archive, so none may stay that was made for nothing. Several workers may need the
//! same folder above their jobs'; only one of them made it, and it is removed only while it is empty.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::place::Place;
use crate::target::owner::Heir;

/// Folders made for jobs that are not published yet.
#[derive(Debug, Default)]
pub(super) struct Folders(Mutex<HashSet<PathBuf>>);

impl Folders {
    fn made(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a job's folder below its cluster's. As cc-backend makes them: 0777 less the umask.
    ///
    /// # Errors
    /// Also where something else stands in the job's place.
    pub(super) fn make(&self, place: &Place, heir: Heir) -> io::Result<()> {
        for path in place.levels().rev() {
            let made = match fs::create_dir(path) {
                Ok(()) => {
                    self.made().insert(path.to_path_buf());
                    heir.folder(path)
                }
                Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
                Err(e) => Err(e),
            };
            made.inspect_err(|_| self.unmake(place))?;
        }
        place.check().inspect_err(|_| self.unmake(place))
    }

    /// Removes what was made of a job's folder and those above it, while they are empty.
    pub(super) fn unmake(&self, place: &Place) {
        let mut made = self.made();
        for path in place.levels() {
            if made.contains(path) && fs::remove_dir(path).is_ok() {
                made.remove(path);
            }
        }
    }

    /// The job's folder and those above it stay.
    pub(super) fn keep(&self, place: &Place) {
        let mut made = self.made();
        for path in place.levels() {
            made.remove(path);
        }
    }
}
