//! What a source answers about one host: its series, and what the answer is worth.
//!
//! Nothing here is an idea of one medium: a folder of checkpoints, a store over HTTP and Parquet files all say what
//! they hold, what they could not read, and until when nothing more can come. What follows for a job is decided by
//! `judge`.

use std::fmt::Debug;
use std::sync::Arc;

use crate::model::failure::{Failure, Reason, Stage};
use crate::model::outcome::Filled;
use crate::rules::timeline::{Interval, Level, Phase};

/// All that a source holds of one host within the window it was asked for.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The metric tree of the host.
    pub series: Level,
    /// What could not be read, each with the time that it may have held.
    pub damaged: Vec<Damage>,
    /// What was read in spite of damage: the samples of the broken places are missing.
    pub passed_over: Vec<Damage>,
    /// Unix seconds. A slot that ends at or before this time and has no sample will not get one from this source. None
    /// where nothing is final yet.
    pub final_until: Option<i64>,
    /// Unix seconds at which the newest slot with a sample begins, over all series; none without a sample.
    pub newest: Option<i64>,
    /// Unix seconds at which the reading began. What came later is not in the answer, so the answer is judged by this
    /// time and not by a later one.
    pub read_at: i64,
    /// What the answer holds besides what was asked for.
    pub covers: Covers,
    /// Per frequency where the slots of the host begin, as far as the source knows it for sure. Worth remembering: a later
    /// reading may find nothing that tells it.
    pub phases: Vec<Phase>,
    /// Whether the source had to guess where the slots of some series begin. Its values may stand one slot off.
    pub phase_guessed: bool,
    /// Where several sources were asked: which others than the first one gave values, and how many.
    pub filled: Vec<Filled>,
    /// What the source gets back when nobody uses the answer any more: its share of the memory for reading, where that is
    /// large.
    pub memory: Option<Arc<dyn Debug + Send + Sync>>,
}

/// What an answer holds besides what was asked for. A source that keeps to the question leaves this as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Covers {
    /// The window for which the answer is whole; none where it is the one asked for.
    pub window: Option<Interval>,
    /// Whether the answer holds every metric that the source has of the host.
    pub all_metrics: bool,
}

/// A part of a source that is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The time that it may have held.
    pub interval: Interval,
    /// The file or address, for messages.
    pub subject: String,
    /// What is wrong with it.
    pub detail: String,
    /// `SnapshotBroken` for its content, `HostTooLarge` for too much of it, `SourceUnreadable` for the medium, `LayerGone`
    /// where one of several sources is missing.
    pub reason: Reason,
}

impl Damage {
    /// Whether it may have held something of the time from `start` to `end` (Unix seconds).
    pub fn concerns(&self, start: i64, end: i64) -> bool {
        self.interval.from < end && start < self.interval.to
    }

    /// Whether a person can have the part back as it was: one of several sources that does not answer, or a host for which
    /// there was too little memory.
    pub const fn is_curable(&self) -> bool {
        matches!(self.reason, Reason::LayerGone | Reason::HostTooLarge)
    }

    /// The failure of a job that lacks what this may have held.
    pub fn failure(&self) -> Failure {
        Failure::new(
            Stage::Load,
            self.reason,
            format!("{} cannot be read: {}", self.subject, self.detail),
        )
        .of(self.subject.clone())
    }
}
