//! The samples of a log in one stretch: they know their phase, so they are put into their slots as they come.

use super::read::Slots;

/// A hole of more slots than this begins a new run: one absurd time must not ask for the memory between.
const HOLE: usize = 16;
/// A late sample goes before a run that is at most so long; before a longer one it begins a run of its own.
const SHORT: usize = 1024;

/// Runs of slots, later ones laid over earlier ones.
#[derive(Debug, Default)]
pub(super) struct Logged {
    runs: Vec<Dense>,
    newest: Option<i64>,
}

#[derive(Debug)]
struct Dense {
    first: i64,
    values: Vec<f32>,
}

impl Logged {
    /// Adds a sample; `keep` says whether its value is asked for. Only the last run is changed, since what comes later
    /// must win.
    pub(super) fn add(&mut self, slot: i64, value: f32, keep: bool) {
        self.newest = self.newest.max(Some(slot));
        if !keep {
            return;
        }
        if !self.runs.last_mut().is_some_and(|run| run.put(slot, value)) {
            self.runs.push(Dense {
                first: slot,
                values: vec![value],
            });
        }
    }

    /// The newest slot with a sample, kept or not.
    pub(super) const fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// What was kept.
    pub(super) fn into_slots(self, phase: i64, step: i64) -> impl Iterator<Item = Slots> {
        self.runs.into_iter().map(move |run| Slots {
            phase,
            step,
            first: run.first,
            values: run.values.into_boxed_slice(),
        })
    }
}

impl Dense {
    /// Puts a sample into its slot, if that is near.
    fn put(&mut self, slot: i64, value: f32) -> bool {
        if slot < self.first {
            let before = usize::try_from(self.first - slot).unwrap_or(usize::MAX);
            let is_near = before <= HOLE && self.values.len() <= SHORT;
            if is_near {
                let hole = std::iter::repeat_n(f32::NAN, before - 1);
                self.values.splice(0..0, std::iter::once(value).chain(hole));
                self.first = slot;
            }
            return is_near;
        }
        let at = usize::try_from(slot - self.first).unwrap_or(usize::MAX);
        let is_near = at < self.values.len().saturating_add(HOLE);
        if is_near {
            if at >= self.values.len() {
                self.values.resize(at + 1, f32::NAN);
            }
            self.values[at] = value;
        }
        is_near
    }
}
