//! The metric store's files of one host, as the live store would have written them.
//!
//! In the store a sample at `t` fills the slot from `t - F / 2` up to `t + F - F / 2`. A snapshot
//! of `[from, to)` stands on a grid of its own: it begins at the first sample's time, or at `from`
//! if that is later, and holds for each grid time the slot that contains it, up to the last slot
//! filled when it was written. The log holds every sample since the newest snapshot, in the order
//! of arrival.

use std::fs;
use std::path::Path;

use super::curves::Column;
use super::encode::{self, Series};
use super::hosts::{Fault, Format, Host};
use super::plan::{Error, Window};
use super::random::index;

/// What was written.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    /// Samples that the host sent.
    pub(super) samples: u64,
    /// Bytes of its files.
    pub(super) bytes: u64,
}

/// Writes the folder of one host.
pub(super) fn write_host(
    folder: &Path,
    host: &Host,
    columns: &[Column],
    window: &Window,
) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    if columns.is_empty() {
        return Ok(tally);
    }
    fs::create_dir_all(folder).map_err(Error::at(folder))?;
    let mut store = |name: String, bytes: &[u8]| {
        tally.bytes += bytes.len() as u64;
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(Error::at(&path))
    };
    let intervals = window.borders.len() - 1;
    for (number, border) in window.borders.windows(2).enumerate() {
        let (from, to) = (border[0], border[1]);
        let series: Vec<Series<'_>> = columns
            .iter()
            .filter_map(|c| snapshot(c, from, to))
            .collect();
        if series.is_empty() {
            continue;
        }
        let old = number < intervals.div_ceil(2);
        if host.format == Format::Json || (host.format == Format::Mixed && old) {
            store(format!("{from}.json"), &encode::json(&series, from, to))?;
        } else {
            let mut bytes = encode::binary(&series, from, to);
            if host.fault == Fault::CutSnapshot && number + 1 == intervals {
                bytes.truncate(bytes.len() / 5 * 3);
            }
            store(format!("{from}.bin"), &bytes)?;
        }
    }
    if host.format != Format::Json {
        let mut log = log(columns, window);
        if host.fault == Fault::BadLog {
            encode::damage(&mut log);
        }
        store("current.wal".to_owned(), &log)?;
    }
    tally.samples = columns
        .iter()
        .map(|c| c.values.iter().filter(|v| !v.is_nan()).count() as u64)
        .sum();
    Ok(tally)
}

/// The column's part of the snapshot of `[from, to)`; none if there is nothing to write.
fn snapshot(column: &Column, from: i64, to: i64) -> Option<Series<'_>> {
    let step = column.metric.timestep;
    let start = from.max(column.first);
    // What has arrived before the snapshot is written.
    let arrived = index((to - column.first + step - 1).div_euclid(step)).min(column.values.len());
    let filled = column.values[..arrived].iter().rposition(|v| !v.is_nan())? + 1;
    if column.first + step * i64::try_from(filled).unwrap_or(i64::MAX) < from {
        return None;
    }
    let slot = index((start - column.first + step / 2) / step);
    let room = index((to - start + step - 1) / step);
    let end = filled.min(slot + room);
    Some(Series {
        metric: &column.metric.name,
        child: &column.child,
        step,
        start,
        values: column.values.get(slot..end).unwrap_or_default().into(),
    })
}

/// The log: every sample since the newest snapshot.
fn log(columns: &[Column], window: &Window) -> Vec<u8> {
    let mut log = encode::log();
    // All timesteps are multiples of the shortest, and all columns have the same phase.
    let Some(quickest) = columns.iter().min_by_key(|column| column.metric.timestep) else {
        return log;
    };
    let step = quickest.metric.timestep;
    let begin = window.newest();
    let mut time = begin + (quickest.first - begin).rem_euclid(step);
    while time <= window.last {
        for column in columns {
            let since = time - column.first;
            if since < 0 || since % column.metric.timestep != 0 {
                continue;
            }
            let value = column.values[index(since / column.metric.timestep)];
            if !value.is_nan() {
                encode::record(&mut log, time, &column.child, &column.metric.name, value);
            }
        }
        time += step;
    }
    log
}
