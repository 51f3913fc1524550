//! Numbers as Go's encoding/json prints them: the shortest digits that read back (meta.json, columns of the row).

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
mod tests {
    use super::*;

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
