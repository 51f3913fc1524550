//! What workers have in hand: what they all use, and the job that one of them works on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::gate::Gate;
use super::settings::Settings;
use crate::jobs::Rows;
use crate::model::cluster::{Cluster, Clusters, Subcluster};
use crate::model::failure::{Failure, Reason, Stage};
use crate::model::job::{Job, Shown};
use crate::model::message::{Finished, Stages, Task};
use crate::model::outcome::Outcome;
use crate::model::series::Statistics;
use crate::model::stop::Stop;
use crate::rules::evidence::Evidence;
use crate::rules::statistics::{self, Footprint};
use crate::source::{self, Request, Source};
use crate::target::{self, Found, Target};

/// What all workers use.
pub(super) struct Shared<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) target: &'a dyn Target,
    pub(super) clusters: &'a Clusters,
    pub(super) rows: &'a Rows,
    pub(super) settings: &'a Settings,
    pub(super) stop: &'a Stop,
    pub(super) gate: Gate,
    pub(super) closed: &'a Closed,
    pub(super) dry_run: bool,
}

impl Shared<'_> {
    /// Asks the source; how long it took is added to the stages.
    pub(super) fn ask(
        &self,
        request: &Request<'_>,
        stages: &mut Stages,
    ) -> Result<Arc<Evidence>, Ending> {
        if self.stop.is_cancelled() {
            return Err(Ending::Cancelled);
        }
        let begun = Instant::now();
        let answer = self.source.ask(request, self.stop);
        stages.load += begun.elapsed();
        Ok(answer?)
    }
}

/// Clusters of which no more jobs are taken, since their source does not answer any more.
#[derive(Debug, Default)]
pub(super) struct Closed(Mutex<BTreeSet<String>>);

impl Closed {
    pub(super) fn close(&self, cluster: &str) {
        let mut closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        closed.insert(cluster.to_owned());
    }

    pub(super) fn has(&self, cluster: &str) -> bool {
        let closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        closed.contains(cluster)
    }
}

/// Why work on a job ends without an archive.
pub(super) enum Ending {
    /// The sweep is being cancelled.
    Cancelled,
    /// The outcome is known and needs no archive.
    Outcome(Outcome),
    /// The row is not what it was; the work is done again.
    Changed,
    /// The sweep cannot go on.
    Fatal(Failure),
}

impl From<Failure> for Ending {
    fn from(f: Failure) -> Self {
        Self::Outcome(Outcome::Failed(f))
    }
}

impl From<target::Error> for Ending {
    fn from(e: target::Error) -> Self {
        match e {
            target::Error::Cancelled => Self::Cancelled,
            target::Error::Gone { .. }
            | target::Error::Place { .. }
            | target::Error::Refused { .. }
            | target::Error::Version { .. }
            | target::Error::NotAllowed { .. } => e.failure().into(),
        }
    }
}

impl From<source::Error> for Ending {
    fn from(e: source::Error) -> Self {
        e.failure().map_or(Self::Cancelled, Self::from)
    }
}

/// One job in work.
pub(super) struct Work<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) task: &'a Task,
    pub(super) done: Finished,
}

/// Where the configuration places a job.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) sub: &'a Subcluster,
}

/// Finds the place of a job.
pub(crate) fn place<'a>(clusters: &'a Clusters, job: &Job) -> Result<Place<'a>, Failure> {
    let name = &job.head.key.cluster;
    let unknown = |reason, text| Failure::new(Stage::Row, reason, text);
    let cluster = clusters.get(name).ok_or_else(|| {
        if clusters.is_gone(name) {
            let text = format!(
                "the archive's folder of cluster `{}` is a symbolic link whose target does not exist",
                Shown(name)
            );
            return unknown(Reason::ClusterGone, text);
        }
        let text = format!(
            "cluster `{}` has no cluster.json in the archive",
            Shown(name)
        );
        unknown(Reason::ClusterUnknown, text)
    })?;
    let sub = cluster.subcluster(&job.subcluster).ok_or_else(|| {
        let sub = Shown(&job.subcluster);
        let text = format!("cluster `{name}` has no subcluster `{sub}` in cluster.json");
        unknown(Reason::SubclusterUnknown, text)
    })?;
    Ok(Place { cluster, sub })
}

/// Footprint and energy of a job that follow from its statistics by metric.
pub(super) fn footprint(
    clusters: &Clusters,
    place: &Place<'_>,
    job: &Job,
    statistics: &BTreeMap<String, Statistics>,
) -> Result<Footprint, Failure> {
    statistics::footprint(
        clusters,
        place.sub,
        statistics,
        job.num_nodes,
        job.head.duration,
    )
    .map_err(|e| Failure::new(Stage::Compute, Reason::FootprintInvalid, e.to_string()))
}

/// A job as its archive is to describe it, and what the archive has of it now.
pub(super) struct Subject<'a> {
    /// With the length that the samples tell, where the row has none.
    pub(super) job: Job,
    /// As the row is.
    pub(super) row: Job,
    pub(super) place: Place<'a>,
    pub(super) found: Option<Found>,
}

pub(super) fn no_data(why: &str) -> Failure {
    Failure::new(Stage::Load, Reason::NoData, why)
}
