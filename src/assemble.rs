//! From a job and what its hosts hold to the series of its archive: pure, host by host and metric by metric.
//!
//! Hosts come one after the other, in the order of the resources, so that only one needs to be in memory; metrics come
//! in groups, so that a job of any size needs a bounded amount ([`Assembler::groups`]). What is left out (series
//! without a sample inside the job) is left out before anything is counted. design.md, section 5.

use std::collections::HashMap;
use std::ops::Range;

use crate::cluster::{Aggregation, Cluster, Clusters, Metric, StoreMetric, Subcluster};
use crate::job::Job;
use crate::query::{self, HostUnits, Target, Unit};
use crate::series::{MetricData, Scope, ScopeData, Series, Statistics};
use crate::source::Host;
use crate::stats;
use crate::timeline::Grid;
use crate::verdict::{Coverage, Failure, Gap, Points, Reason, Stage};

/// The metrics whose node series rooflines pair by position, and which get a node scope if they have none.
const ROOFLINE: [&str; 2] = ["flops_any", "mem_bw"];

/// Knows which series a job needs; made once per job.
#[derive(Debug)]
pub struct Assembler<'a> {
    job: &'a Job,
    metrics: Vec<Wanted<'a>>,
    units: Vec<HostUnits>,
}

/// A metric that the job's archive may have.
#[derive(Debug)]
struct Wanted<'a> {
    metric: &'a Metric,
    store: StoreMetric,
    scopes: Vec<Scope>,
    grid: Grid,
}

/// What was seen besides the values.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Expected and received samples.
    pub coverage: Coverage,
    /// Per host, the time (Unix seconds) of the latest value that is missing and may still reach the source.
    pub last_missing: HashMap<usize, i64>,
    /// Metrics of which several chains could not become one.
    pub not_aggregated: Vec<String>,
}

impl Account {
    /// Adds the account of another group of metrics.
    pub fn add(&mut self, other: Self) {
        self.coverage.points.add(other.coverage.points);
        self.coverage.gaps.extend(other.coverage.gaps);
        self.coverage.unusable += other.coverage.unusable;
        for (k, t) in other.last_missing {
            let latest = self.last_missing.entry(k).or_insert(t);
            *latest = t.max(*latest);
        }
        self.not_aggregated.extend(other.not_aggregated);
    }
}

/// A group of metrics while hosts are added.
#[derive(Debug)]
pub struct Group {
    range: Range<usize>,
    /// Per metric of the group, per scope.
    series: Vec<Vec<(Scope, Vec<Series>)>>,
    /// Hosts with a node series of the roofline metrics.
    roofline: [Vec<usize>; 2],
    account: Account,
}

impl<'a> Assembler<'a> {
    /// Finds out what the job's archive consists of.
    ///
    /// # Errors
    /// When the configuration has no place for the job.
    pub fn new(job: &'a Job, clusters: &Clusters, cluster: &'a Cluster, sub: &Subcluster) -> Self {
        let (start, duration) = (job.head.key.start_time, job.head.duration);
        let metrics = cluster
            .metrics_by_name()
            .into_iter()
            .filter(|m| !m.is_removed_in(&job.subcluster))
            .filter_map(|metric| {
                let store = clusters.store_metric(&metric.name)?;
                let scopes = query::scopes(job, metric.native);
                let grid = Grid::of_job(start, duration, store.frequency);
                (!scopes.is_empty()).then_some(Wanted {
                    metric,
                    store,
                    scopes,
                    grid,
                })
            })
            .collect();
        let units = job
            .resources
            .iter()
            .map(|r| HostUnits::new(r, &sub.topology))
            .collect();
        Self {
            job,
            metrics,
            units,
        }
    }

    /// Ranges of metrics whose series together take about `bytes` of memory; a larger metric stands alone.
    pub fn groups(&self, bytes: usize) -> Vec<Range<usize>> {
        let (mut out, mut from, mut sum) = (Vec::new(), 0, 0_usize);
        for (k, w) in self.metrics.iter().enumerate() {
            let series: usize = self.units.iter().map(|u| self.series_of(w, u)).sum();
            let size = series
                .saturating_mul(w.grid.n)
                .saturating_mul(size_of::<f64>());
            if k > from && sum.saturating_add(size) > bytes {
                out.push(from..k);
                (from, sum) = (k, 0);
            }
            sum = sum.saturating_add(size);
        }
        out.push(from..self.metrics.len());
        out
    }

