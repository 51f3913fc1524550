//! What a source must know so that it can stand where snapshots of a host are gone.
//!
//! The metric store moves old snapshots elsewhere. What it moved belongs to the same timeline as the snapshots that are
//! left, since where slots begin carries over from one to the next. So the source that reads the snapshots asks for each
//! gap that they leave, puts the answer into its place, and settles all of it at once. Mostly the one gap is before the
//! oldest snapshot; but a torn snapshot, or one that could not be deleted, stays behind for good, and the gap is after it.

use std::fmt::Debug;

use super::{Error, Request, Source};
use crate::model::stop::Stop;
use crate::rules::evidence::Damage;
use crate::rules::timeline::{Builder, Column, Interval, Path};

/// What a host had in a gap between its snapshots.
#[derive(Debug, Default)]
pub struct Old {
    /// The series.
    pub series: Vec<OldSeries>,
    /// What could not be read.
    pub damaged: Vec<Damage>,
    /// What was left out without harm.
    pub passed_over: Vec<Damage>,
    /// Unix seconds. A slot that ends at or before this time and has no sample gets none from here any more.
    pub final_until: Option<i64>,
    /// The memory that the series take (bytes), roughly.
    pub bytes: usize,
    /// Whether the gap holds nothing of the host for any window.
    pub is_nothing: bool,
    /// Whether nothing in what was read tells where the slots of some series begin, and a part is missing between it and
    /// what follows.
    pub phase_unknown: bool,
}

/// One series, as snapshots of it, oldest first.
#[derive(Debug)]
pub struct OldSeries {
    /// Levels below the host.
    pub path: Path,
    /// The metric's name.
    pub metric: Box<str>,
    /// What each snapshot held, with the interval of the snapshot.
    pub pieces: Vec<(Interval, Column)>,
}

/// Moves series into a timeline, after any older and before any younger snapshot.
pub fn feed(series: Vec<OldSeries>, builder: &mut Builder) {
    for s in series {
        let mut pieces = s.pieces.into_iter();
        let Some((interval, column)) = pieces.next() else {
            continue;
        };
        let id = builder.series(s.path, &s.metric, column.step);
        builder.snapshot(id, interval, column);
        for (interval, column) in pieces {
            builder.snapshot(id, interval, column);
        }
    }
}

/// A source that keeps what snapshots held before they were removed.
pub trait Older: Source + Debug + Send {
    /// What a host had in a gap: its snapshots hold what comes before it and after it. Nothing, where nothing falls into it.
    /// What it takes more than `room` (bytes) for is damage.
    ///
    /// # Errors
    /// As [`Source::ask`].
    fn within(
        &self,
        request: &Request<'_>,
        gap: Interval,
        room: usize,
        stop: &Stop,
    ) -> Result<Old, Error>;
}

#[cfg(test)]
#[cfg(feature = "parquet")]
mod tests;
