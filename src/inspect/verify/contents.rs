//! From a row to its archive: is it there, whole, of this job, and do its numbers follow from each other?

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Fault, Finding};
use crate::format::read::{self, Data, Meta, SeriesRead, Visitor};
use crate::inspect::Ports;
use crate::jobs;
use crate::model::job::{Job, JobKey, Row, STATUS_ARCHIVED};
use crate::model::row_columns::Columns;
use crate::model::series::Statistics;
use crate::model::stop::Stop;
use crate::rules::statistics::{Footprint, footprint, of_singles, round2};
use crate::sweep::place;
use crate::target::Stored;

/// Statistics are computed from values before these are rounded to two decimals, and rounded themselves.
const TOLERANCE: f64 = 0.0151;
/// The same for large values, which single precision holds with seven digits.
const RELATIVE: f64 = 2e-6;
/// Energy is a sum that is rounded to two decimals.
const HALF_A_HUNDREDTH: f64 = 0.0051;
/// Node series of these may be sums of finer ones, with statistics that do not follow from the values.
const DERIVED: [&str; 2] = ["flops_any", "mem_bw"];
/// Findings of one kind in one job; the others say the same.
const MOST: usize = 3;

/// What was found of a row.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) findings: Vec<Finding>,
    /// Whether an archive was looked at.
    pub(super) archive: bool,
    /// Values that were decoded.
    pub(super) values: u64,
}

impl Compared {
    fn find(&mut self, fault: Fault, key: &JobKey, detail: impl Into<String>) {
        self.findings.push(Finding::new(fault, Some(key), detail));
    }
}

/// Compares the rows of stopped jobs with their archives. Where something is found, both are looked at once more: a sweep or
/// cc-backend may have been at work between the two.
pub(super) fn compare(
    ports: &Ports<'_>,
    ids: &[i64],
    read_data: bool,
    stop: &Stop,
) -> Result<Vec<Compared>, jobs::Error> {
    let twice = |id: i64, (row, columns): (Row, Columns)| {
        let first = look(ports, row, &columns, read_data);
        if first.findings.is_empty() {
            return Ok(first);
        }
        match ports.rows.several(&[id], stop)?.pop() {
            Some((row, columns)) => Ok(look(ports, row, &columns, read_data)),
            None => Ok(Compared::default()),
        }
    };
    let rows = ports.rows.several(ids, stop)?;
    rows.into_iter().map(|r| twice(r.0.head.id, r)).collect()
}

fn look(ports: &Ports<'_>, row: Row, columns: &Columns, read_data: bool) -> Compared {
    let mut out = Compared::default();
    let Row { head, job } = row;
    if !head.stopped() {
        return out;
    }
    let (key, archived) = (head.key, head.status == STATUS_ARCHIVED);
    let stored = match ports.target.read(&key) {
        Ok(Some(stored)) => stored,
        Ok(None) => {
            if archived {
                out.find(
                    Fault::Missing,
                    &key,
                    "the row says archived (status 3), the archive holds nothing whole of it",
                );
            }
            return out;
        }
        Err(e) => {
            out.find(Fault::Unreadable, &key, e.to_string());
            return out;
        }
    };
    out.archive = true;
    let job = match job {
        Ok(job) => job,
        Err(why) => {
            out.find(Fault::Row, &key, why);
            return out;
        }
    };
    let meta = match stored.meta() {
        Ok(meta) => meta,
        Err(e) => {
            out.find(Fault::Damaged, &key, e.to_string());
            return out;
        }
    };
    if !is_of(&meta, &key, &job, &mut out) {
        return out;
    }
    if archived {
        check_footprint(ports, &job, &meta, columns, &mut out);
    } else {
        let status = job.head.status;
        let detail = format!("the archive is whole, the row is at status {status}");
        out.find(Fault::NotRecorded, &key, detail);
    }
    if read_data {
        check_data(&key, stored, &meta, &mut out);
    }
    out
}

