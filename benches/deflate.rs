//! Our deflate encoder beside libdeflate's levels 1 and 6: bytes and speed on one thread, our verification included.
//!
//! `cargo bench --bench deflate -- [FOLDER [MEMBER_BYTES]]` takes the files of a folder, or made-up numbers without one,
//! in members of 1 MiB unless told. All alternate in one process, five rounds, and count their thread's processor
//! time, since machines are noisy: quote the ratios.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and a broken folder should panic"
)]

use std::fs;
use std::path::Path;

use ccarchive::format::deflate::Encoder;
use libdeflater::{CompressionLvl, Compressor};
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 5;
/// Raw bytes of a member, unless told.
const MEMBER: usize = 1 << 20;
/// Bytes of a folder that are taken at most.
const MOST: usize = 200 << 20;
/// Bytes of made-up numbers.
const MADE_UP: usize = 8 << 20;

/// What makes one gzip member of bytes, behind what is there.
type Compress = Box<dyn FnMut(&[u8], &mut Vec<u8>)>;

struct Contender {
    name: &'static str,
    compress: Compress,
    bytes: usize,
    seconds: Vec<f64>,
}

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let documents = match args.first() {
        Some(folder) => of_folder(Path::new(folder)),
        None => vec![made_up(MADE_UP)],
    };
    let size = args.get(1).map_or(MEMBER, |a| a.parse().unwrap());
    let members: Vec<&[u8]> = documents.iter().flat_map(|d| d.chunks(size)).collect();
    let raw: usize = members.iter().map(|m| m.len()).sum();
    println!("{raw} bytes in {} members", members.len());
    let mut contenders = contenders();
    let mut out = Vec::new();
    for _ in 0..ROUNDS {
        for c in &mut contenders {
            c.bytes = 0;
            let before = thread_seconds();
            for m in &members {
                out.clear();
                (c.compress)(m, &mut out);
                c.bytes += out.len();
            }
            c.seconds.push(thread_seconds() - before);
        }
    }
    report(raw, &mut contenders);
}

fn contenders() -> Vec<Contender> {
    let contender = |name, compress| Contender {
        name,
        compress,
        bytes: 0,
        seconds: Vec::new(),
    };
    let mut own = Encoder::new();
    vec![
        contender("libdeflate 6", of_libdeflate(6)),
        contender("libdeflate 1", of_libdeflate(1)),
        contender(
            "own, verified",
            Box::new(move |raw, out| own.member(raw, out).unwrap()),
        ),
    ]
}

fn of_libdeflate(level: i32) -> Compress {
    let mut c = Compressor::new(CompressionLvl::new(level).unwrap());
    Box::new(move |raw, out| {
        out.resize(c.gzip_compress_bound(raw.len()), 0);
        let n = c.gzip_compress(raw, out).unwrap();
        out.truncate(n);
    })
}

/// Ratios are to the first one.
fn report(raw: usize, contenders: &mut [Contender]) {
    for c in &mut *contenders {
        c.seconds.sort_by(f64::total_cmp);
    }
    let (bytes, seconds) = (contenders[0].bytes, contenders[0].seconds[ROUNDS / 2]);
    for c in contenders {
        let median = c.seconds[ROUNDS / 2];
        println!(
            "{:<14} {:>6.1} MB/s  {:.3} times as fast  {:>12} bytes  {:.4} of the size",
            c.name,
            raw as f64 / 1e6 / median,
            seconds / median,
            c.bytes,
            c.bytes as f64 / bytes as f64,
        );
    }
}

fn thread_seconds() -> f64 {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
}

/// The files of a folder, in the order of their names.
fn of_folder(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    let mut taken = 0;
    let documents = paths.iter().map(|p| fs::read(p).unwrap());
    documents
        .take_while(|d| {
            taken += d.len();
            taken <= MOST
        })
        .collect()
}

/// Rows of numbers with two decimals that wander.
fn made_up(n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut state, mut x) = (0x9E37_79B9_7F4A_7C15_u64, 50_000_u64);
    while out.len() < n {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        x = (x + state % 301).saturating_sub(150);
        out.extend_from_slice(format!("{}.{:02},", x / 100, x % 100).as_bytes());
    }
    out
}
