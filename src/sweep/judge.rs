//! What the samples that were found make of a job: complete, partial, empty, to be waited for, without data.
//!
//! design.md, section 4. An archive made too early freezes a hole for good, so missing samples are waited for while
//! they may still reach the source.

use super::worker::{Ending, Work, no_data};
use crate::model::job::Job;
use crate::model::outcome::Outcome;
use crate::rules::assemble::{Account, Assembler};
use crate::source::Horizon;

/// When the source forgets within this time (seconds), nothing is waited for any more.
const NEAR: i64 = 3600;
/// Without a known retention, a job without data is given up this long (seconds) after its end.
const GIVE_UP: i64 = 7 * 86_400;

impl Work<'_> {
    /// What the samples that were found make of the job.
    pub(super) fn judge(
        &mut self,
        job: &Job,
        account: &Account,
        snapshot_ends: &[Option<i64>],
        document_is_empty: bool,
    ) -> Result<Outcome, Ending> {
        let points = account.coverage.points;
        if job.head.duration == 0 || points.expected == 0 {
            return Ok(Outcome::Empty);
        }
        let nothing_kept = points.received > 0 && document_is_empty;
        if let Some(f) = Assembler::not_aggregated(account).filter(|_| nothing_kept) {
            return Err(f.into());
        }
        if points.received > 0 && points.is_full() {
            return Ok(Outcome::Complete);
        }
        if self.may_come(job, account, snapshot_ends)? {
            return Err(Ending::NotYet);
        }
        if points.received > 0 {
            return Ok(Outcome::Partial);
        }
        if self.shared.settings.accept_empty {
            return Ok(Outcome::Empty);
        }
        self.done.lost = !self.found && self.is_lost(job)?;
        let hosts: Vec<&str> = job
            .resources
            .iter()
            .take(3)
            .map(|r| r.hostname.as_str())
            .collect();
        let more = if job.resources.len() > 3 { ", …" } else { "" };
        Err(no_data(&format!(
            "none of the {} samples expected was found on {}{more}",
            points.expected,
            hosts.join(", ")
        )))
    }

    /// Whether missing samples may still reach the source.
    fn may_come(
        &self,
        job: &Job,
        account: &Account,
        snapshot_ends: &[Option<i64>],
    ) -> Result<bool, Ending> {
        Ok(self.waits(job)
            && (lies_behind(account, snapshot_ends) || self.horizon(job)?.newest < job.head.end()))
    }

    /// Whether a job is still waited for, if it lacks something.
    fn waits(&self, job: &Job) -> bool {
        let s = self.shared.settings;
        let (start, now) = (job.head.key.start_time, s.clock.now());
        let forgotten = s
            .retention
            .is_some_and(|r| now.saturating_add(NEAR) >= start.saturating_add(r));
        now < job.head.end().saturating_add(s.settle) && !forgotten
    }

    /// Ends the work on a job whose cluster has no data of its end yet, while it is waited for.
    pub(super) fn check_reach(&self, job: &Job) -> Result<(), Ending> {
        if self.waits(job) && self.horizon(job)?.newest < job.head.end() {
            return Err(Ending::NotYet);
        }
        Ok(())
    }

    /// Ends the work on a job as soon as it is clear that something of it may still come.
    pub(super) fn check_waiting(
        &self,
        job: &Job,
        account: &Account,
        snapshot_ends: &[Option<i64>],
    ) -> Result<(), Ending> {
        if self.waits(job) && lies_behind(account, snapshot_ends) {
            Err(Ending::NotYet)
        } else {
            Ok(())
        }
    }

    fn horizon(&self, job: &Job) -> Result<Horizon, Ending> {
        let answer = self.shared.source.horizon(&job.head.key.cluster);
        answer.map_err(|e| e.failure().map_or(Ending::Cancelled, Ending::Failed))
    }

    /// Whether no source can have the job's data any more. Files live between one and two retentions.
    fn is_lost(&self, job: &Job) -> Result<bool, Ending> {
        let s = self.shared.settings;
        let end = job.head.end();
        let patience = s.retention.map_or(GIVE_UP, |r| r.saturating_mul(2));
        Ok(s.clock.now() >= end.saturating_add(patience) || self.horizon(job)?.oldest > end)
    }
}

/// Whether something is missing behind the newest snapshot of its host.
fn lies_behind(account: &Account, snapshot_ends: &[Option<i64>]) -> bool {
    let end_of = |k: &usize| snapshot_ends.get(*k).copied().flatten();
    account
        .last_missing
        .iter()
        .any(|(k, t)| end_of(k).is_none_or(|end| *t >= end))
}
