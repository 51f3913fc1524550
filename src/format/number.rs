//! Numbers as Go prints them: fixed with two decimals (data.json), and shortest digits (meta.json, columns).
//!
//! The fixed form rounds the exact binary value, ties to even, as Go's `%.2f` and Rust's `{:.2}` do; it is written
//! without either since most of an archive is such numbers.

use std::io::Write;

const DIGITS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Appends a finite number with two decimals. The sign of zero is kept, also of what rounds to it.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "whether single precision holds the value is the question"
)]
pub fn fixed2(x: f64, out: &mut Vec<u8>) {
    let single = x as f32;
    if f64::from(single) == x {
        let mut text = [0; LONGEST];
        let n = single2(single, &mut text, out);
        out.extend_from_slice(&text[..n]);
        return;
    }
    match hundredths(x.abs()) {
        Some(h) => write_hundredths(x.is_sign_negative(), h, out),
        None => general(x, out),
    }
}

/// Appends the values of a data array with commas between them: each rounded to f32 first, `null` for what is no finite
/// number then.
#[expect(
    clippy::cast_possible_truncation,
    reason = "cc-backend rounds data to single precision"
)]
pub fn array(values: &[f64], out: &mut Vec<u8>) {
    // Texts are put together in a block on the stack: growing `out` byte by byte costs more than the digits do.
    const VALUES: usize = 64;
    let mut block = [0_u8; VALUES * (LONGEST + 1)];
    for (k, chunk) in values.chunks(VALUES).enumerate() {
        let mut at = 0;
        for (i, x) in chunk.iter().enumerate() {
            if k + i > 0 {
                block[at] = b',';
                at += 1;
            }
            let single = *x as f32;
            let Some(text) = block[at..].first_chunk_mut::<LONGEST>() else {
                break; // the block has room for all of them
            };
            if !single.is_finite() {
                text[..4].copy_from_slice(b"null");
                at += 4;
            } else if single.abs() < TOO_LARGE {
                at += small2(single, text);
            } else {
                out.extend_from_slice(&block[..at]);
                at = 0;
                general(f64::from(single), out);
            }
        }
        out.extend_from_slice(&block[..at]);
    }
}

/// Room for the text of a number below [`TOO_LARGE`].
const LONGEST: usize = 16;
/// From here on a number takes more digits than the short way has room for.
const TOO_LARGE: f32 = 1e9;

/// The text of a finite f32, its length being returned; a large one goes to `out` at once.
#[inline]
fn single2(x: f32, text: &mut [u8; LONGEST], out: &mut Vec<u8>) -> usize {
    if x.abs() < TOO_LARGE {
        return small2(x, text);
    }
    general(f64::from(x), out);
    0
}

/// The text of an f32 below [`TOO_LARGE`]; its length. A hundred times an f32 is exact in double precision, and adding 2^52
/// rounds it to the nearest whole number, ties to even: half the time of taking the number apart (10 ns).
#[inline]
fn small2(x: f32, text: &mut [u8; LONGEST]) -> usize {
    const WHOLE: f64 = (1_u64 << 52) as f64;
    let rounded = f64::from(x.abs()) * 100.0 + WHOLE;
    let h = rounded.to_bits() & ((1 << 52) - 1);
    let (mut whole, part) = ((h / 100) as usize, (h % 100) as usize);
    let pair = |v: usize| [DIGITS[v * 2], DIGITS[v * 2 + 1]];
    let mut at = 0;
    if x.is_sign_negative() {
        text[0] = b'-';
        at = 1;
    }
    let pairs = match whole {
        0..100 => 0,
        100..10_000 => 1,
        10_000..1_000_000 => 2,
        1_000_000..100_000_000 => 3,
        _ => 4,
    };
    let power = [1, 100, 10_000, 1_000_000, 100_000_000][pairs];
    let first = whole / power;
    whole %= power;
    let two = pair(first);
    if first >= 10 {
        text[at] = two[0];
        at += 1;
    }
    text[at] = two[1];
    at += 1;
    for k in (0..pairs).rev() {
        let power = [1, 100, 10_000, 1_000_000][k];
        text[at..at + 2].copy_from_slice(&pair(whole / power));
        whole %= power;
        at += 2;
    }
    text[at] = b'.';
    text[at + 1..at + 3].copy_from_slice(&pair(part));
    at + 3
}

