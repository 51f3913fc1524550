//! Reads the hosts of a job for one group of its metrics: of a large job several at a time.

use std::ops::Range;
use std::time::Instant;

use super::hand::{Ending, Shared};
use super::large;
use crate::model::failure::fit_to_print;
use crate::model::job::Job;
use crate::model::message::{HostPhase, Stages};
use crate::rules::assemble::{Assembler, Group, GroupPlan};
use crate::rules::evidence::Evidence;
use crate::rules::timeline::Interval;
use crate::source::Request;

/// Hosts that one worker reads in a row: so few that no worker waits long for another at the end.
const TOGETHER: usize = 8;

/// What the hosts hold of a group of metrics.
pub(super) struct Read {
    pub(super) group: Group,
    pub(super) notes: Notes,
}

/// What the answers are worth, besides their values.
pub(super) struct Notes {
    pub(super) stages: Stages,
    /// Unix seconds: when the first host was read.
    pub(super) read_at: i64,
    /// Per host, see [`Evidence::final_until`].
    pub(super) final_until: Vec<Option<i64>>,
    /// Damage that was passed over, in words.
    pub(super) passed_over: Option<String>,
    /// Where the slots of the hosts begin, as far as the source knows that for sure.
    pub(super) phases: Vec<HostPhase>,
}

/// Reads all hosts.
pub(super) fn read(
    shared: &Shared<'_>,
    assembler: &Assembler<'_>,
    job: &Job,
    plan: &GroupPlan,
) -> Result<Read, Ending> {
    let n = job.resources.len();
    let together = if large::is_large(plan.bytes) {
        TOGETHER
    } else {
        n.max(1)
    };
    let starts = (0..n).step_by(together);
    let parts = starts.map(|k| k..n.min(k + together)).collect();
    let parts = large::map(plan.bytes, parts, |hosts| {
        read_part(shared, assembler, job, plan, hosts)
    });
    let mut all = Read::new(assembler, plan);
    for part in parts {
        all.append(part?);
    }
    Ok(all)
}

fn read_part(
    shared: &Shared<'_>,
    assembler: &Assembler<'_>,
    job: &Job,
    plan: &GroupPlan,
    hosts: Range<usize>,
) -> Result<Read, Ending> {
    let mut read = Read::new(assembler, plan);
    for k in hosts {
        let wanted = assembler.wanted(k, &read.group);
        let host = &job.resources[k].hostname;
        let window = Interval {
            from: job.head.key.start_time,
            to: job.head.end(),
        };
        let request = Request {
            cluster: &job.head.key.cluster,
            subcluster: &job.subcluster,
            host,
            metrics: &wanted,
            window,
        };
        let evidence = shared.ask(&request, &mut read.notes.stages)?;
        read.notes.add(host, window, &evidence);
        let begun = Instant::now();
        assembler.add_host(&mut read.group, k, &evidence);
        read.notes.stages.compute += begun.elapsed();
    }
    read.group.rest();
    Ok(read)
}

impl Read {
    fn new(assembler: &Assembler<'_>, plan: &GroupPlan) -> Self {
        Self {
            group: assembler.begin(plan.metrics.clone()),
            notes: Notes {
                stages: Stages::default(),
                read_at: i64::MAX,
                final_until: Vec::new(),
                passed_over: None,
                phases: Vec::new(),
            },
        }
    }

    /// Adds the hosts that come next.
    fn append(&mut self, other: Self) {
        self.group.append(other.group);
        let (notes, more) = (&mut self.notes, other.notes);
        notes.stages.add(&more.stages);
        notes.read_at = notes.read_at.min(more.read_at);
        notes.final_until.extend(more.final_until);
        notes.passed_over = notes.passed_over.take().or(more.passed_over);
        notes.phases.extend(more.phases);
    }
}

impl Notes {
    fn add(&mut self, host: &str, job: Interval, e: &Evidence) {
        self.read_at = self.read_at.min(e.read_at);
        self.final_until.push(e.final_until);
        let mut passed_over = e.passed_over.iter();
        if let Some(d) = passed_over.find(|d| d.concerns(job.from, job.to)) {
            let note = || fit_to_print(&format!("{} has {}, passed over", d.subject, d.detail));
            self.passed_over.get_or_insert_with(note);
        }
        self.phases.extend(e.phases.iter().map(|p| HostPhase {
            host: host.to_owned(),
            frequency: p.frequency,
            phase: p.phase,
        }));
    }
}
