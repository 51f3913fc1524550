//! One metric of one host: its chains on the job's grid, what they become together, and how many samples there are.

use std::collections::HashMap;

use super::account::Account;
use super::wanted::Wanted;
use crate::model::cluster::Aggregation;
use crate::model::outcome::{Gap, Points};
use crate::model::series::{Samples, Series, fits_f32};
use crate::rules::evidence::Evidence;
use crate::rules::scopes::{Component, Components, Target};
use crate::rules::statistics;
use crate::rules::timeline::Grid;

/// One metric of one host; chains are read once, whatever scopes need them.
pub(super) struct Reading<'a, 'b> {
    host: &'a Evidence,
    w: &'a Wanted<'b>,
    /// Level (`""` is the host) → its chains that have a sample inside the job.
    chains: HashMap<&'a str, Chains>,
}

/// The host as the only unit.
static WHOLE: [Component; 1] = [Component {
    id: String::new(),
    level: String::new(),
}];

#[derive(Default)]
struct Chains {
    /// Values on the job's grid, infinite ones as they are.
    chains: Vec<Vec<f32>>,
    /// Whether the source has the series at all.
    exists: bool,
}

impl Chains {
    fn read(host: &Evidence, w: &Wanted<'_>, name: &str) -> Self {
        let level = if name.is_empty() {
            Some(&host.series)
        } else {
            host.series.child(name)
        };
        let mut found = Vec::new();
        if let Some(level) = level {
            level.chains(&w.metric.name, &mut found);
        }
        let exists = !found.is_empty();
        let chains = found
            .into_iter()
            .map(|s| s.read(w.grid))
            .filter(|v| v.iter().any(|x| !x.is_nan()))
            .collect();
        Self { chains, exists }
    }
}

impl<'a, 'b> Reading<'a, 'b> {
    pub(super) fn new(host: &'a Evidence, w: &'a Wanted<'b>) -> Self {
        Self {
            host,
            w,
            chains: HashMap::new(),
        }
    }

    fn level(&mut self, name: &'a str) -> &Chains {
        let (host, w) = (self.host, self.w);
        self.chains
            .entry(name)
            .or_insert_with(|| Chains::read(host, w, name))
    }

    /// Appends the series of a target that has any value.
    pub(super) fn series(
        &mut self,
        target: Target<'a>,
        host: usize,
        out: &mut Vec<Series>,
        account: &mut Account,
    ) {
        match target {
            Target::Host => self.one(&WHOLE, None, host, out, account),
            Target::Together(units) => self.one(
                units,
                units.first().map(|u| u.id.clone()),
                host,
                out,
                account,
            ),
            Target::Each(units) => {
                for u in units {
                    self.one(
                        std::slice::from_ref(u),
                        Some(u.id.clone()),
                        host,
                        out,
                        account,
                    );
                }
            }
        }
    }

    fn one(
        &mut self,
        units: &'a [Component],
        id: Option<String>,
        host: usize,
        out: &mut Vec<Series>,
        account: &mut Account,
    ) {
        for u in units {
            self.level(&u.level);
        }
        let chains: Vec<&[f32]> = units
            .iter()
            .filter_map(|u| self.chains.get(u.level.as_str()))
            .flat_map(|l| &l.chains)
            .map(Vec::as_slice)
            .collect();
        match aggregate(&chains, self.w.store.aggregation, self.w.grid.n) {
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

    /// Counts the native series of the job on this host.
    pub(super) fn count(
        &mut self,
        units: &'a Components,
        hostname: &str,
        k: usize,
        account: &mut Account,
    ) {
        let (host, grid) = (self.host, self.w.grid);
        let newest = host.newest;
        let end = grid.start + grid.n as i64 * grid.step;
        let levels: Vec<&'a str> = units
            .native(self.w.metric.native)
            .map_or(vec![""], |u| u.iter().map(|u| u.level.as_str()).collect());
        let mut points = Points::default();
        for name in levels {
            let level = self.level(name);
            let best = level
                .chains
                .iter()
                .map(|c| (c.iter().filter(|v| v.is_finite()).count(), c))
                .max_by_key(|c| c.0);
            let received = best.map_or(0, |b| b.0);
            account.hours.count(k, grid, best.map(|b| b.1.as_slice()));
            points.add(Points {
                expected: grid.n as u64,
                received: received as u64,
            });
            // A series that the host has never had, while others reach beyond the job, will not come.
            let may_come = level.exists || newest.is_none_or(|n| n < end);
            if received < grid.n {
                blame(host, grid, best.map(|b| b.1.as_slice()), account);
            }
            if received < grid.n && may_come {
                // What came and cannot be used will not come again.
                let missing =
                    best.map_or(Some(grid.n - 1), |b| b.1.iter().rposition(|v| v.is_nan()));
                if let Some(missing) = missing {
                    // The slot that holds this time of the grid ends a timestep later at the latest.
                    account.note_missing(k, grid.start + (missing as i64 + 1) * grid.step);
                }
            }
            account.coverage.unusable += level
                .chains
                .iter()
                .flatten()
                .filter(|v| v.is_infinite())
                .count() as u64;
        }
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

/// Several chains as one on the job's grid: missing where one of them is (cc-backend `pkg/metricstore/metricstore.go`,
/// `Read`, but for the alignment). A value that single precision cannot hold is missing.
fn aggregate(
    chains: &[&[f32]],
    how: Aggregation,
    n: usize,
) -> Result<Option<Samples>, NotAggregated> {
    let factor = match (chains, how) {
        ([], _) => return Ok(None),
        ([one], _) => {
            // Added to nothing, as cc-backend does: the negative zero becomes a positive one.
            let usable = |v: &f32| if v.is_infinite() { f32::NAN } else { *v + 0.0 };
            return Ok(Some(Samples::Single(one.iter().map(usable).collect())));
        }
        (_, Aggregation::Sum) => 1.0,
        (_, Aggregation::Avg) => 1.0 / chains.len() as f64,
        (_, Aggregation::None) => return Err(NotAggregated),
    };
    let mut sum = vec![0.0_f64; n];
    for chain in chains {
        for (s, v) in sum.iter_mut().zip(*chain) {
            *s += f64::from(*v);
        }
    }
    for s in &mut sum {
        *s *= factor;
        *s = if fits_f32(*s) { *s } else { f64::NAN };
    }
    Ok(Some(Samples::Double(sum)))
}
