//! Values of flags that have a type of their own.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use ccarchive::site::quantity;

pub(super) fn workers(text: &str) -> Result<NonZeroUsize, String> {
    const EXPECTED: &str = "expected 1 to 1024 workers; omit --workers for one per core";
    count(text, 1024, EXPECTED)
}

pub(super) fn queue(text: &str) -> Result<NonZeroUsize, String> {
    count(text, 1_000_000, "expected a queue of 1 to 1000000 jobs")
}

/// A number that fits.
fn number<T: FromStr>(text: &str, fits: impl FnOnce(&T) -> bool) -> Option<T> {
    text.parse().ok().filter(fits)
}

fn count(text: &str, most: usize, expected: &str) -> Result<NonZeroUsize, String> {
    let count = number(text, |count: &NonZeroUsize| count.get() <= most);
    count.ok_or_else(|| expected.to_owned())
}

/// The scheduler's number of a job.
pub(super) fn job(text: &str) -> Result<i64, String> {
    number(text, |number: &i64| *number > 0).ok_or_else(|| {
        "expected the number of a job, such as 2178113 (that of an array task is what sacct calls JobIDRaw)".to_owned()
    })
}

/// A whole number from `least` to `most`, or from `least` on.
pub(super) fn whole<T>(text: &str, least: T, most: Option<T>) -> Result<T, String>
where
    T: Copy + Display + FromStr + PartialOrd,
{
    let fits = |number: &T| *number >= least && most.is_none_or(|most| *number <= most);
    number(text, fits).ok_or_else(|| match most {
        None => format!("expected a whole number from {least} on"),
        Some(most) => format!("expected a whole number from {least} to {most}"),
    })
}

pub(super) fn time_box(text: &str) -> Result<Duration, String> {
    match quantity::duration(text) {
        Ok(Duration::ZERO) => {
            Err("expected more than 0; omit --max-duration for no limit".to_owned())
        }
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

/// A share in percent, with or without its sign, as a number from 0 to 1.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    let percent = number.parse().ok();
    let percent = percent.filter(|p: &f64| (0.0..=100.0).contains(p));
    percent
        .map(|p| p / 100.0)
        .ok_or_else(|| "expected a percentage from 0 to 100, such as 90%".to_owned())
}
