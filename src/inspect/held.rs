//! What one source holds of a job, for people: how much of each metric on each host. Nothing is decided here; what a sweep
//! would make of it is asked of the sweep.

use std::collections::HashMap;

use serde::Serialize;

use crate::model::cluster::Clusters;
use crate::model::job::Job;
use crate::model::outcome::Coverage;
use crate::model::stop::Stop;
use crate::rules::assemble::{Account, Assembler};
use crate::rules::evidence::Evidence;
use crate::rules::timeline::Interval;
use crate::source::{Request, Source};
use crate::sweep::place;

/// Bytes of series that are held at a time.
const GROUP_BYTES: usize = 128 << 20;

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

impl Held {
    /// Asks a source. That it does not answer is part of the answer.
    pub(super) fn ask(
        name: &str,
        source: &dyn Source,
        clusters: &Clusters,
        job: &Job,
        stop: &Stop,
    ) -> Self {
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
        if let Err(why) = held.fill(source, clusters, job, stop) {
            held.error = Some(why);
        }
        held
    }

    fn fill(
        &mut self,
        source: &dyn Source,
        clusters: &Clusters,
        job: &Job,
        stop: &Stop,
    ) -> Result<(), String> {
        let at = place(clusters, job).map_err(|f| f.detail)?;
        let assembler = Assembler::new(job, clusters, at.cluster, at.sub);
        self.metrics = assembler.metrics().map(str::to_owned).collect();
        if job.head.duration == 0 {
            return Ok(());
        }
        let key = &job.head.key;
        let reach = source
            .reach(&key.cluster, stop)
            .map_err(|e| e.to_string())?;
        let known = |t: i64| (t != 0 && t > i64::MIN && t < i64::MAX).then_some(t);
        (self.newest, self.oldest) = (known(reach.newest), known(reach.oldest));
        let window = Interval {
            from: key.start_time,
            to: job.head.end(),
        };
        let mut account = Account::default();
        for group in assembler.groups(GROUP_BYTES) {
            let mut group = assembler.begin(group.metrics);
            for (k, resource) in job.resources.iter().enumerate() {
                let request = Request {
                    cluster: &key.cluster,
                    subcluster: &job.subcluster,
                    host: &resource.hostname,
                    metrics: &assembler.wanted(k, &group),
                    window,
                };
                let answer = source.ask(&request, stop).map_err(|e| e.to_string())?;
                self.note_damage(&answer, window);
                assembler.add_host(&mut group, k, &answer);
            }
            account.add(assembler.finish(group).1);
        }
        self.count(&account.coverage);
        Ok(())
    }

    fn note_damage(&mut self, answer: &Evidence, window: Interval) {
        let damaged = answer.damaged.iter().chain(&answer.passed_over);
        for d in damaged.filter(|d| d.concerns(window.from, window.to)) {
            let text = format!("{}: {}", d.subject, d.detail);
            if !self.damaged.contains(&text) {
                self.damaged.push(text);
            }
        }
    }

    fn count(&mut self, coverage: &Coverage) {
        self.expected = coverage.points.expected;
        self.received = coverage.points.received;
        self.unusable = coverage.unusable;
        if self.expected == 0 {
            return;
        }
        // Pairs without a gap are whole.
        let gaps: HashMap<(&str, &str), f64> = coverage
            .gaps
            .iter()
            .map(|g| ((g.metric.as_str(), g.host.as_str()), g.points.share()))
            .collect();
        let share = |metric: &str, host: &str| gaps.get(&(metric, host)).copied().unwrap_or(1.0);
        let of = |metric: &String| self.hosts.iter().map(|h| share(metric, h)).collect();
        self.shares = self.metrics.iter().map(of).collect();
    }
}
