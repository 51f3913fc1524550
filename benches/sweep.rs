//! Whole sweeps over a site, beside two limits: compressing and writing the very same documents on all cores, with
//! libdeflate's level 6 and with our own encoder.
//!
//! `cargo bench --bench sweep -- [NODES HOURS JOBS]` (default 16 13 300) generates a site; `-- SITE` takes a copy of one at
//! rest; `-- --write SITE NODES HOURS JOBS` only writes one, for measurements of the program itself. All three alternate in one process, five rounds, since machines are noisy: quote the ratios, and those of processor
//! time before those of seconds where others use the machine.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and a broken site should panic"
)]

#[path = "../src/bin/ccarchive/generator/mod.rs"]
#[expect(
    dead_code,
    reason = "measurements need sites of a chosen size only, without what the demo says of them"
)]
mod generator;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ccarchive::format::gzip::{Effort, Encoder};
use ccarchive::jobs::{Filter, Pending, Recorder, Rows};
use ccarchive::ledger::Ledger;
use ccarchive::model::clock::Clock;
use ccarchive::model::cluster::Clusters;
use ccarchive::model::memory::Memory;
use ccarchive::model::selection::Selection;
use ccarchive::model::stop::Stop;
use ccarchive::source::cache::Cached;
use ccarchive::source::checkpoint::Checkpoints;
use ccarchive::sweep::monitor::{Event, Monitor};
use ccarchive::sweep::{self, Jobs, Parts, Settings, Summary};
use ccarchive::target::Target as _;
use ccarchive::target::tree::Tree;
use generator::Plan;
use libdeflater::{CompressionLvl, Compressor};
use rayon::prelude::*;
use rustix::time::{ClockId, clock_gettime};

/// The generated site ended two days before this.
const NOW: i64 = 1_780_000_000;
const ROUNDS: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    if let [flag, folder, size @ ..] = args.as_slice()
        && flag == "--write"
    {
        generated(size, Path::new(folder));
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let site = match args.first() {
        Some(path) if Path::new(path).is_dir() => PathBuf::from(path),
        _ => generated(&args, &work.path().join("site")),
    };
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        let copy = work.path().join("copy");
        copy_site(&site, &copy);
        let mut summary = None;
        let sweep = timed(|| summary = Some(sweep_once(&copy)));
        let summary = summary.unwrap();
        // Later the documents are in memory, too.
        let peak = (round == 1).then(peak_memory);
        let documents = documents(&copy.join("job-archive"));
        fs::remove_dir_all(&copy).unwrap();
        let folder = work.path().join("limit");
        let mut bytes = [0, 0];
        let libdeflate =
            timed(|| bytes[0] = compress_and_write(&documents, &folder, &libdeflate_6));
        let own = timed(|| bytes[1] = compress_and_write(&documents, &folder, &own_encoder));
        let numbers = documents.iter().map(|d| bytecount(d, b'.')).sum();
        if let Some(peak) = peak {
            println!("peak memory {:.0} MiB; {numbers} numbers", mebibytes(peak));
            println!(
                "bytes / libdeflate 6: {:.4}",
                bytes[1] as f64 / bytes[0] as f64
            );
        }
        let measured = Round {
            sweep,
            libdeflate,
            own,
            numbers,
        };
        report(round, &summary, &measured);
        rounds.push(measured);
    }
    conclude(&rounds);
}

/// Seconds by the clock, and of all cores.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    cpu: f64,
}

fn timed(work: impl FnOnce()) -> Took {
    let cpu = || {
        let t = clock_gettime(ClockId::ProcessCPUTime);
        t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
    };
    let (begun, before) = (Instant::now(), cpu());
    work();
    Took {
        wall: begun.elapsed().as_secs_f64(),
        cpu: cpu() - before,
    }
}

struct Round {
    sweep: Took,
    libdeflate: Took,
    own: Took,
    /// Numbers in all documents.
    numbers: usize,
}

impl Round {
    /// Nanoseconds of processor time for each number besides compressing and writing.
    fn besides(&self) -> f64 {
        (self.sweep.cpu - self.own.cpu) * 1e9 / self.numbers as f64
    }
}

/// A figure of one round.
type Figure = fn(&Round) -> f64;