/// round(x · 100) of the exact value, ties to even; none where it does not fit.
#[inline]
fn hundredths(x: f64) -> Option<u64> {
    let bits = x.to_bits();
    let exponent = (bits >> 52) & 0x7ff;
    if exponent == 0 {
        return Some(0); // zero and what is far below half a hundredth
    }
    // x = m · 2^-shift with 2^52 ≤ m < 2^53, so 100·m < 2^60.
    let m = (bits & ((1 << 52) - 1)) | (1 << 52);
    let shift = 1075_i64 - i64::try_from(exponent).unwrap_or(0);
    let scaled = m * 100;
    match shift {
        1..=63 => {
            let (whole, rest, half) = (
                scaled >> shift,
                scaled & ((1 << shift) - 1),
                1_u64 << (shift - 1),
            );
            Some(whole + u64::from(rest > half || (rest == half && whole & 1 == 1)))
        }
        64.. => Some(0),
        -3..=0 => Some(scaled << -shift),
        _ => None,
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "remainders of 100")]
fn write_hundredths(negative: bool, mut h: u64, out: &mut Vec<u8>) {
    // 20 digits at most, a dot and a sign; as much again behind them, so that a copy has a fixed length.
    const ROOM: usize = 24;
    let mut buffer = [0_u8; 2 * ROOM];
    let mut at = ROOM;
    let mut pair =
        |at: usize, v: usize| buffer[at..at + 2].copy_from_slice(&DIGITS[v * 2..v * 2 + 2]);
    at -= 2;
    pair(at, (h % 100) as usize);
    h /= 100;
    at -= 1;
    let dot = at;
    while h >= 100 {
        at -= 2;
        pair(at, (h % 100) as usize);
        h /= 100;
    }
    if h >= 10 {
        at -= 2;
        pair(at, h as usize);
    } else {
        at -= 1;
        buffer[at] = b'0' + h as u8;
    }
    buffer[dot] = b'.';
    if negative {
        at -= 1;
        buffer[at] = b'-';
    }
    let end = out.len() + ROOM - at;
    if let Some(text) = buffer[at..].first_chunk::<ROOM>() {
        out.extend_from_slice(text);
    }
    out.truncate(end);
}

#[cold]
fn general(x: f64, out: &mut Vec<u8>) {
    write!(out, "{x:.2}").unwrap_or_default();
}

/// Appends a finite number as Go's encoding/json does: shortest digits that read back, an exponent only below 1e-6
/// and from 1e21 on.
pub fn shortest(x: f64, out: &mut Vec<u8>) {
    if x.is_sign_negative() {
        out.push(b'-');
    }
    let magnitude = x.abs();
    let text = shortest_digits(magnitude);
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        // Rust writes 1e-7 and 1e21; Go puts a plus before a positive exponent.
        let plus = if exponent.starts_with('-') { "" } else { "+" };
        out.extend_from_slice(format!("{digits}e{plus}{exponent}").as_bytes());
        return;
    }
    let digits = digits.replace('.', "");
    let point = exponent.parse::<isize>().unwrap_or(0) + 1; // how many digits stand before it
    match usize::try_from(point) {
        Ok(before) if before > 0 => {
            let (whole, part) = digits.split_at_checked(before).unwrap_or((&digits, ""));
            out.extend_from_slice(whole.as_bytes());
            out.resize(out.len() + before - whole.len(), b'0');
            if !part.is_empty() {
                out.push(b'.');
                out.extend_from_slice(part.as_bytes());
            }
        }
        _ => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + point.unsigned_abs(), b'0');
            out.extend_from_slice(digits.as_bytes());
        }
    }
}

/// The shortest digits that read back as `x`, the nearest ones where there are several, as `d.dde-d`. Where two are
/// equally near, Go takes the even digit and Rust the larger one.
fn shortest_digits(x: f64) -> String {
    let shortest = format!("{x:e}");
    let mantissa = shortest.split('e').next().unwrap_or("");
    let even = format!("{x:.*e}", mantissa.len().saturating_sub(2));
    if even.parse() == Ok(x) {
        even
    } else {
        shortest
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "data is rounded to single precision"
)]
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
            1e17,
            1.8e17,
            1.9e18,
        ] {
            assert_eq!(fixed(x), format!("{x:.2}"), "{x:e}");
        }
    }

    #[test]
    fn data_is_rounded_to_f32_first_and_nan_is_null() {
        for (x, want) in [
            (0.045, "0.05"),
            (0.005, "0.00"),
            (16_777_217.125, "16777218.00"),
            (f64::NAN, "null"),
            (-0.001, "-0.00"),
        ] {
            let mut out = Vec::new();
            array(&[x], &mut out);
            assert_eq!(out, want.as_bytes());
        }
    }

    #[test]
    fn arrays_equal_the_standard_librarys_text_for_all_kinds_of_singles() {
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
            values.push(f64::from(high % 3_000_000_000));
        }
        let mut out = Vec::new();
        array(&values, &mut out);
        let texts = values.iter().map(|x| {
            let single = f64::from(*x as f32);
            if single.is_finite() {
                format!("{single:.2}")
            } else {
                "null".into()
            }
        });
        let want = texts.collect::<Vec<_>>().join(",");
        assert!(out == want.as_bytes());
    }

    #[test]
    fn shortest_numbers_are_gos() {
        for (x, want) in [
            (100.0, "100"),
            (85.3, "85.3"),
            (-0.0, "-0"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.234_567_890_123_456_8e21, "1.2345678901234568e+21"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (f64::from(f32::MAX), "3.4028234663852886e+38"),
            (9.99e-7, "9.99e-7"),
            (5e-324, "5e-324"),
            (1e100, "1e+100"),
            (1_262_541_259_981_001.0 + 0.25, "1262541259981001.2"),
            (-241_515_088_547_152.0 - 0.625, "-241515088547152.62"),
            (0.001_25, "0.00125"),
            (120.0, "120"),
        ] {
            let mut out = Vec::new();
            shortest(x, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }
}
