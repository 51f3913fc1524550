//! A cc-metric-store that is asked over HTTP.
//!
//! A store answers from its memory, for exactly the window asked for. Where its series begins before the window, value k is
//! that of the slot which contains start + k·F: that tells the values of this window's grid and of no other, which is why no
//! cache stands before this source and every job asks for itself. Where the series begins inside the window, the
//! answer begins with a true first sample, whose time tells the phase.
//!
//! What must stay true: a store that does not answer, or not to the end, or with nothing, is an error and never "no data"; a
//! question that fails while the store is well fails its job and not the sweep; a store that is not there is left alone for a
//! while, so that jobs that can do without it do not wait for it; no message holds a token.

mod answer;
mod client;
mod question;
mod reading;
pub mod route;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::retry::Patience;
use super::{Error, Reach, Request, Source};
use crate::model::clock::Clock;
use crate::model::job::Shown;
use crate::model::stop::Stop;
use crate::rules::evidence::Evidence;
use crate::rules::timeline::Interval;
use client::{Client, ONCE, Trouble};

pub use client::Address;
use question::MOST_VALUES;
use reading::{Asking, Reading};

/// Metrics that are looked at to find a cluster's newest data.
const LOOKED_AT: usize = 3;
/// Their newest values, so many, are looked at of every host.
const RECENT: i64 = 30;
/// Where these are none, so many seconds are looked at of some hosts: a store remembers two days by default.
const OLDER: i64 = 48 * 3600;
const SOME_HOSTS: u64 = 64;

/// Metrics of a cluster that hosts themselves have, with the seconds between their samples. Where it has none, others.
pub type HostMetrics = HashMap<String, Vec<(String, i64)>>;

/// How much and how often a store is asked.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Values of one request at most.
    pub values: u64,
    /// How often a request is tried.
    pub patience: Patience,
    /// A store that sends nothing for so long sends nothing any more.
    pub silence: Duration,
    /// A store that is not there is not asked again for so long.
    pub left_alone: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            values: MOST_VALUES,
            patience: Patience {
                tries: 3,
                pause: Duration::from_millis(500),
                total: Duration::from_secs(90),
            },
            silence: Duration::from_secs(15),
            left_alone: Duration::from_secs(30),
        }
    }
}

/// A store.
#[derive(Debug)]
pub struct Store {
    client: Client,
    /// Its address, for messages.
    url: String,
    metrics: HostMetrics,
    clock: Clock,
    limits: Limits,
    /// Cluster → its newest data when it was looked at; only clusters that the store knows.
    known: Mutex<HashMap<String, i64>>,
    /// Since when the store is not there, and why.
    away: Mutex<Option<(Instant, String)>>,
}

