//! Where the next sweep finds a job that is not archived.
//!
//! This follows the sweep's intake: the same rule decides whether a job is due, and `status` and `explain` both ask here.

use serde::Serialize;
use strum::IntoStaticStr;

use super::Terms;
use crate::ledger::{Entry, Open};
use crate::model::standing::Standing;
use crate::rules::retry::is_due;

/// Where the next sweep finds a job of the backlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Place {
    /// It is taken.
    Due,
    /// It stopped too short a time ago and is left to the live server.
    Fresh,
    /// It ends in the future: somebody's clock is wrong.
    Future,
    /// It waits for its next try.
    Waiting,
    /// It was tried too often and waits for a person.
    Quarantined,
    /// The source cannot have its data any more.
    Lost,
    /// Nobody knows when it ended.
    UnknownEnd,
}

impl Place {
    /// The stable word.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether sweeps can still save its data: not of a lost job, and not of one of unknown end unless a person asks.
    pub const fn can_be_saved(self) -> bool {
        !matches!(self, Self::Lost | Self::UnknownEnd)
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Fresh => "just stopped",
            Self::Future => "ends in the future",
            Self::Waiting => "waiting",
            Self::Quarantined => "quarantined",
            Self::Lost => "lost",
            Self::UnknownEnd => "unknown end",
        }
    }
}

/// What the ledger says of a job, as far as it decides whether a sweep takes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    standing: Standing,
    last_try: i64,
    next_try: i64,
    lost_in: Option<&'a str>,
}

impl<'a> From<&Open<'a>> for Known<'a> {
    fn from(o: &Open<'a>) -> Self {
        Self {
            standing: o.standing,
            last_try: o.last_try,
            next_try: o.next_try,
            lost_in: o.source,
        }
    }
}

impl<'a> From<&'a Entry> for Known<'a> {
    fn from(e: &'a Entry) -> Self {
        Self {
            standing: e.standing,
            last_try: e.last_try,
            next_try: e.next_try,
            lost_in: e.source.as_deref(),
        }
    }
}

impl Terms {
    /// Where the ledger holds a job back from the next sweep; none where it does not.
    pub(super) fn held(&self, known: Known<'_>, now: i64) -> Option<Place> {
        // An entry that is dated in the future was written under a wrong clock and holds nothing back.
        let is_due = known.last_try > now
            || is_due(
                known.standing,
                known.next_try,
                known.lost_in,
                &self.source,
                now,
            );
        match known.standing {
            _ if is_due => None,
            Standing::Quarantined => Some(Place::Quarantined),
            Standing::Lost => Some(Place::Lost),
            Standing::Provisional | Standing::Waiting | Standing::Done => Some(Place::Waiting),
        }
    }

    /// Where the next sweep finds a job that is not archived. `end`: when it ended, none where its row says nothing that can be
    /// true; `held`: where the ledger holds it back.
    pub(super) fn place(
        &self,
        end: Option<i64>,
        unknown_end: bool,
        held: Option<Place>,
        now: i64,
    ) -> Place {
        let ended_after = |time: i64| end.is_some_and(|end| end > time);
        if ended_after(now) {
            Place::Future
        } else if ended_after(now.saturating_sub(self.min_age)) {
            Place::Fresh
        } else if let Some(held) = held {
            held
        } else if unknown_end {
            Place::UnknownEnd
        } else {
            Place::Due
        }
    }
}
