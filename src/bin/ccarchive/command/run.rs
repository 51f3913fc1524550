//! `ccarchive run`: the site's parts, one call of the engine, the exit code.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ccarchive::format::gzip::Effort;
use ccarchive::jobs::lock::{self, Lock};
use ccarchive::jobs::{self, Filter, Pending, Recorder, Rows};
use ccarchive::ledger::{Ledger, Run};
use ccarchive::model::clock::Clock;
use ccarchive::model::cluster::Clusters;
use ccarchive::model::failure::chain;
use ccarchive::model::job::Shown;
use ccarchive::model::selection::Selection;
use ccarchive::model::stop::Stop;
use ccarchive::site::{ConfigError, ErrorKind, Site};
use ccarchive::source::Source;
use ccarchive::source::cache::Cached;
use ccarchive::source::checkpoint::Checkpoints;
use ccarchive::source::layers::Layered;
use ccarchive::sweep::monitor::{Event, Monitor};
use ccarchive::sweep::{self, Chosen, Exit, Jobs, Parts, Settings, Summary};
use ccarchive::target::tree::Tree;
use ccarchive::target::{ClusterFiles, Target as _};
use jiff::Zoned;

use crate::cli::{BehaviourArgs, Compression, RunArgs};
use crate::report::{self, Console};
use crate::signals;

/// Why a command ended before it began.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Stopped {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }
}

impl From<jobs::Error> for Stopped {
    fn from(e: jobs::Error) -> Self {
        let exit = if matches!(e, jobs::Error::Version(_)) {
            Exit::Unsupported
        } else {
            Exit::Aborted
        };
        Self::new(exit, chain(&e))
    }
}

/// Runs a sweep as the flags say.
pub(crate) fn run(args: &RunArgs) -> Result<Exit, Stopped> {
    let now = Zoned::now();
    let console = Arc::new(Console::new(args.output.mode()));
    let selection = args.selection(&now).map_err(|e| {
        Stopped::new(
            Exit::Usage,
            e.to_string().trim_start_matches("error: ").trim_end(),
        )
    });
    let outcome = selection.and_then(|selection| match prepare(args, &console)? {
        Some(site) => sweep_site(args, &site, selection, &now, &console),
        None => Ok(Exit::Done),
    });
    outcome.inspect_err(|e| console.stopped(e.exit, &e.message))
}

/// The site, looked at; none where it was only to be shown.
fn prepare(args: &RunArgs, console: &Console) -> Result<Option<Site>, Stopped> {
    let site = Site::resolve(&args.places()).map_err(refused)?;
    if args.place.show_config {
        report::out(&site.show());
    }
    for w in &site.warnings {
        console.event(&Event::Warning(w));
    }
    if args.place.show_config {
        return Ok(None);
    }
    site.check().map_err(refused)?;
    Ok(Some(site))
}

/// A site that cannot be used.
#[expect(clippy::needless_pass_by_value, reason = "what map_err hands over")]
pub(super) fn refused(e: ConfigError) -> Stopped {
    let exit = match e.kind() {
        ErrorKind::Usage => Exit::Usage,
        ErrorKind::Unsupported => Exit::Unsupported,
        ErrorKind::CouldNotRun => Exit::Aborted,
    };
    Stopped::new(exit, chain(&e))
}

