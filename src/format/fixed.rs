//! Numbers with two decimals, as data.json has them: most of an archive is such numbers.
//!
//! The exact binary value is rounded, ties to even, as Go's `%.2f` and Rust's `{:.2}` do; it is written without either. A
//! number becomes its hundredths, a whole number of at most sixteen digits, and those become text eight digits at a time
//! within one register, without a branch that depends on how many there are: 3 ns a value, where taking off two digits
//! after the other takes 8 (values of differing length, one core).

#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers are taken apart into halves that fit"
)]

use std::io::Write;

/// Room for one number: a sign, 14 digits, dot and two digits, and as much again as is written at a time.
const ROOM: usize = 24;
/// Numbers that are put together on the stack: growing a `Vec` number by number costs more than the digits do.
const TOGETHER: usize = 64;
/// Below it the hundredths have eight digits.
const SHORT: f64 = 999_999.0;
/// Below it they have sixteen, and a double holds them.
const LONG: f64 = 1e13;
const DOT: u32 = 0x2e;
const COMMA: u32 = 0x2c;

/// Appends a finite number with two decimals. The sign of zero is kept, also of what rounds to it.
#[inline]
pub fn fixed2(x: f64, out: &mut Vec<u8>) {
    let mut text = [0; ROOM];
    match put(x, &mut text) {
        Some(n) => out.extend_from_slice(&text[..n]),
        None => general(x, out),
    }
}

/// Appends numbers with commas between them, `null` for what is no finite number.
#[inline]
pub fn array(values: impl Iterator<Item = f64>, out: &mut Vec<u8>) {
    let before = out.len();
    let mut block = [0_u8; TOGETHER * ROOM];
    let mut at = 0;
    for x in values {
        if at + ROOM > block.len() {
            out.extend_from_slice(&block[..at]);
            at = 0;
        }
        let Some(text) = block[at..].first_chunk_mut::<ROOM>() else {
            break; // the block was just emptied
        };
        if let Some(n) = put(x, text) {
            at += n + 1;
        } else if x.is_finite() {
            out.extend_from_slice(&block[..at]);
            at = 0;
            general(x, out);
            out.push(b',');
        } else {
            place(text, 0, *b"null,");
            at += 5;
        }
    }
    out.extend_from_slice(&block[..at]);
    // The comma behind the last one.
    out.truncate(out.len().saturating_sub(1).max(before));
}

/// The text of a number, with a comma behind it that its length does not count; none where it takes another way.
#[inline]
fn put(x: f64, text: &mut [u8; ROOM]) -> Option<usize> {
    let magnitude = x.abs();
    // Where the last seven bits are zero, as in every f32, a hundred times the number is exact.
    let exact = x.to_bits().trailing_zeros() >= 7;
    text[0] = b'-';
    let sign = usize::from(x.is_sign_negative());
    if exact && magnitude < SHORT {
        return Some(sign + short(rounded(magnitude * 100.0), text, sign));
    }
    long(x, exact, text, sign)
}

#[inline(never)]
fn long(x: f64, exact: bool, text: &mut [u8; ROOM], sign: usize) -> Option<usize> {
    let magnitude = x.abs();
    let hundredths = |m| {
        if exact {
            rounded(m * 100.0)
        } else {
            hundredths(m)
        }
    };
    (magnitude < LONG).then(|| sign + sixteen(hundredths(magnitude), text, sign))
}

/// To the nearest whole number, ties to even: a double from 2^52 on has no place for anything else.
#[inline]
fn rounded(x: f64) -> u64 {
    const WHOLE: f64 = (1_u64 << 52) as f64;
    (x + WHOLE).to_bits() & ((1 << 52) - 1)
}

/// Writes a number of at most eight digits as hundredths.
#[inline]
fn short(hundredths: u64, text: &mut [u8; ROOM], at: usize) -> usize {
    let digits = eight_digits(hundredths as u32);
    // The digits that are left out are zeros before the dot, but not the last one there.
    let zeros = (digits | 1 << 40).trailing_zeros() >> 3;
    let kept = (digits | 0x3030_3030_3030_3030) >> (zeros * 8);
    place(text, at, kept.to_le_bytes());
    end(digits, 6 - zeros as usize, text, at)
}

/// Writes a number of at most sixteen digits as hundredths.
#[inline]
fn sixteen(hundredths: u64, text: &mut [u8; ROOM], at: usize) -> usize {
    const HALF: u64 = 100_000_000;
    let (upper, lower) = (
        eight_digits((hundredths / HALF) as u32),
        eight_digits((hundredths % HALF) as u32),
    );
    let digits = u128::from(upper) | u128::from(lower) << 64;
    let zeros = (digits | 1 << 104).trailing_zeros() >> 3;
    let kept = (digits | 0x3030_3030_3030_3030_3030_3030_3030_3030) >> (zeros * 8);
    place(text, at, kept.to_le_bytes());
    end(lower, 14 - zeros as usize, text, at)
}

