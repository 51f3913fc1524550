//! gzip as others write and read it.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    pack_as(bytes, Compression::fast())
}

pub(crate) fn pack_as(bytes: &[u8], how: Compression) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), how);
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

pub(crate) fn unpack(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let read = MultiGzDecoder::new(bytes).read_to_end(&mut plain);
    read.expect("gzip");
    plain
}
