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
//! | work, jobs | who runs what, and what ran where |
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
mod work;

use std::fs;
use std::path::Path;

use cluster::CLUSTER;
pub(crate) use plan::{Error, Plan};

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
    pub(crate) samples: usize,
    /// Bytes of the checkpoint files.
    pub(crate) checkpoint_bytes: usize,
    /// Ids of the jobs that are there for a reason, and what it is: a short phrase.
    pub(crate) special: Vec<(i64, &'static str)>,
}

/// Writes `job.db`, `job-archive/` and `checkpoints/` under `dir`.
///
/// # Errors
/// When `dir` is neither missing nor an empty folder, or something cannot be written; what was written until then stays.
pub(crate) fn write(dir: &Path, plan: &Plan) -> Result<Written, Error> {
    fs::create_dir_all(dir).map_err(Error::at(dir))?;
    if fs::read_dir(dir).map_err(Error::at(dir))?.next().is_some() {
        return Err(Error::NotEmpty(dir.to_owned()));
    }
    let archive = dir.join("job-archive");
    let config = cluster::document(plan.counts());
    put(&archive.join("version.txt"), b"3")?;
    put(
        &archive.join(CLUSTER).join("cluster.json"),
        config.as_bytes(),
    )?;

    let hosts = hosts::all(plan);
    let jobs = jobs::all(plan, &hosts);
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
    for (number, host) in hosts.iter().enumerate() {
        let here: Vec<_> = jobs
            .iter()
            .filter(|job| job.hosts.contains(&number))
            .collect();
        let columns = curves::columns(host, &here, plan);
        let values = columns.iter().flat_map(|column| &column.values);
        written.samples += values.filter(|value| !value.is_nan()).count();
        for (name, bytes) in checkpoints::files(host, &columns, plan) {
            written.checkpoint_bytes += bytes.len();
            put(&folder.join(&host.name).join(name), &bytes)?;
        }
    }
    Ok(written)
}

/// Writes a file and the folders above it.
fn put(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(Error::at(folder))?;
    fs::write(path, bytes).map_err(Error::at(path))
}
