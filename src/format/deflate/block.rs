//! Writes a block: counts its items, makes the two Huffman codes for them, and puts code words one after the other. Where
//! that would be longer than the bytes themselves, the block is stored.

use std::hint::select_unpredictable;

use super::alphabet::{self, DISTANCES, END, LENGTHS, LITLENS, LONGEST_CODE, SLOTS, slot};
use super::bits::Bits;
use super::choose::CodeLengths;
use super::find::Found;
use super::header::Header;
use super::huffman::{code_lengths, code_words};
use super::item::{HEADS, NO_DISTANCE, head, literal, matched, tail};
use super::window::BLOCK;

/// Slots of distances, and behind them those of [`NO_DISTANCE`].
const TAILS: usize = 2 * SLOTS;

/// What a block is made of.
pub(super) struct Items<'a> {
    items: &'a [Found],
    counts: Counts,
}

/// How often the items' fields occur.
struct Counts {
    heads: [u32; HEADS],
    tails: [u32; TAILS],
}

/// Follows the steps through a block and leaves its items at the front of what was found. The way from an item to the next
/// is one byte that is read: everything else waits for nothing.
pub(super) fn collect<'a>(
    text: &[u8],
    found: &'a mut [Found; BLOCK],
    steps: &[u8; BLOCK],
) -> Items<'a> {
    let mut counts = Counts {
        heads: [0; HEADS],
        tails: [0; TAILS],
    };
    let (mut items, mut at) = (0, 0);
    while at < text.len() {
        let step = steps[at % BLOCK];
        let matched = matched(usize::from(step), tail(found[at % BLOCK]) + 1);
        let item = select_unpredictable(step == 1, literal(text[at]), matched);
        found[items % BLOCK] = item;
        items += 1;
        counts.heads[head(item)] += 1;
        counts.tails[slot(tail(item)) % TAILS] += 1;
        at += usize::from(step);
    }
    Items {
        items: &found[..items],
        counts,
    }
}

impl Counts {
    /// By literal and length symbol, by distance symbol.
    fn of_symbols(&self) -> ([u32; LITLENS], [u32; DISTANCES]) {
        let mut litlen = [0; LITLENS];
        litlen[..END].copy_from_slice(&self.heads[LENGTHS..]);
        litlen[END] = 1;
        for length in alphabet::MIN_MATCH..LENGTHS {
            litlen[alphabet::length_code(length).symbol] += self.heads[length];
        }
        let mut distance = [0; DISTANCES];
        for code in alphabet::distance_codes() {
            distance[code.symbol] = self.tails[alphabet::slots_of(code)].iter().sum();
        }
        (litlen, distance)
    }
}

/// The code words of a block's items, by the items' fields.
struct Words {
    /// Code and extra bits of a length or a literal, above 8 bits of their number.
    heads: [u32; HEADS],
    /// Code of a distance above its base less one, above the number of all bits, above that of the code's bits, in
    /// fields of 32, 16, 8 and 8 bits. A literal's has no bits and just its own base.
    tails: [u64; TAILS],
    end: (u64, u32),
}

impl Words {
    fn new(lengths: &CodeLengths) -> Self {
        let mut litlen = [0; LITLENS];
        code_words(&lengths.litlen, &mut litlen);
        let mut heads = [0; HEADS];
        for c in 0..END {
            heads[LENGTHS + c] = u32::from(litlen[c]) << 8 | u32::from(lengths.litlen[c]);
        }
        for (length, word) in heads
            .iter_mut()
            .enumerate()
            .take(LENGTHS)
            .skip(alphabet::MIN_MATCH)
        {
            let code = alphabet::length_code(length);
            let bits = lengths.litlen[code.symbol];
            let extra = (length - usize::from(code.base)) as u32;
            *word = (u32::from(litlen[code.symbol]) | extra << bits) << 8
                | u32::from(bits + code.extra);
        }
        let mut distance = [0; DISTANCES];
        code_words(&lengths.distance, &mut distance);
        let mut tails = [0; TAILS];
        for code in alphabet::distance_codes() {
            let bits = lengths.distance[code.symbol];
            tails[alphabet::slots_of(code)].fill(
                u64::from(distance[code.symbol]) << 32
                    | u64::from(code.base - 1) << 16
                    | u64::from(bits + code.extra) << 8
                    | u64::from(bits),
            );
        }
        tails[slot(NO_DISTANCE as usize)] = u64::from(NO_DISTANCE) << 16;
        Self {
            heads,
            tails,
            end: (u64::from(litlen[END]), u32::from(lengths.litlen[END])),
        }
    }