/// The table of docs/performance.md: medians.
fn conclude(rounds: &[Round]) {
    let median = |of: Figure| {
        let mut all: Vec<f64> = rounds.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let rows: [(&str, Figure); 5] = [
        ("sweep / libdeflate 6, seconds", |r| {
            r.sweep.wall / r.libdeflate.wall
        }),
        ("sweep / libdeflate 6, processor time", |r| {
            r.sweep.cpu / r.libdeflate.cpu
        }),
        ("sweep / own encoder, seconds", |r| {
            r.sweep.wall / r.own.wall
        }),
        ("sweep / own encoder, processor time", |r| {
            r.sweep.cpu / r.own.cpu
        }),
        (
            "ns of processor time a number, besides compressing",
            Round::besides,
        ),
    ];
    println!("medians of {} rounds:", rounds.len());
    for (name, of) in rows {
        println!("{name:<52} {:>6.2}", median(of));
    }
}

fn bytecount(text: &[u8], byte: u8) -> usize {
    text.iter().map(|b| usize::from(*b == byte)).sum()
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn generated(args: &[String], dir: &Path) -> PathBuf {
    let number = |k: usize, default: u32| args.get(k).map_or(default, |a| a.parse().unwrap());
    let plan = Plan::sized(
        NOW - 2 * 86_400,
        number(0, 16),
        number(1, 13),
        number(2, 300),
    );
    let written = generator::write(dir, &plan).unwrap();
    println!(
        "site: {} jobs, {} hosts, {:.1} MB of checkpoints",
        written.jobs,
        written.hosts,
        written.checkpoint_bytes as f64 / 1e6
    );
    dir.into()
}

fn copy_site(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_name() == "expected" {
            continue;
        }
        if entry.path().is_dir() {
            copy_site(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// Watches nothing.
struct Silent;

impl Monitor for Silent {
    fn event(&self, _: &Event<'_>) {}
}

fn sweep_once(site: &Path) -> Summary {
    let archive = Tree::new(site.join("job-archive"));
    let files = archive.clusters().unwrap().files;
    let clusters = Clusters::load(files.iter().map(|(n, j)| (n.as_str(), j.as_slice()))).unwrap();
    let clock = Clock::starting_at(NOW);
    let checkpoints = Checkpoints::new(site.join("checkpoints"), clusters.frequencies(), clock);
    let source = Cached::new(checkpoints, Arc::new(Memory::new(1536 << 20)));
    let database = site.join("job.db");
    let ledger = Ledger::open(&site.join("job.db.ledger"), &database);
    let selection = Selection::default();
    let rows = Rows::new(&database, Duration::from_secs(60));
    let parts = Parts {
        source: &source,
        target: &archive,
        clusters: &clusters,
        ledger: &ledger,
        jobs: Jobs::Pending(Box::new(
            Pending::open(&database, Filter::new(selection, NOW)).unwrap(),
        )),
        recent: None,
        rows: &rows,
        lock: None,
        recorder: Some(Recorder::open(&database, Duration::from_secs(60)).unwrap()),
    };
    sweep::run(parts, &Settings::new(clock), &Silent, &Stop::new())
}

/// Every data.json of an archive, unpacked.
fn documents(folder: &Path) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(documents(&path));
        } else if path.extension().is_some_and(|e| e == "gz") {
            let mut raw = Vec::new();
            let mut gz = flate2::read::MultiGzDecoder::new(fs::File::open(&path).unwrap());
            std::io::Read::read_to_end(&mut gz, &mut raw).unwrap();
            out.push(raw);
        }
    }
    out
}

/// What makes stored bytes of a document.
type Compress<'a> = &'a (dyn Fn(&[u8]) -> Vec<u8> + Sync);

fn libdeflate_6(raw: &[u8]) -> Vec<u8> {
    let mut c = Compressor::new(CompressionLvl::new(6).unwrap());
    let mut out = vec![0; c.gzip_compress_bound(raw.len())];
    let n = c.gzip_compress(raw, &mut out).unwrap();
    out.truncate(n);
    out
}

fn own_encoder(raw: &[u8]) -> Vec<u8> {
    let mut e = Encoder::new(Effort::Normal);
    e.buffer().extend_from_slice(raw);
    e.finish().unwrap().1.concat()
}

/// The bytes that were written.
fn compress_and_write(documents: &[Vec<u8>], folder: &Path, compress: Compress<'_>) -> usize {
    fs::create_dir_all(folder).unwrap();
    let written = documents.par_iter().enumerate().map(|(k, raw)| {
        let stored = compress(raw);
        fs::write(folder.join(format!("{k}.gz")), &stored).unwrap();
        stored.len()
    });
    let written = written.sum();
    fs::remove_dir_all(folder).unwrap();
    written
}

/// Bytes, of the whole process so far.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .unwrap_or("0");
    line.trim()
        .trim_end_matches(" kB")
        .trim()
        .parse::<u64>()
        .unwrap_or(0)
        * 1024
}

fn report(round: usize, s: &Summary, r: &Round) {
    let megabytes = s.raw_bytes as f64 / 1e6;
    println!(
        "round {round}: sweep {:.2} s ({:.2} s of processor time, {:.0} jobs/s, {:.0} MB/s of JSON); libdeflate 6 {:.2} s ({:.2} s); own {:.2} s ({:.2} s)",
        r.sweep.wall,
        r.sweep.cpu,
        s.total() as f64 / r.sweep.wall,
        megabytes / r.sweep.wall,
        r.libdeflate.wall,
        r.libdeflate.cpu,
        r.own.wall,
        r.own.cpu,
    );
    let stages = s.work_by_stage();
    let all: Duration = stages.iter().map(|(_, d)| *d).sum();
    let shares = stages.map(|(name, d)| {
        format!(
            "{name} {:.0} %",
            100.0 * d.as_secs_f64() / all.as_secs_f64()
        )
    });
    println!("         {}", shares.join(", "));
}
