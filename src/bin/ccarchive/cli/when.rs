//! Points in time as an operator writes them, absolute or counted back from now.
//!
//! Reading the text and knowing the time are two steps, because only the caller has a clock and a
//! time zone: a `When` is resolved against the `now` it is given.

use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::{Span, Timestamp, ToSpan, Zoned};

/// A point in time that may depend on what time it is.
#[derive(Debug, Clone)]
pub(crate) struct When(Form);

#[derive(Debug, Clone)]
enum Form {
    Instant(i64),
    Local(DateTime),
    Before(Span),
    Midnight { days_back: i64 },
}

/// What is wrong with a point in time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WhenError {
    /// None of the forms that are understood.
    #[error(
        "expected a time such as '2026-11-20 12:00', 2026-11-20T12:00:00Z, 'yesterday', '2 days ago', 2d or unix seconds"
    )]
    Form,
    /// Digits that count seconds but look like a date.
    #[error("{0} would be unix seconds, in 1970: write a date as YYYY-MM-DD")]
    DateWithoutDashes(String),
    /// A relative time ahead of now.
    #[error("times are counted back from now: write 2d or '2 days ago'")]
    Ahead,
    /// A time that the calendar does not hold.
    #[error("the time lies outside the calendar")]
    OutOfRange,
}

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let text = text.trim();
        match text {
            "now" => return Ok(Self(Form::Before(Span::new()))),
            "today" => return Ok(Self(Form::Midnight { days_back: 0 })),
            "yesterday" => return Ok(Self(Form::Midnight { days_back: 1 })),
            _ => {}
        }
        let digits = text.strip_prefix('@').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            return unix_seconds(text, digits);
        }
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Ok(Self(Form::Instant(instant.as_second())));
        }
        if let Ok(local) = text.parse::<DateTime>() {
            return Ok(Self(Form::Local(local)));
        }
        match text.parse::<Span>() {
            Ok(_) if text.starts_with('+') => Err(WhenError::Ahead),
            Ok(span) => Ok(Self(Form::Before(span.abs()))),
            Err(_) => Err(WhenError::Form),
        }
    }
}

fn unix_seconds(text: &str, digits: &str) -> Result<When, WhenError> {
    if text.len() == 8 && (text.starts_with("19") || text.starts_with("20")) {
        return Err(WhenError::DateWithoutDashes(text.to_owned()));
    }
    let seconds = digits
        .parse()
        .ok()
        .filter(|&s| Timestamp::from_second(s).is_ok());
    seconds
        .map(|s| When(Form::Instant(s)))
        .ok_or(WhenError::OutOfRange)
}

impl When {
    /// The unix second this is at `now`, local times in the zone of `now`.
    pub(crate) fn unix(&self, now: &Zoned) -> Result<i64, WhenError> {
        let zoned = match &self.0 {
            Form::Instant(seconds) => return Ok(*seconds),
            Form::Local(local) => local.to_zoned(now.time_zone().clone()),
            Form::Before(span) => now.checked_sub(*span),
            Form::Midnight { days_back } => now
                .checked_sub(days_back.days())
                .and_then(|day| day.start_of_day()),
        };
        zoned
            .ok()
            .map(|z| z.timestamp().as_second())
            .ok_or(WhenError::OutOfRange)
    }

    /// Whether this depends on the time zone.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.0, Form::Local(_) | Form::Midnight { .. })
    }

    /// Whether this names the same second whatever time it is.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self.0, Form::Instant(_) | Form::Local(_))
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    /// Noon in Berlin, 2026-11-20; the zone is spelled out so that no zone files are needed.
    fn noon() -> Zoned {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        "2026-11-20T12:00:00"
            .parse::<DateTime>()
            .unwrap()
            .to_zoned(berlin)
            .unwrap()
    }

    const NOON: i64 = 1_795_172_400;
    const DAY: i64 = 86_400;

    #[test]
    fn every_form_names_its_second() {
        assert_eq!(noon().timestamp().as_second(), NOON);
        for (text, unix) in [
            ("1700000000", 1_700_000_000),
            ("@1700000000", 1_700_000_000),
            ("0", 0),
            ("2026-11-20T11:00:00Z", NOON),
            ("2026-11-20T12:00:00+01:00", NOON),
            ("2026-11-20 12:00+01:00", NOON),
            ("2026-11-20 12:00", NOON),
            ("2026-11-20T12:00:30", NOON + 30),
            ("2026-11-20", NOON - DAY / 2),
            ("now", NOON),
            ("today", NOON - DAY / 2),
            ("yesterday", NOON - DAY * 3 / 2),
            ("2d", NOON - 2 * DAY),
            ("2 days ago", NOON - 2 * DAY),
            ("-2d", NOON - 2 * DAY),
            ("1h30m ago", NOON - 5400),
            ("1 week", NOON - 7 * DAY),
        ] {
            let when: When = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(when.unix(&noon()).unwrap(), unix, "{text}");
        }
    }

    #[test]
    fn days_back_keep_the_hour_across_a_clock_change() {
        // Summer time ended on 2026-10-25: that day had 25 hours.
        let when: When = "4 weeks".parse().unwrap();
        assert_eq!(when.unix(&noon()).unwrap(), NOON - 28 * DAY - 3600);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "soon",
            "12:00",
            "2026-13-01",
            "+2d",
            "99999999999999999999",
            "20261120",
        ] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
        let error = "20261120".parse::<When>().unwrap_err().to_string();
        assert!(error.contains("YYYY-MM-DD"), "{error}");
    }

    #[test]
    fn only_absolute_times_are_fixed() {
        assert!("1700000000".parse::<When>().unwrap().is_fixed());
        assert!("2026-11-20 12:00".parse::<When>().unwrap().is_fixed());
        assert!(!"2d".parse::<When>().unwrap().is_fixed());
        assert!(!"today".parse::<When>().unwrap().is_fixed());
    }
}
