//! Writes complete `ClusterCockpit` sites: a job database, a job archive with the cluster's
//! configuration but no jobs yet, and the checkpoint files of a metric store.
//!
//! The demo shows the program on one; tests and measurements include this folder by its path and
//! make others of the size they need. It is no part of the library and names nothing of it, so that
//! a mistake of the engine cannot hide in the sites that it is tested with. A [`Plan`] decides every
//! byte: nothing here asks the clock or draws chance from elsewhere.
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
mod database;
pub(crate) mod encode;
mod hosts;
mod jobs;
mod plan;
pub(crate) mod random;
mod special;
mod work;

use std::fs;
use std::path::Path;

use cluster::CLUSTER;
use curves::Load;
use jobs::{Family, Job, Schedule};
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
    /// The jobs that are there for a reason, by job id.
    pub(crate) special: Vec<Special>,
}

/// A job that is there for a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Special {
    /// The scheduler's id.
    pub(crate) job_id: i64,
    /// What the job is there for: a short phrase.
    pub(crate) note: &'static str,
}

/// Writes `job.db`, `job-archive/` and `checkpoints/` under `dir`.
///
/// # Errors
/// When `dir` is neither missing nor an empty folder, the plan is out of its bounds, or something
/// cannot be written; what was written until then stays.
pub(crate) fn write(dir: &Path, plan: &Plan) -> Result<Written, Error> {
    plan.check()?;
    claim(dir)?;
    let window = plan.window();
    let hosts = hosts::all(plan, &window);
    write_archive(&dir.join("job-archive"), plan)?;

    let mut schedule = Schedule::new(&hosts, &window, plan.seed);
    special::add(&mut schedule, plan.broken);
    schedule.fill(plan);
    let mut jobs = schedule.jobs;
    number(&mut jobs);
    let path = dir.join("job.db");
    let unarchived = database::write(&path, plan, &hosts, &jobs).map_err(Error::at(&path))?;

    let mut written = Written {
        jobs: jobs.len(),
        unarchived,
        hosts: hosts.len(),
        samples: 0,
        checkpoint_bytes: 0,
        special: notes(&jobs),
    };
    let loads = loads(&jobs, hosts.len());
    let folder = dir.join("checkpoints").join(CLUSTER);
    for (tag, (host, loads)) in (0x2_0000..).zip(hosts.iter().zip(&loads)) {
        let seed = random::Random::stream(plan.seed, tag).bits();
        let columns = curves::columns(host, loads, &window, seed);
        let tally = checkpoints::write_host(&folder.join(&host.name), host, &columns, &window)?;
        written.samples += tally.samples;
        written.checkpoint_bytes += tally.bytes;
    }
    Ok(written)
}

/// Makes sure that `dir` exists and is empty.
fn claim(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(Error::at(dir))?;
    match fs::read_dir(dir).map_err(Error::at(dir))?.next() {
        None => Ok(()),
        Some(_) => Err(Error::NotEmpty(dir.to_owned())),
    }
}

fn write_archive(archive: &Path, plan: &Plan) -> Result<(), Error> {
    let folder = archive.join(CLUSTER);
    fs::create_dir_all(&folder).map_err(Error::at(&folder))?;
    let (version, cluster) = (archive.join("version.txt"), folder.join("cluster.json"));
    fs::write(&version, "3").map_err(Error::at(&version))?;
    let document = cluster::document(plan.counts()).map_err(Error::at(&cluster))?;
    fs::write(&cluster, document).map_err(Error::at(&cluster))
}

/// Orders the jobs by their start, which is how their rows came to be, and numbers them.
fn number(jobs: &mut [Job]) {
    jobs.sort_by_key(|job| job.start);
    let (mut array, mut requeued) = (0, 0);
    for (number, job) in (FIRST_NUMBER..).zip(jobs) {
        let first = match job.family {
            Family::None => &mut 0,
            Family::Array => &mut array,
            Family::Requeued => &mut requeued,
        };
        *first = if *first == 0 { number } else { *first };
        job.array = if job.family == Family::Array {
            *first
        } else {
            0
        };
        job.number = if job.family == Family::Requeued {
            *first
        } else {
            number
        };
    }
}

fn notes(jobs: &[Job]) -> Vec<Special> {
    let noted = jobs.iter().filter(|job| !job.note.is_empty());
    let mut special: Vec<Special> = noted
        .map(|job| Special {
            job_id: job.number,
            note: job.note,
        })
        .collect();
    special.sort_by_key(|special| special.job_id);
    special
}

/// What the jobs did to each host.
fn loads(jobs: &[Job], hosts: usize) -> Vec<Vec<Load>> {
    let mut loads = vec![Vec::new(); hosts];
    for job in jobs {
        for place in &job.places {
            loads[place.host].push(Load {
                from: job.start,
                to: job.start + job.ran,
                app: job.app,
                threads: place.threads,
                accelerators: place.accelerators,
                seed: job.seed,
            });
        }
    }
    loads
}