fn sweep_site(
    args: &RunArgs,
    site: &Site,
    selection: Selection,
    now: &Zoned,
    console: &Arc<Console>,
) -> Result<Exit, Stopped> {
    let b = &args.behaviour;
    let clock = Clock::starting_at(now.timestamp().as_second());
    let stop = listen(b, console)?;
    let database = Database {
        path: &site.database.value,
        patience: b.lock_timeout,
        stop: &stop,
    };
    // A database of another version is refused before anything is written beside it.
    if let Err(e @ jobs::Error::Version(_)) = jobs::check(database.path) {
        return Err(e.into());
    }
    let lock = take_lock(site, b.dry_run, now, &stop)?;
    let recorder = if b.dry_run {
        None
    } else {
        Some(database.wait(|| Recorder::open(database.path, b.lock_timeout))?)
    };
    let archive = Tree::new(&site.archive.value);
    let clusters = load_clusters(&archive, console)?;
    check_names(&selection, &clusters)?;
    let memory = usize::try_from(b.memory).unwrap_or(usize::MAX);
    let layer = |root: &PathBuf| -> Box<dyn Source> {
        Box::new(Checkpoints::new(
            root.clone(),
            clusters.frequencies(),
            clock,
        ))
    };
    let layers = site.checkpoints.iter().map(|c| layer(&c.value)).collect();
    let source = Cached::new(Layered::new(layers), memory);
    let ledger = if b.dry_run {
        Ledger::open_read_only(&site.ledger.value)
    } else {
        Ledger::open(&site.ledger.value, database.path)
    };
    for warning in ledger.take_warnings() {
        console.event(&Event::Warning(&warning));
    }
    if !b.dry_run {
        sweep::recover(&ledger, &archive, &**console, &stop);
    }
    let settings = settings(b, site, &selection, clock);
    let rows = Rows::new(database.path, b.lock_timeout);
    let (jobs, refused) = choose(&database, &rows, selection, clock.now(), console)?;
    console.start(site, &settings, b.dry_run);
    let parts = Parts {
        source: &source,
        target: &archive,
        clusters: &clusters,
        ledger: &ledger,
        jobs,
        rows: &rows,
        recorder,
        lock: lock.as_ref(),
    };
    let summary = sweep::run(parts, &settings, &**console, &stop);
    let mut exit = summary.exit();
    if exit == Exit::Done && refused {
        exit = Exit::Failures;
    }
    console.finish(&summary, exit);
    if !b.dry_run {
        ledger.finish_run(&history(&summary, clock, exit));
    }
    Ok(exit)
}

/// A stop token that signals reach from now on.
fn listen(b: &BehaviourArgs, console: &Arc<Console>) -> Result<Arc<Stop>, Stopped> {
    let stop = Arc::new(Stop::new());
    let watcher: Arc<dyn Monitor + Send> = Arc::clone(console) as _;
    signals::listen(&stop, b.timeout, &watcher)
        .map_err(|e| Stopped::new(Exit::Aborted, e.to_string()))?;
    Ok(stop)
}

/// The job database before the sweep: others may keep it locked.
struct Database<'a> {
    path: &'a Path,
    patience: Duration,
    stop: &'a Stop,
}

impl Database<'_> {
    fn wait<T>(&self, f: impl FnMut() -> Result<T, jobs::Error>) -> Result<T, Stopped> {
        jobs::patiently(self.patience, self.stop, f).map_err(|e| {
            if self.stop.is_draining() {
                return Stopped::new(
                    Exit::Interrupted,
                    "interrupted before the sweep began; nothing was changed",
                );
            }
            Stopped::from(e)
        })
    }
}

fn take_lock(
    site: &Site,
    dry_run: bool,
    now: &Zoned,
    stop: &Stop,
) -> Result<Option<Lock>, Stopped> {
    if dry_run {
        return Ok(None);
    }
    let since = now.strftime("%Y-%m-%d %H:%M:%S %z").to_string();
    match lock::take(&site.database.value, &since, Duration::ZERO, stop) {
        Ok(lock) => Ok(Some(lock)),
        Err(e @ lock::Error::Held { .. }) => Err(Stopped::new(Exit::Locked, e.to_string())),
        Err(e @ lock::Error::Io { .. }) => Err(Stopped::new(Exit::Aborted, chain(&e))),
    }
}

