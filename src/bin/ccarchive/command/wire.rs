//! The parts of a sweep, opened as flags and site say.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ccarchive::format::gzip::Effort;
use ccarchive::jobs::lock::{self, Lock};
use ccarchive::jobs::{self, Archived, Filter, Pending, Recorder, Rows};
use ccarchive::ledger::{Ledger, Run};
use ccarchive::model::clock::Clock;
use ccarchive::model::cluster::Clusters;
use ccarchive::model::failure::chain;
use ccarchive::model::job::Shown;
use ccarchive::model::memory::Memory;
use ccarchive::model::selection::Selection;
use ccarchive::model::stop::Stop;
use ccarchive::rules::judge::longest_wait;
use ccarchive::site::Site;
use ccarchive::sweep::monitor::{Event, Monitor};
use ccarchive::sweep::{self, Chosen, Exit, Jobs, Refusal, Settings, Summary};
use ccarchive::target::{ClusterFiles, Target};

use super::Stopped;
use crate::cli::run::{BehaviourArgs, Compression, RunArgs};
use crate::report::{self, Console};

/// The job database before the sweep: others may keep it locked.
pub(super) struct Database<'a> {
    pub(super) path: &'a Path,
    pub(super) patience: Duration,
    pub(super) stop: &'a Stop,
}

impl Database<'_> {
    /// Where results go; none for a dry run.
    pub(super) fn recorder(&self, dry_run: bool) -> Result<Option<Recorder>, Stopped> {
        if dry_run {
            return Ok(None);
        }
        let recorder = self.wait(|| Recorder::open(self.path, self.patience))?;
        Ok(Some(recorder))
    }

    /// The rows. A dry run, which has no recorder, must hold the database itself to leave nothing beside it.
    pub(super) fn rows(&self, dry_run: bool) -> Result<Rows, Stopped> {
        let rows = Rows::new(self.path, self.patience);
        if dry_run {
            self.wait(|| rows.hold(self.stop))?;
        }
        Ok(rows)
    }

    fn wait<T>(&self, f: impl FnMut() -> Result<T, jobs::Error>) -> Result<T, Stopped> {
        jobs::patiently(self.patience, self.stop, f).map_err(|e| {
            if self.stop.is_draining() {
                return interrupted();
            }
            Stopped::from(e)
        })
    }
}

fn interrupted() -> Stopped {
    Stopped::new(
        Exit::Interrupted,
        "interrupted before the sweep began; nothing was changed",
    )
}

/// The lock of a sweep; `patience` is how long another sweep is waited for. `now`: Unix seconds.
pub(super) fn take_lock(
    site: &Site,
    patience: Duration,
    now: i64,
    stop: &Stop,
) -> Result<Lock, Stopped> {
    let since = report::words::time(now);
    match lock::take(&site.database.value, &since, patience, stop) {
        Ok(lock) => Ok(lock),
        Err(lock::Error::Held { .. }) if stop.is_draining() => Err(interrupted()),
        Err(e @ lock::Error::Held { .. }) => Err(Stopped::new(Exit::Locked, e.to_string())),
        Err(e @ lock::Error::Io { .. }) => Err(Stopped::new(Exit::Aborted, chain(&e))),
    }
}

/// The clusters of the archive.
pub(super) fn load_clusters(archive: &dyn Target, console: &Console) -> Result<Clusters, Stopped> {
    let aborted = |e: String| Stopped::new(Exit::Aborted, e);
    let ClusterFiles {
        files,
        without,
        gone,
    } = archive.clusters().map_err(|e| aborted(e.to_string()))?;
    for folder in without {
        let w = format!(
            "{} in the archive has no cluster.json; cc-backend does not start with it",
            Shown(&folder)
        );
        console.event(&Event::Warning(&w));
    }
    for link in &gone {
        let w = format!(
            "{} in the archive is a symbolic link whose target does not exist: if it is a cluster's, its jobs are left as they are",
            Shown(link)
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
            "the archive has no cluster: expected a cluster.json for each".into(),
        ));
    }
    Ok(clusters.but_gone(gone))
}

/// A cluster that nobody configured is a slip of the pen, not an empty backlog.
pub(super) fn check_names(selection: &Selection, clusters: &Clusters) -> Result<(), Stopped> {
    let known: Vec<&str> = clusters.names();
    let wrong = selection
        .clusters
        .iter()
        .find(|c| !known.contains(&c.as_str()) && !clusters.is_gone(c));
    if let Some(wrong) = wrong {
        let known = known.join(", ");
        return Err(Stopped::new(
            Exit::Usage,
            format!("--cluster {wrong}: not in the archive, which has {known}"),
        ));
    }
    Ok(())
}