/// Lays bytes into a text where there is room for them, which the callers see to. One store, and no call as copying a slice
/// may be.
#[inline]
fn place<const N: usize>(text: &mut [u8; ROOM], at: usize, bytes: [u8; N]) {
    if let Some(room) = text.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *room = bytes;
    }
}

/// Writes dot, the last two of eight digits, and a comma behind `whole` digits; the length without the comma.
#[inline]
fn end(digits: u64, whole: usize, text: &mut [u8; ROOM], at: usize) -> usize {
    let end = DOT | ((digits >> 48) as u32 | 0x3030) << 8 | COMMA << 24;
    place(text, at + whole, end.to_le_bytes());
    whole + 3
}

/// The eight digits of a number below 10^8, one a byte, the first one lowest. Halves, then pairs, then digits are taken apart
/// side by side: each division is a multiplication whose result fits its lane.
#[inline]
const fn eight_digits(x: u32) -> u64 {
    let x = x as u64;
    let halves = (x / 10_000) | ((x % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x7f_0000_007f;
    let pairs = hundreds | ((halves - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x0f_000f_000f_000f;
    tens | ((pairs - tens * 10) << 8)
}

/// round(x · 100) of the exact value, ties to even, of a number below [`LONG`].
fn hundredths(x: f64) -> u64 {
    let bits = x.to_bits();
    let exponent = (bits >> 52) & 0x7ff;
    // x = m · 2^-shift with 2^52 ≤ m < 2^53, so 100·m < 2^60. Below 2^-5 or so it is far below half a hundredth.
    let m = (bits & ((1 << 52) - 1)) | (1 << 52);
    let shift = 1075_u64.saturating_sub(exponent);
    if shift > 63 {
        return 0;
    }
    let scaled = m * 100;
    let (whole, rest, half) = (
        scaled >> shift,
        scaled & ((1 << shift) - 1),
        (1_u64 << shift) >> 1,
    );
    whole + u64::from(rest > half || (rest == half && whole & 1 == 1))
}

#[cold]
fn general(x: f64, out: &mut Vec<u8>) {
    write!(out, "{x:.2}").unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(x: f64) -> String {
        let mut out = Vec::new();
        fixed2(x, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn fixed_numbers_equal_the_standard_librarys_for_all_kinds_of_values() {
        let mut seed = 88_172_645_463_325_252_u64;
        for k in 0..400_000_u32 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let bits = f64::from_bits(seed);
            let single = f64::from(f32::from_bits(u32::try_from(seed >> 32).unwrap()));
            let ties = (seed % 2_000_001) as f64 / 8.0;
            let typical = (seed % 1_000_000_007) as f64 / 1e4;
            for x in [bits, single, ties, typical, -typical, f64::from(k) / 1000.0] {
                if x.is_finite() {
                    assert_eq!(fixed(x), format!("{x:.2}"), "{x:e}");
                }
            }
        }
        for x in [
            0.0,
            -0.0,
            -0.001,
            0.125,
            0.375,
            1.005,
            f64::from(f32::MAX),
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            999_998.994,
            999_998.995,
            999_999.0,
            9_999_999_999_999.99,
            1e13,
            1e17,
            1.8e17,
            1.9e18,
        ] {
            assert_eq!(fixed(x), format!("{x:.2}"), "{x:e}");
        }
    }

    #[test]
    fn arrays_equal_the_standard_librarys_text_for_all_kinds_of_numbers() {
        let mut seed = 88_172_645_463_325_252_u64;
        let mut values = Vec::new();
        for k in 0..400_000_u32 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let high = u32::try_from(seed >> 32).unwrap();
            values.push(f64::from(f32::from_bits(high)));
            values.push(f64::from((high % 2_000_000) as f32 / 800.0));
            values.push(-f64::from(k as f32 / 1000.0));
            values.push(f64::from((high % 3_000_000_000) as f32));
            values.push(f64::from(high).sqrt());
        }
        let mut out = Vec::new();
        array(values.iter().copied(), &mut out);
        let texts = values.iter().map(|x| {
            if x.is_finite() {
                format!("{x:.2}")
            } else {
                "null".into()
            }
        });
        let want = texts.collect::<Vec<_>>().join(",");
        assert!(out == want.as_bytes());
        out.clear();
        array(std::iter::empty(), &mut out);
        assert!(out.is_empty());
    }
}