    fn series_of(&self, w: &Wanted<'_>, units: &HostUnits) -> usize {
        let count = |t: &Target<'_>| match t {
            Target::Each(u) => u.len(),
            Target::Host | Target::Together(_) => 1,
        };
        w.scopes
            .iter()
            .flat_map(|&s| units.targets(w.metric.native, s))
            .map(|t| count(&t))
            .sum()
    }

    /// Begins a group.
    pub fn begin(&self, range: Range<usize>) -> Group {
        let series = range.clone().map(|_| Vec::new()).collect();
        Group {
            range,
            series,
            roofline: [Vec::new(), Vec::new()],
            account: Account::default(),
        }
    }

    /// Adds what host number `k` of the resources holds.
    pub fn add_host(&self, group: &mut Group, k: usize, host: &Host) {
        for (slot, i) in group.range.clone().enumerate() {
            let found = self.read_metric(&self.metrics[i], k, host, &mut group.account);
            for (scope, mut series) in found {
                match group.series[slot].iter_mut().find(|s| s.0 == scope) {
                    Some((_, all)) => all.append(&mut series),
                    None => group.series[slot].push((scope, series)),
                }
            }
        }
        // The partner of a roofline metric may be in another group: only whether it has the host matters here.
        for (pair, name) in group.roofline.iter_mut().zip(ROOFLINE) {
            let Some(w) = self.metrics.iter().find(|w| w.metric.name == name) else {
                continue;
            };
            let mut unused = Account::default();
            let found = self.read_metric(w, k, host, &mut unused);
            if found.iter().any(|(_, s)| !s.is_empty()) {
                pair.push(k);
            }
        }
    }

    /// The group's metrics in the order of their names, those without series left out, and what was counted.
    pub fn finish(&self, group: Group) -> (Vec<MetricData>, Account) {
        let mut account = group.account;
        account
            .coverage
            .gaps
            .sort_by(|a, b| a.metric.cmp(&b.metric));
        let metrics = group.range.zip(group.series).filter_map(|(i, scopes)| {
            let w = &self.metrics[i];
            let mut m = self.metric_data(w, scopes);
            if let Some(at) = ROOFLINE.iter().position(|n| *n == m.name) {
                self.fill_pairs(w, &mut m, &group.roofline[1 - at]);
            }
            (!m.scopes.is_empty()).then_some(m)
        });
        (metrics.collect(), account)
    }

    fn metric_data(&self, w: &Wanted<'_>, scopes: Vec<(Scope, Vec<Series>)>) -> MetricData {
        let mut scopes: Vec<ScopeData> = scopes
            .into_iter()
            .filter(|(_, series)| !series.is_empty())
            .map(|(scope, series)| ScopeData {
                scope,
                statistics_series: stats::statistics_series(&series),
                series,
            })
            .collect();
        let coarsest = scopes.iter().map(|s| s.scope).reduce(Scope::coarser);
        if ROOFLINE.contains(&w.metric.name.as_str()) && coarsest != Some(Scope::Node) {
            let derived = scopes
                .iter()
                .find(|s| Some(s.scope) == coarsest)
                .map(stats::derive_node_scope);
            scopes.extend(derived);
        }
        scopes.sort_by_key(|s| s.scope.name());
        for s in scopes.iter_mut().flat_map(|s| &mut s.series) {
            let st = s.statistics;
            s.statistics = Statistics {
                avg: stats::round2(st.avg),
                min: stats::round2(st.min),
                max: stats::round2(st.max),
            };
        }
        MetricData {
            name: w.metric.name.clone(),
            unit: w.metric.unit.clone(),
            timestep: w.store.frequency,
            scopes,
        }
    }

    /// Hosts that have a node series of the partner only get one of nulls, in their place.
    fn fill_pairs(&self, w: &Wanted<'_>, m: &mut MetricData, partner: &[usize]) {
        let Some(node) = m.scopes.iter_mut().find(|s| s.scope == Scope::Node) else {
            return;
        };
        for &host in partner {
            if node.series.iter().any(|s| s.host == host) {
                continue;
            }
            let id = self.units[host]
                .native(w.metric.native)
                .and_then(|u| u.first())
                .map(|u| u.id.clone());
            let filler = Series {
                host,
                id,
                statistics: Statistics::default(),
                data: vec![f64::NAN; w.grid.n],
                filler: true,
            };
            let at = node.series.partition_point(|s| s.host < host);
            node.series.insert(at, filler);
        }
    }

    /// Every series of a metric that host number `k` gives, and its coverage.
    fn read_metric(
        &self,
        w: &Wanted<'_>,
        k: usize,
        host: &Host,
        account: &mut Account,
    ) -> Vec<(Scope, Vec<Series>)> {
        let mut reading = Reading {
            host,
            w,
            chains: HashMap::new(),
        };
        reading.count(&self.units[k], &self.job.resources[k].hostname, k, account);
        let mut out = Vec::new();
        for &scope in &w.scopes {
            let mut series = Vec::new();
            for target in self.units[k].targets(w.metric.native, scope) {
                reading.series(target, k, &mut series, account);
            }
            out.push((scope, series));
        }
        out
    }

    /// The failure of a job of which nothing could be aggregated.
    pub fn not_aggregated(account: &Account) -> Option<Failure> {
        let metric = account.not_aggregated.first()?;
        Some(Failure::new(
            Stage::Compute,
            Reason::AggregationInvalid,
            format!(
                "no metric has a series of its own, and metric `{metric}` has no aggregation in cluster.json; expected sum or avg"
            ),
        ))
    }
}

