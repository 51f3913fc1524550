//! The metric store's files of one host, as the live store would have written them.
//!
//! In the store a sample at `t` fills the slot from `t - F / 2` up to `t + F - F / 2`. A snapshot of `[from, to)` stands on
//! a grid of its own: it begins at the first sample's time, or at `from` if that is later, and holds for each grid time
//! the slot that contains it, up to the last slot filled when it was written. The log holds every sample since the newest
//! snapshot, in the order of arrival.

use super::curves::Column;
use super::encode::{self, Series};
use super::hosts::{Host, Role};
use super::plan::Plan;
use super::random::index;

/// The host's files: name and content.
pub(super) fn files(host: &Host, columns: &[Column], plan: &Plan) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let count = plan.snapshots().len();
    for (number, (from, to)) in plan.snapshots().enumerate() {
        let series: Vec<_> = columns
            .iter()
            .filter_map(|column| snapshot(column, from, to))
            .collect();
        if series.is_empty() {
            continue;
        }
        let is_old = number < count.div_ceil(2);
        if host.role == Role::Json || (host.is_mixed && is_old) {
            files.push((format!("{from}.json"), encode::json(&series, from, to)));
            continue;
        }
        let mut bytes = encode::binary(&series, from, to);
        if host.role == Role::CutSnapshot && number + 1 == count {
            bytes.truncate(bytes.len() / 5 * 3);
        }
        files.push((format!("{from}.bin"), bytes));
    }
    if host.role != Role::Json && host.role != Role::Silent {
        let log = log(columns, plan, host.role == Role::BadLog);
        files.push(("current.wal".to_owned(), log));
    }
    files
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
    let values = column.values.get(slot..filled.min(slot + room));
    Some(Series {
        metric: &column.metric.name,
        child: &column.child,
        step,
        start,
        values: values.unwrap_or_default().into(),
    })
}

/// The log: every sample since the newest snapshot. A bad one has a wrong checksum in it and a torn end.
fn log(columns: &[Column], plan: &Plan, is_bad: bool) -> Vec<u8> {
    let mut records = Vec::new();
    for column in columns {
        let times = (0..).map(|number| column.first + number * column.metric.timestep);
        let samples = times.zip(&column.values);
        let newer = samples.filter(|(time, value)| *time >= plan.newest() && !value.is_nan());
        records.extend(newer.map(|(time, value)| (time, column, *value)));
    }
    records.sort_by_key(|(time, ..)| *time);
    let mut log = encode::log();
    for (number, (time, column, value)) in records.iter().enumerate() {
        encode::record(&mut log, *time, &column.child, &column.metric.name, *value);
        if is_bad && number == records.len() / 8 {
            let last = log.len() - 1;
            log[last] ^= 0x40;
        }
    }
    if is_bad {
        log.truncate(log.len() - 9);
    }
    log
}
