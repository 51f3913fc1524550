//! The only encoder of the metric store's files: JSON and binary snapshots, the log.
//!
//! The generator and all tests write checkpoint files with it. It must share no code with the reader
//! of the program, so that no mistake is on both sides; the golden sites, which the metric store
//! itself has written, hold the reader to the real formats.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// One series of a snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Series<'a> {
    pub(crate) metric: &'a str,
    /// Empty for the node itself.
    pub(crate) child: &'a str,
    /// Seconds between values.
    pub(crate) step: i64,
    /// Time of the first value.
    pub(crate) start: i64,
    /// NaN where the store has none.
    pub(crate) values: Cow<'a, [f32]>,
}

/// The series of a host by child, the node's own first, in the order in which names sort.
fn levels<'a, 'b>(
    series: &'a [Series<'b>],
) -> BTreeMap<&'b str, BTreeMap<&'b str, &'a Series<'b>>> {
    let mut levels: BTreeMap<&str, BTreeMap<&str, &Series<'_>>> = BTreeMap::new();
    levels.entry("").or_default();
    for one in series {
        levels.entry(one.child).or_default().insert(one.metric, one);
    }
    levels
}

/// A `.json` snapshot: numbers with one decimal, no value as null.
pub(crate) fn json(series: &[Series<'_>], from: i64, to: i64) -> Vec<u8> {
    let level = |metrics: &BTreeMap<&str, &Series<'_>>, children: &str| {
        let metrics = metrics
            .values()
            .map(|one| json_series(one))
            .collect::<Vec<_>>()
            .join(",");
        format!(
            "{{\"metrics\":{{{metrics}}},\"children\":{{{children}}},\"from\":{from},\"to\":{to}}}"
        )
    };
    let mut levels = levels(series);
    let own = levels.remove("").unwrap_or_default();
    let children = levels
        .iter()
        .map(|(child, metrics)| format!("\"{child}\":{}", level(metrics, "")));
    let children = children.collect::<Vec<_>>().join(",");
    (level(&own, &children) + "\n").into_bytes()
}

fn json_series(series: &Series<'_>) -> String {
    let Series {
        metric,
        step,
        start,
        ..
    } = series;
    let mut text = format!("\"{metric}\":{{\"frequency\":{step},\"start\":{start},\"data\":[");
    for (number, value) in series.values.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        if value.is_nan() {
            text += &format!("{comma}null");
        } else {
            text += &format!("{comma}{value:.1}");
        }
    }
    text + "]}"
}

/// A `.bin` snapshot.
pub(crate) fn binary(series: &[Series<'_>], from: i64, to: i64) -> Vec<u8> {
    let levels = levels(series);
    let mut bytes = 0xCC5B_0001_u32.to_le_bytes().to_vec();
    bytes.extend(from.to_le_bytes());
    bytes.extend(to.to_le_bytes());
    for (child, metrics) in &levels {
        if !child.is_empty() {
            name(&mut bytes, child);
        }
        count(&mut bytes, metrics.len());
        for one in metrics.values() {
            name(&mut bytes, one.metric);
            bytes.extend(one.step.to_le_bytes());
            bytes.extend(one.start.to_le_bytes());
            count(&mut bytes, one.values.len());
            for value in one.values.iter() {
                let bits = if value.is_nan() {
                    0x7FC0_0000
                } else {
                    value.to_bits()
                };
                bytes.extend(bits.to_le_bytes());
            }
        }
        // The node itself has all others as children; they have none.
        let children = if child.is_empty() {
            levels.len() - 1
        } else {
            0
        };
        count(&mut bytes, children);
    }
    bytes
}

fn count(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

fn name(bytes: &mut Vec<u8>, name: &str) {
    bytes.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(name.as_bytes());
}

/// A `current.wal` that holds nothing yet.
pub(crate) fn log() -> Vec<u8> {
    0xCC1D_A701_u32.to_le_bytes().to_vec()
}

/// Appends one sample to a log; `child` is empty for the node itself.
pub(crate) fn record(log: &mut Vec<u8>, time: i64, child: &str, metric: &str, value: f32) {
    log.extend(0xCC1D_A7A1_u32.to_le_bytes());
    let length = 8 + 2 + metric.len() + 1 + 4 + if child.is_empty() { 0 } else { 1 + child.len() };
    count(log, length);
    let payload = log.len();
    log.extend(time.to_le_bytes());
    name(log, metric);
    log.push(u8::from(!child.is_empty()));
    if !child.is_empty() {
        log.push(u8::try_from(child.len()).unwrap_or(u8::MAX));
        log.extend(child.as_bytes());
    }
    log.extend(value.to_bits().to_le_bytes());
    let checksum = crc32fast::hash(&log[payload..]);
    log.extend(checksum.to_le_bytes());
}

/// Makes the record in the middle of a log fail its checksum, and tears the last one off half-way.
pub(super) fn damage(log: &mut Vec<u8>) {
    let mut records = Vec::new();
    let mut rest = 4;
    while let Some(length) = log.get(rest + 4..).and_then(|b| b.first_chunk()) {
        records.push(rest);
        rest += 12 + u32::from_le_bytes(*length) as usize;
    }
    if let Some(middle) = records.get(records.len() / 2) {
        log[middle + 10] ^= 0x40;
        log.truncate(log.len() - 9);
    }
}
