//! `ccarchive status`: how the backlog stands.

use ccarchive::inspect::status::{self, Wanted};
use ccarchive::sweep::Exit;
use jiff::Zoned;

use super::Stopped;
use super::inspected::{Ages, Inspected};
use crate::cli::inspect::StatusArgs;
use crate::report;

/// What to look at besides the backlog.
pub(super) fn wanted(thin: f64, runs: usize, days: u16, now: &Zoned) -> Wanted {
    Wanted {
        thin,
        runs,
        days: i64::from(days),
        offset: i64::from(now.offset().seconds()),
    }
}

/// Looks at the backlog; changes nothing.
pub(crate) fn status(args: &StatusArgs) -> Result<Exit, Stopped> {
    let now = Zoned::now();
    let ages = Ages {
        min_age: args.min_age,
        ..Ages::default()
    };
    let Some(site) = Inspected::open(&args.site, ages, &now)? else {
        return Ok(Exit::Done);
    };
    if let Some(listing) = args.listing() {
        let limit = args.limit;
        let jobs = site.ask(|ports| Ok(status::list(ports, listing, limit, &site.stop)?))?;
        if args.json {
            for told in &jobs {
                report::inspect::json("job", told)?;
            }
        } else {
            report::out(&report::inspect::status::list(&jobs, limit))?;
        }
        return Ok(Exit::Done);
    }
    let wanted = wanted(args.thin, args.runs, args.days, &now);
    let clusters = site.clusters.names();
    let status = site.ask(|ports| {
        let answer = status::status(ports, &site.terms, &wanted, &clusters, &site.stop);
        Ok(answer?)
    })?;
    let database = &site.site.database.value.display().to_string();
    if let Some(file) = &args.metrics_file {
        report::inspect::metrics::write(&status, file)
            .map_err(|e| Stopped::unwritten("metrics file", file, &e))?;
    }
    if let Some(file) = &args.html {
        let hours = site.ask(|ports| Ok(status::hours(ports, status.now)))?;
        let page = report::html::status(&status, &wanted, &hours, database);
        report::html::write(file, &page).map_err(|e| Stopped::unwritten("page", file, &e))?;
    }
    if args.json {
        report::inspect::json("status", &status)?;
    } else {
        report::out(&report::inspect::status::page(&status, &wanted, database))?;
    }
    Ok(if status.needs_attention() {
        Exit::Failures
    } else {
        Exit::Done
    })
}
