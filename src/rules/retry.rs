//! When a job is tried again: pure.

use crate::model::outcome::Outcome;
use crate::model::standing::Standing;

/// Attempts after which a failing job waits for `--retry-now`.
pub const ATTEMPTS: u32 = 8;
/// The first pause, seconds; each further one is twice as long.
const FIRST_PAUSE: i64 = 5 * 60;
/// The longest pause, seconds.
const LONGEST_PAUSE: i64 = 6 * 3600;

/// Where a job stands after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Its state.
    pub state: Standing,
    /// Attempts so far, this one included if it counts.
    pub attempts: u32,
    /// Unix seconds; 0 for at once or never.
    pub next_try: i64,
}

/// Where a job stands; `None` where the ledger learns nothing (the job is as it was). `lost`: no source can have its
/// data any more. `now`: Unix seconds.
pub fn next_after(outcome: &Outcome, before: u32, lost: bool, now: i64) -> Option<Next> {
    match outcome {
        Outcome::Complete | Outcome::Partial | Outcome::Adopted | Outcome::Empty => Some(Next {
            state: Standing::Done,
            attempts: before + 1,
            next_try: 0,
        }),
        Outcome::Provisional => Some(Next {
            state: Standing::Provisional,
            attempts: before + 1,
            next_try: 0,
        }),
        Outcome::NoData(_) if lost => Some(Next {
            state: Standing::Lost,
            attempts: before + 1,
            next_try: 0,
        }),
        Outcome::Failed(_) | Outcome::NoData(_) => {
            let attempts = before.saturating_add(1);
            // A job without data is asked for as long as a source could have some; a failing one is not.
            if attempts >= ATTEMPTS && matches!(outcome, Outcome::Failed(_)) {
                return Some(Next {
                    state: Standing::Quarantined,
                    attempts,
                    next_try: 0,
                });
            }
            let pause = (FIRST_PAUSE << (attempts - 1).min(16)).min(LONGEST_PAUSE);
            Some(Next {
                state: Standing::Waiting,
                attempts,
                next_try: now.saturating_add(pause),
            })
        }
        Outcome::NotYet | Outcome::UnknownEnd | Outcome::Interrupted | Outcome::Raced => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::failure::{Failure, Reason, Stage};

    #[test]
    fn pauses_double_from_five_minutes_to_six_hours_and_end_in_quarantine() {
        let failed = Outcome::Failed(Failure::new(Stage::Load, Reason::SnapshotBroken, "x"));
        let mut pauses = Vec::new();
        let mut before = 0;
        loop {
            let next = next_after(&failed, before, false, 1000).unwrap();
            before = next.attempts;
            if next.state == Standing::Quarantined {
                break;
            }
            pauses.push((next.next_try - 1000) / 60);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320]);
        assert_eq!(before, ATTEMPTS);
    }

    #[test]
    fn what_is_no_attempt_leaves_the_ledger_alone() {
        for o in [
            Outcome::NotYet,
            Outcome::UnknownEnd,
            Outcome::Interrupted,
            Outcome::Raced,
        ] {
            assert_eq!(next_after(&o, 3, true, 0), None);
        }
        let none = Outcome::NoData(Failure::new(Stage::Load, Reason::NoData, "x"));
        assert_eq!(next_after(&none, 0, true, 0).unwrap().state, Standing::Lost);
        assert_eq!(
            next_after(&none, 0, false, 0).unwrap().state,
            Standing::Waiting
        );
        let late = next_after(&none, 20, false, 0).unwrap();
        assert_eq!(
            (late.state, late.next_try),
            (Standing::Waiting, LONGEST_PAUSE)
        );
        assert_eq!(
            next_after(&Outcome::Complete, 2, false, 0).unwrap().state,
            Standing::Done
        );
    }
}
