//! The metric store's files of one host, as the live store would have written them.
//!
//! In the store a sample at `t` fills the slot from `t - F / 2` up to `t + F - F / 2`. A snapshot of `[from, to)` stands on
//! a grid of its own: it begins at the first sample's time, or at `from` if that is later, and holds for each grid time
//! the slot that contains it, up to the last slot filled when it was written. The log holds every sample since the newest
//! snapshot, in the order of arrival.

use std::fs;
use std::path::Path;

use super::curves::Column;
use super::encode::{self, Series};
use super::hosts::{Fault, Format, Host};
use super::plan::{Error, Window};
use super::random::index;

/// Writes the folder of one host; how many samples it sent, and how many bytes its files have.
pub(super) fn write_host(
    folder: &Path,
    host: &Host,
    columns: &[Column],
    window: &Window,
) -> Result<(u64, u64), Error> {
    if columns.is_empty() {
        return Ok((0, 0));
    }
    fs::create_dir_all(folder).map_err(Error::at(folder))?;
    let mut size = 0;
    let mut store = |name: &str, bytes: &[u8]| {
        size += bytes.len() as u64;
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(Error::at(&path))
    };
    let intervals = window.borders.len() - 1;
    for (number, border) in window.borders.windows(2).enumerate() {
        let (from, to) = (border[0], border[1]);
        let series: Vec<_> = columns
            .iter()
            .filter_map(|c| snapshot(c, from, to))
            .collect();
        let old = number < intervals.div_ceil(2);
        if series.is_empty() {
            continue;
        }
        if host.format == Format::Json || (host.format == Format::Mixed && old) {
            store(&format!("{from}.json"), &encode::json(&series, from, to))?;
        } else {
            let mut bytes = encode::binary(&series, from, to);
            if host.fault == Fault::CutSnapshot && number + 1 == intervals {
                bytes.truncate(bytes.len() / 5 * 3);
            }
            store(&format!("{from}.bin"), &bytes)?;
        }
    }
    if host.format != Format::Json {
        let mut log = log(columns, window);
        if host.fault == Fault::BadLog {
            encode::damage(&mut log);
        }
        store("current.wal", &log)?;
    }
    let sent = columns
        .iter()
        .flat_map(|c| &c.values)
        .filter(|value| !value.is_nan());
    Ok((sent.count() as u64, size))
}

/// The column's part of the snapshot of `[from, to)`; none if there is nothing to write.
fn snapshot(column: &Column, from: i64, to: i64) -> Option<Series<'_>> {
    let step = column.metric.timestep;
    let start = from.max(column.first);
    // What has arrived before the snapshot is written.
    let arrived = index((to - column.first + step - 1).div_euclid(step)).min(column.values.len());
    let filled = column.values[..arrived].iter().rposition(|v| !v.is_nan())? + 1;
    if column.first + step * (filled as i64) < from {
        return None;
    }
    let slot = index((start - column.first + step / 2) / step);
    let room = index((to - start + step - 1) / step);
    Some(Series {
        metric: &column.metric.name,
        child: &column.child,
        step,
        start,
        values: column
            .values
            .get(slot..filled.min(slot + room))
            .unwrap_or_default()
            .into(),
    })
}

/// The log: every sample since the newest snapshot.
fn log(columns: &[Column], window: &Window) -> Vec<u8> {
    let mut records = Vec::new();
    for column in columns {
        let times = (0..).map(|number| column.first + number * column.metric.timestep);
        let samples = times
            .zip(&column.values)
            .filter(|(_, value)| !value.is_nan());
        let newer = samples.skip_while(|(time, _)| *time < window.newest());
        records.extend(newer.map(|(time, value)| (time, column, *value)));
    }
    records.sort_by_key(|(time, ..)| *time);
    let mut log = encode::log();
    for (time, column, value) in records {
        encode::record(&mut log, time, &column.child, &column.metric.name, value);
    }
    log
}
