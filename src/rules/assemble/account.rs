//! What is counted while series are put together: what is there, what is missing, and who may have had it.

use std::collections::HashMap;

use crate::model::failure::Failure;
use crate::model::outcome::Coverage;
use crate::rules::evidence::Damage;

use super::hours::Hours;

/// What was seen besides the values.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Expected and received samples.
    pub coverage: Coverage,
    /// The same by host and hour.
    pub hours: Hours,
    /// Per host, where the latest slot ends (Unix seconds) that has no sample and may still get one.
    pub missing_until: HashMap<usize, i64>,
    /// Damaged parts of the source that may have held samples which are missing.
    pub blamed: Vec<Damage>,
    /// Metrics of which several chains could not become one.
    pub not_aggregated: Vec<String>,
}

impl Account {
    /// Adds the account of another group of metrics.
    pub fn add(&mut self, other: Self) {
        self.coverage.points.add(other.coverage.points);
        self.coverage.gaps.extend(other.coverage.gaps);
        self.coverage.unusable += other.coverage.unusable;
        self.coverage.fill(&other.coverage.filled);
        self.coverage.phase_guessed |= other.coverage.phase_guessed;
        self.hours.add(other.hours);
        for (k, t) in other.missing_until {
            self.note_missing(k, t);
        }
        for damage in other.blamed {
            self.blame(&damage);
        }
        self.not_aggregated.extend(other.not_aggregated);
    }

    /// The failure of a job that lacks what damaged parts may have held. What a person can cure comes first.
    pub fn damage(&self) -> Option<Failure> {
        let curable = self.blamed.iter().find(|d| d.is_curable());
        curable.or_else(|| self.blamed.first()).map(Damage::failure)
    }

    /// Notes a slot of a host that may still get a sample.
    pub(super) fn note_missing(&mut self, host: usize, slot_end: i64) {
        let latest = self.missing_until.entry(host).or_insert(slot_end);
        *latest = slot_end.max(*latest);
    }

    /// Notes damage that may have held what is missing.
    pub(super) fn blame(&mut self, damage: &Damage) {
        if !self.blamed.contains(damage) {
            self.blamed.push(damage.clone());
        }
    }
}
