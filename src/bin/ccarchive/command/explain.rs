//! `ccarchive explain`: what is the matter with one job.

use ccarchive::inspect::explain;
use ccarchive::jobs::Rows;
use ccarchive::model::job::Row;
use ccarchive::model::stop::Stop;
use ccarchive::sweep::{Exit, Refusal};
use jiff::Zoned;

use super::Stopped;
use super::inspected::{Ages, Inspected};
use crate::cli::inspect::{ExplainArgs, JobArgs};
use crate::report;

/// Explains a job; changes nothing.
pub(crate) fn explain(args: &ExplainArgs) -> Result<Exit, Stopped> {
    let now = Zoned::now();
    let ages = Ages {
        settle: args.settle,
        min_age: args.min_age,
    };
    let Some(site) = Inspected::open(&args.site, ages, &now)? else {
        return Ok(Exit::Done);
    };
    let explained = site.ask(|ports| {
        let row = row(&args.job, ports.rows, &now, &site.stop)?;
        Ok(explain::explain(ports, &site.terms, &row, &site.stop))
    })?;
    let words = args.site.place.words();
    if args.json {
        report::inspect::explain::json(&explained, &words)?;
    } else {
        report::out(&report::inspect::explain::page(&explained, &words))?;
    }
    Ok(if explained.next.step.needs_person() {
        Exit::Failures
    } else {
        Exit::Done
    })
}

/// The row of the job that is named.
pub(super) fn row(named: &JobArgs, rows: &Rows, now: &Zoned, stop: &Stop) -> Result<Row, Stopped> {
    let start = match &named.start_time {
        None => None,
        Some(when) => Some(
            when.unix(now)
                .map_err(|e| Stopped::new(Exit::Usage, format!("--start-time: {e}")))?,
        ),
    };
    let mut found = rows.by_number(named.job, stop)?;
    found.retain(|r| {
        let key = &r.head.key;
        named.cluster.as_ref().is_none_or(|c| *c == key.cluster)
            && start.is_none_or(|t| t == key.start_time)
    });
    let narrowed = named.cluster.is_some() || start.is_some();
    match found.pop() {
        None => Err(Stopped::new(
            Exit::Usage,
            format!("job {}: {}", named.job, Refusal::Unknown { narrowed }),
        )),
        Some(row) if found.is_empty() => Ok(row),
        Some(row) => {
            found.push(row);
            let mut text = format!(
                "{} jobs share the number {}; name one with --cluster and --start-time:",
                found.len(),
                named.job
            );
            for r in &found {
                let (key, head) = (&r.head.key, &r.head);
                text += &format!(
                    "\n  --cluster {} --start-time {}  ({}, status {})",
                    key.cluster, key.start_time, head.state, head.status
                );
            }
            Err(Stopped::new(Exit::Usage, text))
        }
    }
}
