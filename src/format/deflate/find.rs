//! Finds for every byte of a block up to two matches that start there.
//!
//! Two tables hold the last position of what hashes alike: one by five bytes, one, for the bytes that separate numbers, by
//! eight, which is used where it pays. Positions are kept modulo 65,536. An entry may be stale or another's; since bytes are always compared, and
//! the distance is held within what the window holds, that costs a match and never a mistake.
//!
//! The usual byte takes no branch that depends on its match: an entry out of reach counts as distance 1, which is a
//! candidate like any other, and the length is the number of trailing zero bits of a difference.

use super::alphabet::{LENGTHS, MIN_MATCH};
use super::item::{head, matched, tail};
use super::table::table;
use super::window::{BLOCK, Window};

/// Bits of the tables' indices. With half the near entries members are 0.1 to 0.5 % larger and made no faster.
const NEAR_BITS: u32 = 16;
const FAR_BITS: u32 = 14;
/// The far table is used for a block where it gave a match for one in so many bytes of the block before. Numbers of a wide
/// range hardly repeat over eight bytes: there it makes members 0.5 to 1 % smaller and takes a sixth of the time (our sites
/// perf and fritz, one match in 46 to 60 bytes); where it finds more it is worth 5 % (emmy, one in 10).
const FAR_PAYS: usize = 40;
/// Every so many blocks it is tried anew, since a document may change. Every fourth one costs 4 % of the speed, every eighth 1.5 %.
const FAR_TRIED_EVERY: usize = 16;
/// Spreads a word over its upper bits (the golden ratio of 2^64).
const SPREAD: u64 = 0x9E37_79B1_85EB_CA87;
/// While a match goes on for at least so long nothing is searched: a longer one would hardly be better. Searching on up
/// to 16 bytes makes members up to 0.1 % smaller and takes an eighth longer; searching again only two bytes later made
/// them 0.9 % larger on one of our sites.
const LONG: usize = 8;
/// So many bytes before the block's end nothing is searched, so that reads of eight bytes stay within it.
const MARGIN: usize = 16;
/// Bytes below it are looked up by eight bytes too: comma and dot, which stand before digits that may repeat for long.
const SEPARATORS_BELOW: u8 = 0x30;

/// No match is longer: one less than a length's byte can hold, which stands for the length before none.
pub(super) const LONGEST_MATCH: usize = LENGTHS - 2;

/// A match as an item has it, or none where its length is 0.
pub(super) type Found = u32;

/// Up to two matches that start at each byte of a block.
#[derive(Debug)]
pub(super) struct Matches {
    pub(super) first: Box<[Found; BLOCK]>,
    /// Said only where `has_second`.
    pub(super) second: Box<[Found; BLOCK]>,
    /// Whether this block was searched by eight bytes too.
    pub(super) has_second: bool,
}

impl Matches {
    pub(super) fn new() -> Self {
        Self {
            first: table(),
            second: table(),
            has_second: false,
        }
    }
}

/// The length of a match in its place within an item, by the number of zero bits before the first that differs: none
/// below [`MIN_MATCH`]. Lengths of one to three would be read as ways from the bytes just ahead, and [`super::choose`]
/// would have to wait for those.
static LENGTH_OF: [Found; 64] = {
    let mut lengths = [0; 64];
    let mut zeros = 8 * MIN_MATCH;
    while zeros < 64 {
        lengths[zeros] = matched(zeros / 8, 1);
        zeros += 1;
    }
    lengths
};

/// The last match of eight bytes and more: what continues it needs no comparing.
#[derive(Clone, Copy, Debug)]
struct Long {
    distance: usize,
    end: usize,
}

impl Long {
    /// Whether this match has eight bytes left at a position, seen at the same distance.
    #[inline(always)]
    const fn reaches(self, distance: usize, at: usize) -> bool {
        self.distance == distance && self.end >= at + 8
    }
}

/// The tables; a member starts with empty ones, so that its bytes depend on nothing before it.
#[derive(Debug)]
pub(super) struct Finder {
    near: Box<[u16; 1 << NEAR_BITS]>,
    far: Box<[u16; 1 << FAR_BITS]>,
    /// So many bits of a hash are left out: a small member uses the front of the tables, for clearing them whole takes a
    /// tenth of the time of a member of 3 kB.
    unused: u32,
    /// Whether the block before had enough matches by eight bytes.
    far_pays: bool,
}

#[inline(always)]
const fn near_hash(word: u64, unused: u32) -> usize {
    ((word << 24).wrapping_mul(SPREAD) >> ((64 - NEAR_BITS + unused) & 63)) as u16 as usize
}

#[inline(always)]
const fn far_hash(word: u64, unused: u32) -> usize {
    (word.wrapping_mul(SPREAD) >> ((64 - FAR_BITS + unused) & 63)) as usize % (1 << FAR_BITS)
}

#[inline(always)]
const fn is_separator(word: u64) -> bool {
    (word as u8) < SEPARATORS_BELOW
}

/// Puts a position into a table's entry and gives the distance to the one that was there, or 1 where that is out of
/// reach. An entry that was never set is position 0, which the first block reaches from everywhere.
#[inline(always)]
fn exchange(entry: &mut u16, at: usize) -> usize {
    let distance = usize::from((at as u16).wrapping_sub(*entry));
    *entry = at as u16;
    if distance.wrapping_sub(1) < BLOCK {
        distance
    } else {
        1
    }
}

