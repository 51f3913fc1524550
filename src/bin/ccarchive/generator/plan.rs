//! What to write, and the times that follow from it: when data begins, where snapshots end.

use std::path::{Path, PathBuf};

use super::random::index;

/// The metric store's default checkpoint interval, seconds.
const INTERVAL: i64 = 12 * 3600;
/// The longest time between the newest snapshot and `now`, seconds: what the logs hold.
const LOG_SPAN: i64 = 3 * 3600;

/// The cause of a failed attempt to write.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a site was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The folder holds something already; nothing was changed.
    #[error("{} is not empty: a site is only written into a new or empty folder", .0.display())]
    NotEmpty(PathBuf),
    /// A file, folder or database could not be written.
    #[error("cannot write {}", .0.display())]
    Io(PathBuf, #[source] Cause),
}

impl Error {
    /// For `map_err`: the error of an attempt to write `path`.
    pub(super) fn at<E: Into<Cause>>(path: &Path) -> impl FnOnce(E) -> Self {
        |source| Self::Io(path.to_owned(), source.into())
    }
}

/// What site to write. Equal plans give equal bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The present, Unix seconds; newest samples and jobs end shortly before it.
    pub(crate) now: i64,
    /// Decides everything that looks random.
    pub(crate) seed: u64,
    /// Hosts of the cluster, at least 4; a fifth of them have accelerators. At least 16 if `broken`.
    pub(crate) nodes: u32,
    /// Age of the oldest sample in hours, at least 2.
    pub(crate) hours: u32,
    /// Rows of the job table. Some thirty special jobs come first; the rest is random everyday work.
    pub(crate) jobs: u32,
    /// Adds hosts with damaged or missing data, and jobs that cannot be archived, or not whole.
    pub(crate) broken: bool,
}

impl Plan {
    /// The site that the program shows of itself: small, and with something of everything.
    pub(crate) fn demo(now: i64) -> Self {
        Self {
            broken: true,
            ..Self::sized(now, 18, 30, 110)
        }
    }

    /// A site of a chosen size without damage, for tests and measurements.
    ///
    /// Every sixth `cpu` host and the last one write JSON only: jobs that ended there since the newest snapshot, up to
    /// three hours before `now`, have no data on disk yet. Logs span those hours on all other hosts.
    pub(crate) fn sized(now: i64, nodes: u32, hours: u32, jobs: u32) -> Self {
        Self {
            now,
            seed: 1,
            nodes,
            hours,
            jobs,
            broken: false,
        }
    }

    /// How many hosts are in the subcluster `cpu` and in `gpu`.
    pub(super) fn counts(&self) -> [usize; 2] {
        let nodes = self.nodes as usize;
        let gpu = (nodes / 5).max(1);
        [nodes.saturating_sub(gpu), gpu]
    }

    /// The hosts begin to report within a few minutes of it.
    pub(super) fn first(&self) -> i64 {
        self.now - i64::from(self.hours) * 3600
    }

    /// Time of the newest sample that can be on disk.
    pub(super) fn last(&self) -> i64 {
        self.now - 5
    }

    /// So many thousandths of the time between them, seconds.
    pub(super) fn share(&self, permille: i64) -> i64 {
        (self.last() - self.first()) * permille / 1000
    }

    /// End of the newest snapshot.
    pub(super) fn newest(&self) -> i64 {
        self.now - LOG_SPAN.min(self.share(200))
    }

    /// Begin and end of all snapshots, ascending. The oldest begins before the hosts report, so that their first sample is
    /// a series' start.
    pub(super) fn snapshots(&self) -> impl ExactSizeIterator<Item = (i64, i64)> {
        let newest = self.newest();
        let count = index((newest - self.first()) / INTERVAL + 1);
        let begin = newest - count as i64 * INTERVAL;
        (0..count).map(move |number| {
            let from = begin + number as i64 * INTERVAL;
            (from, from + INTERVAL)
        })
    }
}
