//! Chooses, for a block, the literals and matches that cost least.
//!
//! The costs are the code lengths of the block before, since a block of numbers resembles the next; what it did not
//! use has a price that is a little high. With them the cheapest way is a shortest path, walked from the end: at every
//! byte a literal, or a match as found or shorter by one, then the cheapest way from where it ends. Cost and item lie
//! in one number, cost on top, so that the cheaper of two is a minimum without a branch; of equal ones matches win,
//! for their items are smaller.

use super::alphabet::{self, DISTANCES, END, LENGTHS, LITLENS, MIN_MATCH};
use super::find::Found;
use super::item::{literal, tail};
use super::table::table;
use super::window::BLOCK;

/// Lengths of a match that are tried: as found, and one less, where the next match may start better. Three gain 0.6 %
/// on one of our sites and 0.1 % on another and lose 6 % of the speed; one loses 1 % and gains 6 %.
const TRIED: usize = 2;
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

/// A cost above an item.
type Priced = u64;

/// Tables of prices and the costs of ways.
#[derive(Debug)]
pub(super) struct Chooser {
    /// Bits by distance less one, extra bits included.
    distance: Box<[u8; BLOCK]>,
    /// Bits from a byte to the block's end. Zero behind it, as far as a length reaches.
    rest: Box<[u32; BLOCK * 2]>,
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

    /// Replaces what was found at each byte of a block by the item that is best there; no distance is above `reach`.
    pub(super) fn choose(
        &mut self,
        lengths: &CodeLengths,
        text: &[u8],
        reach: usize,
        found: &mut [Found],
    ) {
        let literals = literal_prices(lengths);
        let prices = length_prices(lengths);
        self.price_distances(lengths, reach);
        let n = text.len();
        self.rest[n..n + LENGTHS].fill(0);
        let mut after: Priced = 0;
        for (i, (slot, &byte)) in found.iter_mut().zip(text).enumerate().rev() {
            let both = *slot;
            let mut best = self.cheaper(Priced::MAX, both as u32, i, &prices);
            if both >> 32 != 0 {
                best = self.cheaper(best, (both >> 32) as u32, i, &prices);
            }
            best = best.min(after + literals[usize::from(byte)]);
            after = best >> 32 << 32;
            self.rest[i % BLOCK] = (best >> 32) as u32;
            *slot = best;
        }
    }

    /// The cheapest of what is best so far and a match, at the lengths that are tried.
    #[inline(always)]
    fn cheaper(
        &self,
        best: Priced,
        found: u32,
        i: usize,
        prices: &[u32; LENGTHS + TRIED],
    ) -> Priced {
        let length = (found >> 16) as usize % LENGTHS;
        let distance = u32::from(self.distance[tail(found) % BLOCK]);
        let mut best = best;
        for less in 0..TRIED {
            // An impossible length costs NEVER, whatever lies at the index.
            let cost = distance
                + prices[length + TRIED - less]
                + self.rest[(i + length).wrapping_sub(less) % (2 * BLOCK)];
            let shorter = found.wrapping_sub((less as u32) << 16);
            best = best.min(Priced::from(cost) << 32 | Priced::from(shorter));
        }
        best
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

fn literal_prices(lengths: &CodeLengths) -> [Priced; 256] {
    std::array::from_fn(|c| {
        let cost = or(lengths.litlen[c], UNUSED_LITERAL);
        Priced::from(cost) << 32 | Priced::from(literal(c as u8))
    })
}

/// Bits by match length plus [`TRIED`], extra bits included.
fn length_prices(lengths: &CodeLengths) -> [u32; LENGTHS + TRIED] {
    std::array::from_fn(|l| match l.checked_sub(TRIED) {
        Some(length) if length >= MIN_MATCH => {
            let code = alphabet::length_code(length);
            u32::from(code.extra + or(lengths.litlen[code.symbol], UNUSED_LENGTH))
        }
        _ => NEVER,
    })
}
