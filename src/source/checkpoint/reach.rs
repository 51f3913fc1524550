//! How far the data of a cluster reaches, told from a few bytes of each host's oldest and newest files.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::listing::{self, Listed};
use super::presence::unreadable;
use super::snapshot::Fault;
use super::{binary, wal};
use crate::model::checkpoint::LOG;
use crate::model::stop::Stop;
use crate::rules::timeline::Interval;
use crate::source::times::believable;
use crate::source::{Error, Reach};

/// The end of a log that is looked at: some hundred records.
const TAIL: u64 = 64 << 10;
/// The beginning of a log that is looked at.
const HEAD: u64 = 4096;

/// Newest and oldest data of all hosts below a cluster's folder, as of `now` (Unix seconds).
///
/// # Errors
/// When the folder cannot be listed, or the sweep is cancelled. A host or log that cannot be read says nothing of the newest
/// data; the oldest may be its, so then nothing is known to be forgotten.
pub(super) fn of_cluster(folder: &Path, now: i64, stop: &Stop) -> Result<Reach, Error> {
    let refused = |e: io::Error| unreadable(folder, &e);
    let mut all: Option<Reach> = None;
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        if stop.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let host = entry.map_err(refused)?.path();
        if let Some(reach) = of_host(&host, believable(now), stop)? {
            all = Some(all.map_or(reach, |a| a.united(reach)));
        }
    }
    Ok(all.unwrap_or_default())
}

fn of_host(folder: &Path, believed: Interval, stop: &Stop) -> Result<Option<Reach>, Error> {
    let missing = |e: &io::Error| {
        matches!(
            e.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        )
    };
    let files = listing::snapshots(folder);
    let log = match log_span(&folder.join(LOG), believed, stop) {
        Ok(span) => Ok(span),
        Err(Fault::Cancelled) => return Err(Error::Cancelled),
        Err(Fault::Medium(e)) => Err(e),
        // What is not a log has no samples; and no record is kept.
        Err(Fault::Content(_) | Fault::TooLarge) => Ok(None),
    };
    let unreadable = [files.as_ref().err(), log.as_ref().err()]
        .into_iter()
        .flatten()
        .any(|e| !missing(e));
    if unreadable {
        return Ok(Some(Reach {
            newest: i64::MIN,
            oldest: i64::MIN,
        }));
    }
    let (files, log) = (files.unwrap_or_default(), log.ok().flatten());
    let newest = files.last().and_then(|f| {
        let end = snapshot_end(f).ok().flatten();
        end.filter(|t| *t < believed.to)
            .or_else(|| Some(f.number).filter(|t| *t < believed.to))
    });
    let oldest = files.first().map(|f| f.number);
    let newest = newest.max(log.map(|l| l.to));
    let oldest = oldest.into_iter().chain(log.map(|l| l.from)).min();
    Ok(newest
        .zip(oldest)
        .map(|(newest, oldest)| Reach { newest, oldest }))
}

/// Where a snapshot says that it ends.
fn snapshot_end(file: &Listed) -> io::Result<Option<i64>> {
    let (mut f, _) = listing::open(&file.path)?;
    if file.is_binary() {
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

/// Times of the log's first and newest records, those left out that cannot be.
fn log_span(path: &Path, believed: Interval, stop: &Stop) -> Result<Option<Interval>, Fault> {
    let (mut f, _) = listing::open(path).map_err(Fault::Medium)?;
    let believed = |r: wal::Record<'_>| Some(r.t).filter(|t| believed.contains(*t));
    let mut first: Option<i64> = None;
    wal::read(f.by_ref().take(HEAD), stop, |r| {
        first = first.or(believed(r));
    })?;
    // The reader finds the first whole record of the tail by itself, once it is told that this is a log.
    let magic = wal::FILE_MAGIC.to_le_bytes();
    let tail = tail_of(&mut f, TAIL).map_err(Fault::Medium)?;
    let mut newest = first;
    wal::read(magic.chain(tail.as_slice()), stop, |r| {
        newest = newest.max(believed(r));
        first = first.or(newest);
    })?;
    Ok(first.zip(newest).map(|(from, to)| Interval { from, to }))
}

fn tail_of(f: &mut File, bytes: u64) -> io::Result<Vec<u8>> {
    let len = f.metadata()?.len();
    f.seek(SeekFrom::Start(len.saturating_sub(bytes)))?;
    let mut out = Vec::new();
    f.take(bytes).read_to_end(&mut out)?;
    Ok(out)
}
