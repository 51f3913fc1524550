//! What a block is made of, 32 bits each: a match or a literal.
//!
//! A match is its length above the distance less one; a literal is 256 plus its byte above [`NO_DISTANCE`]. Both have
//! the same two fields, so that one table for the upper and one for the lower field serve without asking which it is.

/// The lower field of a literal: no distance less one is as large.
pub(super) const NO_DISTANCE: u32 = 1 << 15;
/// Values of the upper field: 256 lengths, 256 literals.
pub(super) const HEADS: usize = 512;

/// A match of a length below 256.
#[inline(always)]
pub(super) const fn matched(length: usize, distance: usize) -> u32 {
    (length as u32) << 16 | (distance as u32).wrapping_sub(1)
}

/// A byte as it is.
#[inline(always)]
pub(super) const fn literal(byte: u8) -> u32 {
    (256 + byte as u32) << 16 | NO_DISTANCE
}

/// The upper field: a length, or 256 and a byte.
#[inline(always)]
pub(super) const fn head(item: u32) -> usize {
    (item >> 16) as usize % HEADS
}

/// The lower field.
#[inline(always)]
pub(super) const fn tail(item: u32) -> usize {
    (item & 0xffff) as usize
}
