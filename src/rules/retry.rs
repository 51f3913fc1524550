//! When a job is tried again.

use crate::model::failure::Reason;
use crate::model::message::History;
use crate::model::outcome::Outcome;
use crate::model::standing::Standing;

/// Failures after which a job is quarantined.
pub const ATTEMPTS: u32 = 8;
/// The first pause, seconds; each further one is twice as long.
const FIRST_PAUSE: i64 = 5 * 60;
/// The longest pause, seconds.
const LONGEST_PAUSE: i64 = 6 * 3600;

/// Where a job stands after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Its standing.
    pub standing: Standing,
    /// Attempts so far, this one included if it counts.
    pub attempts: u32,
    /// Those of them that count towards quarantine.
    pub failures: u32,
    /// Unix seconds; 0 for at once or never.
    pub next_try: i64,
}

/// Where a job stands; `None` where the ledger learns nothing (the job is as it was). `lost`: the source cannot have its
/// data any more. `now`: Unix seconds.
pub fn next_after(outcome: &Outcome, before: &History, lost: bool, now: i64) -> Option<Next> {
    let attempts = before.attempts.saturating_add(1);
    let stands = |standing| Next {
        standing,
        attempts,
        failures: 0,
        next_try: 0,
    };
    let provisional = before.provisional.is_some();
    match outcome {
        Outcome::Complete | Outcome::Partial | Outcome::Adopted | Outcome::Empty => {
            Some(stands(Standing::Done))
        }
        Outcome::Provisional => Some(stands(Standing::Provisional)),
        // The archive has what there was.
        Outcome::NoData(_) if provisional => Some(stands(Standing::Done)),
        Outcome::NoData(_) if lost => Some(stands(Standing::Lost)),
        // A job without data is asked for as long as the source could have some; it is never quarantined.
        Outcome::NoData(_) => Some(Next {
            next_try: now.saturating_add(pause(attempts)),
            ..stands(Standing::Waiting)
        }),
        // As long as the source could have the job's data, its cluster's folder may come back, as with a file system that
        // is mounted late.
        Outcome::Failed(f) if f.reason == Reason::SourceMissing && !lost => Some(Next {
            failures: before.failures,
            next_try: now.saturating_add(pause(attempts)),
            ..stands(if provisional {
                Standing::Provisional
            } else {
                Standing::Waiting
            })
        }),
        Outcome::Failed(f) => {
            // Other failures do not use up the patience for damage, after which a job is archived with a hole.
            let goes_on = before.damaged || !f.reason.is_damage();
            let failures = if goes_on { before.failures } else { 0 }.saturating_add(1);
            let standing = match (failures >= ATTEMPTS, provisional) {
                (true, true) => Standing::Done,
                (false, true) => Standing::Provisional,
                (true, false) => Standing::Quarantined,
                (false, false) => Standing::Waiting,
            };
            let waits = matches!(standing, Standing::Waiting | Standing::Provisional);
            Some(Next {
                failures,
                next_try: if waits {
                    now.saturating_add(pause(failures))
                } else {
                    0
                },
                ..stands(standing)
            })
        }
        Outcome::NotYet | Outcome::UnknownEnd | Outcome::Interrupted | Outcome::Raced => None,
    }
}

/// Whether the next sweep from `source` takes a job by itself. `next_try` (Unix seconds) is that of a waiting or provisional
/// job; `asked` is the source of the last attempt: what one source answered keeps no job from another source.
pub fn is_due(
    standing: Standing,
    next_try: i64,
    asked: Option<&str>,
    source: &str,
    now: i64,
) -> bool {
    if asked.is_some_and(|asked| asked != source) {
        return true;
    }
    match standing {
        Standing::Waiting | Standing::Provisional => next_try <= now,
        Standing::Quarantined | Standing::Lost => false,
        Standing::Done => true,
    }
}