/// Our own memory; what is odd about it is said.
pub(super) fn open_ledger(site: &Site, dry_run: bool, console: &Console) -> Ledger {
    let ledger = if dry_run {
        Ledger::open_read_only(&site.ledger.value)
    } else {
        Ledger::open(&site.ledger.value, &site.database.value)
    };
    for warning in ledger.take_warnings() {
        console.event(&Event::Warning(&warning));
    }
    ledger
}

/// The archived jobs that may still get samples, where the ledger has forgotten which. `swept_before`: whether a sweep of
/// the database ever ran before this one.
pub(super) fn recent(
    database: &Database<'_>,
    site: &Site,
    ledger: &Ledger,
    settings: &Settings,
    swept_before: bool,
) -> Result<Option<Archived>, Stopped> {
    if !ledger.has_forgotten(swept_before) {
        return Ok(None);
    }
    let all = Selection {
        not_clusters: site.elsewhere.clone(),
        ..Selection::default()
    };
    let now = settings.clock.now();
    let filter = Filter::new(all, now);
    let since = now.saturating_sub(longest_wait(settings.settle));
    let recent = database.wait(|| Archived::open(database.path, filter.clone(), since))?;
    Ok(Some(recent))
}

/// The jobs of the sweep, and whether some that were named are refused. `now`: Unix seconds.
pub(super) fn jobs(
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
    let why = |r: &sweep::Refused| format!("job {}: {}", r.job_id, refusal(&r.why));
    if jobs.is_empty() {
        let why: Vec<String> = refused.iter().map(why).collect();
        return Err(Stopped::new(Exit::Usage, why.join("\n")));
    }
    for r in &refused {
        console.event(&Event::Warning(&format!("not archived: {}", why(r))));
    }
    Ok((Jobs::Chosen(jobs), !refused.is_empty()))
}

/// Why a named job is refused, with the flag that helps.
fn refusal(why: &Refusal) -> String {
    match why {
        Refusal::Unknown { .. } | Refusal::NotStopped(_) | Refusal::SwitchedOff => why.to_string(),
        Refusal::TooYoung => format!("{why}; --min-age 0 takes it"),
        Refusal::Elsewhere => format!("{why} (--source DIR)"),
        Refusal::Ambiguous(heads) => {
            let mut text = format!("{why}; add --cluster or --start-time to choose one:");
            for head in heads {
                let key = &head.key;
                text += &format!(
                    "\n  --cluster {} --start-time {} ({}, {})",
                    Shown(&key.cluster),
                    key.start_time,
                    report::words::time(key.start_time),
                    Shown(&head.state)
                );
            }
            text
        }
    }
}

/// The memory for decoded hosts and for series.
pub(super) fn memory(b: &BehaviourArgs, site: &Site) -> Arc<Memory> {
    let all = usize::try_from(b.memory).unwrap_or(usize::MAX);
    Arc::new(Memory::of_sweep(all).with_sources(site.sources_of_a_host()))
}

/// How to sweep.
pub(super) fn settings(
    args: &RunArgs,
    site: &Site,
    archive: &dyn Target,
    selection: &Selection,
    memory: &Arc<Memory>,
    clock: Clock,
) -> Settings {
    let b = &args.behaviour;
    let defaults = Settings::new(clock);
    let seconds = |d: Duration| i64::try_from(d.as_secs()).unwrap_or(i64::MAX);
    // A snapshot brings what is missing at the latest.
    let settle = defaults.settle.max(site.checkpoint_interval.value);
    let workers = defaults.workers + archive.waits();
    Settings {
        workers: b.workers.map_or(workers, usize::from),
        queue: b.queue.get(),
        timeout: b.timeout,
        max_duration: b.max_duration,
        settle: b.settle.map_or(settle, seconds),
        retention: site.forgets_after(),
        retry_now: b.retry_now,
        standings: args.select.standings(),
        force: b.force,
        accept_empty: b.accept_empty,
        walltime: b.zero_duration.is_some(),
        warn_coverage: b.warn_coverage.unwrap_or(defaults.warn_coverage),
        compression: match b.compression {
            Compression::Fast => Effort::Fast,
            Compression::Normal => Effort::Normal,
            Compression::Small => Effort::Small,
        },
        source: site.source_names().join(" "),
        memory: Arc::clone(memory),
        limit: selection.limit,
        hook: b.hook.clone(),
        ..defaults
    }
}

/// The sweep as the ledger remembers it.
pub(super) fn history(summary: &Summary, clock: Clock, exit: Exit) -> Run {
    let ended = clock.now();
    Run {
        started: ended - i64::try_from(clock.elapsed().as_secs()).unwrap_or(0),
        ended,
        exit: exit as i64,
        figures: report::json::summary(summary, exit).to_string(),
    }
}
