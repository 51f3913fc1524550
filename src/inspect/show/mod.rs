//! An archived job for human eyes: who it is, its statistics, its footprint against the cluster's thresholds, its place below
//! the roofline, and a small curve per metric.
//!
//! The data is read series by series and kept only as values per column of a plot, so that a job of any size fits.

mod drawing;
mod scopes;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Ports;
use super::explain::Card;
use crate::format::read::{self, Data, Meta, SeriesRead, Visitor};
use crate::model::cluster::thresholds::{Rating, Thresholds, prefix_factor};
use crate::model::cluster::{Clusters, Subcluster};
use crate::model::job::{Head, Job, JobKey, Row, STATUS_ARCHIVED};
use crate::model::series::{Statistics, Unit};
use crate::rules::statistics::{Footprint, footprint};
use crate::target;

pub use drawing::{Band, Metric};
use drawing::{Drawing, unit};
use scopes::Scopes;

/// What to look at.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only these metrics; empty for all.
    pub metrics: Vec<String>,
    /// Only these hosts in the curves; empty for all.
    pub hosts: Vec<String>,
    /// Columns of a curve.
    pub columns: usize,
}

impl Wanted {
    /// Whether everything that is asked for is there: metrics that the archive has data of, hosts of the job.
    fn check(&self, metrics: &BTreeSet<String>, hosts: &[String]) -> Result<(), Error> {
        let unknown = |what, names: &[String], known: &mut dyn Iterator<Item = &String>| {
            let known: Vec<String> = known.cloned().collect();
            let missing = names.iter().find(|n| !known.contains(n));
            missing.map_or(Ok(()), |name| {
                let name = name.clone();
                Err(Error::Unknown { what, name, known })
            })
        };
        unknown("metric", &self.metrics, &mut metrics.iter())?;
        unknown("host", &self.hosts, &mut hosts.iter())
    }

    fn takes(&self, s: &SeriesRead<'_>) -> bool {
        let one_of =
            |list: &[String], name: &str| list.is_empty() || list.iter().any(|l| l == name);
        one_of(&self.metrics, s.metric) && one_of(&self.hosts, s.host)
    }
}

/// Why a job cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The archive has nothing of it.
    #[error("the archive holds nothing of this job")]
    NotArchived,
    /// A metric or host that was asked for is not there.
    #[error("it has no {what} {name}; it has {}", .known.join(", "))]
    Unknown {
        /// `metric` or `host`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The archive cannot be read.
    #[error(transparent)]
    Target(#[from] target::Error),
    /// One of its documents is damaged.
    #[error(transparent)]
    Document(#[from] read::Error),
}

/// An archived job.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Picture {
    /// The job as its archive has it.
    pub job: Card,
    /// Its tags, as type and name.
    pub tags: Vec<[String; 2]>,
    /// Its name in the job's metadata.
    pub name: Option<String>,
    /// Whether its nodes were shared with other jobs, as the archive says it.
    pub shared: String,
    /// Footprint against thresholds.
    pub footprint: Vec<Print>,
    /// Energy in kWh; 0 where nothing measures it.
    pub energy: f64,
    /// Where it stands below the roofline.
    pub roofline: Option<Roofline>,
    /// Statistics and curves by metric, in the order of names.
    pub metrics: Vec<Metric>,
}

/// A value of the footprint.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Print {
    /// The metric.
    pub metric: String,
    /// `avg`, `min` or `max`.
    pub kind: String,
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// What is much and little.
    pub thresholds: Option<Thresholds>,
    /// How the value stands.
    pub level: Option<Rating>,
}

/// A place below the roofline of a node.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Roofline {
    /// Operations per byte.
    pub intensity: f64,
    /// Operations a second, on average over nodes.
    pub flops: f64,
    /// The most that arithmetic can do, operations a second.
    pub peak: f64,
    /// The most that memory can do, bytes a second.
    pub bandwidth: f64,
    /// The most that is possible at this intensity.
    pub ceiling: f64,
    /// Whether memory bandwidth sets that limit, rather than arithmetic.
    pub memory_bound: bool,
}

/// Reads an archived job.
///
/// # Errors
/// See [`Error`].
pub fn show(ports: &Ports<'_>, row: &Head, wanted: &Wanted) -> Result<Picture, Error> {
    let key = &row.key;
    let (meta, scopes) = survey(ports, key, wanted)?;
    let takes = |s: &SeriesRead<'_>| wanted.takes(s);
    let mut drawing = Drawing::new(wanted.columns, &takes, &scopes);
    let stored = ports.target.read(key)?.ok_or(Error::NotArchived)?;
    stored.visit(&mut drawing)?;
    let job = &meta.job;
    let sub = ports
        .clusters
        .get(&key.cluster)
        .and_then(|c| c.subcluster(&job.subcluster));
    let units: BTreeMap<&str, &Unit> = meta
        .statistics
        .iter()
        .map(|(n, s)| (n.as_str(), &s.unit))
        .collect();
    let statistics = meta.plain_statistics();
    let mut metrics = drawing.finish();
    for m in &mut metrics {
        if let Some(s) = statistics.get(&m.name) {
            m.statistics = Some([s.min, s.avg, s.max]);
        }
    }
    let footprint = footprint_of(ports.clusters, sub, &meta, &statistics);
    // An archive of cc-backend's own has the status that its row had before.
    let head = Head {
        id: row.id,
        status: row.status,
        ..job.head.clone()
    };
    let text = |t: &[u8]| String::from_utf8_lossy(t).into_owned();
    Ok(Picture {
        tags: job
            .tags
            .iter()
            .map(|t| [text(&t.kind.0), text(&t.name.0)])
            .collect(),
        name: job.meta_data.get("jobName").cloned(),
        shared: text(&job.shared.0),
        footprint: footprint
            .footprint
            .iter()
            .map(|(name, value)| print(name, *value, &units, sub))
            .collect(),
        energy: footprint.energy,
        roofline: sub.and_then(|s| roofline(&statistics, &units, s)),
        metrics,
        job: Card::new(&Row {
            head,
            job: Ok(meta.job.clone()),
        }),
    })
}

