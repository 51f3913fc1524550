//! The one place that knows on which media samples may be.

use std::sync::Arc;

use ccarchive::ledger::Ledger;
use ccarchive::model::clock::Clock;
use ccarchive::model::cluster::Clusters;
use ccarchive::model::memory::Memory;
use ccarchive::site::Site;
use ccarchive::source::Source;
use ccarchive::source::cache::Cached;
use ccarchive::source::filling::Filling;
use ccarchive::source::layers::Layered;

use super::Stopped;
use super::sources::{Named, folders};

/// A source that others may hold as well, under the name that people know.
pub(super) type Shared = (String, Arc<dyn Source>);

/// What is needed to open sources.
pub(super) struct Opening<'a> {
    pub(super) site: &'a Site,
    pub(super) clusters: &'a Clusters,
    /// Knows where the slots of hosts begin.
    pub(super) ledger: &'a Ledger,
    pub(super) clock: Clock,
}

impl Opening<'_> {
    /// All sources of the site as one, as a sweep asks them; `memory`: for what files hold.
    pub(super) fn all(&self, memory: &Arc<Memory>) -> Result<Filling, Stopped> {
        let mut all = self.stores(true)?;
        let (names, layers): (Vec<_>, Vec<_>) = self.folders(memory).into_iter().unzip();
        if !layers.is_empty() {
            let files = Layered::new(layers);
            // Only files: what a store answers serves the one question.
            let files = Cached::new(files, Arc::clone(memory));
            all.push((names.join(" "), Box::new(files)));
        }
        all.extend(self.stores(false)?);
        Ok(Filling::new(all))
    }

    /// The sources of the site one by one, the first has priority, and all of them as one, as a sweep asks them. Each
    /// remembers what it was asked for, all together up to `memory` bytes, so that whoever asks one and then all about a job
    /// reads it once. Stores, too: so this is for questions about one job at a time, whose window is one.
    pub(super) fn remembering(&self, memory: usize) -> Result<(Vec<Shared>, Filling), Stopped> {
        let before = self.stores(true)?;
        // As much for a host as a sweep gives it that may use so much memory.
        let sweep = Memory::of_sweep(memory).with_sources(self.site.sources_of_a_host());
        let folders = self.folders(&Arc::new(sweep));
        let behind = self.stores(false)?;
        let budget = memory / (before.len() + folders.len() + behind.len()).max(1);
        let shared = |named: Vec<Named>| -> Vec<Shared> {
            let one = |(name, source): Named| -> Shared {
                let memory = Arc::new(Memory::new(budget));
                (name, Arc::new(Cached::new(source, memory)))
            };
            named.into_iter().map(one).collect()
        };
        let (before, folders, behind) = (shared(before), shared(folders), shared(behind));
        let again = |s: &Shared| -> Named { (s.0.clone(), Box::new(Arc::clone(&s.1))) };
        let mut all: Vec<Named> = before.iter().map(again).collect();
        let (names, layers): (Vec<_>, Vec<_>) = folders.iter().map(again).unzip();
        if !layers.is_empty() {
            all.push((names.join(" "), Box::new(Layered::new(layers))));
        }
        all.extend(behind.iter().map(again));
        let each = before.into_iter().chain(folders).chain(behind);
        Ok((each.collect(), Filling::new(all)))
    }

    fn folders(&self, memory: &Arc<Memory>) -> Vec<Named> {
        let (frequencies, phases) = (self.clusters.frequencies(), || self.ledger.phases());
        folders(self.site, &frequencies, memory, self.clock, phases)
    }

    /// The stores that come before the files, or behind them.
    #[cfg(not(feature = "http"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "as with the feature"
    )]
    fn stores(&self, _before_files: bool) -> Result<Vec<Named>, Stopped> {
        Ok(Vec::new())
    }
}

#[cfg(feature = "http")]
mod http {
    use ccarchive::model::series::Scope;
    use ccarchive::site::{Origin, Store};
    use ccarchive::source::Source;
    use ccarchive::source::http::{self, Address, HostMetrics, Limits, route::Routed};

    use super::super::trust::trust;
    use super::{Named, Opening, Stopped};

    impl Opening<'_> {
        /// The stores that come before the files, or behind them. Those that the configuration names are one source, since
        /// each job has one of them.
        pub(super) fn stores(&self, before_files: bool) -> Result<Vec<Named>, Stopped> {
            let (mut named, mut scoped, mut urls) = (Vec::new(), Vec::new(), Vec::new());
            for store in &self.site.stores {
                let (origin, store) = (&store.origin, &store.value);
                if store.before_files != before_files {
                    continue;
                }
                let source: Box<dyn Source> = Box::new(self.store(store)?);
                if matches!(origin, Origin::Config { .. }) {
                    urls.push(store.url.clone());
                    scoped.push((store.scope.clone(), source));
                } else {
                    named.push((store.url.clone(), source));
                }
            }
            if !scoped.is_empty() {
                urls.dedup();
                named.push((urls.join(" "), Box::new(Routed::new(scoped))));
            }
            Ok(named)
        }

        fn store(&self, store: &Store) -> Result<http::Store, Stopped> {
            let trust = trust(self.site.ca.as_ref())?;
            let address = Address {
                url: &store.url,
                token: store.token.as_ref().map(|t| t.0.reveal()),
                trust: &trust,
            };
            let metrics = self.host_metrics();
            let store = http::Store::new(&address, metrics, self.clock, Limits::default());
            Ok(store)
        }

        /// Per cluster the metrics that hosts themselves have; others where it has none.
        fn host_metrics(&self) -> HostMetrics {
            let of = |name: &str| {
                let cluster = self.clusters.get(name)?;
                let metrics = cluster.metrics_by_name();
                let with_frequency = |of_hosts: bool| -> Vec<(String, i64)> {
                    let wanted = metrics
                        .iter()
                        .filter(|m| !of_hosts || m.native == Scope::Node);
                    let frequency =
                        |name: &str| self.clusters.store_metric(name).map(|s| s.frequency);
                    wanted
                        .filter_map(|m| Some((m.name.clone(), frequency(&m.name)?)))
                        .collect()
                };
                let own = with_frequency(true);
                Some((
                    name.to_owned(),
                    if own.is_empty() {
                        with_frequency(false)
                    } else {
                        own
                    },
                ))
            };
            self.clusters.names().into_iter().filter_map(of).collect()
        }
    }
}
