//! Chooses, for a block, the literals and matches that cost least.
//!
//! The costs are the code lengths of the block before, since a block of numbers resembles the next; what it did not
//! use has a price that is a little high. With them the cheapest way is a shortest path, walked from the end: at every
//! byte a literal, or a match as found or shorter by one, then the cheapest way from where it ends; of equal ones the match.
//!
//! Nothing here is a branch, since no processor could foretell it. What is left behind for each byte is the number of bytes
//! that its item takes, one for a literal: whoever follows the way reads these single bytes, which stay in the fastest
//! cache, and the rest of an item only where the way passes.

use std::hint::select_unpredictable;

use super::alphabet::{self, DISTANCES, END, LENGTHS, LITLENS, MIN_MATCH};
use super::find::{Found, LONGEST_MATCH, Matches};
use super::item::{head, tail};
use super::table::table;
use super::window::BLOCK;

/// What a match too short costs: more than any block.
const NEVER: u32 = 1 << 28;
/// Bits for what the block before did not use.
const UNUSED_LITERAL: u8 = 13;
const UNUSED_LENGTH: u8 = 12;
const UNUSED_DISTANCE: u8 = 10;

/// Code lengths, by symbol; zero is a symbol not used.
#[derive(Clone, Debug)]
pub(super) struct CodeLengths {
    pub(super) litlen: [u8; LITLENS],
    pub(super) distance: [u8; DISTANCES],
}

impl CodeLengths {
    /// A guess for the first block of a member. Digits are cheaper here and short matches too than they turn out to be:
    /// each block follows the costs of the one before, so that the guess is felt throughout a member, and this one made
    /// members of 1 MiB up to 0.2 % and those of 20 kB up to 1 % smaller than others that were nearer to the truth.
    pub(super) fn of_numbers() -> Self {
        let mut litlen = [11; LITLENS];
        for c in b"0123456789.," {
            litlen[usize::from(*c)] = 4;
        }
        litlen[END + 1..].fill(6);
        litlen[END + 2] = 3;
        litlen[END + 3] = 4;
        Self {
            litlen,
            distance: [5; DISTANCES],
        }
    }
}

/// Tables of prices, and the costs of the ways that are known.
#[derive(Debug)]
pub(super) struct Chooser {
    /// Bits by distance less one, extra bits included.
    distance: Box<[u8; BLOCK]>,
    /// Bits from a byte of the block to its end, and zeros as far behind it as a length reaches.
    rest: Box<[u32; BLOCK + LENGTHS]>,
}

const fn or(length: u8, unused: u8) -> u8 {
    if length == 0 { unused } else { length }
}

impl Chooser {
    pub(super) fn new() -> Self {
        Self {
            distance: table(),
            rest: table(),
        }
    }

    /// Leaves for each byte of a block how many bytes its best item takes, and in `matches.first` the match of an item that
    /// is one; no distance is above `reach`.
    pub(super) fn choose(
        &mut self,
        lengths: &CodeLengths,
        text: &[u8],
        reach: usize,
        matches: &mut Matches,
        steps: &mut [u8; BLOCK],
    ) {
        self.price_distances(lengths, reach);
        if matches.has_second {
            self.walk::<true>(lengths, text, matches, steps);
        } else {
            self.walk::<false>(lengths, text, matches, steps);
        }
    }

    fn walk<const SECOND: bool>(
        &mut self,
        lengths: &CodeLengths,
        text: &[u8],
        matches: &mut Matches,
        steps: &mut [u8; BLOCK],
    ) {
        let literals = literal_prices(lengths);
        let prices = length_prices(lengths);
        let n = text.len();
        self.rest[n..n + LENGTHS].fill(0);
        let first = &mut matches.first[..n];
        let second = &matches.second[..n];
        let steps = &mut steps[..n];
        let mut after = 0;
        for (i, &byte) in text.iter().enumerate().rev() {
            let Some(rest) = self.rest[i..].first_chunk_mut() else {
                unreachable!("a length's reach follows the block")
            };
            let found = first[i];
            let (mut cost, mut step) = cheaper(&self.distance, found, rest, &prices);
            if SECOND {
                let (other, other_step) = cheaper(&self.distance, second[i], rest, &prices);
                let better = other < cost;
                first[i] = select_unpredictable(better, second[i], found);
                step = select_unpredictable(better, other_step, step);
                cost = cost.min(other);
            }
            let literal = after + literals[usize::from(byte)];
            steps[i] = select_unpredictable(cost <= literal, step, 1);
            after = cost.min(literal);
            rest[0] = after;
        }
    }

    /// Prices of the distances that occur within so many bytes.
    fn price_distances(&mut self, lengths: &CodeLengths, reach: usize) {
        let codes = alphabet::distance_codes().take_while(|c| usize::from(c.base) <= reach);
        for (code, &length) in codes.zip(&lengths.distance) {
            let first = usize::from(code.base) - 1;
            self.distance[first..first + (1 << code.extra)]
                .fill(code.extra + or(length, UNUSED_DISTANCE));
        }
    }
}

/// What a match and the way from its end cost, and how many bytes of it are taken: all, or one less, where the next match
/// may start better. A third length gains 0.6 % on one of our sites and 0.1 % on another and loses 6 % of the speed; one
/// length loses 1 % and gains 6 %.
#[inline(always)]
fn cheaper(
    distance: &[u8; BLOCK],
    found: Found,
    rest: &[u32; LENGTHS],
    prices: &[u32; LENGTHS],
) -> (u32, u8) {
    // No match has length 0 and so less one wraps around: both have no price that any way would take.
    let length = head(found) as u8;
    let less = length.wrapping_sub(1);
    let whole = prices[usize::from(length)] + rest[usize::from(length)];
    let shorter = prices[usize::from(less)] + rest[usize::from(less)];
    let cost = whole.min(shorter) + u32::from(distance[tail(found) % BLOCK]);
    (cost, length.wrapping_sub(u8::from(shorter < whole)))
}

fn literal_prices(lengths: &CodeLengths) -> [u32; 256] {
    std::array::from_fn(|c| u32::from(or(lengths.litlen[c], UNUSED_LITERAL)))
}

/// Bits by match length, extra bits included.
fn length_prices(lengths: &CodeLengths) -> [u32; LENGTHS] {
    std::array::from_fn(|length| {
        if !(MIN_MATCH..=LONGEST_MATCH).contains(&length) {
            return NEVER;
        }
        let code = alphabet::length_code(length);
        u32::from(code.extra + or(lengths.litlen[code.symbol], UNUSED_LENGTH))
    })
}