impl Store {
    /// A store; nothing is asked yet.
    pub fn new(address: &Address<'_>, metrics: HostMetrics, clock: Clock, limits: Limits) -> Self {
        Self {
            client: Client::new(address, limits.silence),
            url: address.url.to_owned(),
            metrics,
            clock,
            limits,
            known: Mutex::default(),
            away: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn away(&self) -> MutexGuard<'_, Option<(Instant, String)>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses to ask a store that was not there a moment ago.
    fn check_away(&self) -> Result<(), Error> {
        match &*self.away() {
            Some((since, why)) if since.elapsed() < self.limits.left_alone => {
                Err(Error::Gone(why.clone()))
            }
            _ => Ok(()),
        }
    }

    fn gone(&self, why: &str) -> Error {
        let text = format!("{}: {why}", self.url);
        *self.away() = Some((Instant::now(), text.clone()));
        Error::Gone(text)
    }

    /// What a small question's trouble means: whoever cannot answer that is away.
    fn error_of_look(&self, trouble: &Trouble) -> Error {
        match trouble {
            Trouble::Cancelled => Error::Cancelled,
            Trouble::Refused(why) => Error::Refused(format!("{}: {why}", self.url)),
            Trouble::NotThere(_)
            | Trouble::WrongAddress(_)
            | Trouble::Untrusted(_)
            | Trouble::Passing(_)
            | Trouble::Nonsense(_)
            | Trouble::Empty => self.gone(&trouble.to_string()),
        }
    }

    /// What a question's trouble means. A small question tells a store that fails from one that fails at this question.
    fn error_of(&self, trouble: &Trouble, cluster: &str, stop: &Stop) -> Error {
        match trouble {
            Trouble::Cancelled => return Error::Cancelled,
            Trouble::Refused(_)
            | Trouble::NotThere(_)
            | Trouble::WrongAddress(_)
            | Trouble::Untrusted(_) => {
                return self.error_of_look(trouble);
            }
            Trouble::Passing(_) | Trouble::Nonsense(_) | Trouble::Empty => {}
        }
        match self.look(cluster, &ONCE, stop) {
            Err(e @ (Error::Gone(_) | Error::Refused(_) | Error::Cancelled)) => e,
            Ok(_) | Err(_) => Error::Unreadable {
                subject: self.url.clone(),
                detail: trouble.to_string(),
                transient: false,
            },
        }
    }

    /// Finds out whether the store knows a cluster, and how far its data reaches: where there is none of the last minutes,
    /// some hosts are asked for two days.
    ///
    /// # Errors
    /// When it does not answer, or knows no host of the cluster.
    fn look(&self, cluster: &str, patience: &Patience, stop: &Stop) -> Result<i64, Error> {
        let metrics = self.metrics.get(cluster).map_or(&[][..], Vec::as_slice);
        let metrics = &metrics[..metrics.len().min(LOOKED_AT)];
        let names: Vec<&str> = metrics.iter().map(|m| m.0.as_str()).collect();
        let slowest = metrics.iter().map(|m| m.1).max().unwrap_or(60);
        let to = self.clock.now().saturating_add(slowest);
        let from = to.saturating_sub(RECENT.saturating_mul(slowest));
        let ask = |text: &str| {
            let answer = self.client.ask(text, MOST_VALUES, patience, stop);
            answer.map_err(|t| self.error_of_look(&t))
        };
        let answer = ask(&question::of_all_hosts(
            cluster,
            &names,
            Interval { from, to },
        ))?;
        *self.away() = None;
        if answer.results.is_empty() {
            return Err(Error::ClusterMissing {
                subject: self.url.clone(),
                detail: format!("{} holds no host of cluster {}", self.url, Shown(cluster)),
            });
        }
        if let Some(newest) = reading::newest(&answer) {
            return Ok(newest);
        }
        let mut hosts: Vec<String> = answer.queries.into_iter().map(|q| q.host).collect();
        hosts.sort();
        hosts.dedup();
        let (Some(metric), true) = (metrics.first(), !hosts.is_empty()) else {
            return Ok(i64::MIN);
        };
        let per_host = (OLDER / metric.1.max(1)).unsigned_abs() + 1;
        let some = (MOST_VALUES / per_host).clamp(1, SOME_HOSTS);
        hosts.truncate(usize::try_from(some).unwrap_or(1));
        let from = to.saturating_sub(OLDER);
        let text = question::of_hosts(cluster, &hosts, &metric.0, Interval { from, to });
        Ok(reading::newest(&ask(&text)?).unwrap_or(i64::MIN))
    }

    /// The newest data of a cluster, as it was when the store was first asked about it.
    fn newest(&self, cluster: &str, stop: &Stop) -> Result<i64, Error> {
        self.check_away()?;
        if let Some(newest) = self.known().get(cluster) {
            return Ok(*newest);
        }
        let newest = self.look(cluster, &self.limits.patience, stop)?;
        self.known().insert(cluster.to_owned(), newest);
        Ok(newest)
    }
}

impl Source for Store {
    fn ask(&self, request: &Request<'_>, stop: &Stop) -> Result<Arc<Evidence>, Error> {
        // A typing error in the cluster's name would look like a host without data.
        self.newest(request.cluster, stop)?;
        let read_at = self.clock.now();
        let own = self.metrics.get(request.cluster);
        let mut reading = Reading::new(Asking {
            client: &self.client,
            url: &self.url,
            request,
            otherwise: own.map_or(&[], Vec::as_slice),
            values: self.limits.values,
            patience: &self.limits.patience,
            stop,
        });
        let answered = reading.ask_all();
        answered.map_err(|trouble| self.error_of(&trouble, request.cluster, stop))?;
        Ok(Arc::new(reading.finish(read_at)))
    }

    fn reach(&self, cluster: &str, stop: &Stop) -> Result<Reach, Error> {
        Ok(Reach {
            newest: self.newest(cluster, stop)?,
            // A store does not say how much it remembers.
            oldest: i64::MIN,
        })
    }

    /// Hosts that could not be read are no matter: the small question names none.
    fn probe(&self, cluster: &str, _: &[&str], stop: &Stop) -> Result<(), Error> {
        self.look(cluster, &self.limits.patience, stop).map(drop)
    }
}
