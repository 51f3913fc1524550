//! Durations and sizes as an operator writes them: `30s`, `1h 30m`, `2 days`; `512M`, `2G`.
//!
//! A bare number is refused where its unit would be a guess, and so is anything that a clock or an
//! allocator could not hold: what leaves this module can be added to a time without a check.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

/// What is wrong with a quantity.
#[derive(Debug, thiserror::Error)]
pub enum QuantityError {
    /// Not a duration at all.
    #[error("expected a duration with its unit, such as 30s, 10m, 12h or 2d")]
    Duration,
    /// A duration before zero.
    #[error("a duration cannot be negative")]
    Negative,
    /// A duration that no sweep can mean.
    #[error("expected at most ten years")]
    TooLong,
    /// Not a size at all.
    #[error("expected bytes or a size such as 512M or 2G")]
    Size,
    /// A size that is most likely a forgotten unit.
    #[error("expected at least 1M; a number without a unit counts bytes")]
    TooSmall,
}

/// Reads a duration; days have 24 hours, and only 0 needs no unit.
pub fn duration(text: &str) -> Result<Duration, QuantityError> {
    if text.trim() == "0" {
        return Ok(Duration::ZERO);
    }
    let span: Span = text
        .trim()
        .parse()
        .map_err(unless(QuantityError::Duration))?;
    if span.is_negative() {
        return Err(QuantityError::Negative);
    }
    let exact = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(unless(QuantityError::Duration))?;
    let duration = Duration::try_from(exact).map_err(unless(QuantityError::Negative))?;
    if duration > LONGEST {
        return Err(QuantityError::TooLong);
    }
    Ok(duration)
}

/// Reads a size in bytes; K, M, G and T are powers of 1024, with or without `B` or `iB`.
pub fn size(text: &str) -> Result<u64, QuantityError> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match lower[digits.len()..].trim_start() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(QuantityError::Size),
    };
    let count: u64 = digits.parse().map_err(unless(QuantityError::Size))?;
    let bytes = count.checked_mul(1 << shift).ok_or(QuantityError::Size)?;
    if bytes < 1 << 20 {
        return Err(QuantityError::TooSmall);
    }
    Ok(bytes)
}

/// Shows whole seconds the short way: `48h`, `1h30m`, `90s` as `1m30s`.
pub fn show_seconds(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let part = |count: i64, unit: &str| match count {
        0 => String::new(),
        _ => format!("{count}{unit}"),
    };
    match seconds {
        0 => "0s".to_owned(),
        _ => [part(hours, "h"), part(minutes, "m"), part(rest, "s")].concat(),
    }
}

/// The parser's own words describe its grammar, not what the operator should have written.
fn unless<E>(instead: QuantityError) -> impl FnOnce(E) -> QuantityError {
    move |_| instead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        for (text, seconds) in [
            ("0", 0),
            ("30s", 30),
            ("10m", 600),
            ("1h30m", 5400),
            ("1h 30m", 5400),
            ("12 hours", 43_200),
            ("2d", 172_800),
            ("1 week", 604_800),
        ] {
            let read = duration(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(read, Duration::from_secs(seconds), "{text}");
        }
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
    }

    #[test]
    fn a_duration_without_a_meaning_is_refused() {
        for text in [
            "", "30", "x", "1 month", "-5m", "5m ago", "20 years", "99999h", "1e3s",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_counts_in_powers_of_1024() {
        for (text, bytes) in [
            ("512M", 512 << 20),
            ("2G", 2 << 30),
            ("2 GiB", 2 << 30),
            ("1g", 1 << 30),
            ("4096k", 4 << 20),
            ("1073741824", 1 << 30),
            ("1T", 1 << 40),
        ] {
            assert_eq!(size(text).unwrap(), bytes, "{text}");
        }
    }

    #[test]
    fn a_size_without_a_meaning_is_refused() {
        for text in [
            "",
            "G",
            "-1G",
            "1.5G",
            "1 2G",
            "5X",
            "99999999T",
            "0",
            "512",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
        assert!(size("512").unwrap_err().to_string().contains("1M"));
    }

    #[test]
    fn seconds_are_shown_in_the_largest_units() {
        for (seconds, text) in [(0, "0s"), (90, "1m30s"), (5400, "1h30m"), (172_800, "48h")] {
            assert_eq!(show_seconds(seconds), text);
        }
    }
}
