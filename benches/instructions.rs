//! Instructions of the inner loops, counted by Valgrind: the same on a busy machine, so that a regression shows anywhere.
//!
//! `cargo bench --bench instructions` runs itself under `valgrind --tool=callgrind` once for each loop, and says how many
//! instructions a value or a byte takes. They are no measure of time: compare them with those of an earlier build.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and a machine without Valgrind should be told so"
)]

use std::hint::black_box;
use std::process::Command;

use ccarchive::format::deflate::Encoder;
use ccarchive::format::fixed;
use ccarchive::model::series::{Samples, Series, Statistics};
use ccarchive::model::stop::Stop;
use ccarchive::rules::{spread, statistics};
use ccarchive::source::checkpoint::binary::{self, MAGIC};
use ccarchive::source::checkpoint::snapshot::Wish;

const VALUES: usize = 1 << 18;
/// Series of a scope.
const SERIES: usize = 16;

/// A loop by its name, and what its count is divided by.
const LOOPS: [(&str, &str); 5] = [
    ("text", "number written"),
    ("statistics", "value"),
    ("spread", "value"),
    ("decoding", "value of a binary snapshot"),
    ("encoding", "byte compressed and verified"),
];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|a| a == "--only") {
        run(&args[at + 1]);
        return;
    }
    for (name, of) in LOOPS {
        let text = made_up_text();
        let per = if name == "encoding" {
            text.len()
        } else {
            VALUES
        };
        println!(
            "{name:<12} {:>7.2} instructions a {of}",
            instructions(name) as f64 / per as f64
        );
    }
}

/// Counts what happens within the function that holds the loop.
fn instructions(name: &str) -> u64 {
    let exe = std::env::current_exe().unwrap();
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*counted*")
        .arg(exe)
        .args(["--only", name])
        .output()
        .expect("valgrind is needed to count instructions");
    let told = String::from_utf8_lossy(&valgrind.stderr).into_owned();
    let line = told.lines().find_map(|l| l.split("Collected :").nth(1));
    line.and_then(|n| n.trim().parse().ok())
        .unwrap_or_else(|| panic!("{told}"))
}

/// What is counted.
#[inline(never)]
fn counted(mut work: impl FnMut()) {
    work();
}

fn run(name: &str) {
    let values = made_up_values();
    match name {
        "text" => {
            let mut out = Vec::with_capacity(VALUES * 16);
            counted(|| fixed::array(values.iter().copied().map(f64::from), &mut out));
            black_box(out);
        }
        "statistics" => {
            counted(|| {
                black_box(statistics::of_singles(&values));
            });
        }
        "spread" => {
            let series: Vec<Series> = values.chunks(VALUES / SERIES).map(series).collect();
            counted(|| {
                black_box(spread::statistics_series(&series));
            });
        }
        "decoding" => {
            let (file, stop) = (snapshot(&values), Stop::new());
            counted(|| {
                let read = binary::read(&*file, file.len() as u64, &Wish::everything(&stop));
                black_box(read.unwrap());
            });
        }
        _ => {
            let (text, mut encoder) = (made_up_text(), Encoder::new());
            let mut out = Vec::with_capacity(text.len());
            encoder.member(&text, &mut out).unwrap();
            out.clear();
            counted(|| encoder.member(&text, &mut out).unwrap());
            black_box(out);
        }
    }
}

fn series(values: &[f32]) -> Series {
    Series {
        host: 0,
        id: None,
        statistics: Statistics::default(),
        data: Samples::Single(values.to_vec()),
        filler: false,
    }
}

/// A file of one metric.
fn snapshot(values: &[f32]) -> Vec<u8> {
    let mut file = MAGIC.to_le_bytes().to_vec();
    for t in [0, 60 * values.len() as i64] {
        file.extend(t.to_le_bytes());
    }
    file.extend(1_u32.to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    file.extend(b"load");
    for n in [60_i64, 0] {
        file.extend(n.to_le_bytes());
    }
    file.extend(u32::try_from(values.len()).unwrap().to_le_bytes());
    file.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    file.extend(0_u32.to_le_bytes());
    file
}

/// Values that wander, with two decimals.
fn made_up_values() -> Vec<f32> {
    let (mut state, mut x) = (0x9E37_79B9_7F4A_7C15_u64, 50_000_i64);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        x = (x + (state % 301) as i64 - 150).max(0);
        x as f32 / 100.0
    };
    (0..VALUES).map(|_| next()).collect()
}

fn made_up_text() -> Vec<u8> {
    let mut out = Vec::new();
    fixed::array(made_up_values().into_iter().map(f64::from), &mut out);
    out.truncate(1 << 20);
    out
}
