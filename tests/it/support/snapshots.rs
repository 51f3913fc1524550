//! The metric store's files of a host: a sample a minute of two metrics, whose value tells host, metric and time.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

#[cfg(feature = "parquet")]
use super::parquet_files::TestRow;
use crate::generator::encode::{self, Series};

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
        fs::write(&part, binary(&self.host, &span)).unwrap();
        fs::rename(part, self.path(&name)).unwrap();
    }

    /// A binary snapshot that says it ends where the span does, with samples before `last` only.
    pub(crate) fn bin_until(&self, span: Range<i64>, last: i64) {
        let series = series(&self.host, &(span.start..last));
        let bytes = encode::binary(&series, span.start, span.end);
        fs::write(self.path(&format!("{}.bin", span.start)), bytes).unwrap();
    }

    /// A binary snapshot of that interval with these metrics' samples.
    pub(crate) fn bin_of(&self, span: Range<i64>, metrics: &[(&'static str, Range<i64>)]) {
        let series: Vec<Series<'static>> = metrics
            .iter()
            .map(|(metric, held)| Series {
                metric,
                child: "",
                step: STEP,
                start: held.start,
                values: times(held).map(|t| value(&self.host, metric, t)).collect(),
            })
            .collect();
        let bytes = encode::binary(&series, span.start, span.end);
        fs::write(self.path(&format!("{}.bin", span.start)), bytes).unwrap();
    }

    /// A JSON snapshot with every sample of its interval, in one write.
    pub(crate) fn json(&self, span: Range<i64>) {
        let name = format!("{}.json", span.start);
        fs::write(self.path(&name), json(&self.host, &span)).unwrap();
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
            bytes = encode::log();
        }
        for t in times(&span) {
            for metric in METRICS {
                encode::record(&mut bytes, t, "", metric, value(&self.host, metric, t));
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

/// The series of a snapshot with every sample of its interval.
fn series(host: &str, span: &Range<i64>) -> Vec<Series<'static>> {
    (METRICS.iter())
        .map(|metric| Series {
            metric,
            child: "",
            step: STEP,
            start: span.start,
            values: times(span).map(|t| value(host, metric, t)).collect(),
        })
        .collect()
}

/// A binary snapshot's bytes.
pub(crate) fn binary(host: &str, span: &Range<i64>) -> Vec<u8> {
    encode::binary(&series(host, span), span.start, span.end)
}

/// A JSON snapshot's text.
pub(crate) fn json(host: &str, span: &Range<i64>) -> Vec<u8> {
    encode::json(&series(host, span), span.start, span.end)
}

/// The same as rows of a Parquet file, as every host reports them.
#[cfg(feature = "parquet")]
pub(crate) fn rows(host: &'static str, span: &Range<i64>) -> Vec<TestRow> {
    let of = |metric: &'static str| {
        times(span).map(move |time| TestRow {
            host,
            metric,
            scope: "node",
            id: "",
            time,
            step: STEP,
            value: value(host, metric, time),
        })
    };
    METRICS.into_iter().flat_map(of).collect()
}
