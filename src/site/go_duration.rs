//! Go's `time.ParseDuration`, because the durations in config.json are read by it.

/// Nanoseconds of a Go duration such as `48h`, `1h30m` or `500ms`; `None` where Go refuses.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let (nanos, after) = term(rest)?;
        total = total.checked_add(nanos)?;
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// One number with its unit, and what follows it.
fn term(text: &str) -> Option<(i128, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = rest
        .find(|c: char| c.is_ascii_digit() || c == '.')
        .unwrap_or(rest.len());
    let (unit, after) = rest.split_at(end);
    let unit: i128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let whole = number(whole)?;
    // Digits beyond the thirteenth are less than a nanosecond, even of an hour.
    let fraction = &fraction[..fraction.len().min(13)];
    let scale = fraction.bytes().fold(1_i128, |scale, _| scale * 10);
    let nanos = whole * unit + number(fraction)? * unit / scale;
    Some((nanos, after))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn number(digits: &str) -> Option<i128> {
    if digits.is_empty() {
        Some(0)
    } else {
        digits.parse::<i64>().ok().map(i128::from)
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn what_go_reads_is_read() {
        for (text, nanos) in [
            ("0", 0),
            ("12h", 12 * 3600 * SECOND),
            ("1h30m", 5400 * SECOND),
            ("48h", 48 * 3600 * SECOND),
            ("500ms", SECOND / 2),
            ("1.5h", 5400 * SECOND),
            (".5s", SECOND / 2),
            ("1.s", SECOND),
            ("1h1h", 7200 * SECOND),
            ("-2m", -120 * SECOND),
            ("+5s", 5 * SECOND),
            ("3us", 3_000),
            ("3µs", 3_000),
            ("7ns", 7),
            ("0.100000000000000000000h", 360 * SECOND),
            ("39h9m14.425s", 140_954_425_000_000),
        ] {
            assert_eq!(parse(text), Some(nanos), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "",
            "3",
            "-",
            "s",
            ".",
            "-.",
            ".s",
            "+.s",
            "1d",
            "12 h",
            "h12",
            "1h ",
            "--1s",
            "9223372036854775808ns",
            "3000000h",
            "99999999999999999999s",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
