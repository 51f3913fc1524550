//! meta.json: the job with its statistics, keys in the order of cc-lib `schema/job.go`.
//!
//! Differs from what cc-backend writes at archiving time, since cc-backend's database can be rebuilt from these files: they
//! have the final status 3, the job's tags, its final footprint and energy, and `{}` where the job has no metadata (null
//! there crashes cc-backend later).

use std::collections::BTreeMap;

use super::{data, number, text};
use crate::model::job::{Job, Resource, STATUS_ARCHIVED, Tag, Text};
use crate::model::row_columns::Columns;
use crate::model::series::{Statistics, Unit};
use crate::rules::statistics::Footprint;

/// Unit and statistics of a metric of the job.
#[derive(Clone, Debug)]
pub struct JobStatistics {
    /// From the cluster's configuration.
    pub unit: Unit,
    /// Over all nodes.
    pub values: Statistics,
}

/// The columns of an archived job's row, as cc-backend writes them: TEXT with the bytes of meta.json's objects.
pub fn columns(footprint: &Footprint) -> Columns {
    let json = |map| {
        let mut out = Vec::new();
        text::numbers(map, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    };
    Columns {
        footprint: json(&footprint.footprint),
        energy_footprint: json(&footprint.energy_footprint),
        energy: footprint.energy,
    }
}

/// The document with its final newline.
pub fn document(
    job: &Job,
    statistics: &BTreeMap<String, JobStatistics>,
    footprint: &Footprint,
) -> Vec<u8> {
    let mut o = Object {
        out: Vec::with_capacity(1024),
        first: true,
    };
    let head = &job.head;
    o.text("cluster", head.key.cluster.as_bytes());
    o.text("subCluster", job.subcluster.as_bytes());
    o.optional_text("partition", &job.partition);
    o.text("project", &job.project.0);
    o.text("user", &job.user.0);
    o.text("shared", &job.shared.0);
    o.text("jobState", head.state.as_bytes());
    if !job.tags.is_empty() {
        text::array(&job.tags, o.value("tags"), tag);
    }
    text::array(&job.resources, o.value("resources"), resource);
    text::numbers(&footprint.energy_footprint, o.value("energyFootprint"));
    text::numbers(&footprint.footprint, o.value("footprint"));
    text::object(&job.meta_data, o.value("metaData"), |v, out| {
        text::quoted(v.as_bytes(), out);
    });
    o.value("concurrentJobs")
        .extend_from_slice(br#"{"items":null,"count":0}"#);
    number::shortest(footprint.energy, o.value("energy"));
    o.optional_number("arrayJobId", job.array_job_id);
    o.optional_number("walltime", job.walltime);
    o.number("jobId", head.key.job_id);
    o.number("duration", head.duration);
    o.optional_number("smt", job.smt);
    o.number("monitoringStatus", STATUS_ARCHIVED);
    o.optional_number("numAcc", job.num_acc);
    o.optional_number("numHwthreads", job.num_hwthreads);
    o.number("numNodes", job.num_nodes);
    text::object(statistics, o.value("statistics"), metric);
    o.number("id", head.id);
    o.number("startTime", head.key.start_time);
    o.out.extend_from_slice(b"}\n");
    o.out
}

struct Object {
    out: Vec<u8>,
    first: bool,
}

impl Object {
    /// Begins a member; what is appended to the result is its value.
    fn value(&mut self, name: &str) -> &mut Vec<u8> {
        self.out.push(if self.first { b'{' } else { b',' });
        self.first = false;
        text::key(name, &mut self.out);
        &mut self.out
    }

    fn text(&mut self, name: &str, value: &[u8]) {
        text::quoted(value, self.value(name));
    }

    fn optional_text(&mut self, name: &str, value: &Text) {
        if !value.0.is_empty() {
            self.text(name, &value.0);
        }
    }

    fn number(&mut self, name: &str, value: i64) {
        self.value(name)
            .extend_from_slice(value.to_string().as_bytes());
    }

    fn optional_number(&mut self, name: &str, value: i64) {
        if value != 0 {
            self.number(name, value);
        }
    }
}

fn tag(t: &Tag, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":");
    text::quoted(&t.kind.0, out);
    out.extend_from_slice(b",\"name\":");
    text::quoted(&t.name.0, out);
    out.extend_from_slice(b",\"scope\":");
    text::quoted(&t.scope.0, out);
    out.extend_from_slice(b",\"id\":0}");
}

fn resource(r: &Resource, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"hostname\":");
    text::quoted(r.hostname.as_bytes(), out);
    if !r.configuration.is_empty() {
        out.extend_from_slice(b",\"configuration\":");
        text::quoted(r.configuration.as_bytes(), out);
    }
    if !r.hwthreads.is_empty() {
        out.extend_from_slice(b",\"hwthreads\":");
        text::array(&r.hwthreads, out, |t, out| {
            out.extend_from_slice(t.to_string().as_bytes());
        });
    }
    if !r.accelerators.is_empty() {
        out.extend_from_slice(b",\"accelerators\":");
        text::array(&r.accelerators, out, |a, out| {
            text::quoted(a.as_bytes(), out);
        });
    }
    out.push(b'}');
}

fn metric(s: &JobStatistics, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"unit\":");
    data::unit(&s.unit, out);
    for (name, value) in [
        ("avg", s.values.avg),
        ("min", s.values.min),
        ("max", s.values.max),
    ] {
        out.push(b',');
        text::key(name, out);
        number::shortest(value, out);
    }
    out.push(b'}');
}
