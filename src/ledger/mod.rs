//! ccarchive's own memory: attempts, reasons, next tries, coverage, what was published, run history.
//!
//! A small `SQLite` file beside the job database. It may be lost, locked or damaged at any time without stopping a
//! sweep: a damaged one is set aside and begun anew, and where none can be had an empty one in memory serves. So it
//! may only ever hold what makes the next sweep better, never what makes a row or an archive right. Its rows are
//! written after cc-backend's row, except for one: what was published is noted before the first rename, so that a
//! sweep that dies between publishing and recording does not have to do the job again.

mod store;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::model::job::JobKey;
use crate::model::outcome::{Coverage, Outcome};
use crate::model::published::Published;
use crate::model::standing::Standing;
use crate::rules::retry::Next;

/// What the ledger knows of a job that is not done.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where it stands.
    pub state: Standing,
    /// Attempts so far.
    pub attempts: u32,
    /// Those of them that count towards quarantine: none where the last one failed at nothing, but found no data.
    pub failures: u32,
    /// Unix seconds of the last attempt; 0 where there was none.
    pub last_try: i64,
    /// Unix seconds; 0 for at once.
    pub next_try: i64,
    /// What was published and perhaps not recorded.
    pub published: Option<Published>,
}

/// One job's result, for the ledger.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// The job.
    pub key: &'a JobKey,
    /// What became of it.
    pub outcome: &'a Outcome,
    /// Where it stands now.
    pub next: Next,
    /// Its samples.
    pub coverage: &'a Coverage,
}

/// The figures of a finished sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Unix seconds.
    pub started: i64,
    /// Unix seconds.
    pub ended: i64,
    /// Exit code.
    pub exit: i64,
    /// JSON: counts by outcome, bytes, seconds.
    pub figures: String,
}

/// The ledger of one database, shared by the threads of a sweep.
#[derive(Debug)]
pub struct Ledger {
    connection: Mutex<Connection>,
    /// What went wrong with the file, in words for the operator; each is said once.
    warnings: Mutex<Vec<String>>,
    path: PathBuf,
}

impl Ledger {
    /// Opens or creates the file; whatever is wrong with it ends in a usable ledger and a warning.
    pub fn open(path: &Path) -> Self {
        let (connection, warning) = store::open(path);
        Self {
            connection: Mutex::new(connection),
            warnings: Mutex::new(warning.into_iter().collect()),
            path: path.into(),
        }
    }

    /// A ledger that forgets everything, for dry runs over a site that has none.
    pub fn in_memory() -> Self {
        Self {
            connection: Mutex::new(store::in_memory()),
            warnings: Mutex::default(),
            path: PathBuf::new(),
        }
    }

    /// What there is, without changing it: for dry runs.
    pub fn open_read_only(path: &Path) -> Self {
        let (connection, warning) = store::open_read_only(path);
        Self {
            connection: Mutex::new(connection),
            warnings: Mutex::new(warning.into_iter().collect()),
            path: path.into(),
        }
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
                *c = store::in_memory();
                T::default()
            }
        }
    }

    /// All jobs that are not done.
    pub fn open_jobs(&self) -> HashMap<JobKey, Entry> {
        self.with("be read", |c| store::open_jobs(c))
    }

    /// One job, done or not.
    pub fn job(&self, key: &JobKey) -> Option<Entry> {
        self.with("be read", |c| store::job(c, key))
    }

    /// Notes what is about to be published, before the first rename.
    pub fn publishing(&self, key: &JobKey, published: &Published) {
        self.with("be written", |c| store::publishing(c, key, published));
    }

    /// Forgets what was published and not recorded: it may not have reached the disk.
    pub fn distrust(&self) {
        self.with("be written", |c| store::distrust(c));
    }

    /// Notes results after the rows were written. `now`: Unix seconds.
    pub fn record(&self, records: &[Record<'_>], now: i64) {
        if !records.is_empty() {
            self.with("be written", |c| store::record(c, records, now));
        }
    }

    /// Closes what a dead sweep left open: published jobs whose row says so are done, without their files' sums; what
    /// was not published after all is forgotten.
    pub fn settle(&self, done: &[JobKey], undone: &[JobKey]) {
        self.with("be written", |c| store::settle(c, done, undone));
    }

    /// Notes a finished sweep and thins out old ones.
    pub fn finish_run(&self, run: &Run) {
        self.with("be written", |c| store::finish_run(c, run));
    }
}
