//! The store's three formats, written down once more for tests that need files of their own making: the smallest that
//! hold something of everything, so that damage can be put at every byte.

use std::fmt::Write as _;

/// One series of a snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// Empty for the host itself.
    pub(crate) child: &'static str,
    pub(crate) metric: &'static str,
    /// Seconds between values.
    pub(crate) step: i64,
    pub(crate) start: i64,
    /// NaN where there is none.
    pub(crate) values: Vec<f32>,
}

/// The children of the host with their series, the host itself first.
fn levels(series: &[Series]) -> Vec<(&'static str, Vec<&Series>)> {
    let mut out: Vec<(&str, Vec<&Series>)> = vec![("", Vec::new())];
    for s in series {
        match out.iter_mut().find(|l| l.0 == s.child) {
            Some(level) => level.1.push(s),
            None => out.push((s.child, vec![s])),
        }
    }
    out
}

pub(crate) fn binary(series: &[Series], from: i64, to: i64) -> Vec<u8> {
    let mut b = 0xCC5B_0001_u32.to_le_bytes().to_vec();
    b.extend(from.to_le_bytes());
    b.extend(to.to_le_bytes());
    let levels = levels(series);
    for (child, metrics) in &levels {
        if !child.is_empty() {
            name(&mut b, child);
        }
        count(&mut b, metrics.len());
        for s in metrics {
            name(&mut b, s.metric);
            b.extend(s.step.to_le_bytes());
            b.extend(s.start.to_le_bytes());
            count(&mut b, s.values.len());
            b.extend(s.values.iter().flat_map(|v| v.to_le_bytes()));
        }
        let children = if child.is_empty() {
            levels.len() - 1
        } else {
            0
        };
        count(&mut b, children);
    }
    b
}

pub(crate) fn json(series: &[Series], from: i64, to: i64) -> Vec<u8> {
    let mut t = String::new();
    let close = format!("}},\"from\":{from},\"to\":{to}}}");
    for (k, (child, metrics)) in levels(series).iter().enumerate() {
        if !child.is_empty() {
            let comma = if k > 1 { "," } else { "" };
            write!(t, "{comma}\"{child}\":").unwrap();
        }
        let metrics: Vec<String> = metrics.iter().map(|s| json_series(s)).collect();
        write!(t, "{{\"metrics\":{{{}}},\"children\":{{", metrics.join(",")).unwrap();
        if !child.is_empty() {
            t += &close;
        }
    }
    (t + &close + "\n").into_bytes()
}

fn json_series(s: &Series) -> String {
    let value = |v: &f32| {
        if v.is_nan() {
            "null".to_owned()
        } else {
            format!("{v:.1}")
        }
    };
    let values: Vec<String> = s.values.iter().map(value).collect();
    format!(
        "\"{}\":{{\"frequency\":{},\"start\":{},\"data\":[{}]}}",
        s.metric,
        s.step,
        s.start,
        values.join(",")
    )
}

/// A log that holds nothing yet.
pub(crate) fn log() -> Vec<u8> {
    0xCC1D_A701_u32.to_le_bytes().to_vec()
}

/// Appends a record.
pub(crate) fn record(log: &mut Vec<u8>, t: i64, child: &str, metric: &str, value: f32) {
    let mut payload = t.to_le_bytes().to_vec();
    name(&mut payload, metric);
    payload.push(u8::from(!child.is_empty()));
    if !child.is_empty() {
        payload.push(u8::try_from(child.len()).unwrap());
        payload.extend(child.as_bytes());
    }
    payload.extend(value.to_le_bytes());
    log.extend(0xCC1D_A7A1_u32.to_le_bytes());
    count(log, payload.len());
    log.extend(&payload);
    log.extend(crc32(&payload).to_le_bytes());
}

/// CRC-32 as zlib computes it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
    !bytes.iter().fold(u32::MAX, |crc, b| {
        (0..8).fold(crc ^ u32::from(*b), |crc, _| step(crc))
    })
}

fn count(b: &mut Vec<u8>, n: usize) {
    b.extend(u32::try_from(n).unwrap().to_le_bytes());
}

fn name(b: &mut Vec<u8>, name: &str) {
    b.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    b.extend(name.as_bytes());
}
