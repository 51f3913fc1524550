//! From a job and what its hosts hold to the series of its archive: pure, host by host and metric by metric.
//!
//! Hosts come one after the other, in the order of the resources, so that only one needs to be in memory; metrics come
//! in groups, so that a job of any size needs a bounded amount ([`Assembler::groups`]). What is left out (series
//! without a sample inside the job) is left out before anything is counted.

mod account;
mod hours;
mod reading;
mod wanted;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::model::cluster::{Cluster, Clusters, Subcluster};
use crate::model::failure::{Failure, Reason, Stage};
use crate::model::job::Job;
use crate::model::series::{MetricData, Samples, Scope, ScopeData, Series, Statistics};
use crate::rules::evidence::Evidence;
use crate::rules::request;
use crate::rules::scopes::{self, Components, Target};
use crate::rules::timeline::Grid;
use crate::rules::{spread, statistics};
use reading::{Host, Reading, Room};
use wanted::Wanted;

pub use account::Account;
pub use hours::Hours;

/// The metrics whose node series rooflines pair by position, and which get a node scope if they have none.
const ROOFLINE: [&str; 2] = ["flops_any", "mem_bw"];

/// Knows which series a job needs; made once per job.
#[derive(Debug)]
pub struct Assembler<'a> {
    job: &'a Job,
    metrics: Vec<Wanted<'a>>,
    /// By the number of the host. Hosts of which the job had the same share one: of a thousand they took 56 MB.
    units: Vec<Arc<Components>>,
}

/// Metrics that are worked on together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPlan {
    /// Which of the job's metrics.
    pub metrics: Range<usize>,
    /// The memory that their series take.
    pub bytes: usize,
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
    room: Room,
}

/// A metric with all its series, before what follows from them together.
#[derive(Debug)]
pub struct Opened {
    metric: usize,
    series: Vec<(Scope, Vec<Series>)>,
    /// Of a roofline metric: the hosts that have a node series of the other one.
    partner: Option<Vec<usize>>,
}

impl Group {
    /// Adds the hosts of another part of the same group, which come behind those of this one.
    pub fn append(&mut self, other: Self) {
        for (all, more) in self.series.iter_mut().zip(other.series) {
            for (scope, series) in more {
                add_series(all, scope, series);
            }
        }
        for (all, more) in self.roofline.iter_mut().zip(other.roofline) {
            all.extend(more);
        }
        self.account.add(other.account);
    }

    /// Gives back what only adding hosts needs; to be called after the last of them where other parts are still to come.
    pub fn rest(&mut self) {
        self.room = Room::default();
    }

    /// Notes a host that has a series of a roofline metric.
    fn note_roofline(&mut self, name: &str, host: usize, found: &[(Scope, Vec<Series>)]) {
        if let Some(at) = ROOFLINE.iter().position(|n| *n == name)
            && found.iter().any(|(_, s)| !s.is_empty())
        {
            self.roofline[at].push(host);
        }
    }
}

/// Adds series to those of their scope.
fn add_series(all: &mut Vec<(Scope, Vec<Series>)>, scope: Scope, mut series: Vec<Series>) {
    match all.iter_mut().find(|s| s.0 == scope) {
        Some((_, of_scope)) => of_scope.append(&mut series),
        None => all.push((scope, series)),
    }
}

impl<'a> Assembler<'a> {
    /// Finds out what the job's archive consists of.
    pub fn new(job: &'a Job, clusters: &Clusters, cluster: &'a Cluster, sub: &Subcluster) -> Self {
        let (start, duration) = (job.head.key.start_time, job.head.duration);
        let metrics = cluster
            .metrics_by_name()
            .into_iter()
            .filter(|m| !m.is_removed_in(&job.subcluster))
            .filter_map(|metric| {
                let store = clusters.store_metric(&metric.name)?;
                let scopes = scopes::scopes(job, metric.native);
                let grid = Grid::of_job(start, duration, store.frequency);
                (!scopes.is_empty()).then_some(Wanted {
                    metric,
                    store,
                    scopes,
                    grid,
                })
            })
            .collect();
        Self {
            job,
            metrics,
            units: Self::units(job, sub),
        }
    }