/// The pause after so many attempts, seconds.
fn pause(attempts: u32) -> i64 {
    (FIRST_PAUSE << attempts.saturating_sub(1).min(16)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::failure::{Failure, Stage};

    fn history(attempts: u32, failures: u32) -> History {
        History {
            attempts,
            failures,
            damaged: true,
            provisional: None,
        }
    }

    #[test]
    fn pauses_double_from_five_minutes_to_six_hours_and_end_in_quarantine() {
        let failed = Outcome::Failed(Failure::new(Stage::Load, Reason::SnapshotBroken, "x"));
        let mut pauses = Vec::new();
        let mut before = history(0, 0);
        loop {
            let next = next_after(&failed, &before, false, 1000).unwrap();
            before = history(next.attempts, next.failures);
            if next.standing == Standing::Quarantined {
                break;
            }
            pauses.push((next.next_try - 1000) / 60);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320]);
        assert_eq!(before.failures, ATTEMPTS);
    }

    #[test]
    fn what_is_no_attempt_leaves_the_ledger_alone() {
        for o in [
            Outcome::NotYet,
            Outcome::UnknownEnd,
            Outcome::Interrupted,
            Outcome::Raced,
        ] {
            assert_eq!(next_after(&o, &history(3, 3), true, 0), None);
        }
    }

    #[test]
    fn a_job_without_data_waits_or_is_lost_and_is_never_quarantined() {
        let none = Outcome::NoData(Failure::new(Stage::Load, Reason::NoData, "x"));
        let after = |attempts, lost| next_after(&none, &history(attempts, 0), lost, 0).unwrap();
        assert_eq!(after(0, true).standing, Standing::Lost);
        assert_eq!(after(0, false).standing, Standing::Waiting);
        let late = after(20, false);
        assert_eq!(
            (late.standing, late.next_try),
            (Standing::Waiting, LONGEST_PAUSE)
        );
    }

    #[test]
    fn other_failures_do_not_use_up_the_patience_for_damage() {
        let failed = |reason| Outcome::Failed(Failure::new(Stage::Load, reason, "x"));
        let before = |damaged| History {
            damaged,
            ..history(ATTEMPTS - 1, ATTEMPTS - 1)
        };
        for (damaged, reason, failures) in [
            (false, Reason::SnapshotBroken, 1),
            (false, Reason::SourceUnreadable, 1),
            (false, Reason::RowInvalid, ATTEMPTS),
            (true, Reason::RowInvalid, ATTEMPTS),
            (true, Reason::SourceUnreadable, ATTEMPTS),
        ] {
            let next = next_after(&failed(reason), &before(damaged), false, 0).unwrap();
            assert_eq!(next.failures, failures, "{damaged} {reason:?}");
        }
    }

    #[test]
    fn a_cluster_whose_folder_is_missing_is_waited_for_as_long_as_the_source_could_have_the_data() {
        let failed = Outcome::Failed(Failure::new(Stage::Load, Reason::SourceMissing, "x"));
        let provisional = History {
            provisional: Some(5),
            ..history(30, ATTEMPTS - 1)
        };
        for (before, waits, at_last) in [
            (
                history(30, ATTEMPTS - 1),
                Standing::Waiting,
                Standing::Quarantined,
            ),
            (provisional, Standing::Provisional, Standing::Done),
        ] {
            let next = next_after(&failed, &before, false, 0).unwrap();
            assert_eq!((next.standing, next.failures), (waits, ATTEMPTS - 1));
            assert_eq!(next.next_try, LONGEST_PAUSE);
            let next = next_after(&failed, &before, true, 0).unwrap();
            assert_eq!((next.standing, next.failures), (at_last, ATTEMPTS));
        }
    }

    #[test]
    fn a_provisional_archive_is_looked_at_again_until_that_failed_too_often() {
        let before = |failures| History {
            provisional: Some(5),
            ..history(failures, failures)
        };
        let failed = Outcome::Failed(Failure::new(Stage::Load, Reason::SourceUnreadable, "x"));
        let after = |failures| next_after(&failed, &before(failures), false, 0).unwrap();
        assert_eq!(after(0).standing, Standing::Provisional);
        assert_eq!(after(ATTEMPTS - 1).standing, Standing::Done);
        // Its pauses are those of any other job.
        assert_eq!(after(2).next_try, 20 * 60);
        let due = |now| is_due(Standing::Provisional, after(2).next_try, None, "s", now);
        assert!(!due(20 * 60 - 1) && due(20 * 60));
        let provisional = next_after(&Outcome::Provisional, &before(0), false, 0).unwrap();
        assert_eq!(provisional.standing, Standing::Provisional);
    }

    #[test]
    fn every_attempt_counts_and_only_what_waits_has_a_next_try() {
        let failed = Outcome::Failed(Failure::new(Stage::Load, Reason::SnapshotBroken, "x"));
        let after = |outcome: &Outcome, failures| {
            next_after(outcome, &history(4, failures), false, 1000).unwrap()
        };
        assert_eq!(after(&Outcome::Partial, 3).attempts, 5);
        assert_eq!(after(&failed, 0).attempts, 5);
        let last = after(&failed, ATTEMPTS - 1);
        assert_eq!((last.standing, last.next_try), (Standing::Quarantined, 0));
    }

    #[test]
    fn a_provisional_archive_whose_data_is_gone_is_the_last_word() {
        let none = Outcome::NoData(Failure::new(Stage::Load, Reason::NoData, "x"));
        let provisional = History {
            provisional: Some(5),
            ..history(1, 0)
        };
        for lost in [false, true] {
            let next = next_after(&none, &provisional, lost, 0).unwrap();
            assert_eq!(next.standing, Standing::Done);
        }
    }

    #[test]
    fn what_one_source_answered_holds_nobody_back_from_another() {
        let due = |asked| is_due(Standing::Lost, i64::MAX, asked, "here", 0);
        assert!(due(Some("elsewhere")));
        assert!(!due(Some("here")) && !due(None));
    }
}
