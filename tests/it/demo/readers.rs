//! Readers of the metric store's files, small and strict.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

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

/// Takes numbers and names from the front of some bytes; none when they run out.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn name(&mut self) -> Option<String> {
        let length = u16::from_le_bytes(self.array()?);
        String::from_utf8(self.take(length.into())?.to_vec()).ok()
    }
}

pub(super) fn read_binary(bytes: &[u8]) -> Option<Snapshot> {
    let mut bytes = Bytes(bytes);
    (bytes.array()? == *b"\x01\x00\x5b\xcc").then_some(())?;
    let (from, to) = (bytes.i64()?, bytes.i64()?);
    let mut series = BTreeMap::new();
    binary_level(&mut bytes, "", &mut series)?;
    bytes.0.is_empty().then_some(Snapshot { from, to, series })
}

fn binary_level(
    bytes: &mut Bytes<'_>,
    child: &str,
    all: &mut BTreeMap<Key, Stretch>,
) -> Option<()> {
    for _ in 0..bytes.u32()? {
        let key = (child.to_owned(), bytes.name()?);
        let (step, start) = (bytes.i64()?, bytes.i64()?);
        let count = bytes.u32()?;
        let values = (0..count)
            .map(|_| bytes.array().map(f32::from_le_bytes))
            .collect::<Option<_>>()?;
        assert!(
            all.insert(
                key,
                Stretch {
                    step,
                    start,
                    values
                }
            )
            .is_none(),
            "a series stands twice"
        );
    }
    for _ in 0..bytes.u32()? {
        let child = bytes.name()?;
        binary_level(bytes, &child, all)?;
    }
    Some(())
}

pub(super) fn read_json(bytes: &[u8]) -> Snapshot {
    let document: Value = serde_json::from_slice(bytes).unwrap();
    let (from, to) = (
        document["from"].as_i64().unwrap(),
        document["to"].as_i64().unwrap(),
    );
    let mut series = BTreeMap::new();
    json_level(&document, "", (from, to), &mut series);
    Snapshot { from, to, series }
}

fn json_level(level: &Value, child: &str, range: (i64, i64), all: &mut BTreeMap<Key, Stretch>) {
    assert_eq!(
        (level["from"].as_i64(), level["to"].as_i64()),
        (Some(range.0), Some(range.1))
    );
    for (metric, one) in level["metrics"].as_object().unwrap() {
        let number = |value: &Value| {
            value
                .as_f64()
                .map_or(f32::NAN, |v| format!("{v}").parse().unwrap())
        };
        let stretch = Stretch {
            step: one["frequency"].as_i64().unwrap(),
            start: one["start"].as_i64().unwrap(),
            values: one["data"].as_array().unwrap().iter().map(number).collect(),
        };
        all.insert((child.to_owned(), metric.clone()), stretch);
    }
    for (name, below) in level["children"].as_object().unwrap() {
        json_level(below, name, range, all);
    }
}

/// The good records of a log, how many have a wrong checksum, and how many bytes are left over.
pub(super) fn read_log(bytes: &[u8]) -> (Vec<(i64, Key, f32)>, usize, usize) {
    let mut bytes = Bytes(bytes);
    assert_eq!(bytes.array(), Some(*b"\x01\xa7\x1d\xcc"));
    let (mut records, mut bad) = (Vec::new(), 0);
    loop {
        let rest = bytes.0.len();
        let Some((payload, good)) = log_payload(&mut bytes) else {
            return (records, bad, rest);
        };
        match log_record(&mut Bytes(payload)) {
            Some(record) if good => records.push(record),
            _ => bad += 1,
        }
    }
}

/// The payload of the next record, and whether its checksum is right.
fn log_payload<'a>(bytes: &mut Bytes<'a>) -> Option<(&'a [u8], bool)> {
    (bytes.array()? == *b"\xa1\xa7\x1d\xcc").then_some(())?;
    let length = bytes.u32()?;
    let payload = bytes.take(length as usize)?;
    let sum = bytes.u32()?;
    Some((payload, crc32fast::hash(payload) == sum))
}

fn log_record(bytes: &mut Bytes<'_>) -> Option<(i64, Key, f32)> {
    let time = bytes.i64()?;
    let metric = bytes.name()?;
    let mut child = String::new();
    for _ in 0..bytes.array::<1>()?[0] {
        let length = bytes.array::<1>()?[0];
        child = String::from_utf8(bytes.take(length.into())?.to_vec()).ok()?;
    }
    let value = f32::from_le_bytes(bytes.array()?);
    bytes.0.is_empty().then_some((time, (child, metric), value))
}

pub(super) fn snapshots(host: &Path) -> Vec<Snapshot> {
    let mut paths: Vec<PathBuf> = fs::read_dir(host)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    let mut snapshots = Vec::new();
    for path in paths.iter().filter(|path| !path.ends_with("current.wal")) {
        let bytes = fs::read(path).unwrap();
        let json = path.extension().unwrap() == "json";
        let snapshot = if json {
            read_json(&bytes)
        } else {
            read_binary(&bytes).unwrap()
        };
        assert_eq!(
            path.file_stem().unwrap().to_str().unwrap(),
            snapshot.from.to_string()
        );
        snapshots.push(snapshot);
    }
    snapshots
}
