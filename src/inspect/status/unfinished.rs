//! The unfinished jobs of the ledger, packed: there may be a million of them, and each costs 32 bytes.

use crate::inspect::place::Known;
use crate::inspect::{Place, Terms};
use crate::jobs::Brief;
use crate::ledger::Ledger;
use crate::model::standing::Standing;

/// What the ledger says of a job, as far as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfinished {
    job_id: i64,
    start_time: i64,
    /// When it is tried again, Unix seconds.
    pub(super) next_try: i64,
    /// Number of its cluster in [`List::words`].
    cluster: u32,
    /// Number of its reason in [`List::words`], where it has one.
    reason: Option<u16>,
    /// Where the ledger holds it back from the next sweep.
    pub(super) held: Option<Place>,
    /// Whether its archive is provisional.
    pub(super) provisional: bool,
}

/// All of them, to be looked up.
#[derive(Debug, Default)]
pub(super) struct List {
    jobs: Vec<Unfinished>,
    words: Vec<String>,
}

impl List {
    /// Reads the ledger.
    pub(super) fn read(ledger: &Ledger, terms: &Terms, now: i64) -> Self {
        let mut list = Self::default();
        ledger.each_open(|open| {
            let cluster = list.number(open.cluster);
            let reason = open.reason.map(|r| list.number(r));
            list.jobs.push(Unfinished {
                job_id: open.job_id,
                start_time: open.start_time,
                next_try: open.next_try,
                cluster,
                reason: reason.and_then(|r| u16::try_from(r).ok()),
                held: terms.held(Known::from(&open), now),
                provisional: open.standing == Standing::Provisional,
            });
        });
        list.jobs.sort_unstable_by_key(Unfinished::key);
        list
    }

    /// The number of a word: clusters and reasons are few.
    fn number(&mut self, word: &str) -> u32 {
        let known = self.words.iter().position(|w| w == word);
        let at = known.unwrap_or_else(|| {
            self.words.push(word.to_owned());
            self.words.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// What is known of the job of a row.
    pub(super) fn of(&self, b: &Brief) -> Option<&Unfinished> {
        if self.jobs.is_empty() {
            return None;
        }
        let cluster = self.words.iter().position(|w| **w == *b.cluster)?;
        let key = (u32::try_from(cluster).ok()?, b.job_id, b.start_time);
        let at = self.jobs.binary_search_by_key(&key, Unfinished::key).ok()?;
        Some(&self.jobs[at])
    }

    /// The code of a job's reason.
    pub(super) fn reason(&self, of: &Unfinished) -> Option<&str> {
        Some(&self.words[usize::from(of.reason?)])
    }
}

impl Unfinished {
    fn key(&self) -> (u32, i64, i64) {
        (self.cluster, self.job_id, self.start_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_of_them_fit_into_forty_megabytes() {
        assert!(size_of::<Unfinished>() <= 40);
    }
}
