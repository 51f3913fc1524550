//! The two alphabets of deflate (RFC 1951, 3.2.5): which code stands for a match length, which for a distance, and how
//! many extra bits follow it. Everything is computed at compile time.

/// Literals, the end of a block, and 29 length codes.
pub(super) const LITLENS: usize = 286;
/// The end of a block.
pub(super) const END: usize = 256;
/// Distance codes.
pub(super) const DISTANCES: usize = 30;
/// No code word is longer.
pub(super) const LONGEST_CODE: usize = 15;
/// Shortest match that we use: one of three bytes costs about as much as its literals, which number texts have cheap.
pub(super) const MIN_MATCH: usize = 4;
/// Match lengths are below this: they fit a byte, at the price of splitting what is longer than 255.
pub(super) const LENGTHS: usize = 256;

const LENGTH_BASE: [u16; 29] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258,
];
const LENGTH_EXTRA: [u8; 29] = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const DISTANCE_BASE: [u16; DISTANCES] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
    2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA: [u8; DISTANCES] = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13,
    13,
];

/// One code of an alphabet: the smallest value that it stands for, and the bits that add to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    pub(super) symbol: usize,
    pub(super) base: u16,
    pub(super) extra: u8,
}

/// The length codes by match length less one (257 + the index of its base); lengths under 3 have none and count as 3.
static LENGTH_CODE: [u8; LENGTHS] = {
    let mut table = [0; LENGTHS];
    let (mut length, mut code) = (3, 0);
    while length < LENGTHS {
        if length == LENGTH_BASE[code + 1] as usize {
            code += 1;
        }
        table[length] = code as u8;
        length += 1;
    }
    table
};

/// The code of a match length.
pub(super) fn length_code(length: usize) -> Code {
    let code = usize::from(LENGTH_CODE[length]);
    Code {
        symbol: END + 1 + code,
        base: LENGTH_BASE[code],
        extra: LENGTH_EXTRA[code],
    }
}

/// Every distance code, from the nearest on.
pub(super) fn distance_codes() -> impl Iterator<Item = Code> {
    (0..DISTANCES).map(|symbol| Code {
        symbol,
        base: DISTANCE_BASE[symbol],
        extra: DISTANCE_EXTRA[symbol],
    })
}

/// Distances by slot: the first 256 have a slot each, farther ones share it with 127 neighbours, since the codes beyond
/// 256 stand for whole multiples of 128 distances.
pub(super) const SLOTS: usize = 512;

/// The slot of a distance less one.
#[inline(always)]
pub(super) const fn slot(distance_less_one: usize) -> usize {
    if distance_less_one < 256 {
        distance_less_one
    } else {
        256 + (distance_less_one >> 7)
    }
}

/// The slots of a code's distances.
pub(super) fn slots_of(code: Code) -> std::ops::Range<usize> {
    let first = usize::from(code.base) - 1;
    let last = first + (1 << code.extra) - 1;
    slot(first)..slot(last) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_lies_in_its_code() {
        for length in 3..LENGTHS {
            let code = length_code(length);
            let above = length - usize::from(code.base);
            assert!(above < 1 << code.extra, "{length}");
        }
    }

    #[test]
    fn every_slot_belongs_to_one_code_and_every_distance_to_its_own() {
        let mut owner = [None; SLOTS];
        for code in distance_codes() {
            for s in slots_of(code) {
                assert_eq!(owner[s].replace(code.symbol), None, "{s}");
            }
            for d in usize::from(code.base)..usize::from(code.base) + (1 << code.extra) {
                assert_eq!(owner[slot(d - 1)], Some(code.symbol), "{d}");
            }
        }
        // 256 + (256 >> 7) is the first slot of far distances.
        assert_eq!(owner.iter().filter(|o| o.is_none()).count(), 2);
    }
}