    /// Bits of all items and the end.
    fn size(&self, counts: &Counts) -> u64 {
        let heads = counts.heads.iter().zip(&self.heads);
        let tails = counts.tails.iter().zip(&self.tails);
        let bits = heads
            .map(|(n, w)| u64::from(*n) * u64::from(w & 255))
            .sum::<u64>();
        let more = tails
            .map(|(n, w)| u64::from(*n) * (w >> 8 & 255))
            .sum::<u64>();
        bits + more + u64::from(self.end.1)
    }

    /// Puts the items. Every one is one write of eight bytes, whatever it is: at most 48 bits after 7 that are open.
    fn put(&self, items: &[Found], room: usize, bits: &mut Bits, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + room, 0);
        let to = &mut out[start..];
        let mut written = 0;
        let Bits {
            mut open,
            mut count,
        } = *bits;
        for &item in items {
            let first = self.heads[head(item)];
            let second = self.tails[slot(tail(item)) % TAILS];
            let above = (tail(item) as u64).wrapping_sub(second >> 16 & 0xffff);
            let distance = second >> 32 | above << (second & 63);
            let first_bits = first & 63;
            open |= (u64::from(first >> 8) | distance << first_bits) << (count & 63);
            count += first_bits + (second >> 8 & 255) as u32;
            let Some(eight) = to[written..].first_chunk_mut() else {
                unreachable!("the room is for all items and eight bytes more")
            };
            *eight = open.to_le_bytes();
            written += (count >> 3) as usize;
            open >>= count & !7;
            count &= 7;
        }
        out.truncate(start + written);
        *bits = Bits { open, count };
        bits.put(out, self.end.0, self.end.1);
    }
}

/// Writes the block `text`, made of these items, and leaves the lengths of its codes.
pub(super) fn write(
    text: &[u8],
    items: &Items<'_>,
    last: bool,
    lengths: &mut CodeLengths,
    bits: &mut Bits,
    out: &mut Vec<u8>,
) {
    let (litlen, distance) = items.counts.of_symbols();
    code_lengths(&litlen, LONGEST_CODE, &mut lengths.litlen);
    code_lengths(&distance, LONGEST_CODE, &mut lengths.distance);
    let words = Words::new(lengths);
    let header = Header::new(lengths);
    let size = words.size(&items.counts);
    if header.size() + size >= 8 * (text.len() as u64 + STORED_HEADER) {
        store(text, last, bits, out);
    } else {
        header.put(last, bits, out);
        // The last item writes eight bytes, of which less may be its own.
        let room = (size / 8) as usize + 16;
        words.put(items.items, room, bits, out);
    }
}

/// Bytes of a stored block beside its text, the open one filled up.
const STORED_HEADER: u64 = 5;

/// A stored block; a block's size fits its 16 bits.
fn store(text: &[u8], last: bool, bits: &mut Bits, out: &mut Vec<u8>) {
    bits.put(out, u64::from(last), 3);
    bits.align(out);
    let n = text.len() as u16;
    out.extend_from_slice(&n.to_le_bytes());
    out.extend_from_slice(&(!n).to_le_bytes());
    out.extend_from_slice(text);
}
