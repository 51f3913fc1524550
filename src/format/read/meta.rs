//! meta.json back as what it was made of: [`document`](crate::format::meta::document) of the parts of a [`Meta`] that
//! this program wrote gives its bytes again.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Error;
use crate::format::meta::JobStatistics;
use crate::model::job::{Head, Job, JobKey, Resource, Tag, Text, null_is_default};
use crate::model::series::{Statistics, Unit};
use crate::rules::statistics::Footprint;

/// A larger meta.json is nobody's: a job script of some MB fits.
pub const LARGEST: u64 = 64 << 20;

/// What a meta.json says.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The job; `head.status` is `monitoringStatus`, `head.id` the row that it had when it was archived (0: not told).
    pub job: Job,
    /// By metric.
    pub statistics: BTreeMap<String, JobStatistics>,
    /// As stored. Where `head.status` is not 3, these are of the time when the job stopped: compute them from the
    /// statistics instead.
    pub footprint: Footprint,
}

impl Meta {
    /// The statistics without their units.
    pub fn plain_statistics(&self) -> BTreeMap<String, Statistics> {
        let plain = |(name, s): (&String, &JobStatistics)| (name.clone(), s.values);
        self.statistics.iter().map(plain).collect()
    }
}

/// Decodes a meta.json.
///
/// # Errors
/// When it is none, or does not say which job it is about.
pub fn meta(json: &[u8]) -> Result<Meta, Error> {
    let damaged = |detail: String| Error::Damaged {
        document: "meta.json",
        detail,
    };
    // Invalid UTF-8 within texts is what Go's reader replaces as well.
    let json = String::from_utf8_lossy(json);
    let mut documents = serde_json::Deserializer::from_str(&json).into_iter::<Raw>();
    match documents.next() {
        Some(Ok(raw)) => raw.named().map_err(|lacking| {
            damaged(format!(
                "it does not say which job it is about: {lacking} is missing"
            ))
        }),
        Some(Err(e)) => Err(damaged(e.to_string())),
        None => Err(damaged("it is empty".into())),
    }
}

/// The document as Go's decoder takes it.
#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    default,
    expecting = "an object that describes a job"
)]
#[derive(Default)]
struct Raw {
    #[serde(deserialize_with = "null_is_default")]
    cluster: String,
    #[serde(deserialize_with = "null_is_default")]
    sub_cluster: String,
    #[serde(deserialize_with = "null_is_default")]
    partition: String,
    #[serde(deserialize_with = "null_is_default")]
    project: String,
    #[serde(deserialize_with = "null_is_default")]
    user: String,
    #[serde(deserialize_with = "null_is_default")]
    shared: String,
    #[serde(deserialize_with = "null_is_default")]
    job_state: String,
    #[serde(deserialize_with = "null_is_default")]
    tags: Vec<Option<RawTag>>,
    #[serde(deserialize_with = "null_is_default")]
    resources: Vec<Option<Resource>>,
    #[serde(deserialize_with = "null_is_default")]
    energy_footprint: BTreeMap<String, f64>,
    #[serde(deserialize_with = "null_is_default")]
    footprint: BTreeMap<String, f64>,
    #[serde(deserialize_with = "null_is_default")]
    meta_data: BTreeMap<String, Option<String>>,
    #[serde(deserialize_with = "null_is_default")]
    energy: f64,
    #[serde(deserialize_with = "null_is_default")]
    array_job_id: i64,
    #[serde(deserialize_with = "null_is_default")]
    walltime: i64,
    job_id: Option<i64>,
    #[serde(deserialize_with = "null_is_default")]
    duration: i64,
    #[serde(deserialize_with = "null_is_default")]
    smt: i64,
    #[serde(deserialize_with = "null_is_default")]
    monitoring_status: i64,
    #[serde(deserialize_with = "null_is_default")]
    num_acc: i64,
    #[serde(deserialize_with = "null_is_default")]
    num_hwthreads: i64,
    #[serde(deserialize_with = "null_is_default")]
    num_nodes: i64,
    #[serde(deserialize_with = "null_is_default")]
    statistics: BTreeMap<String, Option<RawStatistics>>,
    #[serde(deserialize_with = "null_is_default")]
    id: i64,
    start_time: Option<i64>,
}

