//! Whether a folder of the store's archive is one: a folder that is missing, empty or without a single file of the store is
//! the source's failure, and never "this host has no data".

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::file;
use super::folder::{self, Listed};
use crate::model::failure::Reason;
use crate::model::job::Shown;
use crate::model::stop::Stop;
use crate::opening::regular;
use crate::rules::evidence::Damage;
use crate::rules::timeline::Interval;
use crate::source::Error;

/// So many odd files are named.
const ODDITIES: usize = 5;
/// So many files are asked before a medium counts as sick.
const PROBED_FILES: usize = 8;
/// So many bytes of a file are read to see whether the medium answers.
const PROBED: u64 = 1 << 20;

/// What all folders hold of a cluster.
#[derive(Debug)]
pub(super) struct Found {
    /// Oldest first.
    pub(super) files: Vec<Listed>,
    /// Folders that are missing beside others that are there.
    pub(super) gone: Vec<Damage>,
}

/// The files of a cluster in all folders.
///
/// # Errors
/// [`Error::Gone`] where no folder is one of the store's archive, [`Error::ClusterMissing`] where they hold other clusters
/// only, [`Error::Unreadable`] where that cannot be told.
pub(super) fn files(roots: &[PathBuf], cluster: &str) -> Result<Found, Error> {
    let mut found = Found {
        files: Vec::new(),
        gone: Vec::new(),
    };
    let mut has_others = false;
    for root in roots {
        let mut here =
            folder::files(root, cluster).map_err(|e| unreadable(&root.join(cluster), &e))?;
        if here.is_empty() {
            match check(root) {
                Ok(()) => has_others = true,
                Err(detail) => found.gone.push(Damage {
                    interval: Interval::ALL,
                    subject: "one of the sources".into(),
                    detail,
                    reason: Reason::LayerGone,
                }),
            }
        }
        found.files.append(&mut here);
    }
    found.files.sort();
    if !found.files.is_empty() {
        return Ok(found);
    }
    if let Some(gone) = found.gone.pop() {
        return Err(Error::Gone(gone.detail));
    }
    if !has_others {
        return Err(Error::Gone("no folder of Parquet files is named".into()));
    }
    let subject = roots.first().map_or_else(PathBuf::new, |r| r.join(cluster));
    let subject = subject.display().to_string();
    let detail = format!(
        "{subject} holds no Parquet file of the metric store; expected files named by a number, as in 1700000000.parquet, \
         for cluster {}",
        Shown(cluster)
    );
    Err(Error::ClusterMissing { subject, detail })
}

/// Why a folder is none of the store's archive; nothing where it holds files of some cluster.
fn check(root: &Path) -> Result<(), String> {
    let why = match folder::clusters(root) {
        Ok(clusters) if !clusters.is_empty() => return Ok(()),
        Ok(_) => "holds no Parquet file of the metric store".to_owned(),
        Err(e) => format!("cannot be read ({})", regular::explain(root, e)),
    };
    Err(format!(
        "the Parquet folder {} {why}; expected one folder per cluster, with files named by a number, as in \
         1700000000.parquet",
        root.display()
    ))
}

/// What an operator should know of a folder before a sweep, a sentence each.
pub(super) fn oddities(root: &Path) -> Vec<String> {
    if let Err(detail) = check(root) {
        return vec![detail];
    }
    let clusters = folder::clusters(root).unwrap_or_default();
    let files = clusters
        .iter()
        .flat_map(|c| folder::files(root, c).unwrap_or_default());
    let odd = files.filter_map(|f| {
        let path = f.path.display().to_string();
        match file::open(&f.path) {
            Ok(_) => None,
            Err(fault) if fault.is_harmless() => Some(format!("{path} is passed over: {fault}")),
            Err(fault) => Some(format!("{path} cannot be read: {fault}")),
        }
    });
    odd.take(ODDITIES).collect()
}

fn unreadable(path: &Path, e: &io::Error) -> Error {
    Error::Unreadable {
        subject: path.display().to_string(),
        detail: e.to_string(),
        transient: false,
    }
}

/// The error of files that do not stay long enough to be read.
pub(super) fn unsteady(roots: &[PathBuf], cluster: &str, readings: usize) -> Error {
    let folders: Vec<String> = roots
        .iter()
        .map(|r| r.join(cluster).display().to_string())
        .collect();
    Error::Unreadable {
        subject: folders.join(", "),
        detail: format!("its files went away during {readings} readings"),
        transient: false,
    }
}

/// Reads something of a cluster that is not in the files of these names: a sick medium cannot.
///
/// # Errors
/// What the first of several files met.
pub(super) fn probe(
    roots: &[PathBuf],
    cluster: &str,
    but: &[&str],
    stop: &Stop,
) -> Result<(), Error> {
    let found = files(roots, cluster)?;
    let has_failed = |file: &&Listed| {
        let name = file.path.file_name().and_then(OsStr::to_str);
        name.is_some_and(|n| but.contains(&n))
    };
    let (failed, others): (Vec<&Listed>, Vec<&Listed>) =
        found.files.iter().rev().partition(has_failed);
    let mut sick = None;
    // Where all files failed, they are asked once more: there is no other.
    for file in others.into_iter().chain(failed).take(PROBED_FILES) {
        if stop.is_cancelled() {
            return Err(Error::Cancelled);
        }
        match read_some(&file.path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                sick = sick.or_else(|| Some(unreadable(&file.path, &e)));
            }
            _ => return Ok(()),
        }
    }
    sick.map_or(Ok(()), Err)
}

fn read_some(path: &Path) -> io::Result<()> {
    let file: File = regular::open(path)?;
    // What is remembered of the file would hide that its medium is gone. Not every file system can forget.
    let _forgotten = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    io::copy(&mut file.take(PROBED), &mut io::sink())?;
    Ok(())
}
