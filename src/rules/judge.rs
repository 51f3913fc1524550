//! What the evidence makes of a job: complete, partial, provisional, empty, without data.
//!
//! One pure function of the job, the evidence, the policy and the time at which the evidence was read. A sweep, `explain` and
//! the tests ask the same rule. Two things must stay true. A sample that is on disk is never waited for: an archive with
//! what there is comes first, and a better one later. And evidence is judged by the time at which it was read: a
//! snapshot that was written after that may hold what is missing here.

use crate::model::job::Head;
use crate::rules::assemble::Account;
use crate::rules::evidence::Damage;

/// When the source forgets within this time (seconds), nothing is waited for any more.
const NEAR: i64 = 3600;
/// Without a known retention, a job without data is given up this long (seconds) after its end.
const GIVE_UP: i64 = 7 * 86_400;
/// A snapshot may take this long (seconds) to be written after the time that it covers.
pub const WRITING: i64 = 15 * 60;
const DAY: i64 = 86_400;

/// So long (seconds) after its end a job may be waited for at most, see [`Policy::is_over`].
pub const fn longest_wait(settle: i64) -> i64 {
    settle.saturating_add(WRITING).saturating_add(DAY)
}

/// How long to wait, and what to do without data.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Seconds after a job's end during which samples may still reach the source.
    pub settle: i64,
    /// Seconds that the source remembers, if that is known.
    pub retention: Option<i64>,
    /// Archive a job without any data as an empty one.
    pub accept_empty: bool,
    /// Archive without what a damaged file may have held, since the job was tried often enough.
    pub ignore_damage: bool,
}

/// What is known about a job's hosts and cluster besides the values.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// What was counted, over all metrics and hosts.
    pub account: Account,
    /// Per host of the job: until when the source's answer is final (Unix seconds).
    pub final_until: Vec<Option<i64>>,
    /// Unix seconds at which the first of the hosts was read.
    pub read_at: i64,
    /// Unix seconds of the newest data of any host of the cluster, as it was before the hosts were read.
    pub newest: i64,
    /// Whether samples were found but no series could be made of them.
    pub nothing_kept: bool,
    /// Whether the archive has something of the job already.
    pub archived: bool,
}

/// What the evidence makes of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is missing.
    Complete,
    /// Something is missing and will not come.
    Partial,
    /// Something is missing and may still come.
    Provisional,
    /// No sample is expected, or it is accepted that there is none.
    Empty,
    /// No sample so far; some may come.
    NotYet,
    /// No sample, and none will come.
    NoData {
        /// Whether no later sweep can find any in this source.
        lost: bool,
    },
    /// Samples are missing where a damaged file may have held them: [`Account::blamed`].
    Damaged,
    /// There are samples, but no metric can be aggregated: [`Account::not_aggregated`].
    NotAggregated,
}

/// Judges a job.
pub fn judge(job: &Head, findings: &Findings, policy: &Policy) -> Verdict {
    let account = &findings.account;
    let points = account.coverage.points;
    if job.duration == 0 || points.expected == 0 {
        return Verdict::Empty;
    }
    if findings.nothing_kept && points.received > 0 && !account.not_aggregated.is_empty() {
        return Verdict::NotAggregated;
    }
    if points.received > 0 && points.is_full() {
        return Verdict::Complete;
    }
    // A file that stays damaged is given up some day, for the sake of what other files hold; where they hold nothing, the
    // damage is what is wrong, and not that the source has no data.
    let found = points.received > 0;
    let counts = |d: &Damage| !found || !policy.gives_up(d);
    if account.blamed.iter().any(counts) {
        return Verdict::Damaged;
    }
    let (now, newest) = (findings.read_at, findings.newest);
    let waits = if found {
        !policy.is_over(job, now, newest)
    } else {
        policy.waits(job, now, newest)
    };
    if waits && may_come(job, findings) {
        return if found {
            Verdict::Provisional
        } else {
            Verdict::NotYet
        };
    }
    if found {
        return Verdict::Partial;
    }
    if policy.accept_empty {
        return Verdict::Empty;
    }
    Verdict::NoData {
        lost: !findings.archived && policy.is_forgotten(job, now),
    }
}

impl Policy {
    /// Whether a job is archived without what this may have held.
    pub fn gives_up(&self, damage: &Damage) -> bool {
        self.ignore_damage && !damage.is_curable()
    }

    /// Whether no more samples of a job can come at `now`. Two clocks must agree on that: the one of this machine, and the
    /// newest data of the cluster, which follows the clocks of its hosts. So a clock that was set wrong by less than a day
    /// here freezes no hole. All times are Unix seconds.
    pub fn is_over(&self, job: &Head, now: i64, newest: i64) -> bool {
        let late = job
            .end()
            .saturating_add(self.settle)
            .saturating_add(WRITING);
        now >= late
            && (newest >= late || now >= job.end().saturating_add(longest_wait(self.settle)))
    }

