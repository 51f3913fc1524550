//! Counts the job table in one pass, each job of the backlog under the place that the next sweep finds it in.

use std::collections::BTreeMap;

use super::answer::{AGES, DAY, Group, HOUR, Oldest, Risk, Standings, Status, Table};
use super::unfinished::{List, Unfinished};
use crate::inspect::{Place, Terms};
use crate::jobs::Brief;
use crate::model::job::{STATUS_ARCHIVED, STATUS_DISABLED};
use crate::rules::judge::forgets_at;

/// The pass over the table.
pub(super) struct Counting<'a> {
    /// The unfinished jobs of the ledger.
    known: &'a List,
    terms: &'a Terms,
    now: i64,
    groups: BTreeMap<(String, i64, Place, Option<&'a str>), Group>,
    status: Status,
}

impl<'a> Counting<'a> {
    pub(super) fn new(known: &'a List, terms: &'a Terms, now: i64) -> Self {
        let status = Status {
            now,
            table: Table::default(),
            backlog: Vec::new(),
            oldest: None,
            risk: Risk {
                retention: terms.retention,
                ..Risk::default()
            },
            standing: Standings::default(),
            runs: Vec::new(),
            last_success: None,
            history: Vec::new(),
            days: Vec::new(),
            reach: Vec::new(),
        };
        Self {
            known,
            terms,
            now,
            groups: BTreeMap::new(),
            status,
        }
    }

    pub(super) fn row(&mut self, b: &Brief) {
        let table = &mut self.status.table;
        table.jobs += 1;
        if !b.stopped {
            table.running += 1;
            return;
        }
        if b.is_unarchived() {
            table.unarchived += 1;
            self.backlog(b);
            return;
        }
        match b.status {
            STATUS_ARCHIVED => table.archived += 1,
            STATUS_DISABLED => table.switched_off += 1,
            _ => table.other += 1,
        }
        if b.status == STATUS_ARCHIVED {
            let provisional = self.known.of(b).is_some_and(|u| u.provisional);
            self.status.standing.provisional += u64::from(provisional);
        }
    }

    fn backlog(&mut self, b: &Brief) {
        let known = self.known.of(b);
        let held = known.and_then(|u| u.held);
        let end = b.end();
        let place = self
            .terms
            .place(b.believable_end(), b.unknown_end, held, self.now);
        // A job that was never worked on has an entry only for a hook that is due.
        let reason = known.and_then(|u| self.known.reason(u));
        self.stand(place, known);
        self.endanger(b, place);
        if place.can_be_saved() && self.status.oldest.as_ref().is_none_or(|o| end < o.end) {
            let key = b.key();
            self.status.oldest = Some(Oldest { key, end, place });
        }
        let age = self.now.saturating_sub(end);
        let class = AGES.iter().position(|a| age < *a).unwrap_or(AGES.len());
        let key = (b.cluster.to_string(), b.status, place, reason);
        let group = self.groups.entry(key).or_insert_with(|| Group {
            cluster: b.cluster.to_string(),
            status: b.status,
            place,
            reason: reason.map(str::to_owned),
            jobs: 0,
            oldest_end: end,
            ages: [0; 6],
        });
        group.jobs += 1;
        group.oldest_end = group.oldest_end.min(end);
        group.ages[class] += 1;
    }

    fn stand(&mut self, place: Place, known: Option<&Unfinished>) {
        let s = &mut self.status.standing;
        match place {
            Place::Waiting => {
                s.waiting += 1;
                let next = known.map(|u| u.next_try);
                s.next_try = s.next_try.into_iter().chain(next).min();
            }
            Place::Quarantined => s.quarantined += 1,
            Place::Lost => s.lost += 1,
            Place::UnknownEnd => s.unknown_end += 1,
            Place::Due | Place::Fresh | Place::Future => {}
        }
    }

    fn endanger(&mut self, b: &Brief, place: Place) {
        let Some(retention) = self.terms.retention else {
            return;
        };
        if !place.can_be_saved() {
            return;
        }
        let risk = &mut self.status.risk;
        let at = forgets_at(b.start_time, retention);
        let left = at.saturating_sub(self.now);
        if left <= 0 {
            risk.begun += 1;
            return;
        }
        risk.within_6h += u64::from(left <= 6 * HOUR);
        risk.within_24h += u64::from(left <= DAY);
        if risk.next_loss.is_none_or(|t| at < t) {
            risk.next_loss = Some(at);
            let (key, end) = (b.key(), b.end());
            risk.job = Some(Oldest { key, end, place });
        }
    }

    pub(super) fn finish(mut self) -> Status {
        self.status.backlog = self.groups.into_values().collect();
        self.status
    }
}
