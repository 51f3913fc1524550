//! One metric of one host: its chains on the job's grid, what they become together, and how many samples there are.

use std::ops::Range;

use super::account::Account;
use super::wanted::Wanted;
use crate::model::cluster::Aggregation;
use crate::model::outcome::{Gap, Points};
use crate::model::series::{Samples, Series, fits_f32};
use crate::rules::evidence::Evidence;
use crate::rules::scopes::{Components, HOST, Target};
use crate::rules::statistics;
use crate::rules::timeline::{Chain, Grid, Level};

/// A host with its levels as a job numbers them: each is looked for once, and not for every metric.
pub(super) struct Host<'a> {
    evidence: &'a Evidence,
    units: &'a Components,
    levels: Vec<Option<&'a Level>>,
}

impl<'a> Host<'a> {
    pub(super) fn new(evidence: &'a Evidence, units: &'a Components) -> Self {
        let host = &evidence.series;
        let names = units.levels().iter().enumerate();
        let level = |(number, name): (usize, &String)| match number {
            HOST => Some(host),
            _ => host.child(name),
        };
        Self {
            evidence,
            units,
            levels: names.map(level).collect(),
        }
    }
}

/// Room for the chains of one metric, used again for the next: getting and giving back memory for each chain took a tenth
/// of the time of jobs with many hardware threads.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Values on the job's grid, chain after chain, infinite ones as they are.
    values: Vec<f32>,
    chains: Vec<Read>,
    /// By the number of a level, once it was looked at.
    levels: Vec<Option<Found>>,
}

/// A chain with a sample inside the job.
#[derive(Clone, Copy, Debug)]
struct Read {
    /// Where its values begin.
    from: usize,
    finite: usize,
    infinite: usize,
}

/// What there is of a metric at a level.
#[derive(Clone, Debug)]
struct Found {
    /// Its chains.
    chains: Range<usize>,
    /// Whether the source has the series at all.
    exists: bool,
}

/// One metric of one host; chains are read once, whatever scopes need them.
pub(super) struct Reading<'a, 'b, 'r> {
    host: &'a Host<'a>,
    w: &'a Wanted<'b>,
    room: &'r mut Room,
}

impl<'a, 'b, 'r> Reading<'a, 'b, 'r> {
    pub(super) fn new(host: &'a Host<'a>, w: &'a Wanted<'b>, room: &'r mut Room) -> Self {
        room.values.clear();
        room.chains.clear();
        room.levels.clear();
        room.levels.resize(host.levels.len(), None);
        Self { host, w, room }
    }

    /// What there is at a level.
    fn level(&mut self, number: usize) -> Found {
        if let Some(found) = &self.room.levels[number] {
            return found.clone();
        }
        let first = self.room.chains.len();
        let metric = &self.w.metric.name;
        let mut exists = false;
        if let Some(level) = self.host.levels[number] {
            if let Some(chain) = level.chain(metric) {
                exists = true;
                self.read(chain);
            } else {
                let mut below = Vec::new();
                level.chains(metric, &mut below);
                exists = !below.is_empty();
                for chain in below {
                    self.read(chain);
                }
            }
        }
        let found = Found {
            chains: first..self.room.chains.len(),
            exists,
        };
        self.room.levels[number] = Some(found.clone());
        found
    }

    /// Keeps the values of a chain that has a sample inside the job.
    fn read(&mut self, chain: &Chain) {
        let room = &mut *self.room;
        let from = room.values.len();
        chain.append(self.w.grid, &mut room.values);
        let values = &room.values[from..];
        let finite = count(values, f32::is_finite);
        let infinite = count(values, f32::is_infinite);
        if finite + infinite == 0 {
            room.values.truncate(from);
            return;
        }
        room.chains.push(Read {
            from,
            finite,
            infinite,
        });
    }

    fn values(&self, chain: Read) -> &[f32] {
        &self.room.values[chain.from..chain.from + self.w.grid.n]
    }