/// One metric of one host; chains are read once, whatever scopes need them.
struct Reading<'a, 'b> {
    host: &'a Host,
    w: &'a Wanted<'b>,
    /// Level (`""` is the host) → its chains that have a sample inside the job.
    chains: HashMap<String, Level>,
}

#[derive(Default)]
struct Level {
    /// Values on the job's grid, infinite ones as they are.
    chains: Vec<Vec<f32>>,
    /// Whether the source has the series at all.
    exists: bool,
}

impl Reading<'_, '_> {
    fn level(&mut self, name: &str) -> &Level {
        if !self.chains.contains_key(name) {
            let level = self.read_level(name);
            self.chains.insert(name.to_owned(), level);
        }
        &self.chains[name]
    }

    fn read_level(&self, name: &str) -> Level {
        let level = if name.is_empty() {
            Some(&self.host.root)
        } else {
            self.host.root.child(name)
        };
        let mut found = Vec::new();
        if let Some(level) = level {
            level.chains(&self.w.metric.name, &mut found);
        }
        let exists = !found.is_empty();
        let chains = found
            .into_iter()
            .map(|s| s.read(self.w.grid))
            .filter(|v| v.iter().any(|x| !x.is_nan()))
            .collect();
        Level { chains, exists }
    }

    /// Appends the series of a target that has any value.
    fn series(
        &mut self,
        target: Target<'_>,
        host: usize,
        out: &mut Vec<Series>,
        account: &mut Account,
    ) {
        let whole = [Unit {
            id: String::new(),
            level: String::new(),
        }];
        match target {
            Target::Host => self.one(&whole, None, host, out, account),
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
        units: &[Unit],
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
            .filter_map(|u| self.chains.get(&u.level))
            .flat_map(|l| &l.chains)
            .map(Vec::as_slice)
            .collect();
        match aggregate(&chains, self.w.store.aggregation, self.w.grid.n) {
            Ok(Some(data)) => {
                if let Some(statistics) = stats::of_values(&data) {
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
    fn count(&mut self, units: &HostUnits, hostname: &str, k: usize, account: &mut Account) {
        let (grid, newest) = (self.w.grid, self.host.newest);
        let end = grid.start + grid.n as i64 * grid.step;
        let levels: Vec<&str> = units
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
            points.add(Points {
                expected: grid.n as u64,
                received: received as u64,
            });
            // A series that the host has never had, while others reach beyond the job, will not come.
            let may_come = level.exists || newest.is_none_or(|n| n < end);
            if received < grid.n && may_come {
                // What came and cannot be used will not come again.
                let missing =
                    best.map_or(Some(grid.n - 1), |b| b.1.iter().rposition(|v| v.is_nan()));
                if let Some(missing) = missing {
                    let t = grid.start + missing as i64 * grid.step;
                    let latest = account.last_missing.entry(k).or_insert(t);
                    *latest = t.max(*latest);
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

struct NotAggregated;

/// Several chains as one on the job's grid: missing where one of them is (cc-backend `pkg/metricstore/metricstore.go`,
/// `Read`, but for the alignment). A value that single precision cannot hold is missing.
fn aggregate(
    chains: &[&[f32]],
    how: Aggregation,
    n: usize,
) -> Result<Option<Vec<f64>>, NotAggregated> {
    if chains.is_empty() {
        return Ok(None);
    }
    let mut sum = vec![0.0_f64; n];
    for chain in chains {
        for (s, v) in sum.iter_mut().zip(*chain) {
            *s += f64::from(*v);
        }
    }
    let factor = match how {
        _ if chains.len() == 1 => 1.0,
        Aggregation::Sum => 1.0,
        Aggregation::Avg => 1.0 / chains.len() as f64,
        Aggregation::None => return Err(NotAggregated),
    };
    for s in &mut sum {
        *s *= factor;
        if !fits_f32(*s) {
            *s = f64::NAN;
        }
    }
    Ok(Some(sum))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the question is what single precision makes of it"
)]
fn fits_f32(x: f64) -> bool {
    (x as f32).is_finite()
}
