//! A decoded snapshot, what is asked of its decoders, and why they refuse.

use std::io;

use crate::model::job::Shown;
use crate::model::stop::Stop;
use crate::rules::request::Wanted;
use crate::rules::timeline::{Column, Interval, Path, sane};

/// A decoded snapshot.
#[derive(Debug)]
pub struct Snapshot {
    /// The time it covers.
    pub interval: Interval,
    /// Its series, in the order of the file.
    pub series: Vec<SnapshotSeries>,
    /// The memory that they take (bytes), roughly.
    pub bytes: usize,
}

/// One series of a snapshot.
#[derive(Debug)]
pub struct SnapshotSeries {
    /// Levels below the host.
    pub path: Path,
    /// The metric's name.
    pub metric: Box<str>,
    /// Its values.
    pub column: Column,
}

/// What a decoder is to keep of the values. Which of them are there it tells of all: the phase of one series may follow from
/// another.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Values outside it are not kept.
    pub window: Interval,
    /// Values of other metrics are not kept; none: those of all are.
    pub metrics: Option<&'a [Wanted<'a>]>,
    /// Bytes that what is kept may take.
    pub room: usize,
    /// Asked before every series.
    pub stop: &'a Stop,
}

impl<'a> Wish<'a> {
    /// All values, however many.
    #[cfg(any(test, feature = "fuzzing"))]
    pub const fn everything(stop: &'a Stop) -> Self {
        Self {
            window: Interval::ALL,
            metrics: None,
            room: usize::MAX,
            stop,
        }
    }

    /// Where values of a metric are to be kept.
    pub(super) fn window_of(&self, metric: &str) -> Interval {
        match self.metrics {
            Some(wanted) if wanted.iter().all(|w| w.metric != metric) => Interval::NEVER,
            _ => self.window,
        }
    }

    /// Makes sure that the sweep goes on.
    ///
    /// # Errors
    /// [`Fault::Cancelled`].
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.stop.is_cancelled() {
            return Err(Fault::Cancelled);
        }
        Ok(())
    }

    /// Makes sure that so many bytes may be kept.
    ///
    /// # Errors
    /// [`Fault::TooLarge`].
    pub(super) const fn check_room(&self, bytes: usize) -> Result<(), Fault> {
        if bytes > self.room {
            return Err(Fault::TooLarge);
        }
        Ok(())
    }
}

/// Why a file was not decoded.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It holds something else than it should.
    #[error("{0}")]
    Content(String),
    /// What it holds takes more memory than is left for its host.
    #[error("it holds more than fits into memory")]
    TooLarge,
    /// It cannot be read.
    #[error("{0}")]
    Medium(io::Error),
    /// The sweep is being cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl From<String> for Fault {
    fn from(words: String) -> Self {
        Self::Content(words)
    }
}

/// Checks the interval that a snapshot says it covers.
pub(super) fn check_interval(from: i64, to: i64) -> Result<Interval, String> {
    if sane(from) && sane(to) && from <= to {
        Ok(Interval { from, to })
    } else {
        Err(format!(
            "it covers {from} to {to}; expected two times in seconds, the second not before the first"
        ))
    }
}

/// Whether `n` values from `start` on, `step` apart, can be a series: no time of it is absurd.
pub(super) fn check_series(metric: &str, step: i64, start: i64, n: usize) -> Result<(), String> {
    let length = i64::try_from(n).unwrap_or(i64::MAX).saturating_mul(step);
    if step > 0 && sane(step) && sane(start) && sane(start.saturating_add(length)) {
        Ok(())
    } else {
        Err(format!(
            "metric `{}` has {n} values with frequency {step} and start {start}; expected seconds",
            Shown(metric)
        ))
    }
}
