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

/// Costs of the ways from the next bytes to the block's end, by position modulo their number: as far as a length reaches.
const AHEAD: usize = 512;

/// Tables of prices.
#[derive(Debug)]
pub(super) struct Chooser {
    /// Bits by distance less one, extra bits included.
    distance: Box<[u8; BLOCK]>,
}

const fn or(length: u8, unused: u8) -> u8 {
    if length == 0 { unused } else { length }
}

impl Chooser {
    pub(super) fn new() -> Self {
        Self { distance: table() }
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
        let mut rest = [0 as Priced; AHEAD];
        let mut after: Priced = 0;
        for (i, (slot, &byte)) in found.iter_mut().zip(text).enumerate().rev() {
            let both = *slot;
            let mut best = after + literals[usize::from(byte)];
            best = best.min(self.cheaper(both as u32, i, &prices, &rest));
            if both >> 32 != 0 {
                best = best.min(self.cheaper((both >> 32) as u32, i, &prices, &rest));
            }
            after = best >> 32 << 32;
            rest[i % AHEAD] = after;
            *slot = best;
        }
    }

    /// The cheapest of a match at the lengths that are tried.
    #[inline(always)]
    fn cheaper(
        &self,
        found: u32,
        i: usize,
        prices: &[Priced; LENGTHS + TRIED],
        rest: &[Priced; AHEAD],
    ) -> Priced {
        let length = (found >> 16) as usize % LENGTHS;
        let distance = Priced::from(self.distance[tail(found) % BLOCK]);
        let item = distance << 32 | tail(found) as Priced;
        let mut best = Priced::MAX;
        for less in 0..TRIED {
            // An impossible length costs NEVER, whatever lies at the index.
            let cost =
                prices[length + TRIED - less] + rest[(i + length).wrapping_sub(less) % AHEAD];
            best = best.min(cost);
        }
        best + item
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

/// Bits by match length plus [`TRIED`], extra bits included, above the length as an item has it.
fn length_prices(lengths: &CodeLengths) -> [Priced; LENGTHS + TRIED] {
    std::array::from_fn(|l| match l.checked_sub(TRIED) {
        Some(length) if length >= MIN_MATCH => {
            let code = alphabet::length_code(length);
            let bits = code.extra + or(lengths.litlen[code.symbol], UNUSED_LENGTH);
            Priced::from(bits) << 32 | (length as Priced) << 16
        }
        _ => Priced::from(NEVER) << 32,
    })
}
