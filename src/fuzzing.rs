//! One entry point per foreign format, for fuzzers and for the tests that run the same with seeded mutations.
//!
//! An input may be refused in words; what is accepted must stay within its bounds: memory in proportion to the input,
//! times that arithmetic can hold, texts that read back. A broken promise is a panic.

use std::cell::RefCell;
use std::io::Read;
use std::path::PathBuf;

use crate::format::deflate::Encoder;
use crate::format::read;
use crate::format::{fixed, number, text};
use crate::model::cluster::Clusters;
use crate::model::cluster::nodelist;
use crate::model::failure::fit_to_print;
use crate::model::job::{is_path_component, parse_meta_data, parse_resources};
use crate::model::stop::Stop;
use crate::model::stored::{Form, Values};
use crate::rules::richness::{Comparison, compare};
use crate::rules::scopes::Components;
use crate::rules::timeline::{Builder, Grid, Interval, Level};
use crate::site::{self, Located, Origin};
use crate::source::checkpoint::snapshot::{Snapshot, Wish};
use crate::source::checkpoint::{binary, json, wal};

/// Takes one input; panics where a promise is broken.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its corpus and of its binary in `fuzz/`.
pub const TARGETS: [(&str, Target); 12] = [
    ("snapshot_binary", snapshot_binary),
    ("snapshot_json", snapshot_json),
    ("log", log),
    ("cluster", cluster),
    ("node_list", node_list),
    ("resources", resources),
    ("meta_data", meta_data),
    ("archived_data", archived_data),
    ("config", config),
    ("texts", texts),
    ("numbers", numbers),
    ("deflate", deflate),
];

/// A refusal is one printable sentence.
fn refused(why: &str) {
    assert!(!why.is_empty());
    let why = fit_to_print(why);
    assert!(!why.contains(char::is_control) && why.len() < 20_000);
}

/// `<from>.bin`
pub fn snapshot_binary(input: &[u8]) {
    let stop = Stop::new();
    match binary::read(input, input.len() as u64, &Wish::everything(&stop)) {
        Ok(snapshot) => {
            assert_eq!(binary::parse_interval(input), Ok(snapshot.interval));
            place(&snapshot, input);
        }
        Err(why) => refused(&why.to_string()),
    }
}

/// `<from>.json`
pub fn snapshot_json(input: &[u8]) {
    let stop = Stop::new();
    match json::read(input, input.len() as u64, &Wish::everything(&stop)) {
        Ok(snapshot) => place(&snapshot, input),
        Err(why) => refused(&why.to_string()),
    }
}

/// Puts a snapshot twice on a timeline, as two files of one host, and asks for it.
fn place(snapshot: &Snapshot, input: &[u8]) {
    let count: usize = snapshot.series.iter().map(|s| s.column.len()).sum();
    assert!(count <= input.len(), "{count} values");
    let mut builder = Builder::default();
    let metrics: Vec<_> = snapshot.series.iter().map(|s| s.metric.clone()).collect();
    let start = snapshot.series.first().map_or(0, |s| s.column.start);
    for _ in 0..2 {
        for s in &snapshot.series {
            let id = builder.series(s.path.clone(), &s.metric, s.column.step);
            builder.snapshot(id, snapshot.interval, s.column.clone());
            builder.sample(id, snapshot.interval.to, 1.0, Interval::ALL);
        }
    }
    ask(
        &builder.finish(&[], i64::MAX).series,
        metrics.iter().map(|m| &**m),
        start,
    );
}

fn ask<'a>(root: &Level, metrics: impl Iterator<Item = &'a str>, start: i64) {
    let mut chains = Vec::new();
    metrics.take(50).for_each(|m| root.chains(m, &mut chains));
    for series in chains.iter().take(100) {
        for step in [1, 60, 1 << 30] {
            let grid = Grid { start, step, n: 20 };
            assert_eq!(series.read(grid).len(), 20);
        }
    }
    root.last_sample(start, start.saturating_add(1 << 20));
}

/// `current.wal`
pub fn log(input: &[u8]) {
    let mut builder = Builder::default();
    let (mut records, mut first) = (0, None);
    let read = wal::read(input, &Stop::new(), |r| {
        records += 1;
        if let Some((metric, path)) = wal::series_of(r.series) {
            first = first.or(Some(r.t));
            let id = builder.series(path, &metric, 60);
            builder.sample(id, r.t, r.value, Interval::ALL);
        }
    });
    // A record has 24 bytes at least.
    assert!(records * 24 <= input.len(), "{records} records");
    if let Err(why) = read {
        refused(&why.to_string());
    }
    let root = builder.finish(&[], i64::MAX).series;
    assert!(root.bytes() <= 4096 + 256 * input.len());
    ask(&root, ["load", "mem"].into_iter(), first.unwrap_or(0));
}