    /// Whether a job of which nothing is secured is still waited for at `now`: not where the source may forget its first
    /// samples within the hour. What is archived already loses nothing by waiting; and of a job that is longer than the
    /// source remembers, the end comes all the same. All times are Unix seconds.
    pub fn waits(&self, job: &Head, now: i64, newest: i64) -> bool {
        !self.is_over(job, now, newest) && !is_nearly_forgotten(job, self, now)
    }

    /// Whether this source cannot have a job's data any more at `now` (Unix seconds): files of checkpoints live between one
    /// and two retentions.
    pub fn is_forgotten(&self, job: &Head, now: i64) -> bool {
        let patience = self.retention.map_or(GIVE_UP, |r| r.saturating_mul(2));
        now >= job.end().saturating_add(patience)
    }
}

/// When the source may forget the first samples of a job that started at `start`: all times are Unix seconds.
pub fn forgets_at(start: i64, retention: i64) -> i64 {
    start.saturating_add(retention)
}

/// Whether the source may forget the job's first samples within the hour.
fn is_nearly_forgotten(job: &Head, policy: &Policy, now: i64) -> bool {
    policy
        .retention
        .is_some_and(|r| now.saturating_add(NEAR) >= forgets_at(job.key.start_time, r))
}

/// Whether missing samples may still reach the source: the whole cluster's data ends before the job does, or a missing
/// slot ends behind what is final of its host.
fn may_come(job: &Head, findings: &Findings) -> bool {
    let is_final = |host: usize, slot_end: i64| {
        let until = findings.final_until.get(host).copied().flatten();
        until.is_some_and(|until| slot_end <= until)
    };
    findings.newest < job.end()
        || findings
            .account
            .missing_until
            .iter()
            .any(|(host, slot_end)| !is_final(*host, *slot_end))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::model::failure::Reason;
    use crate::model::job::JobKey;
    use crate::model::outcome::{Coverage, Points};
    use crate::rules::timeline::Interval;

    const START: i64 = 1_000_000;
    const END: i64 = START + 3600;

    fn head() -> Head {
        let key = JobKey {
            cluster: "c".into(),
            job_id: 1,
            start_time: START,
        };
        Head {
            id: 1,
            key,
            duration: 3600,
            state: "completed".into(),
            status: 1,
        }
    }

    const POLICY: Policy = Policy {
        settle: 12 * 3600,
        retention: None,
        accept_empty: false,
        ignore_damage: false,
    };

    /// `received` of 60 samples; the missing slot of host 0 ends at `slot_end`, and its snapshots at `until`.
    fn found(received: u64, slot_end: i64, until: Option<i64>) -> Findings {
        let coverage = Coverage {
            points: Points {
                expected: 60,
                received,
            },
            ..Coverage::default()
        };
        Findings {
            account: Account {
                coverage,
                missing_until: HashMap::from([(0, slot_end)]),
                ..Account::default()
            },
            final_until: vec![until],
            read_at: END + 600,
            newest: END + 600,
            ..Findings::default()
        }
    }

    #[test]
    fn a_slot_that_straddles_the_end_of_the_newest_snapshot_is_waited_for() {
        let at = |until| judge(&head(), &found(59, END, Some(until)), &POLICY);
        assert_eq!(at(END - 1), Verdict::Provisional);
        assert_eq!(at(END), Verdict::Partial);
        assert_eq!(
            judge(&head(), &found(0, END, None), &POLICY),
            Verdict::NotYet
        );
    }

    #[test]
    fn evidence_is_judged_by_the_time_at_which_it_was_read() {
        let mut f = found(30, END, Some(START));
        f.read_at = END + POLICY.settle + WRITING - 1;
        assert_eq!(judge(&head(), &f, &POLICY), Verdict::Provisional);
        f.read_at += 1;
        f.newest = f.read_at;
        assert_eq!(judge(&head(), &f, &POLICY), Verdict::Partial);
    }

    #[test]
    fn a_clock_that_is_hours_ahead_of_the_data_freezes_no_hole() {
        let mut f = found(30, END, Some(START));
        f.read_at = END + POLICY.settle + 13 * 3600;
        assert_eq!(judge(&head(), &f, &POLICY), Verdict::Provisional);
        f.read_at = END + POLICY.settle + WRITING + DAY;
        assert_eq!(judge(&head(), &f, &POLICY), Verdict::Partial);
    }

    #[test]
    fn what_is_nearly_forgotten_is_not_waited_for_unless_something_is_secured() {
        let mut policy = POLICY;
        let mut f = found(0, END, Some(START));
        policy.retention = Some(f.read_at + NEAR - START);
        let none = Verdict::NoData { lost: false };
        assert_eq!(judge(&head(), &f, &policy), none);
        policy.retention = policy.retention.map(|r| r + 1);
        assert_eq!(judge(&head(), &f, &policy), Verdict::NotYet);
        // The beginning of a job that is longer than the retention is forgotten before its end comes.
        f = found(30, END, Some(START));
        policy.retention = Some(NEAR);
        assert_eq!(judge(&head(), &f, &policy), Verdict::Provisional);
        f.read_at = END + POLICY.settle + WRITING;
        f.newest = f.read_at;
        assert_eq!(judge(&head(), &f, &policy), Verdict::Partial);
    }

    #[test]
    fn a_damaged_file_is_given_up_only_for_the_sake_of_what_other_files_hold() {
        let policy = Policy {
            ignore_damage: true,
            ..POLICY
        };
        for (reason, received, verdict) in [
            (Reason::SnapshotBroken, 30, Verdict::Partial),
            (Reason::SnapshotBroken, 0, Verdict::Damaged),
            (Reason::LayerGone, 30, Verdict::Damaged),
            (Reason::HostTooLarge, 30, Verdict::Damaged),
        ] {
            let mut f = found(received, END, Some(END));
            f.account.blamed = vec![Damage {
                interval: Interval {
                    from: START,
                    to: END,
                },
                subject: "h/1.bin".into(),
                detail: "it ends early".into(),
                reason,
            }];
            assert_eq!(judge(&head(), &f, &policy), verdict);
        }
    }

    #[test]
    fn a_job_is_lost_only_when_the_source_cannot_have_it() {
        let mut f = found(0, END, Some(END));
        for (retention, patience) in [(None, GIVE_UP), (Some(DAY), 2 * DAY)] {
            let policy = Policy {
                retention,
                ..POLICY
            };
            for (after, archived, lost) in [
                (patience - 1, false, false),
                (patience, false, true),
                (patience, true, false),
            ] {
                f.archived = archived;
                f.read_at = END + after;
                f.newest = f.read_at;
                assert_eq!(judge(&head(), &f, &policy), Verdict::NoData { lost });
            }
        }
    }

    #[test]
    fn of_several_groups_of_metrics_the_latest_missing_slot_counts() {
        for (first, second) in [(END, END - 600), (END - 600, END)] {
            let mut f = found(30, first, Some(END - 60));
            let other = HashMap::from([(0, second)]);
            f.account.add(Account {
                missing_until: other,
                ..Account::default()
            });
            assert_eq!(judge(&head(), &f, &POLICY), Verdict::Provisional);
        }
    }

    #[test]
    fn nothing_expected_is_empty_and_nothing_received_is_never_complete() {
        let mut f = found(0, END, Some(END));
        f.account.coverage.points.expected = 0;
        assert_eq!(judge(&head(), &f, &POLICY), Verdict::Empty);
        assert_eq!(
            judge(&head(), &found(60, END, None), &POLICY),
            Verdict::Complete
        );
    }

    #[test]
    fn samples_of_which_no_series_can_be_made_are_told_from_missing_ones() {
        let mut f = found(60, END, Some(END));
        f.nothing_kept = true;
        f.account.not_aggregated = vec!["load".into()];
        assert_eq!(judge(&head(), &f, &POLICY), Verdict::NotAggregated);
        f.account.coverage.points.received = 0;
        assert_ne!(judge(&head(), &f, &POLICY), Verdict::NotAggregated);
        f.account.coverage.points.received = 60;
        f.nothing_kept = false;
        assert_eq!(judge(&head(), &f, &POLICY), Verdict::Complete);
        f.nothing_kept = true;
        f.account.not_aggregated.clear();
        assert_eq!(judge(&head(), &f, &POLICY), Verdict::Complete);
    }

    #[test]
    fn nothing_is_waited_for_once_the_cluster_reaches_the_end_and_every_host_is_final() {
        let mut f = found(30, END, Some(END));
        f.newest = END - 1;
        assert_eq!(judge(&head(), &f, &POLICY), Verdict::Provisional);
        f.newest = END;
        assert_eq!(judge(&head(), &f, &POLICY), Verdict::Partial);
        // One host that may still bring something is enough.
        f.account.missing_until.insert(1, END);
        f.final_until.push(None);
        assert_eq!(judge(&head(), &f, &POLICY), Verdict::Provisional);
    }

    #[test]
    fn a_sample_may_come_as_long_as_a_snapshot_is_being_written() {
        let late = END + POLICY.settle + WRITING;
        assert!(POLICY.waits(&head(), late - 1, late));
        assert!(!POLICY.waits(&head(), late, late));
        assert!(POLICY.waits(&head(), late, late - 1));
    }

    #[test]
    fn a_job_without_data_is_empty_only_where_that_is_accepted() {
        let f = found(0, END, Some(END));
        let policy = Policy {
            accept_empty: true,
            ..POLICY
        };
        assert_eq!(judge(&head(), &f, &policy), Verdict::Empty);
        let some = found(30, END, Some(END));
        assert_eq!(judge(&head(), &some, &policy), Verdict::Partial);
    }
}
