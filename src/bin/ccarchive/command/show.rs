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
        let head = row(&args.job, ports.rows, &now, &site.stop)?.head;
        if args.csv {
            return csv(ports, &head.key, &wanted);
        }
        let picture = show::show(ports, &head, &wanted).map_err(|e| stopped(&e, &head.key))?;
        if let Some(file) = &args.html {
            let fine = Wanted {
                columns: report::html::COLUMNS,
                ..wanted.clone()
            };
            let picture = show::show(ports, &head, &fine).map_err(|e| stopped(&e, &head.key))?;
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
    let mut written = writeln!(out, "metric,scope,host,id,time,value");
    let mut line = |s: &SeriesRead<'_>, timestep: i64| {
        let names = [s.metric, s.scope, s.host, s.id.unwrap_or_default()];
        let names = names.map(quoted).join(",");
        for (k, v) in s.values.iter().enumerate() {
            if written.is_err() {
                return;
            }
            let t = key.start_time + k as i64 * timestep;
            written = if v.is_nan() {
                writeln!(out, "{names},{t},")
            } else {
                writeln!(out, "{names},{t},{v}")
            };
        }
    };
    show::values(ports, key, wanted, &mut line).map_err(|e| stopped(&e, key))?;
    report::unless_closed(written.and_then(|()| out.flush()))?;
    Ok(Exit::Done)
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
