//! Writes complete `ClusterCockpit` sites: a job database, a job archive with the cluster's configuration but no jobs yet,
//! and the checkpoint files of a metric store.
//!
//! The demo shows the program on one; tests and measurements include this folder by its path and make others of the size
//! they need. It is no part of the library and names nothing of it, so that a mistake of the engine cannot hide in the
//! sites that it is tested with. A [`Plan`] decides every byte: nothing here asks the clock or draws chance from elsewhere.
//!
//! | module | subject |
//! |---|---|
//! | plan | the plan, and the times that follow from it |
//! | cluster, hosts | what the site consists of |
//! | work, jobs, special | who runs what, and what ran where |
//! | curves | what the hosts measured meanwhile |
//! | checkpoints, encode | the metric store's files |
//! | database | job.db |
//! | random | the generator below it all |

mod checkpoints;
mod cluster;
mod curves;
pub(crate) mod database;
pub(crate) mod encode;
mod hosts;
mod jobs;
mod plan;
pub(crate) mod random;
mod special;
mod work;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cluster::CLUSTER;
use curves::Load;
use jobs::{Job, Schedule};
pub(crate) use plan::{Error, Plan};

/// Number of the first job.
const FIRST_NUMBER: i64 = 412_000;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// Rows of the job table.
    pub(crate) jobs: usize,
    /// Those of them that a sweep has to look at: stopped, with status 1 or 2.
    pub(crate) unarchived: usize,
    /// Hosts of the cluster, silent ones included.
    pub(crate) hosts: usize,
    /// Samples that the hosts sent.
    pub(crate) samples: u64,
    /// Bytes of the checkpoint files.
    pub(crate) checkpoint_bytes: u64,
    /// Ids of the jobs that are there for a reason, and what it is: a short phrase.
    pub(crate) special: Vec<(i64, &'static str)>,
}

/// Writes `job.db`, `job-archive/` and `checkpoints/` under `dir`.
///
/// # Errors
/// When `dir` is neither missing nor an empty folder, the plan is out of its bounds, or something cannot be written; what
/// was written until then stays.
pub(crate) fn write(dir: &Path, plan: &Plan) -> Result<Written, Error> {
    plan.check()?;
    fs::create_dir_all(dir).map_err(Error::at(dir))?;
    if fs::read_dir(dir).map_err(Error::at(dir))?.next().is_some() {
        return Err(Error::NotEmpty(dir.to_owned()));
    }
    let archive = dir.join("job-archive");
    put(&archive.join("version.txt"), "3")?;
    put(
        &archive.join(CLUSTER).join("cluster.json"),
        &cluster::document(plan.counts()),
    )?;

    let window = plan.window();
    let hosts = hosts::all(plan, &window);
    let mut schedule = Schedule::new(&hosts, &window, plan.seed);
    special::add(&mut schedule, plan.broken);
    schedule.fill(plan);
    let mut jobs = schedule.jobs;
    number(&mut jobs);
    let path = dir.join("job.db");
    let unarchived = database::write(&path, plan, &hosts, &jobs).map_err(Error::at(&path))?;

    let noted = jobs.iter().filter(|job| !job.note.is_empty());
    let mut written = Written {
        jobs: jobs.len(),
        unarchived,
        hosts: hosts.len(),
        samples: 0,
        checkpoint_bytes: 0,
        special: noted.map(|job| (job.number, job.note)).collect(),
    };
    let folder = dir.join("checkpoints").join(CLUSTER);
    for (tag, (place, host)) in (0x2_0000..).zip(hosts.iter().enumerate()) {
        let seed = random::Random::stream(plan.seed, tag).bits();
        let columns = curves::columns(host, &loads(&jobs, place), &window, seed);
        let (samples, bytes) =
            checkpoints::write_host(&folder.join(&host.name), host, &columns, &window)?;
        written.samples += samples;
        written.checkpoint_bytes += bytes;
    }
    Ok(written)
}

/// Writes a file and the folders above it.
fn put(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(Error::at(folder))?;
    fs::write(path, text).map_err(Error::at(path))
}

/// Orders the jobs by their start, which is how their rows came to be, and numbers them.
fn number(jobs: &mut [Job]) {
    jobs.sort_by_key(|job| job.start);
    let mut families = BTreeMap::new();
    for (number, job) in (FIRST_NUMBER..).zip(jobs) {
        let first = *families.entry(job.family).or_insert(number);
        job.array = if job.family == "array" { first } else { 0 };
        job.number = if job.family == "requeued" {
            first
        } else {
            number
        };
    }
}

/// What the jobs did to a host.
fn loads(jobs: &[Job], host: usize) -> Vec<Load> {
    let held = jobs
        .iter()
        .flat_map(|job| job.places.iter().map(move |place| (job, place)));
    let here = held
        .filter(|(_, place)| place.host == host)
        .map(|(job, place)| Load {
            from: job.start,
            to: job.start + job.ran,
            app: job.app,
            threads: place.threads,
            accelerators: place.accelerators,
            seed: job.seed,
        });
    here.collect()
}
