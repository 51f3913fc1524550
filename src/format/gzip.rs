//! Documents as gzip: members of a fixed size, so that the bytes depend on nothing but the document. Where several are whole,
//! idle threads of the caller's pool compress some of them. Every gzip reader takes several members for one file.

use std::cell::RefCell;

use libdeflater::{CompressionLvl, Compressor};
use rayon::prelude::*;

use crate::format::deflate::{self, Mistake};
use crate::model::stored::Form;

/// Raw bytes of a member: larger ones compress hardly better, and memory is bounded by a few of them.
const MEMBER: usize = 1 << 20;
/// Documents up to this many bytes stay plain (cc-backend `pkg/archive/fsBackend.go`).
pub const PLAIN_UP_TO: usize = 2000;

/// How hard to compress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// About three times as fast as the default, files a sixth larger.
    Fast,
    /// Our own encoder: the size that cc-backend's own files have, or less.
    #[default]
    Normal,
    /// A few percent smaller, several times slower.
    Small,
}

thread_local! {
    /// An encoder takes 1 MB of tables and the room of a decoded member: one per thread, made when first needed.
    static OWN: RefCell<deflate::Encoder> = RefCell::new(deflate::Encoder::new());
}

/// Takes a document in pieces and gives what is to be stored, in pieces.
#[derive(Debug)]
pub struct Encoder {
    level: Effort,
    pending: Vec<u8>,
    /// Raw bytes taken so far.
    raw: u64,
}

impl Encoder {
    /// An empty document.
    pub fn new(level: Effort) -> Self {
        Self {
            level,
            pending: Vec::new(),
            raw: 0,
        }
    }

    /// Where the next piece of the document is appended; [`Encoder::ready`] follows.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Raw bytes of the document so far.
    pub fn raw_bytes(&self) -> u64 {
        self.raw + self.pending.len() as u64
    }

    /// The members that are whole, compressed.
    pub fn ready(&mut self) -> Result<Vec<Vec<u8>>, Mistake> {
        let end = self.pending.len() / MEMBER * MEMBER;
        let members = self.compress(&self.pending[..end])?;
        self.raw += end as u64;
        // The buffer stays: a new one would come page by page from the kernel, again and again.
        self.pending.drain(..end);
        Ok(members)
    }

    /// The rest of what is to be stored, and its form.
    pub fn finish(mut self) -> Result<(Form, Vec<Vec<u8>>), Mistake> {
        let document = std::mem::take(&mut self.pending);
        if self.raw == 0 && document.len() <= PLAIN_UP_TO {
            return Ok((Form::Plain, vec![document]));
        }
        Ok((Form::Gzip, self.compress(&document)?))
    }

    fn compress(&self, raw: &[u8]) -> Result<Vec<Vec<u8>>, Mistake> {
        if raw.is_empty() {
            return Ok(Vec::new());
        }
        if raw.len() <= MEMBER {
            return Ok(vec![member(raw, self.level)?]);
        }
        raw.par_chunks(MEMBER)
            .map(|c| member(c, self.level))
            .collect()
    }
}

fn member(raw: &[u8], level: Effort) -> Result<Vec<u8>, Mistake> {
    match level {
        Effort::Fast => Ok(of_libdeflate(raw, 1)),
        Effort::Normal => {
            let mut out = Vec::with_capacity(raw.len() / 2);
            OWN.with_borrow_mut(|e| e.member(raw, &mut out))?;
            out.shrink_to_fit();
            Ok(out)
        }
        Effort::Small => Ok(of_libdeflate(raw, 9)),
    }
}

#[expect(
    clippy::expect_used,
    reason = "the levels are libdeflate's, and the room is its own bound"
)]
fn of_libdeflate(raw: &[u8], level: i32) -> Vec<u8> {
    let mut c = Compressor::new(CompressionLvl::new(level).expect("a level of libdeflate"));
    let mut out = vec![0; c.gzip_compress_bound(raw.len())];
    let n = c
        .gzip_compress(raw, &mut out)
        .expect("libdeflate's bound is enough");
    out.truncate(n);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(document: &[u8], step: usize) -> (Form, Vec<u8>) {
        let mut e = Encoder::new(Effort::Normal);
        let mut out = Vec::new();
        for piece in document.chunks(step) {
            e.buffer().extend_from_slice(piece);
            out.extend(e.ready().unwrap().concat());
        }
        assert_eq!(e.raw_bytes(), document.len() as u64);
        let (form, rest) = e.finish().unwrap();
        out.extend(rest.concat());
        (form, out)
    }

    fn unpacked(gz: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(gz), &mut out).unwrap();
        out
    }

    #[test]
    fn documents_up_to_2000_bytes_stay_plain() {
        assert_eq!(stored(&[b'x'; 2000], 100), (Form::Plain, vec![b'x'; 2000]));
        let (form, gz) = stored(&[b'x'; 2001], 100);
        assert_eq!(
            (form, &gz[..10]),
            (Form::Gzip, &b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"[..])
        );
    }

    #[test]
    fn the_stored_bytes_depend_on_the_document_alone() {
        let document: Vec<u8> = (0..5 * (1_u32 << 20) + 77)
            .flat_map(|k| (k.wrapping_mul(2_654_435_761) >> 20).to_le_bytes())
            .collect();
        let (_, one) = stored(&document, document.len());
        let (_, many) = stored(&document, 700_001);
        assert!(one == many);
        assert!(unpacked(&one) == document);
    }
}
