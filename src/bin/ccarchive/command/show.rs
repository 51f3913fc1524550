//! `ccarchive show`: an archived job for human eyes.

use std::io::{BufWriter, Write};

use ccarchive::format::read::SeriesRead;
use ccarchive::inspect::Ports;
use ccarchive::inspect::show::{self, Error, Wanted};
use ccarchive::model::failure::chain;
use ccarchive::model::job::JobKey;
use ccarchive::sweep::Exit;
use jiff::Zoned;

use super::Stopped;
use super::explain::row;
use super::inspected::{Ages, Inspected};
use crate::cli::inspect::ShowArgs;
use crate::report;

/// Shows a job; changes nothing.
pub(crate) fn show(args: &ShowArgs) -> Result<Exit, Stopped> {
    let now = Zoned::now();
    let Some(site) = Inspected::open(&args.site, Ages::default(), &now)? else {
        return Ok(Exit::Done);
    };
    let wanted = Wanted {
        metrics: args.metric.clone(),
        hosts: args.host.clone(),
        columns: report::inspect::show::columns(),
    };
    site.ask(|ports| {
        let key = row(&args.job, ports.rows, &now, &site.stop)?.head.key;
        if args.csv {
            return csv(ports, &key, &wanted);
        }
        let picture = show::show(ports, &key, &wanted).map_err(|e| stopped(&e, &key))?;
        if let Some(file) = &args.html {
            let fine = Wanted {
                columns: report::html::COLUMNS,
                ..wanted.clone()
            };
            let picture = show::show(ports, &key, &fine).map_err(|e| stopped(&e, &key))?;
            let page = report::html::job(&picture, now.timestamp().as_second());
            report::html::write(file, &page).map_err(|e| Stopped::unwritten("page", file, &e))?;
        }
        if args.json {
            report::inspect::json("show", &picture)?;
        } else {
            report::out(&report::inspect::show::page(&picture, &wanted))?;
        }
        Ok(Exit::Done)
    })
}

fn stopped(e: &Error, key: &JobKey) -> Stopped {
    if let Error::Unknown { what, .. } = e {
        return Stopped::new(Exit::Usage, format!("--{what}: {key}: {e}"));
    }
    let hint = if matches!(e, Error::NotArchived) {
        format!("; ccarchive explain {} says why", key.job_id)
    } else {
        String::new()
    };
    Stopped::new(Exit::Aborted, format!("{key}: {}{hint}", chain(e)))
}

/// Every value of the wanted series, one a line.
fn csv(ports: &Ports<'_>, key: &JobKey, wanted: &Wanted) -> Result<Exit, Stopped> {
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    // A closed pipe is the reader's wish.
    let mut open = writeln!(out, "metric,scope,host,id,time,value").is_ok();
    let mut line = |s: &SeriesRead<'_>| {
        let step = show::timestep(ports, s.metric);
        let id = s.id.unwrap_or_default();
        for (k, v) in s.values.iter().enumerate() {
            let value = if v.is_nan() {
                String::new()
            } else {
                v.to_string()
            };
            let t = key.start_time + k as i64 * step;
            open = open
                && writeln!(
                    out,
                    "{},{},{},{},{t},{value}",
                    quoted(s.metric),
                    quoted(s.scope),
                    quoted(s.host),
                    quoted(id)
                )
                .is_ok();
        }
    };
    show::values(ports, key, wanted, &mut line).map_err(|e| stopped(&e, key))?;
    out.flush().unwrap_or_default();
    Ok(Exit::Done)
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