/// Whether a meta.json is that of the job.
fn is_of(meta: &Meta, key: &JobKey, job: &Job, out: &mut Compared) -> bool {
    let head = &meta.job.head;
    if head.key != *key {
        out.find(
            Fault::OtherJob,
            key,
            format!("its meta.json is that of {}", head.key),
        );
        return false;
    }
    // The length of a job of unknown end was told by its samples.
    let told = job.head.duration == 0 && job.walltime > 0;
    if head.duration != job.head.duration && !told {
        let detail = format!(
            "its archive has a length of {} s, the row of {} s",
            head.duration, job.head.duration
        );
        out.find(Fault::OtherJob, key, detail);
    }
    true
}

/// Whether footprint and energy, of the row and of meta.json, follow from the statistics.
fn check_footprint(
    ports: &Ports<'_>,
    job: &Job,
    meta: &Meta,
    columns: &Columns,
    out: &mut Compared,
) {
    let key = &job.head.key;
    let Ok(at) = place(ports.clusters, job) else {
        return;
    };
    let statistics = meta.plain_statistics();
    let duration = meta.job.head.duration;
    let Ok(expected) = footprint(ports.clusters, at.sub, &statistics, job.num_nodes, duration)
    else {
        return;
    };
    for why in differing(&of_row(columns), &expected) {
        out.find(Fault::Footprint, key, format!("of the row: {why}"));
    }
    // cc-backend's own archiver writes meta.json before it computes them, with the status of that time.
    let fault = if meta.job.head.status == STATUS_ARCHIVED {
        Fault::MetaFootprint
    } else {
        Fault::MetaUnfinished
    };
    let differing = differing(&meta.footprint, &expected).into_iter();
    for why in differing.take(if fault == Fault::MetaUnfinished {
        1
    } else {
        MOST
    }) {
        out.find(fault, key, format!("of meta.json: {why}"));
    }
}

/// The columns of a row as numbers; what is no JSON object of numbers is none.
fn of_row(columns: &Columns) -> Footprint {
    let numbers = |json: &str| {
        let numbers: Option<Option<_>> = serde_json::from_str(json).ok();
        numbers.flatten().unwrap_or_default()
    };
    Footprint {
        footprint: numbers(&columns.footprint),
        energy_footprint: numbers(&columns.energy_footprint),
        energy: columns.energy,
    }
}

/// How footprint and energy differ from what the statistics give, a sentence for each of the three.
fn differing(found: &Footprint, expected: &Footprint) -> Vec<String> {
    let mut out = Vec::new();
    for (name, found, expected) in [
        ("footprint", &found.footprint, &expected.footprint),
        (
            "energy footprint",
            &found.energy_footprint,
            &expected.energy_footprint,
        ),
    ] {
        let one = |(metric, wanted): (&String, &f64)| match found.get(metric) {
            None => Some(format!(
                "{name} lacks {metric}, the statistics give {wanted}"
            )),
            Some(found) if is_near(*found, *wanted) => None,
            Some(found) => Some(format!(
                "{name} says {metric} {found}, the statistics give {wanted}"
            )),
        };
        out.extend(expected.iter().find_map(one));
    }
    // The last digits of a large sum are lost on the way through text.
    let far = HALF_A_HUNDREDTH + 1e-12 * expected.energy.abs();
    if (found.energy - expected.energy).abs() > far {
        let (found, expected) = (found.energy, expected.energy);
        out.push(format!("energy is {found}, the statistics give {expected}"));
    }
    out
}

fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() <= TOLERANCE + RELATIVE * a.abs().max(b.abs())
}

/// Whether the data decodes and the statistics follow from it.
fn check_data(key: &JobKey, stored: Stored, meta: &Meta, out: &mut Compared) {
    let mut checking = Checking::default();
    let read = stored.visit(&mut checking);
    out.values += checking.values;
    if let Err(e) = read {
        let fault = match e {
            read::Error::Damaged { .. } => Fault::Damaged,
            read::Error::Refused { .. } => Fault::Unreadable,
        };
        out.find(fault, key, e.to_string());
        return;
    }
    for detail in checking.against(meta).into_iter().take(MOST) {
        out.find(Fault::Statistics, key, detail);
    }
}

