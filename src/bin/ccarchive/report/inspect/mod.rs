//! What the read-only commands show: tables for people, one JSON object for programs.

pub(crate) mod explain;
pub(crate) mod metrics;
pub(super) mod paper;
mod progress;
pub(crate) mod show;
pub(crate) mod standing;
pub(crate) mod status;
pub(crate) mod verify;

use std::io;

use ccarchive::model::job::{JobKey, Shown};
use serde::Serialize;

use super::words::{bytes, count, zoned};

/// An answer as one JSON object on one line: a type, then its fields.
///
/// # Errors
/// When standard output cannot be written.
pub(crate) fn json(kind: &str, answer: &impl Serialize) -> io::Result<()> {
    let mut value = serde_json::json!({ "type": kind });
    let fields = serde_json::to_value(answer).unwrap_or_default();
    if let (Some(object), Some(fields)) = (value.as_object_mut(), fields.as_object()) {
        object.extend(fields.clone());
    }
    super::out(&format!("{}\n", super::json::line(&value)))
}

/// A point in time (Unix seconds), local, to the minute.
pub(super) fn time(unix: i64) -> String {
    zoned(unix, "%Y-%m-%d %H:%M")
}

/// A time span in its two largest units: 45 s, 12 min, 3 h 20 min, 2 d 4 h.
pub(super) fn span(seconds: i64) -> String {
    let s = seconds.unsigned_abs();
    let two = |a: u64, unit: &str, b: u64, small: &str| match b {
        0 => format!("{a} {unit}"),
        _ => format!("{a} {unit} {b} {small}"),
    };
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min", s / 60),
        3600..86_400 => two(s / 3600, "h", s / 60 % 60, "min"),
        _ if s < 100 * 86_400 => two(s / 86_400, "d", s / 3600 % 24, "h"),
        _ => format!("{} d", s / 86_400),
    }
}

/// A job by name.
pub(super) fn job(key: &JobKey) -> String {
    format!("job {} on {}", key.job_id, Shown(&key.cluster))
}

/// A share in percent; what lacks something is never shown as 100.
pub(super) fn percent(received: u64, expected: u64) -> String {
    if received >= expected {
        return "100 %".into();
    }
    let share = received as f64 / expected.max(1) as f64 * 100.0;
    format!("{:.1} %", share.min(99.9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_shown_in_their_two_largest_units() {
        for (seconds, text) in [
            (7, "7 s"),
            (750, "12 min"),
            (7200, "2 h"),
            (11_999, "3 h 19 min"),
            (187_200, "2 d 4 h"),
            (40_000_000, "462 d"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn what_lacks_a_sample_is_never_100_percent() {
        assert_eq!(percent(99_999, 100_000), "99.9 %");
        assert_eq!(percent(5, 5), "100 %");
        assert_eq!(percent(0, 0), "100 %");
    }
}
