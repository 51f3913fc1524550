//! What a source holds of a job, read as a sweep reads it, host by host and metric by metric.

use std::collections::HashMap;

use serde::Serialize;

use crate::format::read;
use crate::model::cluster::{Cluster, Clusters, Subcluster};
use crate::model::failure::{Failure, Reason, Stage};
use crate::model::job::{Job, Shown};
use crate::model::stop::Stop;
use crate::model::stored::Values;
use crate::rules::assemble::Assembler;
use crate::rules::judge::Findings;
use crate::rules::timeline::Interval;
use crate::source::{Error, Request, Source};

/// Bytes of series that are held at a time.
const GROUP_BYTES: usize = 128 << 20;

/// What was found of a job.
pub(super) struct Evidence {
    pub(super) findings: Findings,
    /// What an archive made of it would hold.
    pub(super) values: Values,
    /// The job's metrics, in the order of their names.
    metrics: Vec<String>,
    /// Damaged files, in words.
    damaged: Vec<String>,
}

/// What a source holds of a job, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The source.
    pub source: String,
    /// Why it did not answer, or why it could not be asked.
    pub error: Option<String>,
    /// The newest data of the job's cluster.
    pub newest: Option<i64>,
    /// Where the oldest data of the job's cluster begins.
    pub oldest: Option<i64>,
    /// Samples that a perfect record would hold.
    pub expected: u64,
    /// Those that are there.
    pub received: u64,
    /// Samples that cannot be used: infinite, or beyond single precision.
    pub unusable: u64,
    /// The job's metrics.
    pub metrics: Vec<String>,
    /// The job's hosts.
    pub hosts: Vec<String>,
    /// Per metric, per host: the share of the samples that is there, 0 to 1.
    pub shares: Vec<Vec<f64>>,
    /// Damaged files that concern the job, in words.
    pub damaged: Vec<String>,
}

/// Where the configuration places a job.
pub(super) fn place<'a>(
    clusters: &'a Clusters,
    job: &Job,
) -> Result<(&'a Cluster, &'a Subcluster), Failure> {
    let name = &job.head.key.cluster;
    let unknown = |reason, text| Failure::new(Stage::Row, reason, text);
    let cluster = clusters.get(name).ok_or_else(|| {
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
    Ok((cluster, sub))
}

/// Reads what a source holds of a job.
pub(super) fn read(
    source: &dyn Source,
    clusters: &Clusters,
    job: &Job,
    stop: &Stop,
) -> Result<Evidence, Failure> {
    let (cluster, sub) = place(clusters, job)?;
    let assembler = Assembler::new(job, clusters, cluster, sub);
    let mut evidence = Evidence {
        findings: Findings {
            read_at: i64::MAX,
            final_until: vec![None; job.resources.len()],
            ..Findings::default()
        },
        values: Values::new(),
        metrics: assembler.metrics().map(str::to_owned).collect(),
        damaged: Vec::new(),
    };
    if job.head.duration == 0 {
        return Ok(evidence);
    }
    let reach = source.reach(&job.head.key.cluster, stop).map_err(failure)?;
    evidence.findings.newest = reach.newest;
    evidence.findings.oldest = reach.oldest;
    let mut kept = 0;
    for group in assembler.groups(GROUP_BYTES) {
        let mut group = assembler.begin(group.metrics);
        for (k, resource) in job.resources.iter().enumerate() {
            let wanted = assembler.wanted(k, &group);
            let window = Interval {
                from: job.head.key.start_time,
                to: job.head.end(),
            };
            let request = Request {
                cluster: &job.head.key.cluster,
                subcluster: &job.subcluster,
                host: &resource.hostname,
                metrics: &wanted,
                window,
            };
            let answer = source.ask(&request, stop).map_err(failure)?;
            evidence.note(k, &answer, window);
            assembler.add_host(&mut group, k, &answer);
        }
        let (metrics, account) = assembler.finish(group);
        evidence.findings.account.add(account);
        kept += metrics.len();
        for m in &metrics {
            read::add(&mut evidence.values, m, &job.resources);
        }
    }
    evidence.findings.nothing_kept = kept == 0;
    Ok(evidence)
}

fn failure(e: Error) -> Failure {
    let text = e.to_string();
    e.failure()
        .unwrap_or_else(|| Failure::new(Stage::Load, Reason::SourceUnreadable, text))
}

impl Evidence {
    fn note(&mut self, k: usize, answer: &crate::rules::evidence::Evidence, window: Interval) {
        self.findings.read_at = self.findings.read_at.min(answer.read_at);
        self.findings.final_until[k] = answer.final_until;
        let damaged = answer.damaged.iter().chain(&answer.passed_over);
        for d in damaged.filter(|d| d.concerns(window.from, window.to)) {
            let text = format!("{}: {}", d.subject, d.detail);
            if !self.damaged.contains(&text) {
                self.damaged.push(text);
            }
        }
    }
}

impl Held {
    pub(super) fn new(name: &str, job: &Job, answer: Result<Evidence, Failure>) -> Self {
        let mut held = Self {
            source: name.to_owned(),
            error: None,
            newest: None,
            oldest: None,
            expected: 0,
            received: 0,
            unusable: 0,
            metrics: Vec::new(),
            hosts: job.resources.iter().map(|r| r.hostname.clone()).collect(),
            shares: Vec::new(),
            damaged: Vec::new(),
        };
        match answer {
            Err(f) => held.error = Some(f.detail),
            Ok(evidence) => held.fill(evidence),
        }
        held
    }

    fn fill(&mut self, evidence: Evidence) {
        let known = |t: i64| (t != 0 && t > i64::MIN && t < i64::MAX).then_some(t);
        let coverage = &evidence.findings.account.coverage;
        self.newest = known(evidence.findings.newest);
        self.oldest = known(evidence.findings.oldest);
        self.expected = coverage.points.expected;
        self.received = coverage.points.received;
        self.unusable = coverage.unusable;
        let gaps: HashMap<(&str, &str), f64> = coverage
            .gaps
            .iter()
            .map(|g| ((g.metric.as_str(), g.host.as_str()), g.points.share()))
            .collect();
        let of = |metric: &String| {
            let hosts = self.hosts.iter();
            hosts
                .map(|h| {
                    gaps.get(&(metric.as_str(), h.as_str()))
                        .copied()
                        .unwrap_or(1.0)
                })
                .collect()
        };
        self.shares = if self.expected == 0 {
            Vec::new()
        } else {
            evidence.metrics.iter().map(of).collect()
        };
        self.metrics = evidence.metrics;
        self.damaged = evidence.damaged;
    }
}
