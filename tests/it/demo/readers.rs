//! The files of a host, through the program's own readers: golden sites hold those to what the metric store writes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use ccarchive::model::stop::Stop;
use ccarchive::source::checkpoint::snapshot::{Fault, Wish};
use ccarchive::source::checkpoint::{binary, json, wal};

/// Child (empty for the node itself) and metric.
pub(super) type Key = (String, String);

/// One series of a snapshot.
pub(super) struct Stretch {
    pub(super) step: i64,
    pub(super) start: i64,
    pub(super) values: Vec<f32>,
}

pub(super) struct Snapshot {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) series: BTreeMap<Key, Stretch>,
}

pub(super) fn snapshot(path: &Path) -> Result<Snapshot, Fault> {
    let stop = Stop::new();
    let (file, wish) = (File::open(path).unwrap(), Wish::everything(&stop));
    let length = file.metadata().unwrap().len();
    let read = if path.extension().unwrap() == "json" {
        json::read(file, length, &wish)?
    } else {
        binary::read(BufReader::new(file), length, &wish)?
    };
    let series = read.series.into_iter().map(|s| {
        let values = (0..s.column.len()).map(|i| s.column.value(i).unwrap());
        let stretch = Stretch {
            step: s.column.step,
            start: s.column.start,
            values: values.collect(),
        };
        ((s.path.concat(), s.metric.into()), stretch)
    });
    let (from, to) = (read.interval.from, read.interval.to);
    let series = series.collect();
    Ok(Snapshot { from, to, series })
}

/// The records of a log, and in how many places there is something else.
pub(super) fn log(path: &Path) -> (Vec<(i64, Key, f32)>, usize) {
    let mut records = Vec::new();
    let met = wal::read(File::open(path).unwrap(), &Stop::new(), |r| {
        let (metric, levels) = wal::series_of(r.series).unwrap();
        records.push((r.t, (levels.concat(), metric), r.value));
    });
    (records, met.unwrap().skipped)
}

/// All snapshots of a host, oldest first.
pub(super) fn snapshots(host: &Path) -> Vec<Snapshot> {
    let entries = fs::read_dir(host).unwrap().map(|e| e.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|p| !p.ends_with("current.wal")).collect();
    paths.sort();
    let named = |path: &PathBuf| {
        let snapshot = snapshot(path).unwrap();
        assert_eq!(
            path.file_stem().unwrap().to_str().unwrap(),
            snapshot.from.to_string()
        );
        snapshot
    };
    paths.iter().map(named).collect()
}
