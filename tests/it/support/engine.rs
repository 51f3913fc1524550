//! The engine on a site, with a clock of the test's choice and a monitor that remembers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ccarchive::format::gzip::Effort;
use ccarchive::jobs::{Archived, Filter, Pending, Recorder, Rows};
use ccarchive::ledger::Ledger;
use ccarchive::model::clock::Clock;
use ccarchive::model::cluster::Clusters;
use ccarchive::model::failure::Reason;
use ccarchive::model::memory::Memory;
use ccarchive::model::selection::Selection;
use ccarchive::model::stop::Stop;
use ccarchive::rules::judge::longest_wait;
use ccarchive::source::cache::Cached;
use ccarchive::source::checkpoint::Checkpoints;
use ccarchive::sweep::monitor::{Event, Monitor};
use ccarchive::sweep::{self, Jobs, Parts, Refused, Settings, Summary};
use ccarchive::target::Target;
use ccarchive::target::tree::Tree;

use super::site::{Places, Site};
use super::trouble::{Quick, Trouble, Troubled};

/// A ledger without a file: what it is told is gone with it.
pub(crate) fn forgetful() -> Ledger {
    Ledger::open_read_only(Path::new("no ledger"))
}

/// What became of a job, as the monitor was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobEvent {
    /// Of its row.
    pub(crate) id: i64,
    pub(crate) job_id: i64,
    pub(crate) start: i64,
    pub(crate) outcome: &'static str,
    pub(crate) reason: Option<Reason>,
    /// What was wrong, in words.
    pub(crate) detail: String,
    pub(crate) expected: u64,
    pub(crate) received: u64,
    /// Samples that were infinite.
    pub(crate) unusable: u64,
    pub(crate) note: Option<String>,
}

/// Remembers what it is told.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    jobs: Mutex<Vec<JobEvent>>,
    warnings: Mutex<Vec<String>>,
}

impl Monitor for Recording {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Job(r) => self.jobs.lock().unwrap().push(JobEvent {
                id: r.head.id,
                job_id: r.head.key.job_id,
                start: r.head.key.start_time,
                outcome: r.outcome.name(),
                reason: r.outcome.failure().map(|f| f.reason),
                detail: r.outcome.failure().map_or("", |f| &f.detail).to_owned(),
                expected: r.coverage.points.expected,
                received: r.coverage.points.received,
                unusable: r.coverage.unusable,
                note: r.note.map(str::to_owned),
            }),
            Event::Warning(text) => self.warnings.lock().unwrap().push((*text).to_owned()),
            Event::Found(_) => {}
        }
    }
}

/// A sweep to be.
pub(crate) struct Sweep {
    pub(crate) now: i64,
    pub(crate) selection: Selection,
    pub(crate) settings: Settings,
    pub(crate) dry_run: bool,
    /// Where the checkpoints are; none for those of the site.
    source: Option<PathBuf>,
    source_trouble: Trouble,
    target_trouble: Trouble,
    after_reading: Box<dyn Fn() + Send + Sync>,
    on_flush: Box<dyn Fn() + Send + Sync>,
    on_begin: Box<dyn FnOnce()>,
    stop: Arc<Stop>,
    swept_before: bool,
}

/// What a sweep did.
#[derive(Debug)]
pub(crate) struct Swept {
    pub(crate) summary: Summary,
    pub(crate) jobs: Vec<JobEvent>,
    pub(crate) warnings: Vec<String>,
    pub(crate) refused: Vec<Refused>,
    pub(crate) flushes: usize,
}

impl Swept {
    /// What became of a job; none where it was not taken.
    pub(crate) fn job(&self, job_id: i64) -> Option<&JobEvent> {
        let mut found = self.jobs.iter().filter(|j| j.job_id == job_id);
        let one = found.next();
        assert!(found.next().is_none(), "job {job_id} was counted twice");
        one
    }

    /// The outcome of a job, "" where it was not taken.
    pub(crate) fn outcome(&self, job_id: i64) -> &'static str {
        self.job(job_id).map_or("", |j| j.outcome)
    }
}

impl Sweep {
    /// As `ccarchive run` without flags would, at that time.
    pub(crate) fn at(now: i64) -> Self {
        let settings = Settings {
            workers: 2,
            compression: Effort::Fast,
            memory: Arc::new(Memory::new(3 << 20)),
            ..Settings::new(Clock::starting_at(now))
        };
        Self {
            now,
            selection: Selection {
                min_age: 600,
                ..Selection::default()
            },
            settings,
            dry_run: false,
            source: None,
            source_trouble: Trouble::None,
            target_trouble: Trouble::None,
            after_reading: Box::new(|| ()),
            on_flush: Box::new(|| ()),
            on_begin: Box::new(|| ()),
            stop: Arc::new(Stop::new()),
            swept_before: false,
        }
    }

