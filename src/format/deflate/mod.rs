//! A gzip encoder for documents that are mostly numbers: RFC 1951 and 1952.
//!
//! The input goes through in blocks of 32 KiB. For each, [`find`] looks for matches at every byte, [`choose`] takes the
//! cheapest way through them, and [`block`] writes it with Huffman codes of its own. The state is of a fixed size and
//! used again for the next member; a member's bytes depend on its input alone.
//!
//! Every member is decoded again by libdeflate, another's code, and compared before it is given out: a mistake in here
//! is an error and never a loss.

#![expect(
    clippy::cast_possible_truncation,
    reason = "positions are kept modulo 65,536, and packed fields are taken apart"
)]
#![expect(
    clippy::inline_always,
    reason = "steps of the inner loops: a call each would cost more than they do"
)]

mod alphabet;
mod bits;
mod block;
mod choose;
mod find;
mod header;
mod huffman;
mod item;
mod table;
mod window;

use std::fmt;

use libdeflater::Decompressor;

use bits::Bits;
use choose::{Chooser, CodeLengths};
use find::{Finder, Matches};
use window::{BLOCK, Window};

/// No name, no time, no hint on the effort, an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A member did not decode to what went in. Nothing of it was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a gzip member of {raw} bytes does not decode to what went in ({stored} bytes stored)")]
pub struct Mistake {
    /// Bytes that went in.
    pub raw: usize,
    /// Bytes that came out.
    pub stored: usize,
}

/// The state for one member after the other: about 1 MB, and a member's size for decoding.
pub struct Encoder {
    window: Window,
    finder: Finder,
    chooser: Chooser,
    found: Matches,
    /// How many bytes the item takes that is best at each byte of a block.
    steps: Box<[u8; BLOCK]>,
    decoder: Decompressor,
    decoded: Vec<u8>,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder that has seen nothing.
    pub fn new() -> Self {
        Self {
            window: Window::new(),
            finder: Finder::new(),
            chooser: Chooser::new(),
            found: Matches::new(),
            steps: table::table(),
            decoder: Decompressor::new(),
            decoded: Vec::new(),
        }
    }

    /// Appends `raw` as one gzip member to `out`, and nothing where that is an error.
    pub fn member(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<(), Mistake> {
        let start = out.len();
        out.extend_from_slice(&HEADER);
        self.deflate(raw, out);
        out.extend_from_slice(&crc32fast::hash(raw).to_le_bytes());
        out.extend_from_slice(&(raw.len() as u32).to_le_bytes());
        if self.decodes_to(raw, &out[start..]) {
            return Ok(());
        }
        let stored = out.len() - start;
        out.truncate(start);
        Err(Mistake {
            raw: raw.len(),
            stored,
        })
    }

    fn deflate(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        self.finder.start(raw.len());
        let mut lengths = CodeLengths::of_numbers();
        let mut bits = Bits::default();
        let mut start = 0;
        loop {
            let text = &raw[start..(start + BLOCK).min(raw.len())];
            let last = start + text.len() == raw.len();
            self.window.put(start, text);
            let (found, steps) = (&mut self.found, &mut *self.steps);
            self.finder.find(&self.window, start, text.len(), found);
            self.chooser
                .choose(&lengths, text, start + text.len(), found, steps);
            let items = block::collect(text, &mut found.first, steps);
            block::write(text, &items, last, &mut lengths, &mut bits, out);
            start += text.len();
            if last {
                break;
            }
        }
        bits.align(out);
    }

    /// Whether libdeflate makes the input of a member again. It checks the sum and the length in the trailer too.
    fn decodes_to(&mut self, raw: &[u8], member: &[u8]) -> bool {
        // libdeflate refuses to decode into nothing at all.
        if self.decoded.len() < raw.len().max(1) {
            self.decoded.resize(raw.len().max(1), 0);
        }
        let decoded = self.decoder.gzip_decompress(member, &mut self.decoded);
        decoded == Ok(raw.len()) && self.decoded[..raw.len()] == *raw
    }
}

#[cfg(test)]
mod tests;
