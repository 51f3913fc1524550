//! One job under judgement: its rows before and after, its two archive folders, and what the files hold for it.

use super::checkpoint::Place;
use super::database::Row;
use super::json::{self, Json};
use super::site::Site;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) site: &'a Site,
    pub(crate) job: &'a Row,
    pub(crate) after: &'a Row,
    pub(crate) resources: Vec<Resource>,
    /// The job's folder in the archive to judge.
    pub(crate) folder: PathBuf,
    /// The same in cc-backend's archive.
    pub(crate) expected: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) host: String,
    pub(crate) threads: Vec<i64>,
    pub(crate) accelerators: Vec<String>,
}

/// A series read on the job's grid.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) place: Place,
    pub(crate) guessed: bool,
    pub(crate) values: Vec<Option<f64>>,
}

impl Line {
    pub(crate) fn has_value(&self) -> bool {
        self.values.iter().any(Option::is_some)
    }
}

/// Where a job lies in an archive.
pub(crate) fn folder(archive: &Path, job: &Row) -> PathBuf {
    archive
        .join(&job.cluster)
        .join((job.job_id / 1000).to_string())
        .join(format!("{:03}", job.job_id % 1000))
        .join(job.start.to_string())
}

fn integers(list: &[Json]) -> Result<Vec<i64>> {
    list.iter().map(Json::integer).collect()
}

fn resources(text: &str) -> Result<Vec<Resource>> {
    let read = |r: &Json| {
        let accelerators = r.items("accelerators")?.iter();
        Ok(Resource {
            host: r.field("hostname")?.text()?.to_owned(),
            threads: integers(r.items("hwthreads")?)?,
            accelerators: accelerators
                .map(|a| a.text().map(str::to_owned))
                .collect::<Result<_>>()?,
        })
    };
    json::parse(text.as_bytes())?
        .list()?
        .iter()
        .map(read)
        .collect()
}

impl<'a> Case<'a> {
    pub(crate) fn new(site: &'a Site, job: &'a Row, after: &'a Row, result: &Path) -> Case<'a> {
        // What nobody can read belongs to a job that must fail.
        let text = job.text("resources").unwrap_or_default();
        Case {
            site,
            job,
            after,
            resources: resources(&text).unwrap_or_default(),
            folder: folder(&result.join("job-archive"), job),
            expected: folder(&site.root.join("expected/job-archive"), job),
        }
    }

    pub(crate) fn step(&self, metric: &str) -> Result<i64> {
        super::document::step_of(&self.site.steps, metric)
    }

    pub(crate) fn points(&self, metric: &str) -> Result<usize> {
        let step = self.step(metric)?;
        Ok(super::document::points(self.job.duration, step))
    }

    /// The scope in which a metric is measured.
    pub(crate) fn native(&self, metric: &str) -> Result<&str> {
        let config = self.site.metric(&self.job.cluster, metric)?;
        config.field("scope")?.text()
    }

    /// Every series of a metric below a host, on the job's grid.
    pub(crate) fn lines(&self, metric: &str, host: &str) -> Result<Vec<Line>> {
        let end = self.job.start + self.job.duration;
        let chains = self.site.host(&self.job.cluster, host)?;
        let mine = chains.iter().filter(|c| c.metric == metric);
        Ok(mine
            .map(|chain| Line {
                place: chain.place.clone(),
                guessed: chain.guessed,
                values: chain.read(self.job.start, end),
            })
            .collect())
    }

    /// A file holds a value of the metric on the host inside the job.
    pub(crate) fn held(&self, metric: &str, host: &str) -> Result<bool> {
        Ok(self.lines(metric, host)?.iter().any(Line::has_value))
    }

    pub(crate) fn resource(&self, host: &str) -> Result<(usize, &Resource)> {
        let mut all = self.resources.iter().enumerate();
        all.find(|(_, r)| r.host == host)
            .with_context(|| format!("{host} is no host of the job"))
    }

    /// The id that an aggregate of a metric measured in `native` carries: the first of the ordered list.
    pub(crate) fn first_id(&self, native: &str, host: &str) -> Result<String> {
        let (_, resource) = self.resource(host)?;
        let topology = self.site.subcluster(self.job)?.field("topology")?;
        let threads = if resource.threads.is_empty() {
            integers(topology.items("node")?)?
        } else {
            resource.threads.clone()
        };
        let first = match native {
            "hwthread" => threads.first().map(ToString::to_string),
            "accelerator" => resource.accelerators.first().cloned(),
            _ => {
                let groups = topology.items(native)?.iter().map(|g| integers(g.list()?));
                let groups = groups.collect::<Result<Vec<_>>>()?;
                let touched = |g: &Vec<i64>| g.iter().any(|t| threads.contains(t));
                groups.iter().position(touched).map(|i| i.to_string())
            }
        };
        first.with_context(|| format!("{host} has no {native}"))
    }
}