    /// On a site that was swept before, as the lock's file tells the program.
    pub(crate) fn swept_before(mut self) -> Self {
        self.swept_before = true;
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Of one job, as `--job-id` does.
    pub(crate) fn job_id(mut self, job_id: i64) -> Self {
        self.selection.job_ids = vec![job_id];
        self.selection.min_age = 0;
        self
    }

    /// With something that happens after an archive is published and before its row is written.
    pub(crate) fn on_flush(mut self, f: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_flush = Box::new(f);
        self
    }

    /// With something that happens when everything is open and the backlog is not read yet.
    pub(crate) fn on_begin(mut self, f: impl FnOnce() + 'static) -> Self {
        self.on_begin = Box::new(f);
        self
    }

    /// With something that happens after a host is read and before its job is judged.
    pub(crate) fn after_reading(mut self, f: impl Fn() + Send + Sync + 'static) -> Self {
        self.after_reading = Box::new(f);
        self
    }

    /// From another folder of checkpoints.
    pub(crate) fn from(mut self, source: PathBuf) -> Self {
        self.settings.source = source.display().to_string();
        self.source = Some(source);
        self
    }

    pub(crate) fn source_trouble(mut self, trouble: Trouble) -> Self {
        self.source_trouble = trouble;
        self
    }

    pub(crate) fn target_trouble(mut self, trouble: Trouble) -> Self {
        self.target_trouble = trouble;
        self
    }

    /// What ends it early.
    pub(crate) fn stop(&self) -> Arc<Stop> {
        Arc::clone(&self.stop)
    }

    pub(crate) fn dry(mut self) -> Self {
        self.dry_run = true;
        self
    }

    pub(crate) fn run(self, site: &Site) -> Swept {
        let path = site.path("job.db.ledger");
        let ledger = if self.dry_run {
            Ledger::open_read_only(&path)
        } else {
            Ledger::open(&path, &site.path("job.db"))
        };
        self.run_with(site, &ledger)
    }

    pub(crate) fn run_with(self, site: &Places, ledger: &Ledger) -> Swept {
        let swept = self.try_run_with(site, ledger);
        swept.unwrap_or_else(|e| panic!("refused: {e}"))
    }

    /// The same, or why the clusters of the archive are refused.
    pub(crate) fn try_run_with(self, site: &Places, ledger: &Ledger) -> Result<Swept, String> {
        let database = site.path("job.db");
        let archive = Quick {
            inner: Tree::new(site.path("job-archive")),
            trouble: self.target_trouble,
            begun: AtomicUsize::new(0),
            flushes: AtomicUsize::new(0),
            on_flush: self.on_flush,
        };
        let clusters = try_clusters(&archive.inner)?;
        let root = self.source.unwrap_or_else(|| site.path("checkpoints"));
        let checkpoints = Checkpoints::new(root, clusters.frequencies(), self.settings.clock)
            .remembering(ledger.phases());
        let source = Cached::new(
            Troubled {
                inner: checkpoints,
                trouble: self.source_trouble,
                asked: AtomicUsize::new(0),
                after: self.after_reading,
            },
            Arc::new(Memory::new(96 << 20)),
        );
        let rows = Rows::new(&database, Duration::from_secs(60));
        let (jobs, refused) = jobs(&database, &rows, self.selection, self.now);
        let recent = ledger.has_forgotten(self.swept_before).then(|| {
            let filter = Filter::new(Selection::default(), self.now);
            let since = self.now - longest_wait(self.settings.settle);
            Archived::open(&database, filter, since).unwrap()
        });
        let recorder =
            (!self.dry_run).then(|| Recorder::open(&database, Duration::from_secs(60)).unwrap());
        let monitor = Recording::default();
        let parts = Parts {
            source: &source,
            target: &archive,
            clusters: &clusters,
            ledger,
            jobs,
            recent,
            rows: &rows,
            recorder,
            lock: None,
        };
        (self.on_begin)();
        let summary = sweep::run(parts, &self.settings, &monitor, &self.stop);
        Ok(Swept {
            summary,
            jobs: monitor.jobs.into_inner().unwrap(),
            warnings: monitor.warnings.into_inner().unwrap(),
            refused,
            flushes: archive.flushes.into_inner(),
        })
    }
}

/// The cluster.json files of an archive.
pub(crate) fn clusters(tree: &Tree) -> Clusters {
    try_clusters(tree).unwrap()
}

fn try_clusters(tree: &Tree) -> Result<Clusters, String> {
    let files = tree.clusters().map_err(|e| e.to_string())?.files;
    Clusters::load(files.iter().map(|(n, j)| (n.as_str(), j.as_slice()))).map_err(|e| e.to_string())
}

fn jobs(database: &Path, rows: &Rows, selection: Selection, now: i64) -> (Jobs, Vec<Refused>) {
    assert!(fs::exists(database).unwrap());
    if selection.job_ids.is_empty() {
        let pending = Pending::open(database, Filter::new(selection, now)).unwrap();
        return (Jobs::Pending(Box::new(pending)), Vec::new());
    }
    let chosen = sweep::choose(rows, &selection, now, &Stop::new()).unwrap();
    (Jobs::Chosen(chosen.jobs), chosen.refused)
}
