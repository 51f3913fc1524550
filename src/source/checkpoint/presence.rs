//! Whether a checkpoints folder is one: missing, empty, unreadable and hollow folders are the source's failure, and never
//! "this host has no data".

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::listing;
use crate::model::checkpoint::LOG;
use crate::model::job::Shown;
use crate::model::stop::Stop;
use crate::source::Error;

/// So many hosts are asked before a medium counts as sick: one broken file must not look like an outage.
const HOSTS_PROBED: usize = 8;
/// So many bytes of a file are read to see whether the medium answers.
const PROBED: u64 = 1 << 20;

/// The error of a folder or file that cannot be read.
pub(super) fn unreadable(path: &Path, e: &io::Error) -> Error {
    Error::Unreadable {
        subject: path.display().to_string(),
        detail: e.to_string(),
        transient: false,
    }
}

/// Makes sure that a root holds checkpoint files of a cluster. Asked before a host without files counts as one that never
/// reported.
///
/// # Errors
/// [`Error::Gone`] where no cluster has any, [`Error::ClusterMissing`] where others have, [`Error::Unreadable`] where that
/// cannot be told.
pub(super) fn check_cluster(root: &Path, cluster: &str, stop: &Stop) -> Result<(), Error> {
    let gone = |why: String| {
        Error::Gone(format!(
            "the checkpoints folder {} {why}; expected one folder per cluster, with one folder per host and its \
             checkpoint files",
            root.display()
        ))
    };
    let clusters = folders(root).map_err(|e| gone(format!("cannot be read ({e})")))?;
    if clusters.is_empty() {
        return Err(gone("is empty".into()));
    }
    let folder = root.join(cluster);
    let why = match holds_checkpoints(&folder, stop)? {
        Held::Some => return Ok(()),
        Held::Missing => "is missing",
        Held::Empty => "is empty",
        Held::Hollow => "holds no checkpoint file of any host",
    };
    for other in clusters.iter().filter(|c| **c != folder) {
        match holds_checkpoints(other, stop) {
            Ok(Held::Some) => {
                let subject = folder.display().to_string();
                let detail = format!(
                    "{subject} {why}; expected the folder of cluster {}, with one folder per host and its checkpoint files",
                    Shown(cluster)
                );
                return Err(Error::ClusterMissing { subject, detail });
            }
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            // Another cluster that cannot be read says nothing of this one.
            Ok(_) | Err(_) => {}
        }
    }
    Err(gone("holds no checkpoint file".into()))
}

/// What a cluster's folder holds.
enum Held {
    Some,
    Missing,
    Empty,
    /// Folders, but no file.
    Hollow,
}

fn holds_checkpoints(cluster: &Path, stop: &Stop) -> Result<Held, Error> {
    let hosts = match folders(cluster) {
        Ok(hosts) if hosts.is_empty() => return Ok(Held::Empty),
        Ok(hosts) => hosts,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Held::Missing);
        }
        Err(e) => return Err(unreadable(cluster, &e)),
    };
    let mut refused = None;
    for host in hosts {
        if stop.is_cancelled() {
            return Err(Error::Cancelled);
        }
        match listing::has_checkpoint(&host) {
            Ok(true) => return Ok(Held::Some),
            Ok(false) => {}
            Err(e) => refused = refused.or_else(|| Some(unreadable(&host, &e))),
        }
    }
    // A host that cannot be listed may have some.
    refused.map_or(Ok(Held::Hollow), Err)
}

/// Everything in a folder, by name, so that the same folders give the same words.
fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut out = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    out.sort();
    Ok(out)
}

/// Reads something of a cluster that is not of the hosts named: a sick medium cannot. Where there is no other host,
/// `worked` is read, a file that could be read before.
///
/// # Errors
/// What the first of several hosts met; or that there was nothing else to read.
pub(super) fn probe(
    root: &Path,
    cluster: &str,
    but: &[&str],
    worked: Option<&Path>,
    stop: &Stop,
) -> Result<(), Error> {
    check_cluster(root, cluster, stop)?;
    let folder = root.join(cluster);
    let hosts = folders(&folder).map_err(|e| unreadable(&folder, &e))?;
    // What failed is named by its host or by a file of it.
    let failed = |host: &Path| {
        let name = host.file_name().and_then(|n| n.to_str());
        but.iter()
            .any(|b| name == Some(*b) || Path::new(b).starts_with(host))
    };
    let others: Vec<PathBuf> = hosts.into_iter().filter(|h| !failed(h)).collect();
    // Spread over the list, since bad hosts are often neighbours: a rack, a switch.
    let apart = others.len().div_ceil(HOSTS_PROBED).max(1);
    let spread = (0..apart).flat_map(|from| others.iter().skip(from).step_by(apart));
    let (mut tried, mut sick) = (0, None);
    for host in spread {
        if stop.is_cancelled() {
            return Err(Error::Cancelled);
        }
        match read_of_host(host) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(e) => {
                tried += 1;
                sick = sick.or(Some(e));
                if tried == HOSTS_PROBED {
                    break;
                }
            }
        }
    }
    if let Some(path) = worked {
        return read_some(path).map_err(|e| unreadable(path, &e));
    }
    Err(sick.unwrap_or_else(|| {
        let nothing =
            io::Error::other("no other host has a checkpoint file, and none could be read before");
        unreadable(&folder, &nothing)
    }))
}

/// Reads of the newest file of a host; false where it has none.
fn read_of_host(host: &Path) -> Result<bool, Error> {
    match listing::has_checkpoint(host) {
        Ok(true) => {}
        Ok(false) => return Ok(false),
        Err(e) => return Err(unreadable(host, &e)),
    }
    let files = listing::snapshots(host).map_err(|e| unreadable(host, &e))?;
    let newest = files
        .last()
        .map_or_else(|| host.join(LOG), |f| f.path.clone());
    match read_some(&newest) {
        // The store has just rotated it away: a medium that can say so answers. A stale handle is no such answer.
        Err(e) if e.kind() != ErrorKind::NotFound => Err(unreadable(&newest, &e)),
        _ => Ok(true),
    }
}

fn read_some(path: &Path) -> io::Result<()> {
    let (file, _) = listing::open(path)?;
    // What is remembered of the file would hide that its medium is gone. Not every file system can forget.
    let _forgotten = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    io::copy(&mut file.take(PROBED), &mut io::sink())?;
    Ok(())
}