/// `cluster.json` of a cluster `tiny`, as it derives everything that a job asks for.
pub fn cluster(input: &[u8]) {
    let clusters = match Clusters::load([("tiny", input)]) {
        Ok(clusters) => clusters,
        Err(why) => return refused(&why.to_string()),
    };
    let Some(cluster) = clusters.get("tiny") else {
        panic!("a cluster has its folder's name");
    };
    for m in cluster.metrics_by_name() {
        let store = clusters.store_metric(&m.name);
        assert!(store.is_some_and(|s| s.frequency >= 1 && s.frequency <= 1 << 30));
    }
    let Some(sub) = cluster.subcluster("main") else {
        return;
    };
    if let Err(why) = clusters.footprint_of(sub) {
        refused(&why.to_string());
    }
    for resource in parse_resources(br#"[{"hostname":"n1"},{"hostname":"n2","hwthreads":[0,1]}]"#)
        .unwrap_or_default()
    {
        let units = Components::new(&resource, &sub.topology);
        for m in cluster.metrics.iter().take(50) {
            units.targets(m.native, m.native);
        }
    }
}

/// A node list.
pub fn node_list(input: &[u8]) {
    let input = String::from_utf8_lossy(input);
    if let Err(why) = nodelist::check(&input) {
        refused(&why.to_string());
    }
}

/// The column `resources`.
pub fn resources(input: &[u8]) {
    match parse_resources(input) {
        Ok(hosts) => {
            assert!(!hosts.is_empty());
            for h in &hosts {
                assert!(is_path_component(&h.hostname));
                let folder = PathBuf::from("checkpoints").join(&h.hostname);
                assert_eq!(folder.components().count(), 2, "{}", folder.display());
                reads_back(h.hostname.as_bytes());
            }
        }
        Err(why) => refused(&why),
    }
}

/// The column `meta_data`.
pub fn meta_data(input: &[u8]) {
    match parse_meta_data(Some(input)) {
        Ok(map) => map.iter().for_each(|(k, v)| {
            reads_back(k.as_bytes());
            reads_back(v.as_bytes());
        }),
        Err(why) => refused(&why),
    }
}

/// A stored data file, plain or compressed as its first bytes say.
pub fn archived_data(input: &[u8]) {
    let form = if input.starts_with(&[0x1f, 0x8b]) {
        Form::Gzip
    } else {
        Form::Plain
    };
    let mut values = Values::new();
    if let Err(why) = read::count(input, form, &mut values) {
        refused(&why.to_string());
    }
    let total: u64 = values.values().map(|h| h.values).sum();
    // Deflate makes at most 1032 bytes of one.
    assert!(total <= 1032 * input.len() as u64, "{total} values");
    assert_eq!(compare(&values, &values, true), Comparison::Equal);
}

/// config.json; sections in other files are not followed.
pub fn config(input: &[u8]) {
    let file = Located::new(PathBuf::from("config.json"), Origin::Default("fuzzing"));
    if let Err(e) = site::check_config(input, &file) {
        refused(&e.to_string());
    }
}

/// A text column: what is written of it is JSON and reads back.
pub fn texts(input: &[u8]) {
    reads_back(input);
}

fn reads_back(bytes: &[u8]) {
    let mut out = Vec::new();
    text::quoted(bytes, &mut out);
    let back: Result<String, _> = serde_json::from_slice(&out);
    let mut expected = String::new();
    for chunk in bytes.utf8_chunks() {
        expected.push_str(chunk.valid());
        chunk
            .invalid()
            .iter()
            .for_each(|_| expected.push('\u{fffd}'));
    }
    assert_eq!(back.ok(), Some(expected));
}

/// Eight bytes as a number: printed as the standard library does.
pub fn numbers(input: &[u8]) {
    for chunk in input.chunks_exact(8) {
        let x = f64::from_le_bytes(chunk.try_into().unwrap_or_default());
        if !x.is_finite() {
            continue;
        }
        let mut out = Vec::new();
        fixed::fixed2(x, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), format!("{x:.2}"), "{x:e}");
        out.clear();
        number::shortest(x, &mut out);
        let back: Result<f64, _> = String::from_utf8_lossy(&out).parse();
        assert_eq!(back.map(f64::to_bits), Ok(x.to_bits()), "{x:e}");
    }
}

thread_local! {
    /// One for all inputs: what an input leaves behind must not show in the next.
    static ENCODER: RefCell<Encoder> = RefCell::new(Encoder::new());
}

/// Bytes that are compressed; where the first one is high, what follows comes several times, which makes several blocks
/// of it.
pub fn deflate(input: &[u8]) {
    let raw = match input.split_first() {
        Some((&first, rest)) if first >= 240 => rest.repeat(usize::from(first - 238)),
        _ => input.to_vec(),
    };
    let mut member = Vec::new();
    let made = ENCODER.with_borrow_mut(|e| e.member(&raw, &mut member));
    assert_eq!(made, Ok(()));
    // A block is never larger than stored: five bytes each, and 18 around them.
    assert!(member.len() <= raw.len() + 5 * (raw.len() / 32_768 + 1) + 18);
    let mut back = Vec::new();
    let read = flate2::bufread::GzDecoder::new(&*member).read_to_end(&mut back);
    assert!(read.is_ok() && back == raw);
}
