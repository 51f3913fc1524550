//! Rebuilds the timeline of every series of a host from its files, by the one rule of the golden sites:
//! a sample belongs to the slot floor((t - p) / F), and the phase p comes from the nearest place that
//! knows it. This is what the judge asks whether a value is in any file at all.

use super::checkpoint::{self, Place};
use anyhow::Result;
use std::collections::HashMap;
use std::path::Path;

/// Times and values without a gap of more than two steps.
#[derive(Debug)]
struct Stretch {
    phase: Option<i64>,
    samples: Vec<(i64, f64)>,
}

/// What the files say about one series, before phases are settled.
#[derive(Debug)]
struct Gathered {
    step: i64,
    stretches: Vec<Stretch>,
    /// Start, number of values and end of the last file.
    before: Option<(i64, i64, i64)>,
}

/// A settled series: slots by stretch.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) place: Place,
    pub(crate) metric: String,
    /// A stretch has a phase that no file tells.
    pub(crate) guessed: bool,
    step: i64,
    stretches: Vec<(i64, HashMap<i64, f64>)>,
}

/// All series of a host in the order in which its files name them first.
pub(crate) fn load(folder: &Path, steps: &HashMap<String, i64>) -> Result<Vec<Chain>> {
    let mut host = Host::default();
    for file in checkpoint::snapshots(folder)? {
        for piece in &file.pieces {
            host.series(&piece.place, &piece.metric, piece.step)
                .snapshot(&file, piece);
        }
    }
    for sample in checkpoint::log(folder)? {
        if let Some(step) = steps.get(&sample.metric) {
            host.series(&sample.place, &sample.metric, *step)
                .sample(&sample);
        }
    }
    let mut known = HashMap::new();
    for (_, _, series) in &host.all {
        if let Some(phase) = series.phase() {
            known.entry(series.step).or_insert(phase);
        }
    }
    let settle = |(place, metric, series): (Place, String, Gathered)| {
        let other = known.get(&series.step).copied();
        series.settle(place, metric, other)
    };
    Ok(host.all.into_iter().map(settle).collect())
}

#[derive(Debug, Default)]
struct Host {
    all: Vec<(Place, String, Gathered)>,
    index: HashMap<(Place, String), usize>,
}

impl Host {
    fn series(&mut self, place: &Place, metric: &str, step: i64) -> &mut Gathered {
        let key = (place.clone(), metric.to_owned());
        let at = *self.index.entry(key).or_insert(self.all.len());
        if at == self.all.len() {
            let new = Gathered {
                step,
                stretches: Vec::new(),
                before: None,
            };
            self.all.push((place.clone(), metric.to_owned(), new));
        }
        &mut self.all[at].2
    }
}

impl Gathered {
    fn add(&mut self, time: i64, value: f64, phase: Option<i64>) {
        let last = self.stretches.last().and_then(|s| s.samples.last());
        if last.is_none_or(|(t, _)| time - t > 2 * self.step) {
            self.stretches.push(Stretch {
                phase: None,
                samples: Vec::new(),
            });
        }
        if let Some(stretch) = self.stretches.last_mut() {
            stretch.phase = stretch.phase.or(phase);
            stretch.samples.push((time, value));
        }
    }

    fn phase_of(&self, first_sample: i64) -> i64 {
        (first_sample - self.step / 2).rem_euclid(self.step)
    }

    /// A snapshot after a restart begins with what the restarted store had loaded: repeats, which go.
    fn snapshot(&mut self, file: &checkpoint::Snapshot, piece: &checkpoint::Piece) {
        let repeats = self.before.filter(|(_, _, to)| *to != file.from);
        let length = i64::try_from(piece.values.len()).unwrap_or(i64::MAX);
        self.before = Some((piece.start, length, file.to));
        let phase = (piece.start != file.from).then(|| self.phase_of(piece.start));
        let mut time = piece.start;
        for value in &piece.values {
            let again =
                repeats.is_some_and(|(start, n, _)| (time - start).div_euclid(self.step) < n);
            if let (Some(value), false) = (value, again) {
                self.add(time, *value, phase);
            }
            time += self.step;
        }
    }

    fn sample(&mut self, sample: &checkpoint::Sample) {
        if let Some(value) = sample.value {
            let phase = self.phase_of(sample.time);
            self.add(sample.time, value, Some(phase));
        }
    }

    fn phase(&self) -> Option<i64> {
        self.stretches.iter().find_map(|s| s.phase)
    }

    /// Gives every stretch a phase: its own, else that of the nearest before, else after, else `other`
    /// (what is known elsewhere on the host), else a guess.
    fn settle(self, place: Place, metric: String, other: Option<i64>) -> Chain {
        let mut guessed = false;
        let mut last = None;
        let mut settled = Vec::new();
        for (k, stretch) in self.stretches.iter().enumerate() {
            let after = self.stretches[k..].iter().find_map(|s| s.phase).or(other);
            let told = stretch.phase.or(last).or(after);
            guessed |= told.is_none();
            let first = stretch.samples.first().map_or(0, |s| s.0);
            let phase = told.unwrap_or_else(|| self.phase_of(first));
            let slot = |(t, v): &(i64, f64)| ((t - phase).div_euclid(self.step), *v);
            settled.push((phase, stretch.samples.iter().map(slot).collect()));
            last = Some(phase);
        }
        Chain {
            place,
            metric,
            guessed,
            step: self.step,
            stretches: settled,
        }
    }
}

impl Chain {
    /// One value a step from `from` to `to`, the end not included; a later stretch wins.
    pub(crate) fn read(&self, from: i64, to: i64) -> Vec<Option<f64>> {
        let mut values = Vec::new();
        let mut time = from;
        while time < to {
            let at = |(phase, slots): &(i64, HashMap<i64, f64>)| {
                slots.get(&(time - phase).div_euclid(self.step)).copied()
            };
            values.push(self.stretches.iter().rev().find_map(at));
            time += self.step;
        }
        values
    }
}
