//! Which of several stores has a job's data: the first of `<cluster>-<subcluster>`, `<cluster>` and `*` that there is, as in
//! cc-backend.

use std::fmt;
use std::sync::Arc;

use crate::model::job::Shown;
use crate::model::stop::Stop;
use crate::rules::evidence::Evidence;
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

    /// All stores that have jobs of a cluster.
    fn of_cluster(&self, cluster: &str) -> Vec<&dyn Source> {
        let is_part = |scope: &str| {
            let rest = scope.strip_prefix(cluster);
            rest.is_some_and(|r| r.starts_with('-'))
        };
        let parts = self.stores.iter().filter(|s| is_part(&s.0)).map(|s| &*s.1);
        let rest = self.of_scope(cluster).or_else(|| self.of_scope("*"));
        parts.chain(rest).collect()
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
        store.ask(request, stop)
    }

    /// Of all stores that have jobs of the cluster: one that does not answer must not keep back the jobs of the others.
    fn reach(&self, cluster: &str, stop: &Stop) -> Result<Reach, Error> {
        let (mut reach, mut error): (Option<Reach>, _) = (None, none(cluster));
        for store in self.of_cluster(cluster) {
            match store.reach(cluster, stop) {
                Ok(r) => reach = Some(reach.map_or(r, |all| all.united(r))),
                Err(e @ (Error::Cancelled | Error::Refused(_))) => return Err(e),
                Err(e) => error = e,
            }
        }
        reach.ok_or(error)
    }

    fn probe(&self, cluster: &str, but: &[&str], stop: &Stop) -> Result<(), Error> {
        let mut stores = self.of_cluster(cluster).into_iter();
        stores.try_for_each(|s| s.probe(cluster, but, stop))
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
}
