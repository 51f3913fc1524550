//! `ccarchive run`: the site's parts, one call of the engine, the exit code.

use std::sync::Arc;

use ccarchive::jobs;
use ccarchive::model::clock::Clock;
use ccarchive::model::selection::Selection;
use ccarchive::model::stop::Stop;
use ccarchive::site::{Site, Survey};
use ccarchive::sweep::monitor::{Event, Monitor};
use ccarchive::sweep::{self, Exit, Parts};
use ccarchive::target::Archive;
use jiff::Zoned;

use super::source::Opening;
use super::wire::{self, Database};
use super::{Stopped, afterwards, archive, preflight, sources};
use crate::cli::run::RunArgs;
use crate::report::inspect::metrics;
use crate::report::{Console, with_advice};
use crate::signals;

/// Runs a sweep as the flags say, and says what came of it.
pub(crate) fn run(args: &RunArgs) -> Result<Exit, Stopped> {
    let now = Zoned::now();
    let mode = args.output.mode(args.behaviour.dry_run);
    let console = Console::new(mode, args.output.log_file.as_deref())
        .map_err(|e| Stopped::new(Exit::Aborted, e.to_string()))?;
    let ended = begin(args, &now, &console);
    Ok(ended.unwrap_or_else(|e| console.stopped(e.exit, &e.message)))
}

/// Finds out which site and which jobs are meant.
fn begin(args: &RunArgs, now: &Zoned, console: &Console) -> Result<Exit, Stopped> {
    let stop = Arc::new(Stop::new());
    signals::listen(&stop, args.behaviour.timeout)
        .map_err(|e| Stopped::new(Exit::Aborted, e.to_string()))?;
    let mut selection = args.selection(now).map_err(|e| {
        let text = e.to_string();
        Stopped::new(Exit::Usage, text.trim_start_matches("error: ").trim_end())
    })?;
    if args.select.has_local_times() && now.time_zone().is_unknown() {
        let zone = std::env::var("TZ").unwrap_or_default();
        let text =
            format!("the time zone '{zone}' (TZ) is not known: times of flags are taken as UTC");
        console.event(&Event::Warning(&text));
    }
    if let Some(file) = &args.output.metrics_file {
        metrics::check(file).map_err(|e| Stopped::new(Exit::Usage, e))?;
    }
    let site = Site::resolve(&args.places())?;
    if args.place.show_config {
        console.out(site.show());
    }
    for w in &site.warnings {
        console.event(&Event::Warning(&with_advice(&w.text, w.advice)));
    }
    if args.place.show_config {
        return Ok(console.flushed(Exit::Done));
    }
    selection.not_clusters.clone_from(&site.elsewhere);
    let clock = Clock::starting_at(now.timestamp().as_second());
    site.check()?;
    let archive = archive::open(&site, clock, &stop)?;
    let dry_run = args.behaviour.dry_run;
    let survey = preflight::look(&site, &*archive, dry_run, console)?;
    for oddity in sources::oddities(&site, clock) {
        console.event(&Event::Warning(&oddity));
    }
    let media = Media {
        site: &site,
        survey: &survey,
        archive: &*archive,
        clock,
    };
    let exit = sweep_site(args, &media, selection, console, &stop)?;
    // A dry run of somebody who could not sweep is no promise.
    let is_promise = matches!(exit, Exit::Done | Exit::Failures);
    Ok(if is_promise && survey.obstacle.is_some() {
        Exit::Aborted
    } else {
        exit
    })
}

/// What a sweep works on.
struct Media<'a> {
    site: &'a Site,
    survey: &'a Survey,
    archive: &'a dyn Archive,
    clock: Clock,
}

/// Puts the parts together and sweeps.
fn sweep_site(
    args: &RunArgs,
    media: &Media<'_>,
    selection: Selection,
    console: &Console,
    stop: &Stop,
) -> Result<Exit, Stopped> {
    let b = &args.behaviour;
    let (site, archive, clock) = (media.site, media.archive, media.clock);
    let database = Database {
        path: &site.database.value,
        patience: b.lock_timeout,
        stop,
    };
    let swept_before = jobs::lock::was_taken(database.path);
    let lock = if b.dry_run {
        None
    } else {
        let patience = b.wait_lock.unwrap_or_default();
        Some(wire::take_lock(site, patience, clock.now(), stop)?)
    };
    let recorder = database.recorder(b.dry_run)?;
    let clusters = wire::load_clusters(archive, console)?;
    wire::check_names(&selection, &clusters)?;
    for doubt in preflight::doubts(site, media.survey, &clusters, clock.now()) {
        console.event(&Event::Warning(&doubt));
    }
    let ledger = wire::open_ledger(site, b.dry_run, console);
    let sources = Opening {
        site,
        clusters: &clusters,
        ledger: &ledger,
        clock,
    };
    let memory = wire::memory(b, site);
    let source = sources.all(&memory)?;
    let rows = database.rows(b.dry_run)?;
    let settings = wire::settings(args, site, archive, &selection, &memory, clock);
    let recent = wire::recent(&database, site, &ledger, &settings, swept_before)?;
    let (jobs, refused) = wire::jobs(&database, &rows, selection, clock.now(), console)?;
    console.start(site, &settings);
    let parts = Parts {
        source: &source,
        target: archive,
        clusters: &clusters,
        ledger: &ledger,
        jobs,
        recent,
        rows: &rows,
        recorder,
        lock: lock.as_ref(),
    };
    let summary = sweep::run(parts, &settings, console, stop);
    let mut exit = summary.exit();
    if refused && exit == Exit::Done {
        exit = Exit::Failures;
    }
    let exit = console.finish(&summary, exit);
    if b.dry_run {
        return Ok(exit);
    }
    let run = wire::history(&summary, clock, exit);
    let other = afterwards::note(args, site, &ledger, run, console);
    Ok(match other {
        Some(other) if matches!(exit, Exit::Done | Exit::Failures) => console.flushed(other),
        _ => exit,
    })
}
