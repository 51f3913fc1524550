//! The only encoder of the metric store's files: JSON and binary snapshots, the log.
//!
//! The generator and all tests write checkpoint files with it. It must share no code with the reader of the program, so
//! that no mistake is on both sides; the golden sites, which the metric store itself has written, hold the reader to the
//! real formats.

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

/// The series of one level by metric.
type Metrics<'a> = BTreeMap<&'a str, &'a Series<'a>>;

/// All levels of a host by child, the node's own first, in the order in which names sort.
fn levels<'a>(series: &'a [Series<'_>]) -> BTreeMap<&'a str, Metrics<'a>> {
    let mut levels = BTreeMap::from([("", Metrics::new())]);
    for one in series {
        levels.entry(one.child).or_default().insert(one.metric, one);
    }
    levels
}

fn listed(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(",")
}

/// A `.json` snapshot: numbers with one decimal, no value as null.
pub(crate) fn json(series: &[Series<'_>], from: i64, to: i64) -> Vec<u8> {
    let level = |metrics: &Metrics<'_>, children: &str| {
        let metrics = listed(metrics.values().map(|one| json_series(one)));
        format!(
            "{{\"metrics\":{{{metrics}}},\"children\":{{{children}}},\"from\":{from},\"to\":{to}}}"
        )
    };
    let mut levels = levels(series);
    let own = levels.remove("").unwrap_or_default();
    let children = listed(
        levels
            .iter()
            .map(|(child, metrics)| format!("\"{child}\":{}", level(metrics, ""))),
    );
    (level(&own, &children) + "\n").into_bytes()
}

fn json_series(one: &Series<'_>) -> String {
    let (metric, step, start) = (one.metric, one.step, one.start);
    let number = |value: &f32| format!("{value:.1}").replace("NaN", "null");
    let values = listed(one.values.iter().map(number));
    format!("\"{metric}\":{{\"frequency\":{step},\"start\":{start},\"data\":[{values}]}}")
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
                bytes.extend(value.to_le_bytes());
            }
        }
        // The node itself has all others as children; they have none.
        let is_node = child.is_empty();
        count(&mut bytes, if is_node { levels.len() - 1 } else { 0 });
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
    let mut payload = time.to_le_bytes().to_vec();
    name(&mut payload, metric);
    payload.push(u8::from(!child.is_empty()));
    if !child.is_empty() {
        payload.push(u8::try_from(child.len()).unwrap_or(u8::MAX));
        payload.extend(child.as_bytes());
    }
    payload.extend(value.to_bits().to_le_bytes());
    log.extend(0xCC1D_A7A1_u32.to_le_bytes());
    count(log, payload.len());
    log.extend(&payload);
    log.extend(crc32fast::hash(&payload).to_le_bytes());
}