/// Whether data decodes and is what a meta.json was written with.
pub(super) fn belong_together(stored: Stored) -> Result<bool, read::Error> {
    let Ok(meta) = stored.meta() else {
        return Ok(false);
    };
    let mut checking = Checking::default();
    match stored.visit(&mut checking) {
        Ok(()) => Ok(checking.against(&meta).is_empty()),
        Err(read::Error::Damaged { .. }) => Ok(false),
        Err(e @ read::Error::Refused { .. }) => Err(e),
    }
}

/// Compares each series with its statistics while the data is read.
#[derive(Default)]
struct Checking {
    /// By metric: sum of the averages, smallest minimum, largest maximum of the node series.
    node: BTreeMap<String, Statistics>,
    /// Metrics with a node series without any value.
    empty: BTreeSet<String>,
    wrong: Vec<String>,
    values: u64,
}

impl Checking {
    /// What does not follow from the data that was read, in words.
    fn against(self, meta: &Meta) -> Vec<String> {
        let statistics = meta.plain_statistics();
        let Self {
            node,
            empty,
            mut wrong,
            ..
        } = self;
        for (metric, told) in &statistics {
            let Some(found) = node.get(metric) else {
                wrong.push(format!(
                    "meta.json has statistics of {metric}, the data no node series of it"
                ));
                continue;
            };
            let avg = round2(found.avg / meta.job.num_nodes.max(1) as f64);
            // cc-backend gives a series without any value statistics of 0, which enter the job's.
            let or_0 = |told: f64, found: f64| {
                is_near(told, found) || told == 0.0 && empty.contains(metric)
            };
            let same =
                is_near(told.avg, avg) && or_0(told.min, found.min) && or_0(told.max, found.max);
            if !same {
                wrong.push(format!(
                    "meta.json says of {metric}: avg {}, min {}, max {}; its series give {avg}, {}, {}",
                    told.avg, told.min, told.max, found.min, found.max
                ));
            }
        }
        let untold = node
            .keys()
            .filter(|metric| !statistics.contains_key(*metric));
        wrong.extend(untold.map(|metric| {
            format!("the data has node series of {metric}, meta.json no statistics")
        }));
        wrong
    }
}

impl Visitor for Checking {
    fn series(&mut self, s: &SeriesRead<'_>) {
        self.values += s.values.len() as u64;
        let found = of_singles(s.values);
        let node = s.scope == "node";
        // Of nulls only: it stands there so that roofline pairs match.
        let Some(found) = found else {
            if node {
                self.empty.insert(s.metric.to_owned());
            }
            return;
        };
        if node {
            let all = self.node.entry(s.metric.to_owned()).or_insert(Statistics {
                avg: 0.0,
                min: f64::INFINITY,
                max: f64::NEG_INFINITY,
            });
            all.avg += s.statistics.avg;
            all.min = all.min.min(s.statistics.min);
            all.max = all.max.max(s.statistics.max);
        }
        if node && DERIVED.contains(&s.metric) {
            return;
        }
        let t = s.statistics;
        if !(is_near(t.avg, found.avg) && is_near(t.min, found.min) && is_near(t.max, found.max)) {
            self.wrong.push(format!(
                "{} ({}) on {}: statistics say avg {}, min {}, max {}; the values give {:.2}, {:.2}, {:.2}",
                s.metric, s.scope, s.host, t.avg, t.min, t.max, found.avg, found.min, found.max
            ));
        }
    }

    fn scope(&mut self, metric: &str, scope: &str, _data: &Data) {
        // A scope without any value still counts as there.
        if scope == "node" {
            self.node.entry(metric.to_owned()).or_default();
        }
    }
}
