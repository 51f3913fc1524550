//! What goes in comes out of two decoders, whatever it is.

use std::io::Read;

use super::*;

/// Pseudo-random numbers, the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }
}

/// A member of libdeflate's approval, held to zlib-rs too.
fn member(encoder: &mut Encoder, raw: &[u8]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    assert_eq!(encoder.member(raw, &mut out), Ok(()));
    let member = out.split_off(6);
    assert_eq!(out, b"before");
    assert_eq!(member[..10], HEADER);
    let mut back = Vec::new();
    let mut reader = flate2::bufread::GzDecoder::new(&*member);
    reader.read_to_end(&mut back).unwrap();
    assert!(back == raw, "{} bytes", raw.len());
    assert!(reader.into_inner().is_empty(), "one member and no more");
    member
}

/// Numbers with two decimals, as data.json has them.
fn numbers(n: usize, random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    let mut x = 5000;
    while out.len() < n {
        x = (x + random.below(201)).saturating_sub(100);
        out.extend_from_slice(format!("{}.{:02},", x / 100, x % 100).as_bytes());
    }
    out.truncate(n);
    out
}

fn noise(n: usize, random: &mut Random) -> Vec<u8> {
    (0..n).map(|_| random.below(256) as u8).collect()
}

#[test]
fn members_of_every_size_around_a_border_come_back() {
    let mut e = Encoder::new();
    let mut random = Random(7);
    let text = numbers(3 * BLOCK, &mut random);
    let noise = noise(3 * BLOCK, &mut random);
    for border in [0, BLOCK, 2 * BLOCK, 3 * BLOCK - 40] {
        for n in border.saturating_sub(40)..=border + 40 {
            member(&mut e, &text[..n]);
            member(&mut e, &noise[..n]);
            member(&mut e, &vec![b'7'; n]);
        }
    }
}

#[test]
fn what_does_not_compress_is_stored() {
    let mut random = Random(9);
    let raw = noise(5 * BLOCK + 100, &mut random);
    let stored = member(&mut Encoder::new(), &raw);
    // Header and trailer, and five bytes for each of the six blocks.
    assert_eq!(stored.len(), raw.len() + 18 + 6 * 5);
}

#[test]
fn a_member_depends_on_its_input_alone() {
    let mut random = Random(11);
    let (a, b) = (numbers(200_000, &mut random), numbers(90_000, &mut random));
    let fresh = member(&mut Encoder::new(), &b);
    let mut used = Encoder::new();
    member(&mut used, &a);
    member(&mut used, &noise(100_000, &mut random));
    assert!(member(&mut used, &b) == fresh);
}

#[test]
fn pieces_at_every_distance_come_back() {
    let mut e = Encoder::new();
    let mut random = Random(13);
    for round in 0..60 {
        let mut raw = numbers(200, &mut random);
        while raw.len() < 150_000 {
            // Matches of every length from every distance, and a little between them.
            let most = raw.len().min(1 << random.below(17));
            let from = raw.len() - 1 - random.below(most);
            let longest = 1 << random.below(11);
            let length = 1 + random.below(longest);
            for k in 0..length {
                raw.push(raw[from + k]);
            }
            let between = random.below(if round % 2 == 0 { 3 } else { 20 });
            raw.extend(noise(between, &mut random));
        }
        member(&mut e, &raw);
    }
}

#[test]
fn what_does_not_decode_is_an_error_and_nothing_is_given_out() {
    let mut e = Encoder::new();
    let mut good = Vec::new();
    e.member(b"1.25,1.25,1.25,1.50", &mut good).unwrap();
    assert!(e.decodes_to(b"1.25,1.25,1.25,1.50", &good));
    assert!(!e.decodes_to(b"1.25,1.25,1.25,1.51", &good));
    for k in 10..good.len() {
        let mut bad = good.clone();
        bad[k] ^= 4;
        assert!(!e.decodes_to(b"1.25,1.25,1.25,1.50", &bad), "{k}");
    }
}

#[test]
fn what_repeats_behind_many_blocks_that_do_not_is_found_again() {
    let mut e = Encoder::new();
    let mut random = Random(11);
    let line = numbers(500, &mut random);
    let mut raw: Vec<u8> = (0..20 * BLOCK / 4)
        .flat_map(|_| format!("{:03},", random.below(1000)).into_bytes())
        .collect();
    let alone = member(&mut e, &raw).len();
    for _ in 0..20 * BLOCK / 500 {
        raw.extend_from_slice(&line);
        raw.extend_from_slice(format!("{},", random.below(1000)).as_bytes());
    }
    let both = member(&mut e, &raw).len();
    assert!(both < alone + 20 * BLOCK / 20, "{alone} and {both} bytes");
}