impl Finder {
    pub(super) fn new() -> Self {
        Self {
            near: table(),
            far: table(),
            unused: 0,
            far_pays: false,
        }
    }

    /// Forgets all positions, for a member of so many bytes.
    pub(super) fn start(&mut self, n: usize) {
        // Two to four entries a byte.
        let bits = (n.max(1).ilog2() + 2).clamp(FAR_BITS - 4, NEAR_BITS);
        self.unused = NEAR_BITS - bits;
        self.far_pays = false;
        self.near[..1 << bits].fill(0);
        self.far[..1 << (FAR_BITS - self.unused)].fill(0);
    }

    /// Fills `found` for the `n` bytes at `start`, a multiple of the block's size.
    pub(super) fn find(&mut self, window: &Window, start: usize, n: usize, found: &mut Matches) {
        let block = start / BLOCK;
        found.has_second = self.far_pays || block.is_multiple_of(FAR_TRIED_EVERY);
        if found.has_second {
            found.second[..n].fill(0);
            let matches = self.search::<true>(window, start, n, found);
            self.far_pays = matches * FAR_PAYS >= n;
        } else {
            self.search::<false>(window, start, n, found);
        }
    }

    /// Searches with the far table or without it; how many matches that one gave.
    fn search<const FAR: bool>(
        &mut self,
        window: &Window,
        start: usize,
        n: usize,
        matches: &mut Matches,
    ) -> usize {
        let (found, others) = (&mut *matches.first, &mut *matches.second);
        let mut by_eight = 0;
        let end = start + n;
        let stop = end.saturating_sub(MARGIN).max(start);
        let unused = self.unused;
        let mut long = Long {
            distance: 1,
            end: 0,
        };
        let mut at = start;
        if at == 0 && stop > 0 {
            // Nothing lies before the first byte.
            found[0] = 0;
            at = 1;
        }
        while at < stop {
            let word = window.word(at);
            let distance = exchange(&mut self.near[near_hash(word, unused)], at);
            let differ = word ^ window.word(at.wrapping_sub(distance));
            // The bit that is set here makes seven bytes of eight, and spares the processor's case for zero.
            let zeros = (differ | 1 << 63).trailing_zeros() as usize % 64;
            let mut item = LENGTH_OF[zeros] | matched(0, distance);
            if differ == 0 {
                let length = continued(window, at, distance, end, &mut long);
                item = matched(length, distance);
            }
            found[at % BLOCK] = item;
            let mut goes_on = differ == 0;
            if FAR && is_separator(word) {
                let second = exchange(&mut self.far[far_hash(word, unused)], at);
                if word == window.word(at.wrapping_sub(second)) && second != distance {
                    let known = long.reaches(second, at);
                    let length = continued(window, at, second, end, &mut long);
                    others[at % BLOCK] = matched(length, second);
                    if !known {
                        backwards(window, start, at, matched(length, second), others);
                    }
                    goes_on = true;
                    by_eight += 1;
                }
            }
            if goes_on {
                at = self.within::<FAR>(window, stop, at, long, found);
            }
            at += 1;
        }
        for at in at..end {
            found[at - start] = remainder(long, at, MIN_MATCH);
        }
        by_eight
    }

    /// Bytes inside of a long match behind the one at hand: they are remembered, and have what is left of the match. The
    /// last of them.
    #[inline(always)]
    fn within<const FAR: bool>(
        &mut self,
        window: &Window,
        stop: usize,
        mut at: usize,
        long: Long,
        found: &mut [Found; BLOCK],
    ) -> usize {
        let last = stop.min((long.end + 1).saturating_sub(LONG));
        while at + 1 < last {
            at += 1;
            found[at % BLOCK] = remainder(long, at, 0);
            let word = window.word(at);
            self.near[near_hash(word, self.unused)] = at as u16;
            if FAR && is_separator(word) {
                self.far[far_hash(word, self.unused)] = at as u16;
            }
        }
        at
    }
}

/// What is left of a long match, if that is at least so long.
#[inline(always)]
fn remainder(long: Long, at: usize, least: usize) -> Found {
    if long.end >= at + least {
        matched(long.end - at, long.distance)
    } else {
        0
    }
}

/// The length of a match of at least eight bytes: what is left of the last long one, or else compared.
#[inline(always)]
fn continued(window: &Window, at: usize, distance: usize, end: usize, long: &mut Long) -> usize {
    let length = if long.reaches(distance, at) {
        long.end - at
    } else {
        let limit = (end - 8).min(at + LONGEST_MATCH);
        8 + window.equal(at + 8, distance, limit)
    };
    *long = Long {
        distance,
        end: at + length,
    };
    length
}

/// A match found at a separator may start earlier: the bytes before it, up to eight, get it as their second one.
#[inline(always)]
fn backwards(
    window: &Window,
    start: usize,
    at: usize,
    found_here: Found,
    others: &mut [Found; BLOCK],
) {
    let distance = tail(found_here) + 1;
    let length = head(found_here);
    if at < start + 8 || at < distance + 8 {
        return;
    }
    // The earlier bytes must lie in the window still: (at - steps) - distance >= start - BLOCK.
    let reach = (at + BLOCK).saturating_sub(distance + start);
    for back in 1..=window.equal_before(at, distance).min(reach) {
        let longer = (length + back).min(LONGEST_MATCH);
        others[(at - start - back) % BLOCK] = matched(longer, distance);
    }
}
