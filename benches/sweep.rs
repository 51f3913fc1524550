//! Whole sweeps over a generated site, beside the limit: compressing and writing the very same bytes on all cores.
//!
//! `cargo bench --bench sweep -- [NODES HOURS JOBS]` (default 16 13 300), or `-- SITE` for a copy of a site at rest.
//! Both alternate in one process, three rounds, since machines are noisy: quote the ratio.
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
use std::time::{Duration, Instant};

use ccarchive::format::gzip::{Effort, Encoder};
use ccarchive::jobs::{Filter, Pending, Recorder, Rows};
use ccarchive::ledger::Ledger;
use ccarchive::model::clock::Clock;
use ccarchive::model::cluster::Clusters;
use ccarchive::model::selection::Selection;
use ccarchive::model::stop::Stop;
use ccarchive::source::cache::Cached;
use ccarchive::source::checkpoint::Checkpoints;
use ccarchive::sweep::monitor::Silent;
use ccarchive::sweep::{self, Jobs, Parts, Settings, Summary};
use ccarchive::target::Target as _;
use ccarchive::target::tree::Tree;
use generator::Plan;
use rayon::prelude::*;

/// The generated site ended two days before this.
const NOW: i64 = 1_780_000_000;
const ROUNDS: usize = 3;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let work = tempfile::tempdir().unwrap();
    let site = match args.first() {
        Some(path) if Path::new(path).is_dir() => PathBuf::from(path),
        _ => generated(&args, &work.path().join("site")),
    };
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let copy = work.path().join("copy");
        copy_site(&site, &copy);
        let summary = sweep_once(&copy);
        let peak = peak_memory();
        let documents = documents(&copy.join("job-archive"));
        fs::remove_dir_all(&copy).unwrap();
        let limit = compress_and_write(&documents, &work.path().join("limit"));
        let ratio = summary.seconds / limit.as_secs_f64();
        ratios.push(ratio);
        report(round, &summary, limit, ratio, peak);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio sweep / limit: {:.2}", ratios[ROUNDS / 2]);
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

fn sweep_once(site: &Path) -> Summary {
    let archive = Tree::new(site.join("job-archive"));
    let files = archive.clusters().unwrap().files;
    let clusters = Clusters::load(files.iter().map(|(n, j)| (n.as_str(), j.as_slice()))).unwrap();
    let clock = Clock::starting_at(NOW);
    let checkpoints = Checkpoints::new(site.join("checkpoints"), clusters.frequencies(), clock);
    let source = Cached::new(checkpoints, 1 << 30);
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

fn compress_and_write(documents: &[Vec<u8>], folder: &Path) -> Duration {
    fs::create_dir_all(folder).unwrap();
    let begun = Instant::now();
    documents.par_iter().enumerate().for_each(|(k, raw)| {
        let mut e = Encoder::new(Effort::Normal);
        e.buffer().extend_from_slice(raw);
        let (_, members) = e.finish().unwrap();
        fs::write(folder.join(format!("{k}.gz")), members.concat()).unwrap();
    });
    let took = begun.elapsed();
    fs::remove_dir_all(folder).unwrap();
    took
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

fn report(round: usize, s: &Summary, limit: Duration, ratio: f64, peak: u64) {
    let megabytes = s.raw_bytes as f64 / 1e6;
    println!(
        "round {round}: {:.1} jobs/s, {:.0} MB/s of JSON, {:.2} s; limit {:.2} s, {:.0} MB/s; ratio {ratio:.2}",
        s.total() as f64 / s.seconds,
        megabytes / s.seconds,
        s.seconds,
        limit.as_secs_f64(),
        megabytes / limit.as_secs_f64(),
    );
    let stages = s.work_by_stage();
    let all: Duration = stages.iter().map(|(_, d)| *d).sum();
    let shares = stages.map(|(name, d)| {
        format!(
            "{name} {:.0} %",
            100.0 * d.as_secs_f64() / all.as_secs_f64()
        )
    });
    println!(
        "         {}; peak so far {:.0} MB",
        shares.join(", "),
        peak as f64 / 1e6
    );
}
