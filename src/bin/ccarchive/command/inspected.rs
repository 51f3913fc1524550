//! A site that is only looked at: everything is opened to be read.

use std::sync::Arc;
use std::time::Duration;

use ccarchive::inspect::{Named, Ports, Terms};
use ccarchive::jobs::{self, Rows};
use ccarchive::ledger::Ledger;
use ccarchive::model::clock::Clock;
use ccarchive::model::cluster::Clusters;
use ccarchive::model::failure::chain;
use ccarchive::model::memory::Memory;
use ccarchive::model::stop::Stop;
use ccarchive::site::Site;
use ccarchive::source::filling::Filling;
use ccarchive::sweep::Exit;
use ccarchive::target::{Archive, Target};
use jiff::Zoned;

use super::source::{Opening, Shared};
use super::{Stopped, archive};
use crate::cli::convert::MIN_AGE;
use crate::cli::places::SiteArgs;
use crate::report;

/// Bytes of a job's data that are kept between the question of what a source holds and that of what a sweep would do; also
/// the memory of a sweep that a repair makes.
const REMEMBERED: usize = 256 << 20;
/// A lock of others is waited for so long: whoever looks wants an answer.
const PATIENCE: Duration = Duration::from_secs(20);
const SETTLE: i64 = 12 * 3600;

/// For how long a sweep leaves jobs alone or waits for samples, where a flag or the environment says so.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ages {
    pub(crate) settle: Option<Duration>,
    pub(crate) min_age: Option<Duration>,
}

/// A site's media, open to be read.
pub(crate) struct Inspected {
    pub(crate) site: Site,
    pub(crate) clusters: Clusters,
    pub(crate) archive: Box<dyn Archive>,
    /// All sources as a sweep asks them, for questions about one job.
    source: Filling,
    each: Vec<Shared>,
    rows: Rows,
    ledger: Ledger,
    pub(crate) terms: Terms,
    pub(crate) stop: Arc<Stop>,
}

impl Inspected {
    /// Opens what the flags name; none where they ask only where that is.
    pub(crate) fn open(args: &SiteArgs, ages: Ages, now: &Zoned) -> Result<Option<Self>, Stopped> {
        let site = Site::resolve(&args.places())?;
        for w in &site.warnings {
            let text = report::with_advice(&w.text, w.advice);
            report::error(&format!("warning: {text}"));
        }
        if args.place.show_config {
            report::out(&site.show())?;
            return Ok(None);
        }
        Self::of(site, ages, now).map(Some)
    }

    /// Opens a site's media.
    pub(crate) fn of(site: Site, ages: Ages, now: &Zoned) -> Result<Self, Stopped> {
        site.check()?;
        let database = site.database.value.clone();
        jobs::check(&database)?;
        let clock = Clock::starting_at(now.timestamp().as_second());
        let stop = Arc::new(Stop::new());
        let archive = archive::open(&site, clock, &stop)?;
        // Whoever reads need not be able to write.
        archive::obstacle(&*archive)?;
        let clusters = clusters(&*archive)?;
        let ledger = Ledger::open_read_only(&site.ledger.value);
        for warning in ledger.take_warnings() {
            report::error(&format!("warning: {warning}"));
        }
        let opening = Opening {
            site: &site,
            clusters: &clusters,
            ledger: &ledger,
            clock,
        };
        let (each, source) = opening.remembering(REMEMBERED)?;
        let seconds = |d: Duration| i64::try_from(d.as_secs()).unwrap_or(i64::MAX);
        let terms = Terms {
            clock,
            source: site.source_names().join(" "),
            settle: ages
                .settle
                .map_or(SETTLE.max(site.checkpoint_interval.value), seconds),
            retention: site.forgets_after(),
            min_age: seconds(ages.min_age.unwrap_or(MIN_AGE)),
            elsewhere: site.elsewhere.clone(),
            patience: PATIENCE,
        };
        Ok(Self {
            source,
            archive,
            each,
            rows: Rows::new(&database, PATIENCE),
            ledger,
            terms,
            stop,
            clusters,
            site,
        })
    }

    /// The sources as a sweep of many jobs asks them, and the memory that it has.
    pub(super) fn sweep_source(&self) -> Result<(Filling, Arc<Memory>), Stopped> {
        let opening = Opening {
            site: &self.site,
            clusters: &self.clusters,
            ledger: &self.ledger,
            clock: self.terms.clock,
        };
        let memory = Memory::of_sweep(REMEMBERED).with_sources(self.site.sources_of_a_host());
        let memory = Arc::new(memory);
        Ok((opening.all(&memory)?, memory))
    }

    /// Asks a question; what the ledger complains about is said afterwards.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&Ports<'_>) -> Result<T, Stopped>,
    ) -> Result<T, Stopped> {
        let sources: Vec<Named<'_>> = self
            .each
            .iter()
            .map(|(name, source)| Named {
                name: name.clone(),
                source: &**source,
            })
            .collect();
        let answer = question(&Ports {
            database: &self.site.database.value,
            rows: &self.rows,
            ledger: &self.ledger,
            sources: &sources,
            source: &self.source,
            target: &*self.archive,
            clusters: &self.clusters,
        });
        for warning in self.ledger.take_warnings() {
            report::error(&format!("warning: {warning}"));
        }
        answer
    }
}

fn clusters(archive: &dyn Target) -> Result<Clusters, Stopped> {
    let aborted = |e: String| Stopped::new(Exit::Aborted, e);
    let found = archive.clusters().map_err(|e| aborted(chain(&e)))?;
    Clusters::load(found.files.iter().map(|(n, j)| (n.as_str(), j.as_slice())))
        .map(|clusters| clusters.but_gone(found.gone))
        .map_err(|e| aborted(e.to_string()))
}
