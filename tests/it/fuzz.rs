//! Every fuzz target on its corpus and on seeded mutations of it: what `cargo fuzz` would find in its first seconds,
//! the same inputs every time. The targets say themselves what must hold.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use ccarchive::fuzzing::TARGETS;

use crate::support::random::Random;
use crate::support::wait::short_or_long;

/// Mutations of a target's corpus, and with `CCARCHIVE_TEST_LONG`.
const ROUNDS: [usize; 2] = [20_000, 100_000];
/// No mutation is longer.
const LONGEST: usize = 1 << 14;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|p| fs::read(p).unwrap()).collect()
}

struct Mutator(Random);

impl Mutator {
    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.0.below(u64::try_from(n).unwrap())).unwrap()
    }

    /// One to eight changes of `bytes`, with parts of `other`.
    fn mutate(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        const NUMBERS: [i64; 9] = [
            0,
            1,
            -1,
            i64::MAX,
            i64::MIN,
            0xFFFF_FFFF,
            1 << 40,
            255,
            65_535,
        ];
        const WORDS: [&[u8]; 12] = [
            b"null",
            b"[",
            b"{",
            b"\"",
            b"1e400",
            b"-0",
            b",",
            b"}]",
            b"9223372036854775807",
            b"\\u0000",
            b"\xff",
            b"[[",
        ];
        for _ in 0..=self.below(8) {
            let at = self.below(bytes.len() + 1);
            let end = (at + 1 + self.below(16)).min(bytes.len());
            match self.below(8) {
                0 | 1 => {
                    if let Some(b) = bytes.get_mut(at) {
                        *b ^= 1 << self.below(8);
                    }
                }
                2 => bytes.truncate(at),
                3 => drop(bytes.drain(at.min(end)..end)),
                4 => {
                    let part = bytes[at.min(end)..end].to_vec();
                    let to = self.below(bytes.len() + 1);
                    bytes.splice(to..to, part);
                }
                5 => {
                    let from = self.below(other.len() + 1);
                    let part = other[from..(from + self.below(64)).min(other.len())].to_vec();
                    bytes.splice(at..at, part);
                }
                6 => {
                    let number = NUMBERS[self.below(NUMBERS.len())].to_le_bytes();
                    let width = [1, 2, 4, 8][self.below(4)];
                    for (b, n) in bytes.iter_mut().skip(at).zip(&number[..width]) {
                        *b = *n;
                    }
                }
                _ => drop(bytes.splice(at..at, WORDS[self.below(WORDS.len())].iter().copied())),
            }
        }
        bytes.truncate(LONGEST);
    }
}

#[test]
fn every_fuzz_target_takes_its_corpus_and_thousands_of_mutations_of_it() {
    let rounds = short_or_long(ROUNDS[0], ROUNDS[1]);
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 2, "{name} has a corpus");
        let mut m = Mutator(Random::seeded(0x9E37_79B9_7F4A_7C15));
        let mut last = Vec::new();
        for round in 0..rounds {
            let mut input = corpus[round % corpus.len()].clone();
            if round >= corpus.len() {
                // Now and then the mutation of a mutation.
                if m.below(3) == 0 {
                    input.clone_from(&last);
                }
                let other = corpus[m.below(corpus.len())].clone();
                m.mutate(&mut input, &other);
            }
            let held = catch_unwind(|| target(&input));
            assert!(
                held.is_ok(),
                "{name}, round {round}: {:?}",
                String::from_utf8_lossy(&input)
            );
            last = input;
        }
    }
}

#[test]
fn every_fuzz_target_has_its_program_and_every_program_its_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let program = fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("fuzzing::{name}(")), "{name}");
    }
    assert_eq!(
        fs::read_dir(folder.join("fuzz_targets")).unwrap().count(),
        TARGETS.len()
    );
}
