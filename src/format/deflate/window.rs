//! The bytes that matches may point to: the block at hand and the one before it, in a ring.

use super::table::table;

/// Bytes of a block, which is also how far a match may reach back.
pub(super) const BLOCK: usize = 1 << 15;
const RING: usize = 2 * BLOCK;

/// Two blocks. A position counts from the member's start; its byte lies at the position modulo 65,536, so that an index
/// of 16 bits is always within bounds and the compiler leaves the checks out.
#[derive(Debug)]
pub(super) struct Window {
    /// The first eight bytes stand behind the end once more, so that any eight bytes can be read in one piece.
    ring: Box<[u8; RING + 8]>,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { ring: table() }
    }

    /// Lays a block, at most [`BLOCK`] bytes, at a position that is a multiple of its size.
    pub(super) fn put(&mut self, position: usize, block: &[u8]) {
        let at = position % RING;
        self.ring[at..at + block.len()].copy_from_slice(block);
        if at == 0 {
            let (ring, mirror) = self.ring.split_at_mut(RING);
            mirror.copy_from_slice(&ring[..8]);
        }
    }

    /// Eight bytes, the first one lowest.
    #[inline(always)]
    pub(super) fn word(&self, position: usize) -> u64 {
        // Byte by byte, which becomes one load: a copy of a slice would be a call where it is not inlined.
        let (at, ring) = (position % RING, &self.ring);
        u64::from_le_bytes([
            ring[at],
            ring[at + 1],
            ring[at + 2],
            ring[at + 3],
            ring[at + 4],
            ring[at + 5],
            ring[at + 6],
            ring[at + 7],
        ])
    }

    /// How many bytes from a position on equal those `distance` before it; the search ends at `end`, where eight
    /// bytes must be readable.
    #[inline(always)]
    pub(super) fn equal(&self, from: usize, distance: usize, end: usize) -> usize {
        let mut at = from;
        while at < end {
            let differ = self.word(at) ^ self.word(at.wrapping_sub(distance));
            if differ != 0 {
                return (at + (differ.trailing_zeros() >> 3) as usize).min(end) - from;
            }
            at += 8;
        }
        end.max(from) - from
    }

    /// How many of the eight bytes before a position equal those `distance` before them.
    #[inline(always)]
    pub(super) fn equal_before(&self, position: usize, distance: usize) -> usize {
        let differ = self.word(position - 8) ^ self.word((position - 8).wrapping_sub(distance));
        (differ.leading_zeros() >> 3) as usize
    }
}
