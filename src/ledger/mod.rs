//! ccarchive's own memory: attempts, reasons, next tries, coverage, proved sources, phases of
//! hosts, samples by host and hour, hooks that are due, past sweeps.
//!
//! A small `SQLite` file beside the job database. It may be lost, locked or damaged at any time without stopping a
//! sweep: a damaged one is set aside and begun anew, and where none can be had an empty one in memory serves. So it
//! may only ever hold what makes the next sweep better, never what makes a row or an archive right. Which archives are
//! provisional stands here alone: where it cannot be kept, their rows stay unarchived, and where it was lost, a sweep looks
//! at all archives once more that may be. Only the intake reads it and only the recorder writes it; workers do not know it.

mod entry;
mod file;
mod hours;
mod reading;
mod store;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::model::job::JobKey;
use crate::model::message::{HostHours, HostPhase};
use crate::model::standing::Standing;
use crate::rules::timeline::Phase;

pub use entry::{Entry, Hook, Record, Run};
pub use hours::{ClusterHours, HOURS};
pub use reading::{DayCount, Gaps, Listing, Open, Told};

/// The ledger of one database, shared by the threads of a sweep.
#[derive(Debug)]
pub struct Ledger {
    connection: Mutex<Connection>,
    /// What went wrong with the file, in words for the operator; each is said once.
    warnings: Mutex<Vec<String>>,
    path: PathBuf,
    /// Whether what it is told stays.
    in_file: AtomicBool,
}

impl Ledger {
    /// Opens or creates the file; whatever is wrong with it ends in a usable ledger and a warning.
    /// A file that root makes belongs to the owner of `database`.
    pub fn open(path: &Path, database: &Path) -> Self {
        Self::new(file::open(path, database), path)
    }

    /// What there is, without changing it: for dry runs. Without a file it forgets everything in the end.
    pub fn open_read_only(path: &Path) -> Self {
        Self::new(file::open_read_only(path), path)
    }

    fn new(opened: file::Opened, path: &Path) -> Self {
        Self {
            connection: Mutex::new(opened.connection),
            warnings: Mutex::new(opened.warning.into_iter().collect()),
            path: path.into(),
            in_file: AtomicBool::new(opened.in_file),
        }
    }

    /// Whether what it is told is there for the next sweep. Where it is not, the rows of the job database must say what is
    /// still to be done.
    pub fn is_kept(&self) -> bool {
        self.in_file.load(Ordering::Acquire)
    }

    /// Whether it does not know what earlier sweeps noted: they ran, and it is empty or cannot be used.
    pub fn has_forgotten(&self, swept_before: bool) -> bool {
        let is_empty = || self.with("be read", |c| store::is_used(c).map(|used| !used));
        swept_before && (!self.is_kept() || is_empty())
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the warnings that came up since the last call.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs a statement; a failure is said once, and from then on an empty ledger in memory serves.
    fn with<T: Default>(
        &self,
        doing: &str,
        f: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> T {
        let mut c = self.lock();
        match f(&mut c) {
            Ok(v) => v,
            Err(e) => {
                let path = self.path.display();
                let warning = format!(
                    "the ledger {path} cannot {doing} ({e}); this sweep goes on without it"
                );
                self.warnings
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(warning);
                *c = file::in_memory();
                self.in_file.store(false, Ordering::Release);
                T::default()
            }
        }
    }

    /// One job, done or not.
    pub fn job(&self, key: &JobKey) -> Option<Entry> {
        self.with("be read", |c| store::job(c, key))
    }

    /// Jobs of a standing that is not done, in the order of their keys: the next `limit` after `after`.
    pub fn jobs(&self, standing: Standing, after: Option<&JobKey>, limit: usize) -> Vec<JobKey> {
        self.with("be read", |c| store::of_standing(c, standing, after, limit))
    }

    /// Jobs whose archives were being replaced when a sweep died: the next `limit` after `after`.
    pub fn half_replaced(&self, after: Option<&JobKey>, limit: usize) -> Vec<JobKey> {
        self.with("be read", |c| store::half_replaced(c, after, limit))
    }

    /// Notes that the archives of these jobs are about to be replaced, before anything of it is done. It is durable then.
    pub fn replacing(&self, keys: &[JobKey]) {
        if !keys.is_empty() {
            self.with("be written", |c| store::replacing(c, keys));
        }
    }

    /// Notes that the archives of these jobs are in order, replaced or not.
    pub fn replaced(&self, keys: &[JobKey]) {
        if !keys.is_empty() {
            self.with("be written", |c| store::replaced(c, keys));
        }
    }

    /// Notes results after the rows were written. `now`: Unix seconds.
    pub fn record(&self, records: &[Record<'_>], now: i64) {
        if !records.is_empty() {
            self.with("be written", |c| store::record(c, records, now));
        }
    }

    /// Notes archives that later sweeps are to make better, durably and before their rows are written; whether that is on
    /// disk. `now`: Unix seconds.
    pub fn record_provisional(&self, records: &[Record<'_>], now: i64) -> bool {
        if !records.is_empty() {
            self.with("be written", |c| store::record_durably(c, records, now));
        }
        self.is_kept()
    }

    /// Notes that archives with these keys may become better, unless more is known of them.
    pub fn may_become_better(&self, keys: &[JobKey]) {
        if !keys.is_empty() {
            self.with("be written", |c| store::may_become_better(c, keys));
        }
    }

    /// Notes hooks that are to run, before the rows are written: a sweep that dies then leaves them to the next one.
    pub fn hooks_due(&self, hooks: &[Hook]) {
        if !hooks.is_empty() {
            self.with("be written", |c| store::hooks_due(c, hooks));
        }
    }

    /// Notes that a job's hook ran.
    pub fn hook_done(&self, key: &JobKey) {
        self.with("be written", |c| store::hook_done(c, key));
    }

    /// The hooks that an earlier sweep did not come to.
    pub fn hooks_left(&self) -> Vec<Hook> {
        self.with("be read", |c| store::all_hooks(c))
    }

    /// Whether a source has ever held samples of a cluster.
    pub fn is_proved(&self, cluster: &str, source: &str) -> bool {
        self.with("be read", |c| store::is_proved(c, cluster, source))
    }

    /// Notes that a source holds samples of a cluster. `now`: Unix seconds.
    pub fn prove(&self, cluster: &str, source: &str, now: i64) {
        self.with("be written", |c| store::prove(c, cluster, source, now));
    }

    /// Where the slots of hosts begin, as earlier sweeps saw it, by cluster and host.
    pub fn phases(&self) -> HashMap<(String, String), Vec<Phase>> {
        self.with("be read", |c| store::phases(c))
    }

    /// Remembers where the slots of a cluster's hosts begin.
    pub fn remember(&self, cluster: &str, phases: &[HostPhase]) {
        if !phases.is_empty() {
            self.with("be written", |c| store::remember(c, cluster, phases));
        }
    }

    /// Notes how many samples the hosts of a cluster have by hour. What is older than [`HOURS`] at `now` (Unix seconds) is
    /// left out.
    pub fn note_hours(&self, cluster: &str, hosts: &[HostHours], now: i64) {
        self.with("be written", |c| hours::note(c, cluster, hosts, now));
    }

    /// Samples by cluster, host and hour since an hour (hours since 1970).
    pub fn hours(&self, since: i64) -> Vec<ClusterHours> {
        self.with("be read", |c| hours::read(c, since))
    }

    /// Notes a finished sweep, and thins out what is old.
    pub fn finish_run(&self, run: &Run) {
        self.with("be written", |c| {
            store::finish_run(c, run)?;
            hours::forget(c, run.ended)
        });
    }
}