/// Footprint and energy of an archive. cc-backend's own archiver writes meta.json before it computes them, and they follow from
/// the statistics.
fn footprint_of(
    clusters: &Clusters,
    sub: Option<&Subcluster>,
    meta: &Meta,
    statistics: &BTreeMap<String, Statistics>,
) -> Footprint {
    let job = &meta.job;
    let unfinished = sub.filter(|_| job.head.status != STATUS_ARCHIVED);
    let compute = |s| footprint(clusters, s, statistics, job.num_nodes, job.head.duration).ok();
    let computed = unfinished.and_then(compute);
    computed.unwrap_or_else(|| meta.footprint.clone())
}

fn hosts(job: &Job) -> Vec<String> {
    job.resources.iter().map(|r| r.hostname.clone()).collect()
}

/// Reads the document once for what must be known before its series: how long the longest is, and the timestep, which stands
/// behind them.
fn survey(ports: &Ports<'_>, key: &JobKey, wanted: &Wanted) -> Result<(Meta, Scopes), Error> {
    let mut scopes = Scopes::default();
    let stored = ports.target.read(key)?.ok_or(Error::NotArchived)?;
    let meta = stored.meta()?;
    stored.visit(&mut scopes)?;
    wanted.check(&scopes.metrics, &hosts(&meta.job))?;
    Ok((meta, scopes))
}

/// Hands out every value of the wanted series, with the seconds between two of its values.
///
/// # Errors
/// See [`Error`].
pub fn values(
    ports: &Ports<'_>,
    key: &JobKey,
    wanted: &Wanted,
    each: &mut dyn FnMut(&SeriesRead<'_>, i64),
) -> Result<(), Error> {
    let (_, scopes) = survey(ports, key, wanted)?;
    let mut passing = Passing {
        wanted,
        each,
        scopes: &scopes,
    };
    let stored = ports.target.read(key)?.ok_or(Error::NotArchived)?;
    Ok(stored.visit(&mut passing)?)
}

/// Hands on series with their timesteps.
struct Passing<'a> {
    wanted: &'a Wanted,
    each: &'a mut dyn FnMut(&SeriesRead<'_>, i64),
    scopes: &'a Scopes,
}

impl Visitor for Passing<'_> {
    fn series(&mut self, s: &SeriesRead<'_>) {
        if self.wanted.takes(s) {
            (self.each)(s, self.scopes.of(s).timestep);
        }
    }

    fn scope(&mut self, _: &str, _: &str, _: &Data) {}
}

fn print(name: &str, value: f64, units: &BTreeMap<&str, &Unit>, sub: Option<&Subcluster>) -> Print {
    let (metric, kind) = name.rsplit_once('_').unwrap_or((name, ""));
    let thresholds = sub.and_then(|s| s.thresholds(metric));
    Print {
        metric: metric.to_owned(),
        kind: kind.to_owned(),
        value,
        unit: units.get(metric).map(|u| unit(u)).unwrap_or_default(),
        thresholds,
        level: thresholds.and_then(|t| t.rating(value)),
    }
}

fn roofline(
    statistics: &BTreeMap<String, Statistics>,
    units: &BTreeMap<&str, &Unit>,
    sub: &Subcluster,
) -> Option<Roofline> {
    let average = |name: &str| {
        let factor = units.get(name).map_or(1.0, |u| prefix_factor(&u.prefix));
        statistics.get(name).map(|s| s.avg * factor)
    };
    let (flops, bandwidth) = (average("flops_any")?, average("mem_bw")?);
    let peaks = sub.peaks;
    if flops <= 0.0 || bandwidth <= 0.0 || peaks.flops_simd <= 0.0 || peaks.bandwidth <= 0.0 {
        return None;
    }
    let intensity = flops / bandwidth;
    let by_memory = intensity * peaks.bandwidth;
    Some(Roofline {
        intensity,
        flops,
        peak: peaks.flops_simd,
        bandwidth: peaks.bandwidth,
        ceiling: by_memory.min(peaks.flops_simd),
        memory_bound: by_memory < peaks.flops_simd,
    })
}
