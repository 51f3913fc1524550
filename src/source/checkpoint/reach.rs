//! How far the data of a cluster reaches, told from a few bytes of each host's newest files.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::super::Reach;
use super::{binary, snapshots, wal};
use crate::opening::regular;

/// The end of a log that is looked at: some hundred records.
const TAIL: u64 = 64 << 10;

/// Newest and oldest data of all hosts below a cluster's folder; none without any data.
///
/// # Errors
/// When the folder cannot be listed. A host or log that cannot be read says nothing of the newest data; the oldest may
/// be its, so then nothing is known to be forgotten.
pub(super) fn of_cluster(folder: &Path) -> io::Result<Option<Reach>> {
    let mut all: Option<Reach> = None;
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    for entry in entries {
        if let Some(h) = of_host(&entry?.path()) {
            let a = all.get_or_insert(h);
            *a = Reach {
                newest: a.newest.max(h.newest),
                oldest: a.oldest.min(h.oldest),
            };
        }
    }
    Ok(all)
}

fn of_host(folder: &Path) -> Option<Reach> {
    let missing = |e: &io::Error| {
        matches!(
            e.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        )
    };
    let (files, log) = (snapshots(folder), log_span(&folder.join("current.wal")));
    let unreadable = [files.as_ref().err(), log.as_ref().err()]
        .into_iter()
        .flatten()
        .any(|e| !missing(e));
    if unreadable {
        return Some(Reach {
            newest: i64::MIN,
            oldest: i64::MIN,
        });
    }
    let (files, log) = (files.unwrap_or_default(), log.ok().flatten());
    let newest = files
        .last()
        .and_then(|(number, path)| snapshot_end(path).ok().flatten().or(Some(*number)));
    let oldest = files.first().map(|(number, _)| *number);
    Some(Reach {
        newest: newest.max(log.map(|l| l.1))?,
        oldest: oldest.into_iter().chain(log.map(|l| l.0)).min()?,
    })
}

fn snapshot_end(path: &Path) -> io::Result<Option<i64>> {
    let mut f = regular::open(path)?;
    if path.extension().is_some_and(|e| e == "bin") {
        let mut head = [0; 20];
        f.read_exact(&mut head)?;
        return Ok(binary::parse_interval(&head).ok().map(|i| i.to));
    }
    // `…,"from":940,"to":1200}` and a line's end close a JSON snapshot.
    let tail = tail_of(&mut f, 256)?;
    let text = String::from_utf8_lossy(&tail);
    let number = text
        .rsplit_once("\"to\":")
        .map(|(_, n)| n.trim_end().trim_end_matches('}').trim().to_owned());
    Ok(number.and_then(|n| n.parse().ok()))
}

/// Times of the first and the last of the log's records.
fn log_span(path: &Path) -> io::Result<Option<(i64, i64)>> {
    let mut f = regular::open(path)?;
    let mut head = vec![0; 4096];
    let n = f.read(&mut head)?;
    head.truncate(n);
    let mut first = None;
    drop(wal::read(&head, |r| first = first.or(Some(r.t))));
    // The reader finds the first whole record of the tail by itself, once it is told that this is a log.
    let mut tail = wal::FILE_MAGIC.to_le_bytes().to_vec();
    tail.extend(tail_of(&mut f, TAIL)?);
    let mut last: Option<i64> = None;
    drop(wal::read(&tail, |r| last = last.max(Some(r.t))));
    Ok(first.zip(last))
}

fn tail_of(f: &mut File, bytes: u64) -> io::Result<Vec<u8>> {
    let len = f.metadata()?.len();
    f.seek(SeekFrom::Start(len.saturating_sub(bytes)))?;
    let mut out = Vec::new();
    f.take(bytes).read_to_end(&mut out)?;
    Ok(out)
}