    /// Appends the series of a target that has any value.
    pub(super) fn series(
        &mut self,
        (target, levels): (Target<'_>, &[usize]),
        host: usize,
        out: &mut Vec<Series>,
        account: &mut Account,
    ) {
        match target {
            Target::Host => self.one(levels, None, host, out, account),
            Target::Together(units) => {
                let id = units.first().map(|u| u.id.clone());
                self.one(levels, id, host, out, account);
            }
            Target::Each(units) => {
                for (u, level) in units.iter().zip(levels) {
                    let level = std::slice::from_ref(level);
                    self.one(level, Some(u.id.clone()), host, out, account);
                }
            }
        }
    }

    fn one(
        &mut self,
        levels: &[usize],
        id: Option<String>,
        host: usize,
        out: &mut Vec<Series>,
        account: &mut Account,
    ) {
        for &number in levels {
            self.level(number);
        }
        match self.aggregate(levels) {
            Ok(Some(data)) => {
                if let Some(statistics) = statistics::of_values(&data) {
                    out.push(Series {
                        host,
                        id,
                        statistics,
                        data,
                        filler: false,
                    });
                }
            }
            Ok(None) => {}
            Err(NotAggregated) => {
                if !account.not_aggregated.contains(&self.w.metric.name) {
                    account.not_aggregated.push(self.w.metric.name.clone());
                }
            }
        }
    }

    /// The chains of levels as one on the job's grid: missing where one of them is (cc-backend
    /// `pkg/metricstore/metricstore.go`, `Read`, but for the alignment). A value that single precision cannot hold is
    /// missing.
    fn aggregate(&self, levels: &[usize]) -> Result<Option<Samples>, NotAggregated> {
        let found = levels.iter().filter_map(|k| self.room.levels[*k].as_ref());
        let mut chains = found.flat_map(|f| &self.room.chains[f.chains.clone()]);
        let Some(first) = chains.next() else {
            return Ok(None);
        };
        let Some(second) = chains.next() else {
            // Added to nothing, as cc-backend does: the negative zero becomes a positive one.
            let usable = |v: &f32| if v.is_infinite() { f32::NAN } else { *v + 0.0 };
            let values = self.values(*first).iter().map(usable).collect();
            return Ok(Some(Samples::Single(values)));
        };
        let how = self.w.store.aggregation;
        if how == Aggregation::None {
            return Err(NotAggregated);
        }
        let mut sum = vec![0.0_f64; self.w.grid.n];
        let mut n = 0_u32;
        for chain in [first, second].into_iter().chain(chains) {
            n += 1;
            for (s, v) in sum.iter_mut().zip(self.values(*chain)) {
                *s += f64::from(*v);
            }
        }
        let factor = match how {
            Aggregation::Avg => 1.0 / f64::from(n),
            Aggregation::Sum | Aggregation::None => 1.0,
        };
        for s in &mut sum {
            *s *= factor;
            *s = if fits_f32(*s) { *s } else { f64::NAN };
        }
        Ok(Some(Samples::Double(sum)))
    }

    /// Counts the native series of the job on this host.
    pub(super) fn count(&mut self, hostname: &str, k: usize, account: &mut Account) {
        let (host, grid) = (self.host.evidence, self.w.grid);
        let newest = host.newest;
        let end = grid.start + grid.n as i64 * grid.step;
        let mut points = Points::default();
        let mut full = 0;
        for &number in self.host.units.native_levels(self.w.metric.native) {
            let level = self.level(number);
            let chains = &self.room.chains[level.chains.clone()];
            let best = chains.iter().max_by_key(|c| c.finite);
            let received = best.map_or(0, |b| b.finite);
            let unusable: usize = chains.iter().map(|c| c.infinite).sum();
            points.add(Points {
                expected: grid.n as u64,
                received: received as u64,
            });
            account.coverage.unusable += unusable as u64;
            if received == grid.n {
                full += 1;
                continue;
            }
            let best = best.map(|b| self.values(*b));
            account.hours.count(k, grid, best);
            blame(host, grid, best, account);
            // A series that the host has never had, while others reach beyond the job, will not come.
            if level.exists || newest.is_none_or(|n| n < end) {
                // What came and cannot be used will not come again.
                let missing = best.map_or(Some(grid.n - 1), |b| b.iter().rposition(|v| v.is_nan()));
                if let Some(missing) = missing {
                    // The slot that holds this time of the grid ends a timestep later at the latest.
                    account.note_missing(k, grid.start + (missing as i64 + 1) * grid.step);
                }
            }
        }
        account.hours.count_full(k, grid, full);
        if !points.is_full() {
            let (metric, host) = (self.w.metric.name.clone(), hostname.to_owned());
            account.coverage.gaps.push(Gap {
                metric,
                host,
                points,
            });
        }
        account.coverage.points.add(points);
    }
}

/// The number of values of a kind; a sum of small numbers, which the compiler takes several at a time.
fn count(values: &[f32], kind: impl Fn(f32) -> bool) -> usize {
    let in_part = |part: &[f32]| part.iter().map(|v| u32::from(kind(*v))).sum::<u32>();
    values.chunks(1 << 16).map(|c| in_part(c) as usize).sum()
}

/// Blames the damaged parts of a host's source that may have held a value which is missing in `values`.
fn blame(host: &Evidence, grid: Grid, values: Option<&[f32]>, account: &mut Account) {
    for damage in &host.damaged {
        let lacks = |k: usize| {
            let from = grid.start + k as i64 * grid.step;
            let missing = values.is_none_or(|v| v[k].is_nan());
            missing && damage.concerns(from - grid.step, from + grid.step)
        };
        if (0..grid.n).any(lacks) {
            account.blame(damage);
        }
    }
}

struct NotAggregated;
