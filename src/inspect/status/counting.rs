//! Counts the job table in one pass, each job of the backlog under the place that the next sweep finds it in.

use std::collections::{BTreeMap, HashMap};

use super::answer::{AGES, DAY, Group, HOUR, Oldest, Risk, Standings, Status, Table};
use crate::inspect::{Place, Terms};
use crate::jobs::Brief;
use crate::ledger::Open;
use crate::model::job::{STATUS_ARCHIVED, STATUS_DISABLED};
use crate::model::standing::Standing;
use crate::rules::judge::forgets_at;

/// The pass over the table.
pub(super) struct Counting<'a> {
    /// The unfinished jobs of the ledger by cluster, number and start.
    known: HashMap<(&'a str, i64, i64), &'a Open>,
    terms: &'a Terms,
    now: i64,
    groups: BTreeMap<(String, i64, Place, Option<&'a str>), Group>,
    status: Status,
}

impl<'a> Counting<'a> {
    pub(super) fn new(open: &'a [Open], terms: &'a Terms, now: i64) -> Self {
        let known = open
            .iter()
            .map(|o| {
                let key = (o.key.cluster.as_str(), o.key.job_id, o.key.start_time);
                (key, o)
            })
            .collect();
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
        if b.status == STATUS_ARCHIVED && !self.known.is_empty() {
            let known = self.known.get(&(&*b.cluster, b.job_id, b.start_time));
            let provisional = known.is_some_and(|o| o.standing == Standing::Provisional);
            self.status.standing.provisional += u64::from(provisional);
        }
    }

    fn backlog(&mut self, b: &Brief) {
        let key = (&*b.cluster, b.job_id, b.start_time);
        let open = self.known.get(&key).copied();
        let place = self
            .terms
            .place(b.end(), b.unknown_end, open.map(Into::into), self.now);
        // A job that was never worked on has an entry only for a hook that is due.
        let reason = open.and_then(|o| o.reason.as_deref());
        self.stand(place, open);
        self.endanger(b, place);
        let end = b.end();
        if self.status.oldest.as_ref().is_none_or(|o| end < o.end) {
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

    fn stand(&mut self, place: Place, open: Option<&Open>) {
        let s = &mut self.status.standing;
        match place {
            Place::Waiting => {
                s.waiting += 1;
                let next = open.map(|o| o.next_try);
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
        if matches!(place, Place::Lost | Place::UnknownEnd) {
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
