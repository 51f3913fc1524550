//! What to write, and the times that follow from it: when data begins, where snapshots end.

use std::path::{Path, PathBuf};

use super::random::Random;

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
    /// The plan asks for something impossible.
    #[error(
        "cannot write {0:?}: it takes {1} to 9999 nodes, 2 to 1440 hours, and a present twice as late as they are long"
    )]
    Plan(Plan, u32),
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
    /// Hosts of the cluster, 4 to 9999; a fifth of them have accelerators. At least 16 if `broken`.
    pub(crate) nodes: u32,
    /// Age of the oldest sample in hours, 2 to 1440.
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

    pub(super) fn check(&self) -> Result<(), Error> {
        let least = if self.broken { 16 } else { 4 };
        let is_possible = (least..=9999).contains(&self.nodes)
            && (2..=1440).contains(&self.hours)
            && self.now >= 2 * i64::from(self.hours) * 3600;
        if is_possible {
            Ok(())
        } else {
            Err(Error::Plan(self.clone(), least))
        }
    }

    /// How many hosts are of the kind `cpu` and `gpu`.
    pub(super) fn counts(&self) -> [u32; 2] {
        let gpu = (self.nodes / 5).max(1);
        [self.nodes - gpu, gpu]
    }

    pub(super) fn window(&self) -> Window {
        let span = i64::from(self.hours) * 3600;
        let log = LOG_SPAN.min(span / 5) - Random::stream(self.seed, 1).between(0, span.min(300));
        let (first, newest) = (self.now - span, self.now - log);
        let intervals = (newest - first) / INTERVAL + 1;
        let borders = (0..=intervals)
            .rev()
            .map(|back| newest - back * INTERVAL)
            .collect();
        Window {
            now: self.now,
            first,
            borders,
            last: self.now - 5,
        }
    }
}

/// The times of a site, Unix seconds.
#[derive(Debug)]
pub(super) struct Window {
    /// The present.
    pub(super) now: i64,
    /// The hosts begin to report within a few minutes of it.
    pub(super) first: i64,
    /// Where snapshots begin and end, ascending. The first is before `first`: the store ran before the hosts reported, so
    /// that their first sample is a series' start.
    pub(super) borders: Vec<i64>,
    /// Time of the newest sample that can be on disk.
    pub(super) last: i64,
}

impl Window {
    /// The time at so many thousandths of the window.
    pub(super) fn at(&self, permille: i64) -> i64 {
        self.first + self.share(permille)
    }

    /// So many thousandths of the window, seconds.
    pub(super) fn share(&self, permille: i64) -> i64 {
        (self.last - self.first) * permille / 1000
    }

    /// End of the newest snapshot.
    pub(super) fn newest(&self) -> i64 {
        self.borders[self.borders.len() - 1]
    }
}
