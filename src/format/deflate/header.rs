//! The header of a block with its own codes (RFC 1951, 3.2.7): the code lengths, run-length encoded, in a code of their
//! own.

use super::alphabet::{DISTANCES, END, LITLENS};
use super::bits::Bits;
use super::choose::CodeLengths;
use super::huffman::{code_lengths, code_words};

/// Symbols for code lengths: 0 to 15, and three for runs.
const SYMBOLS: usize = 19;
/// The previous length again, 3 to 6 times.
const AGAIN: usize = 16;
/// 3 to 10 zeros.
const ZEROS: usize = 17;
/// 11 to 138 zeros.
const MANY_ZEROS: usize = 18;
const LONGEST: usize = 7;
/// The order in which the lengths of this code are written: those that are rarely needed last.
const ORDER: [usize; SYMBOLS] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// Extra bits of a symbol.
const fn extra_bits(symbol: u8) -> u32 {
    match symbol as usize {
        AGAIN => 2,
        ZEROS => 3,
        MANY_ZEROS => 7,
        _ => 0,
    }
}

/// A header, ready to be written.
#[derive(Debug)]
pub(super) struct Header {
    litlens: usize,
    distances: usize,
    /// Symbols with their extra bits; the first `count` count.
    symbols: [(u8, u8); LITLENS + DISTANCES],
    count: usize,
    lengths: [u8; SYMBOLS],
    /// How many of `lengths` are written.
    written: usize,
}

impl Header {
    pub(super) fn new(lengths: &CodeLengths) -> Self {
        let used = |lengths: &[u8]| lengths.iter().rposition(|l| *l > 0).map_or(0, |i| i + 1);
        let litlens = used(&lengths.litlen).max(END + 1);
        let distances = used(&lengths.distance).max(1);
        let mut all = [0; LITLENS + DISTANCES];
        all[..litlens].copy_from_slice(&lengths.litlen[..litlens]);
        all[litlens..litlens + distances].copy_from_slice(&lengths.distance[..distances]);
        let mut header = Self {
            litlens,
            distances,
            symbols: [(0, 0); LITLENS + DISTANCES],
            count: 0,
            lengths: [0; SYMBOLS],
            written: 0,
        };
        for run in all[..litlens + distances].chunk_by(|a, b| a == b) {
            header.run(run[0], run.len());
        }
        let mut frequencies = [0; SYMBOLS];
        for (symbol, _) in &header.symbols[..header.count] {
            frequencies[usize::from(*symbol)] += 1;
        }
        code_lengths(&frequencies, LONGEST, &mut header.lengths);
        let needed = ORDER.iter().rposition(|s| header.lengths[*s] > 0);
        header.written = needed.map_or(0, |i| i + 1).max(4);
        header
    }

    fn push(&mut self, symbol: usize, extra: usize) {
        self.symbols[self.count] = (symbol as u8, extra as u8);
        self.count += 1;
    }

    /// A run of one code length.
    fn run(&mut self, length: u8, mut n: usize) {
        if length == 0 {
            while n >= 11 {
                let now = n.min(138);
                self.push(MANY_ZEROS, now - 11);
                n -= now;
            }
            if n >= 3 {
                self.push(ZEROS, n - 3);
                n = 0;
            }
        } else if n >= 4 {
            self.push(usize::from(length), 0);
            n -= 1;
            while n >= 3 {
                let now = n.min(6);
                self.push(AGAIN, now - 3);
                n -= now;
            }
        }
        for _ in 0..n {
            self.push(usize::from(length), 0);
        }
    }

    /// Bits of the header.
    pub(super) fn size(&self) -> u64 {
        let symbols = self.symbols[..self.count].iter();
        let bits = symbols.map(|(s, _)| u32::from(self.lengths[usize::from(*s)]) + extra_bits(*s));
        17 + 3 * self.written as u64 + u64::from(bits.sum::<u32>())
    }

    pub(super) fn put(&self, last: bool, bits: &mut Bits, out: &mut Vec<u8>) {
        bits.put(out, u64::from(last) | 2 << 1, 3);
        bits.put(out, (self.litlens - END - 1) as u64, 5);
        bits.put(out, (self.distances - 1) as u64, 5);
        bits.put(out, (self.written - 4) as u64, 4);
        for symbol in &ORDER[..self.written] {
            bits.put(out, u64::from(self.lengths[*symbol]), 3);
        }
        let mut words = [0; SYMBOLS];
        code_words(&self.lengths, &mut words);
        for &(symbol, extra) in &self.symbols[..self.count] {
            let s = usize::from(symbol);
            bits.put(out, u64::from(words[s]), u32::from(self.lengths[s]));
            bits.put(out, u64::from(extra), extra_bits(symbol));
        }
    }
}
