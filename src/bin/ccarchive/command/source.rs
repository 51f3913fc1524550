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

/// What is needed to open sources.
pub(super) struct Opening<'a> {
    pub(super) site: &'a Site,
    pub(super) clusters: &'a Clusters,
    /// Knows where the slots of hosts begin.
    pub(super) ledger: &'a Ledger,
    pub(super) clock: Clock,
}

impl Opening<'_> {
    /// All sources of the site as one, as a sweep asks them; `memory`: for what files hold, if that is kept.
    pub(super) fn all(&self, memory: Option<&Arc<Memory>>) -> Result<Filling, Stopped> {
        let mut all = self.stores(true)?;
        let (names, layers): (Vec<_>, Vec<_>) = self.folders().into_iter().unzip();
        if !layers.is_empty() {
            let files = Layered::new(layers);
            // Only files: what a store answers serves the one question.
            let files: Box<dyn Source> = match memory {
                Some(memory) => Box::new(Cached::new(files, Arc::clone(memory))),
                None => Box::new(files),
            };
            all.push((names.join(" "), files));
        }
        all.extend(self.stores(false)?);
        Ok(Filling::new(all))
    }

    /// The sources of the site one by one, the first has priority.
    pub(super) fn each(&self) -> Result<Vec<Named>, Stopped> {
        let mut all = self.stores(true)?;
        all.extend(self.folders());
        all.extend(self.stores(false)?);
        Ok(all)
    }

    fn folders(&self) -> Vec<Named> {
        let (frequencies, phases) = (self.clusters.frequencies(), || self.ledger.phases());
        folders(self.site, &frequencies, self.clock, phases)
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
    use ccarchive::sweep::Exit;

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
            let wrong = |e: String| Stopped::new(Exit::Usage, e);
            let ca = match &self.site.ca {
                None => None,
                Some(file) => Some(std::fs::read(&file.value).map_err(|e| {
                    wrong(format!(
                        "cannot read the certificates {} ({}): {e}",
                        file.value.display(),
                        file.origin
                    ))
                })?),
            };
            let address = Address {
                url: &store.url,
                token: store.token.as_ref().map(|t| t.0.reveal()),
                ca: ca.as_deref(),
            };
            let metrics = self.host_metrics();
            let opened = http::Store::new(&address, metrics, self.clock, Limits::default());
            opened.map_err(|e| {
                let file = self.site.ca.as_ref().map(|f| f.value.display().to_string());
                wrong(format!(
                    "the certificates {}: {e}",
                    file.unwrap_or_default()
                ))
            })
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