    fn units(job: &Job, sub: &Subcluster) -> Vec<Arc<Components>> {
        let mut made: HashMap<(&[i64], &[String]), Arc<Components>> = HashMap::new();
        let units = job.resources.iter().map(|r| {
            let units = made
                .entry((&r.hwthreads, &r.accelerators))
                .or_insert_with(|| Arc::new(Components::new(r, &sub.topology)));
            Arc::clone(units)
        });
        units.collect()
    }

    /// The names of the metrics that the archive may have, in their order.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.metrics.iter().map(|w| w.metric.name.as_str())
    }

    /// Cuts the metrics into groups whose series together take at most `bytes` of memory; a larger metric stands alone.
    pub fn groups(&self, bytes: usize) -> Vec<GroupPlan> {
        let (mut out, mut from, mut sum) = (Vec::new(), 0, 0_usize);
        for (k, w) in self.metrics.iter().enumerate() {
            let value: usize = self.units.iter().map(|u| Self::value_size(w, u)).sum();
            let size = value.saturating_mul(w.grid.n);
            if k > from && sum.saturating_add(size) > bytes {
                out.push(GroupPlan {
                    metrics: from..k,
                    bytes: sum,
                });
                (from, sum) = (k, 0);
            }
            sum = sum.saturating_add(size);
        }
        out.push(GroupPlan {
            metrics: from..self.metrics.len(),
            bytes: sum,
        });
        out
    }

    /// Bytes of one value of each series that a host gives.
    fn value_size(w: &Wanted<'_>, units: &Components) -> usize {
        let of = |t: &Target<'_>| match t {
            Target::Host => size_of::<f32>(),
            Target::Each(u) => u.len() * size_of::<f32>(),
            Target::Together(_) => size_of::<f64>(),
        };
        w.scopes
            .iter()
            .flat_map(|&s| units.targets(w.metric.native, s))
            .map(|t| of(&t))
            .sum()
    }

    /// What host number `k` is asked for, to be added to a group.
    pub fn wanted(&self, k: usize, group: &Group) -> Vec<request::Wanted<'_>> {
        let partners = self.partners(&group.range);
        group
            .range
            .clone()
            .chain(partners)
            .map(|i| {
                let w = &self.metrics[i];
                request::Wanted {
                    metric: &w.metric.name,
                    frequency: w.store.frequency,
                    native: w.metric.native,
                    components: self.units[k].asked(w.metric.native),
                }
            })
            .collect()
    }

    /// Begins a group.
    pub fn begin(&self, range: Range<usize>) -> Group {
        let series = range.clone().map(|_| Vec::new()).collect();
        Group {
            range,
            series,
            roofline: [Vec::new(), Vec::new()],
            account: Account::default(),
            room: Room::default(),
        }
    }

    /// Adds what host number `k` of the resources holds.
    pub fn add_host(&self, group: &mut Group, k: usize, host: &Evidence) {
        let coverage = &mut group.account.coverage;
        coverage.fill(&host.filled);
        coverage.phase_guessed |= host.phase_guessed;
        let host = Host::new(host, &self.units[k]);
        for (slot, i) in group.range.clone().enumerate() {
            let w = &self.metrics[i];
            let found = self.read_metric(w, k, &host, &mut group.room, &mut group.account);
            group.note_roofline(&w.metric.name, k, &found);
            for (scope, series) in found {
                add_series(&mut group.series[slot], scope, series);
            }
        }
        // The partner of a roofline metric may be in another group: only whether it has the host matters here.
        for i in self.partners(&group.range) {
            let w = &self.metrics[i];
            let mut nobody = Account::default();
            let found = self.read_metric(w, k, &host, &mut group.room, &mut nobody);
            group.note_roofline(&w.metric.name, k, &found);
        }
    }

    /// Roofline metrics outside a group whose partner is inside.
    fn partners(&self, range: &Range<usize>) -> Vec<usize> {
        let at = ROOFLINE.map(|name| self.metrics.iter().position(|w| w.metric.name == name));
        let inside = |i: Option<usize>| i.is_some_and(|i| range.contains(&i));
        [(at[0], at[1]), (at[1], at[0])]
            .into_iter()
            .filter_map(|(one, other)| one.filter(|_| !inside(one) && inside(other)))
            .collect()
    }

    /// The group's metrics in the order of their names, those without series left out, and what was counted.
    pub fn finish(&self, group: Group) -> (Vec<MetricData>, Account) {
        let (opened, account) = self.open(group);
        let metrics = opened.into_iter().filter_map(|o| self.close(o));
        (metrics.collect(), account)
    }

    /// The group's metrics, each of which can be closed for itself, and what was counted.
    pub fn open(&self, group: Group) -> (Vec<Opened>, Account) {
        let mut account = group.account;
        account
            .coverage
            .gaps
            .sort_by(|a, b| a.metric.cmp(&b.metric));
        let mut roofline = group.roofline.map(Some);
        let opened = group.range.zip(group.series).map(|(metric, series)| {
            let at = ROOFLINE
                .iter()
                .position(|n| *n == self.metrics[metric].metric.name);
            Opened {
                metric,
                series,
                partner: at.and_then(|at| roofline[1 - at].take()),
            }
        });
        (opened.collect(), account)
    }

    /// A metric whose hosts are all there; none without series.
    pub fn close(&self, opened: Opened) -> Option<MetricData> {
        let w = &self.metrics[opened.metric];
        let mut m = Self::metric_data(w, opened.series);
        self.fill_pairs(w, &mut m, &opened.partner.unwrap_or_default());
        (!m.scopes.is_empty()).then_some(m)
    }

    fn metric_data(w: &Wanted<'_>, scopes: Vec<(Scope, Vec<Series>)>) -> MetricData {
        let mut scopes: Vec<ScopeData> = scopes
            .into_iter()
            .filter(|(_, series)| !series.is_empty())
            .map(|(scope, series)| ScopeData {
                scope,
                statistics_series: spread::statistics_series(&series),
                series,
            })
            .collect();
        let coarsest = scopes.iter().map(|s| s.scope).reduce(Scope::coarser);
        if ROOFLINE.contains(&w.metric.name.as_str()) && coarsest != Some(Scope::Node) {
            let derived = scopes
                .iter()
                .find(|s| Some(s.scope) == coarsest)
                .map(statistics::derive_node_scope);
            scopes.extend(derived);
        }
        scopes.sort_by_key(|s| s.scope.name());
        for s in scopes.iter_mut().flat_map(|s| &mut s.series) {
            let st = s.statistics;
            s.statistics = Statistics {
                avg: statistics::round2(st.avg),
                min: statistics::round2(st.min),
                max: statistics::round2(st.max),
            };
        }
        MetricData {
            name: w.metric.name.clone(),
            unit: w.metric.unit.clone(),
            timestep: w.store.frequency,
            scopes,
        }
    }

    /// Hosts that have a node series of the partner only get one of nulls: after everything was counted, at the place
    /// of their host.
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
                data: Samples::none(w.grid.n),
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
        host: &Host<'_>,
        room: &mut Room,
        account: &mut Account,
    ) -> Vec<(Scope, Vec<Series>)> {
        let mut reading = Reading::new(host, w, room);
        reading.count(&self.job.resources[k].hostname, k, account);
        let mut out = Vec::new();
        for &scope in &w.scopes {
            let mut series = Vec::new();
            for target in self.units[k].targets_and_levels(w.metric.native, scope) {
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
