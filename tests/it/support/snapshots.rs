//! The metric store's files, written by hand: a sample a minute of two metrics, whose value tells host, metric and time.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Seconds between samples.
pub(crate) const STEP: i64 = 60;
/// The metrics of every host.
pub(crate) const METRICS: [&str; 2] = ["cpu_load", "net_bw"];

/// The sample of that time: exact in one decimal, which is all that JSON snapshots keep.
pub(crate) fn value(host: &str, metric: &str, t: i64) -> f32 {
    let name = host
        .bytes()
        .chain(metric.bytes())
        .map(i64::from)
        .sum::<i64>();
    let n = (t / STEP * 7 + name * 13).rem_euclid(1000);
    u16::try_from(n).unwrap().into()
}

/// The folder of a host, where its files go.
#[derive(Clone, Debug)]
pub(crate) struct HostFiles {
    folder: PathBuf,
    host: String,
}

impl HostFiles {
    pub(crate) fn new(cluster: &Path, host: &str) -> Self {
        let folder = cluster.join(host);
        fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            host: host.to_owned(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A binary snapshot with every sample of its interval, by another name and a rename.
    pub(crate) fn bin(&self, span: Range<i64>) {
        let name = format!("{}.bin", span.start);
        let part = self.path(&format!("{name}.tmp"));
        fs::write(&part, binary(&self.host, span)).unwrap();
        fs::rename(part, self.path(&name)).unwrap();
    }

    /// A JSON snapshot with every sample of its interval, in one write.
    pub(crate) fn json(&self, span: Range<i64>) {
        let name = format!("{}.json", span.start);
        fs::write(self.path(&name), json(&self.host, span)).unwrap();
    }

    /// Appends every sample of the time to the log.
    pub(crate) fn log(&self, span: Range<i64>) {
        let mut log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("current.wal"))
            .unwrap();
        let mut bytes = Vec::new();
        if log.metadata().unwrap().len() == 0 {
            bytes.extend(0xCC1D_A701_u32.to_le_bytes());
        }
        for t in times(&span) {
            for metric in METRICS {
                record(&mut bytes, t, metric, value(&self.host, metric, t));
            }
        }
        log.write_all(&bytes).unwrap();
    }

    /// What the log holds becomes a snapshot, and the log begins anew.
    pub(crate) fn rotate(&self, span: Range<i64>) {
        self.bin(span);
        fs::remove_file(self.path("current.wal")).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Cuts a file short, in the middle of its values.
    pub(crate) fn cut(&self, name: &str) {
        let path = self.path(name);
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 5 * 3]).unwrap();
    }
}

/// The times of samples in a span.
pub(crate) fn times(span: &Range<i64>) -> impl Iterator<Item = i64> {
    let first = span.start + (-span.start).rem_euclid(STEP);
    (first..span.end).step_by(usize::try_from(STEP).unwrap())
}

/// A binary snapshot's bytes.
pub(crate) fn binary(host: &str, span: Range<i64>) -> Vec<u8> {
    let mut bytes = 0xCC5B_0001_u32.to_le_bytes().to_vec();
    bytes.extend(span.start.to_le_bytes());
    bytes.extend(span.end.to_le_bytes());
    bytes.extend(count(METRICS.len()));
    for metric in METRICS {
        let values: Vec<f32> = times(&span).map(|t| value(host, metric, t)).collect();
        name(&mut bytes, metric);
        bytes.extend(STEP.to_le_bytes());
        bytes.extend(span.start.to_le_bytes());
        bytes.extend(count(values.len()));
        for v in values {
            bytes.extend(v.to_bits().to_le_bytes());
        }
    }
    bytes.extend(count(0));
    bytes
}

/// A JSON snapshot's text.
pub(crate) fn json(host: &str, span: Range<i64>) -> String {
    let series: Vec<String> = METRICS
        .iter()
        .map(|metric| {
            let values: Vec<String> = times(&span)
                .map(|t| format!("{:.1}", value(host, metric, t)))
                .collect();
            format!(
                "\"{metric}\":{{\"frequency\":{STEP},\"start\":{},\"data\":[{}]}}",
                span.start,
                values.join(",")
            )
        })
        .collect();
    format!(
        "{{\"metrics\":{{{}}},\"children\":{{}},\"from\":{},\"to\":{}}}\n",
        series.join(","),
        span.start,
        span.end
    )
}

fn record(bytes: &mut Vec<u8>, t: i64, metric: &str, v: f32) {
    let mut payload = t.to_le_bytes().to_vec();
    name(&mut payload, metric);
    payload.push(0);
    payload.extend(v.to_bits().to_le_bytes());
    bytes.extend(0xCC1D_A7A1_u32.to_le_bytes());
    bytes.extend(count(payload.len()));
    bytes.extend(&payload);
    bytes.extend(crc32fast::hash(&payload).to_le_bytes());
}

fn count(n: usize) -> [u8; 4] {
    u32::try_from(n).unwrap().to_le_bytes()
}

fn name(bytes: &mut Vec<u8>, name: &str) {
    bytes.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    bytes.extend(name.as_bytes());
}