fn load_clusters(archive: &Tree, console: &Console) -> Result<Clusters, Stopped> {
    let aborted = |e: String| Stopped::new(Exit::Aborted, e);
    let ClusterFiles { files, without } = archive.clusters().map_err(|e| aborted(e.to_string()))?;
    for folder in without {
        let w = format!(
            "{} in the archive has no cluster.json; cc-backend does not start with such a folder",
            Shown(&folder)
        );
        console.event(&Event::Warning(&w));
    }
    let clusters = Clusters::load(files.iter().map(|(n, j)| (n.as_str(), j.as_slice())));
    let clusters = clusters.map_err(|e| {
        aborted(format!(
            "{e}; correct the file, for cc-backend as well: no job was touched"
        ))
    })?;
    if clusters.is_empty() {
        return Err(aborted(
            "the archive has no cluster: expected a folder with cluster.json for each".into(),
        ));
    }
    Ok(clusters)
}

/// A cluster that nobody configured is a slip of the pen, not an empty backlog.
fn check_names(selection: &Selection, clusters: &Clusters) -> Result<(), Stopped> {
    let known: Vec<&str> = clusters.names();
    let wrong = selection
        .clusters
        .iter()
        .find(|c| !known.contains(&c.as_str()));
    if let Some(wrong) = wrong {
        let known = known.join(", ");
        return Err(Stopped::new(
            Exit::Usage,
            format!("--cluster {wrong}: not in the archive, which has {known}"),
        ));
    }
    Ok(())
}

/// The jobs of the sweep, and whether some that were named are refused.
fn choose(
    database: &Database<'_>,
    rows: &Rows,
    selection: Selection,
    now: i64,
    console: &Console,
) -> Result<(Jobs, bool), Stopped> {
    if selection.job_ids.is_empty() {
        let filter = Filter::new(selection, now);
        let pending = database.wait(|| Pending::open(database.path, filter.clone()))?;
        let pending = pending.with_patience(database.patience);
        return Ok((Jobs::Pending(Box::new(pending)), false));
    }
    let Chosen { jobs, refused } =
        database.wait(|| sweep::choose(rows, &selection, now, database.stop))?;
    if jobs.is_empty() {
        let why: Vec<String> = refused
            .iter()
            .map(|r| format!("job {}: {}", r.job_id, r.why))
            .collect();
        return Err(Stopped::new(Exit::Usage, why.join("\n")));
    }
    for r in &refused {
        console.event(&Event::Warning(&format!(
            "job {} is not archived: {}",
            r.job_id, r.why
        )));
    }
    Ok((Jobs::Chosen(jobs), !refused.is_empty()))
}

fn settings(b: &BehaviourArgs, site: &Site, selection: &Selection, clock: Clock) -> Settings {
    let defaults = Settings::new(clock);
    let seconds = |d: Duration| i64::try_from(d.as_secs()).unwrap_or(i64::MAX);
    Settings {
        workers: b.workers.map_or(defaults.workers, usize::from),
        queue: b.queue.get(),
        timeout: b.timeout,
        max_duration: b.max_duration,
        // A snapshot brings what is missing at the latest.
        settle: b
            .settle
            .map_or(defaults.settle.max(site.checkpoint_interval.value), seconds),
        retention: site.retention.as_ref().map(|r| r.value),
        retry_now: b.retry_now,
        force: b.force,
        accept_empty: b.accept_empty,
        walltime: b.zero_duration.is_some(),
        compression: match b.compression {
            Compression::Fast => Effort::Fast,
            Compression::Normal => Effort::Normal,
            Compression::Small => Effort::Small,
        },
        source: site
            .checkpoints
            .iter()
            .map(|c| c.value.display().to_string())
            .collect::<Vec<_>>()
            .join(" "),
        limit: selection.limit,
        hook: b.hook.clone(),
        ..defaults
    }
}

fn history(summary: &Summary, clock: Clock, exit: Exit) -> Run {
    let ended = clock.now();
    Run {
        started: ended - i64::try_from(clock.elapsed().as_secs()).unwrap_or(0),
        ended,
        exit: exit as i64,
        figures: report::json::summary(summary, exit).to_string(),
    }
}
