//! How numbers are compared, rounded and written.

/// Half a unit of the last digit, twice, and what single precision costs: two honest sums of the same
/// values in another order differ by less.
pub(crate) const LAST_DIGIT: f64 = 0.0101;
/// The same for statistics recomputed from values that are rounded already.
pub(crate) const FROM_ROUNDED: f64 = 0.0151;

/// A value of data.json as it is written; none is null.
pub(crate) type Cell = Option<String>;

pub(crate) fn value(cell: &Cell) -> Option<f64> {
    cell.as_deref().and_then(|digits| digits.parse().ok())
}

#[expect(clippy::float_cmp, reason = "equal infinities are close as well")]
pub(crate) fn close(a: Option<f64>, b: Option<f64>, tolerance: f64) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b || (a - b).abs() <= tolerance + 2e-7 * a.abs().max(b.abs()),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Two cells that differ by no more than the last digit.
pub(crate) fn close_cells(a: &Cell, b: &Cell) -> bool {
    close(value(a), value(b), LAST_DIGIT)
}

/// Rounded to two digits, half away from zero, as cc-backend rounds statistics.
pub(crate) fn round(x: f64) -> f64 {
    ((x * 100.0).abs() + 0.5).floor().copysign(x) / 100.0
}

/// Two decimals, and nothing else: the number format of data.json.
pub(crate) fn is_fixed(digits: &str) -> bool {
    let body = digits.strip_prefix('-').unwrap_or(digits);
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    body.split_once('.')
        .is_some_and(|(whole, part)| all_digits(whole) && all_digits(part) && part.len() == 2)
}

pub(crate) fn fixed(x: f64) -> String {
    format!("{x:.2}")
}

/// Rounded to single precision, as every value of a file is.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the rounding is the purpose"
)]
pub(crate) fn single(x: f64) -> f64 {
    f64::from(x as f32)
}

/// Counts are small.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub(crate) fn count(n: usize) -> f64 {
    n as f64
}

/// Integers of a job row: nodes and seconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "no job has 2^52 nodes or seconds"
)]
pub(crate) fn whole(n: i64) -> f64 {
    n as f64
}

/// Sum in order, from zero.
pub(crate) fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |sum, v| sum + v)
}

pub(crate) fn minimum(values: &[f64]) -> Option<f64> {
    values
        .iter()
        .copied()
        .reduce(|a, b| if b < a { b } else { a })
}

pub(crate) fn maximum(values: &[f64]) -> Option<f64> {
    values
        .iter()
        .copied()
        .reduce(|a, b| if b > a { b } else { a })
}

/// Go's float64 in JSON: shortest digits, an exponent below 1e-6 and from 1e21.
pub(crate) fn go(x: f64) -> String {
    if x == 0.0 || (1e-6..1e21).contains(&x.abs()) {
        return format!("{x}");
    }
    let text = format!("{x:e}");
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}"),
        _ => text,
    }
}

#[test]
fn numbers_are_written_as_go_writes_them() {
    for (x, text) in [
        (100.0, "100"),
        (85.3, "85.3"),
        (-0.0, "-0"),
        (1e-6, "0.000001"),
        (9.99e-7, "9.99e-7"),
        (5e-324, "5e-324"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (f64::from(f32::MAX), "3.4028234663852886e+38"),
    ] {
        assert_eq!(go(x), text);
    }
}

#[test]
fn rounding_is_half_away_from_zero() {
    for (x, want) in [
        (0.005, "0.01"),
        (-0.125, "-0.13"),
        (85.345, "85.35"),
        (0.285, "0.28"),
        (-0.001, "-0"),
    ] {
        assert_eq!(go(round(x)), want);
    }
}

#[test]
fn two_decimals_are_the_only_format() {
    for good in ["0.00", "-0.00", "123.45"] {
        assert!(is_fixed(good), "{good}");
    }
    for bad in ["1", "1.5", "1.500", "1e2", ".50", "--1.00", "1.0e", ""] {
        assert!(!is_fixed(bad), "{bad}");
    }
}
