//! The checkpoints of a few hosts, as files and as what a naive reader knows of them.
//!
//! Every host has a snapshot of one hour or none for each hour, and perhaps a log. All samples stand at whole minutes,
//! and so do all borders.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::support::site::{HOUR, Site, T0};
use crate::support::snapshots::{HostFiles, STEP, times};

pub(super) const HOSTS: [&str; 3] = ["n1", "n2", "n3"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) json: bool,
    pub(super) damaged: bool,
}

#[derive(Debug, Default)]
pub(super) struct Host {
    /// By hour since `T0`.
    pub(super) snapshots: BTreeMap<i64, Snapshot>,
    pub(super) log: Option<Range<i64>>,
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) hosts: BTreeMap<&'static str, Host>,
}

pub(super) fn span(hour: i64) -> Range<i64> {
    T0 + hour * HOUR..T0 + (hour + 1) * HOUR
}

fn name(hour: i64, s: Snapshot) -> String {
    format!(
        "{}.{}",
        span(hour).start,
        if s.json { "json" } else { "bin" }
    )
}

impl World {
    pub(super) fn new(site: &Site) -> Self {
        for host in HOSTS {
            site.host(host);
        }
        Self {
            hosts: HOSTS.map(|h| (h, Host::default())).into(),
        }
    }

    fn host(&mut self, host: &str) -> &mut Host {
        self.hosts.get_mut(host).unwrap()
    }

    /// The newest time that any host's files tell; none without any file.
    pub(super) fn newest(&self) -> Option<i64> {
        self.hosts.values().filter_map(Host::newest).max()
    }

    /// A whole snapshot, in place of what is there; a log that it covers begins anew.
    pub(super) fn write(&mut self, files: &HostFiles, host: &str, hour: i64, json: bool) {
        self.remove(files, host, hour);
        let s = Snapshot {
            json,
            damaged: false,
        };
        if json {
            files.json(span(hour));
        } else {
            files.bin(span(hour));
        }
        let h = self.host(host);
        h.snapshots.insert(hour, s);
        if h.log.take_if(|l| l.end <= span(hour).end).is_some() {
            files.remove("current.wal");
        }
    }

    pub(super) fn damage(&mut self, files: &HostFiles, host: &str, hour: i64) {
        if let Some(s) = self
            .host(host)
            .snapshots
            .get_mut(&hour)
            .filter(|s| !s.damaged)
        {
            s.damaged = true;
            files.cut(&name(hour, *s));
        }
    }

    pub(super) fn remove(&mut self, files: &HostFiles, host: &str, hour: i64) {
        if let Some(s) = self.host(host).snapshots.remove(&hour) {
            files.remove(&name(hour, s));
        }
    }

    /// The log grows up to a time; a new one begins where the newest snapshot ends.
    pub(super) fn log(&mut self, files: &HostFiles, host: &str, to: i64) {
        let h = self.host(host);
        let begin = h.snapshots.keys().last().map_or(T0, |k| span(*k).end);
        let from = h.log.as_ref().map_or(begin, |l| l.end);
        if from < to {
            files.log(from..to);
            let start = h.log.as_ref().map_or(begin, |l| l.start);
            h.log = Some(start..to);
        }
    }
}

impl Host {
    /// Whether a file that can be read holds the sample of that time.
    pub(super) fn has(&self, t: i64) -> bool {
        let hour = (t - T0).div_euclid(HOUR);
        self.snapshots.get(&hour).is_some_and(|s| !s.damaged)
            || self.log.as_ref().is_some_and(|l| l.contains(&t))
    }

    /// Whether a damaged file may hold a sample that is missing. JSON says at its end where it ends: without it, it may
    /// reach to the next one.
    pub(super) fn may_have_lost(&self, job: &Range<i64>) -> bool {
        self.snapshots.iter().any(|(hour, s)| {
            let next = self.snapshots.range(hour + 1..).next();
            let end = match next {
                _ if !s.json => span(*hour).end,
                Some((next, _)) => span(*next).start,
                None => i64::MAX,
            };
            let start = span(*hour).start;
            let concerns = |t: i64| start < t + STEP && t - STEP < end;
            s.damaged && times(job).any(|t| !self.has(t) && concerns(t))
        })
    }

    /// Where the newest snapshot ends that can be read.
    pub(super) fn snapshot_end(&self) -> Option<i64> {
        let whole = self.snapshots.iter().filter(|(_, s)| !s.damaged);
        whole.map(|(hour, _)| span(*hour).end).max()
    }

    /// The newest time that the host's files tell by names, heads and tails.
    fn newest(&self) -> Option<i64> {
        let newest = self.snapshots.last_key_value().map(|(hour, s)| {
            if s.json && s.damaged {
                span(*hour).start
            } else {
                span(*hour).end
            }
        });
        newest.max(self.log.as_ref().map(|l| l.end - STEP))
    }

    /// Which of a job's samples there are.
    pub(super) fn mask(&self, job: &Range<i64>) -> Vec<bool> {
        times(job).map(|t| self.has(t)).collect()
    }
}
