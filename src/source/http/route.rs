//! Which of several stores has a job's data: the first of `<cluster>-<subcluster>`, `<cluster>` and `*` that there is, as in
//! cc-backend.

use std::fmt;
use std::sync::Arc;

use crate::model::job::Shown;
use crate::model::stop::Stop;
use crate::rules::evidence::Evidence;
use crate::source::several::{probe_any, reach_of_any};
use crate::source::{Error, Reach, Request, Source};

/// Stores by what they serve.
pub struct Routed {
    stores: Vec<(String, Box<dyn Source>)>,
}

impl fmt::Debug for Routed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes: Vec<&str> = self.stores.iter().map(|s| s.0.as_str()).collect();
        write!(f, "Routed({})", scopes.join(", "))
    }
}

impl Routed {
    /// Scopes and stores.
    pub fn new(stores: Vec<(String, Box<dyn Source>)>) -> Self {
        Self { stores }
    }

    fn of_scope(&self, scope: &str) -> Option<&dyn Source> {
        let found = self.stores.iter().find(|s| s.0 == scope);
        found.map(|s| &*s.1)
    }

    fn store(&self, cluster: &str, subcluster: &str) -> Result<&dyn Source, Error> {
        let own = self.of_scope(&format!("{cluster}-{subcluster}"));
        let found = own
            .or_else(|| self.of_scope(cluster))
            .or_else(|| self.of_scope("*"));
        found.ok_or_else(|| none(cluster))
    }

    /// All stores that have jobs of a cluster; at least one.
    fn of_cluster(&self, cluster: &str) -> Result<Vec<&dyn Source>, Error> {
        let is_part = |scope: &str| {
            let rest = scope.strip_prefix(cluster);
            rest.is_some_and(|r| r.starts_with('-'))
        };
        let parts = self.stores.iter().filter(|s| is_part(&s.0)).map(|s| &*s.1);
        let rest = self.of_scope(cluster).or_else(|| self.of_scope("*"));
        let stores: Vec<_> = parts.chain(rest).collect();
        if stores.is_empty() {
            return Err(none(cluster));
        }
        Ok(stores)
    }

    /// One of several stores that is off leaves the jobs of the others alone, those of other clusters, too.
    fn error(&self, e: Error) -> Error {
        e.of_one_of(self.stores.len())
    }
}

fn none(cluster: &str) -> Error {
    let cluster = Shown(cluster);
    Error::ClusterMissing {
        subject: "the metric stores".into(),
        detail: format!("no metric store is configured for cluster {cluster}"),
    }
}

impl Source for Routed {
    fn ask(&self, request: &Request<'_>, stop: &Stop) -> Result<Arc<Evidence>, Error> {
        let store = self.store(request.cluster, request.subcluster)?;
        store.ask(request, stop).map_err(|e| self.error(e))
    }

    fn reach(&self, cluster: &str, stop: &Stop) -> Result<Reach, Error> {
        let stores = self.of_cluster(cluster)?.into_iter();
        reach_of_any(stores, cluster, stop).map_err(|e| self.error(e))
    }

    fn probe(&self, cluster: &str, but: &[&str], stop: &Stop) -> Result<(), Error> {
        let stores = self.of_cluster(cluster)?.into_iter();
        probe_any(stores, cluster, but, stop).map_err(|e| self.error(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::{Fake, about, holding};

    fn routed(scopes: &[&str]) -> Routed {
        let store = |(k, scope): (usize, &&str)| -> (String, Box<dyn Source>) {
            let newest = k as i64;
            let mut fake = Fake::new(move |_| {
                Ok(Evidence {
                    newest: Some(newest),
                    ..holding(0, &[1.0])
                })
            });
            fake.reach = Box::new(move || Ok(Reach { newest, oldest: 0 }));
            ((*scope).to_owned(), Box::new(fake))
        };
        Routed::new(scopes.iter().enumerate().map(store).collect())
    }

    #[test]
    fn a_job_has_the_store_of_its_subcluster_then_of_its_cluster_then_of_all() {
        let asked = |scopes: &[&str], cluster, subcluster| {
            let request = Request {
                cluster,
                subcluster,
                ..about("h", 0, 1)
            };
            let answer = routed(scopes).ask(&request, &Stop::new());
            answer.ok().and_then(|e| e.newest)
        };
        let all = ["*", "c", "c-gpu", "d"];
        assert_eq!(asked(&all, "c", "gpu"), Some(2));
        assert_eq!(asked(&all, "c", "cpu"), Some(1));
        assert_eq!(asked(&all, "e", "gpu"), Some(0));
        assert_eq!(asked(&all[2..], "c", "cpu"), None);
        assert_eq!(asked(&all[2..], "d", "any"), Some(1), "the second of these");
    }

    #[test]
    fn a_cluster_reaches_as_far_as_any_store_of_its_jobs() {
        let newest = |scopes: &[&str], cluster| {
            let reach = routed(scopes).reach(cluster, &Stop::new());
            reach.ok().map(|r| r.newest)
        };
        let all = ["*", "c", "c-gpu", "d"];
        assert_eq!(newest(&all, "c"), Some(2));
        assert_eq!(newest(&all, "d"), Some(3));
        assert_eq!(newest(&all, "e"), Some(0));
        assert_eq!(newest(&all[1..], "e"), None);
    }

    #[test]
    fn a_store_that_is_off_is_one_of_several_unless_it_is_the_only_one() {
        let gone = || Error::Gone("it is off".into());
        let off = |scopes: &[&str]| {
            let mut routed = routed(scopes);
            let mut fake = Fake::new(move |_| Err(gone()));
            fake.reach = Box::new(move || Err(gone()));
            fake.probe = Err(gone());
            routed.stores[0].1 = Box::new(fake);
            let request = Request {
                cluster: "c",
                ..about("h", 0, 1)
            };
            let stop = Stop::new();
            [
                routed.ask(&request, &stop).map(|_| ()).unwrap_err(),
                routed.reach("c", &stop).map(|_| ()).unwrap_err(),
                routed.probe("c", &[], &stop).unwrap_err(),
            ]
        };
        let one_of_several = || Error::LayerGone("it is off".into());
        assert_eq!(off(&["c", "d"]), [(); 3].map(|()| one_of_several()));
        assert_eq!(off(&["c"]), [(); 3].map(|()| gone()));
    }

    #[test]
    fn a_store_that_lacks_the_cluster_or_is_off_makes_no_medium_sick() {
        for error in [none("c"), Error::Gone("it is off".into())] {
            let mut routed = routed(&["c-gpu", "c"]);
            let mut fake = Fake::new(|_| Ok(holding(0, &[1.0])));
            fake.probe = Err(error);
            routed.stores[0].1 = Box::new(fake);
            assert_eq!(routed.probe("c", &[], &Stop::new()), Ok(()));
        }
    }
}
