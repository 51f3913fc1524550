//! What a sweep leaves for those who look later: a line of the ledger's history with the backlog as it is then, and the
//! figures for Prometheus.
//!
//! Nothing here decides anything. Where it cannot be done, the sweep is not worse for it.

use ccarchive::inspect::status::{self, Status, Sweep};
use ccarchive::ledger::{Ledger, Run};
use ccarchive::site::Site;
use ccarchive::sweep::Exit;
use ccarchive::sweep::monitor::{Event, Monitor};
use jiff::Zoned;

use super::Stopped;
use super::inspected::{Ages, Inspected};
use super::status::wanted;
use crate::cli::run::RunArgs;
use crate::report::Console;
use crate::report::inspect::metrics;
use crate::signals;

/// Notes a sweep that has ended; its exit code is another where the figures that were asked for cannot be written.
pub(super) fn note(
    args: &RunArgs,
    site: &Site,
    ledger: &Ledger,
    mut run: Run,
    console: &Console,
) -> Option<Exit> {
    // Whoever interrupted it wants an end, and a count may take a second. A time box and a sweep that stopped early count.
    let counted = if signals::arrived() > 0 {
        None
    } else {
        count(args, site).ok()
    };
    if let Some((_, status)) = &counted {
        run.figures = with_backlog(&run.figures, status);
    }
    ledger.finish_run(&run);
    let file = args.output.metrics_file.as_ref()?;
    if signals::arrived() > 0 {
        return None;
    }
    let written = counted
        .ok_or_else(|| "the job database cannot be counted".to_owned())
        .and_then(|(inspected, mut status)| {
            complete(&inspected, &mut status, &run).map_err(|e| e.message)?;
            metrics::write(&status, file).map_err(|e| e.to_string())
        });
    let why = written.err()?;
    let text = format!(
        "the metrics file {} cannot be written: {why}",
        file.display()
    );
    console.event(&Event::Warning(&text));
    Some(Exit::Aborted)
}

/// Counts the backlog as `status` does.
fn count(args: &RunArgs, site: &Site) -> Result<(Inspected, Status), Stopped> {
    let ages = Ages {
        settle: args.behaviour.settle,
        min_age: args
            .select
            .min_age
            .filter(|_| args.select.job_id.is_empty()),
    };
    let inspected = Inspected::of(site.clone(), ages, &Zoned::now())?;
    let status = inspected.ask(|ports| {
        let counted = status::count(ports, &inspected.terms, &inspected.stop);
        Ok(counted?)
    })?;
    Ok((inspected, status))
}

fn complete(inspected: &Inspected, status: &mut Status, run: &Run) -> Result<(), Stopped> {
    let clusters = inspected.clusters.names();
    inspected.ask(|ports| {
        let wanted = wanted(0.9, 1, 1, &Zoned::now());
        status::complete(status, ports, &wanted, &clusters, &inspected.stop);
        Ok(())
    })?;
    // Also where the ledger cannot be written.
    status.runs = vec![Sweep::from(run)];
    Ok(())
}

/// The figures of a sweep and the backlog that it left.
fn with_backlog(figures: &str, status: &Status) -> String {
    let Ok(mut figures) = serde_json::from_str::<serde_json::Value>(figures) else {
        return figures.to_owned();
    };
    figures["backlog"] = serde_json::to_value(status.past()).unwrap_or_default();
    figures.to_string()
}