#[derive(Deserialize)]
struct RawTag {
    #[serde(default, rename = "type", deserialize_with = "null_is_default")]
    kind: String,
    #[serde(default, deserialize_with = "null_is_default")]
    name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    scope: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawStatistics {
    #[serde(deserialize_with = "null_is_default")]
    unit: Unit,
    #[serde(deserialize_with = "null_is_default")]
    avg: f64,
    #[serde(deserialize_with = "null_is_default")]
    min: f64,
    #[serde(deserialize_with = "null_is_default")]
    max: f64,
}

impl Raw {
    /// # Errors
    /// The key that is missing.
    fn named(self) -> Result<Meta, &'static str> {
        let (job_id, start_time) = (
            self.job_id.ok_or("jobId")?,
            self.start_time.ok_or("startTime")?,
        );
        if self.cluster.is_empty() {
            return Err("cluster");
        }
        let text = |t: String| Text(t.into_bytes());
        let tag = |t: RawTag| Tag {
            kind: text(t.kind),
            name: text(t.name),
            scope: text(t.scope),
        };
        let job = Job {
            head: Head {
                id: self.id,
                key: JobKey {
                    cluster: self.cluster,
                    job_id,
                    start_time,
                },
                duration: self.duration,
                state: self.job_state,
                status: self.monitoring_status,
            },
            subcluster: self.sub_cluster,
            user: text(self.user),
            project: text(self.project),
            partition: text(self.partition),
            shared: text(self.shared),
            array_job_id: self.array_job_id,
            walltime: self.walltime,
            smt: self.smt,
            num_nodes: self.num_nodes,
            num_hwthreads: self.num_hwthreads,
            num_acc: self.num_acc,
            resources: self.resources.into_iter().flatten().collect(),
            meta_data: self
                .meta_data
                .into_iter()
                .map(|(k, v)| (k, v.unwrap_or_default()))
                .collect(),
            tags: self.tags.into_iter().flatten().map(tag).collect(),
        };
        Ok(Meta {
            job,
            statistics: self.statistics.into_iter().map(statistics).collect(),
            footprint: Footprint {
                footprint: self.footprint,
                energy_footprint: self.energy_footprint,
                energy: self.energy,
            },
        })
    }
}

fn statistics((metric, s): (String, Option<RawStatistics>)) -> (String, JobStatistics) {
    let s = s.unwrap_or_default();
    let values = Statistics {
        avg: s.avg,
        min: s.min,
        max: s.max,
    };
    (
        metric,
        JobStatistics {
            unit: s.unit,
            values,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::meta::document;

    /// As cc-backend archives a job.
    const FRESH: &str = r##"{"cluster":"alpha","subCluster":"main","partition":"work","project":"prj","user":"u1","shared":"none","jobState":"completed","resources":[{"hostname":"n01"},{"hostname":"n02","hwthreads":[0,1],"accelerators":["0000:03:00.0"]}],"energyFootprint":null,"footprint":null,"metaData":{"jobName":"a\u003cb","jobScript":"#!/bin/sh\n"},"concurrentJobs":{"items":null,"count":0},"energy":0,"walltime":3600,"jobId":123045,"duration":600,"smt":1,"monitoringStatus":1,"numAcc":1,"numHwthreads":4,"numNodes":2,"statistics":{"cpu_load":{"unit":{"base":""},"avg":1.5,"min":1,"max":2},"mem_used":{"unit":{"base":"B","prefix":"G"},"avg":12.35,"min":0,"max":24}},"id":77,"startTime":1700000000}"##;

    fn fresh() -> String {
        FRESH.to_owned()
    }

    #[test]
    fn what_cc_backend_writes_is_read() {
        let m = meta(fresh().as_bytes()).unwrap();
        let head = &m.job.head;
        assert_eq!(
            (
                head.key.job_id,
                head.key.start_time,
                head.duration,
                head.status,
                head.id
            ),
            (123_045, 1_700_000_000, 600, 1, 77)
        );
        assert_eq!((m.job.num_nodes, m.job.resources.len()), (2, 2));
        assert_eq!(m.job.meta_data["jobName"], "a<b");
        assert_eq!(m.statistics["mem_used"].values.avg, 12.35);
        assert_eq!(m.plain_statistics()["cpu_load"].max, 2.0);
        assert!(m.footprint.footprint.is_empty());
    }

    #[test]
    fn what_was_written_is_read_back_to_the_byte() {
        let tagged = fresh().replace(
            r#","resources""#,
            r#","tags":[{"type":"jobClass","name":"low","scope":"global","id":0}],"resources""#,
        );
        for json in [fresh(), tagged] {
            let m = meta(json.as_bytes()).unwrap();
            let once = document(&m.job, &m.statistics, &m.footprint);
            let m = meta(&once).unwrap();
            assert_eq!(m.job.head.status, 3);
            assert_eq!(document(&m.job, &m.statistics, &m.footprint), once);
        }
    }

    #[test]
    fn null_is_nothing_and_unknown_keys_are_passed_over() {
        let json = r#"{"cluster":"c","jobId":1,"startTime":2,"metaData":null,"tags":null,"resources":[null],
            "statistics":{"m":null},"numNodes":null,"exclusive":1,"concurrentJobs":{"items":[{"id":1}]}} trailing"#;
        let m = meta(json.as_bytes()).unwrap();
        assert_eq!(m.job.head.key.job_id, 1);
        assert_eq!(m.statistics["m"].values, Statistics::default());
    }

    #[test]
    fn what_is_broken_is_one_sentence() {
        let whole = fresh();
        for json in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"cluster":"c","jobId":1}"#,
            r#"{"cluster":"","jobId":1,"startTime":2}"#,
            r#"{"cluster":"c","jobId":1.0,"startTime":2}"#,
            &whole[..whole.len() / 2],
        ] {
            let why = meta(json.as_bytes()).unwrap_err().to_string();
            assert!(
                why.starts_with("meta.json is damaged: ") && !why.contains('\n'),
                "{why}"
            );
        }
    }
}
