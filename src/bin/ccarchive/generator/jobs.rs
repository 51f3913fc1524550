//! A job, and the schedule that puts jobs on hosts so that they get in each other's way as little
//! as on a real site.

use super::apps::{APPS, CPU_APPS, USERS};
use super::cluster::{ACCELERATORS, CLUSTER, Kind};
use super::hosts::{Fault, Format, Host};
use super::plan::Window;
use super::random::Random;

/// Idle time that a host gets before and after a job, seconds.
const PAUSE: i64 = 20;

/// Which jobs share a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    None,
    /// Tasks of one array: consecutive numbers.
    Array,
    /// The same job once more, under the same number.
    Requeued,
}

/// What `meta_data` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metadata {
    /// Name and script.
    Full,
    Empty,
    Null,
    /// Text that is no JSON.
    Broken,
}

/// A host, or a part of it, that a job holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) host: usize,
    pub(super) threads: u64,
    pub(super) accelerators: u64,
    pub(super) whole: bool,
}

/// A row of the job table, and what really happened.
#[derive(Debug)]
pub(super) struct Job {
    /// The scheduler's id; 0 until the jobs are numbered.
    pub(super) number: i64,
    /// Number of the first task of the array, or 0.
    pub(super) array: i64,
    pub(super) family: Family,
    pub(super) cluster: &'static str,
    pub(super) subcluster: &'static str,
    pub(super) partition: &'static str,
    pub(super) shared: &'static str,
    pub(super) start: i64,
    /// What the row says, seconds.
    pub(super) duration: i64,
    /// How long it kept its hosts busy, seconds.
    pub(super) ran: i64,
    pub(super) walltime: i64,
    pub(super) state: &'static str,
    pub(super) status: u8,
    /// Position in [`USERS`].
    pub(super) user: usize,
    /// Position in [`APPS`].
    pub(super) app: usize,
    pub(super) places: Vec<Place>,
    /// Stands in the row in place of what follows from the places.
    pub(super) resources: Option<&'static str>,
    pub(super) metadata: Metadata,
    /// Ids of its tags.
    pub(super) tags: Vec<i64>,
    /// What a special job is there for; empty for everyday ones.
    pub(super) note: &'static str,
    pub(super) seed: u64,
}

impl Job {
    /// Whether a sweep has to look at it.
    pub(super) fn unarchived(&self) -> bool {
        !matches!(self.state, "running" | "pending" | "suspended") && matches!(self.status, 1 | 2)
    }

    /// Gives it one part of `of` equal parts of its only host.
    pub(super) fn take_part(&mut self, kind: Kind, part: u32, of: u32) {
        self.shared = "multi_user";
        for place in &mut self.places {
            place.whole = false;
            place.threads = kind.slice(part, of);
            if kind == Kind::Gpu {
                let each = 4 / of.min(4);
                place.accelerators = ((1 << each) - 1) << (part * each % 4);
            }
        }
    }

    /// JSON for the column `resources`.
    pub(super) fn resources(&self, hosts: &[Host]) -> String {
        if let Some(text) = self.resources {
            return text.to_owned();
        }
        let places = self.places.iter().map(|place| {
            let mut text = format!("{{\"hostname\":\"{}\"", hosts[place.host].name);
            if !place.whole {
                let threads = bits(place.threads).map(|bit| bit.to_string());
                text += &list("hwthreads", threads);
            }
            if place.accelerators != 0 {
                let ids = bits(place.accelerators).map(|bit| ACCELERATORS[bit as usize]);
                text += &list("accelerators", ids.map(|id| format!("\"{id}\"")));
            }
            text + "}"
        });
        format!("[{}]", places.collect::<Vec<_>>().join(","))
    }
}

fn list(key: &str, items: impl Iterator<Item = String>) -> String {
    format!(",\"{key}\":[{}]", items.collect::<Vec<_>>().join(","))
}

fn bits(mask: u64) -> impl Iterator<Item = u32> {
    (0..64).filter(move |bit| mask >> bit & 1 == 1)
}

/// The hosts, what they are busy with, and the jobs so far.
#[derive(Debug)]
pub(super) struct Schedule<'a> {
    pub(super) hosts: &'a [Host],
    pub(super) window: &'a Window,
    pub(super) jobs: Vec<Job>,
    pub(super) random: Random,
    busy: Vec<Vec<(i64, i64)>>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(hosts: &'a [Host], window: &'a Window, seed: u64) -> Self {
        Self {
            hosts,
            window,
            jobs: Vec::new(),
            random: Random::stream(seed, 4),
            busy: vec![Vec::new(); hosts.len()],
        }
    }

    /// Healthy hosts that write (or do not write) only JSON.
    pub(super) fn group(&self, kind: Kind, json: bool) -> Vec<usize> {
        self.chosen(|host| {
            host.kind == kind && host.healthy() && (host.format == Format::Json) == json
        })
    }

    /// Hosts with this fault.
    pub(super) fn faulty(&self, like: fn(&Fault) -> bool) -> Vec<usize> {
        self.chosen(|host| like(&host.fault))
    }

    fn chosen(&self, wanted: impl Fn(&Host) -> bool) -> Vec<usize> {
        (0..self.hosts.len())
            .filter(|number| wanted(&self.hosts[*number]))
            .collect()
    }

    /// `count` hosts of the group that are free all the time; none if there are not so many.
    pub(super) fn free(
        &mut self,
        group: &[usize],
        count: usize,
        from: i64,
        to: i64,
    ) -> Option<Vec<usize>> {
        let turn = self
            .random
            .below(u32::try_from(group.len()).unwrap_or(u32::MAX)) as usize;
        let free: Vec<usize> = (group[turn..].iter().chain(&group[..turn]))
            .copied()
            .filter(|host| {
                let busy = &self.busy[*host];
                let next = busy.partition_point(|(_, end)| *end + PAUSE <= from);
                busy.get(next).is_none_or(|(start, _)| *start >= to + PAUSE)
            })
            .take(count)
            .collect();
        (free.len() == count).then_some(free)
    }

    /// As `free`, but there are always hosts: where none is free, busy ones.
    pub(super) fn find(&mut self, group: &[usize], count: usize, from: i64, to: i64) -> Vec<usize> {
        let count = count.min(group.len());
        self.free(group, count, from, to)
            .unwrap_or_else(|| group[..count].to_vec())
    }

    /// Keeps the hosts from other jobs.
    pub(super) fn book(&mut self, hosts: &[usize], from: i64, to: i64) {
        for host in hosts {
            let busy = &mut self.busy[*host];
            let at = busy.partition_point(|(start, _)| *start < from);
            busy.insert(at, (from, to));
        }
    }

    /// Adds a job that had the hosts to itself; the caller changes what is different about it.
    pub(super) fn add(&mut self, hosts: &[usize], start: i64, ran: i64) -> &mut Job {
        let seed = self.random.bits();
        let kind = self.hosts[hosts[0]].kind;
        let apps = u32::try_from(APPS.len()).unwrap_or(0);
        let app = match kind {
            Kind::Cpu => self.random.below(CPU_APPS),
            Kind::Gpu => CPU_APPS + self.random.below(apps - CPU_APPS),
        };
        let user = self.random.below(u32::try_from(USERS.len()).unwrap_or(1));
        let place = |host: &usize| Place {
            host: *host,
            threads: kind.all_threads(),
            accelerators: kind.all_accelerators(),
            whole: true,
        };
        self.jobs.push(Job {
            number: 0,
            array: 0,
            family: Family::None,
            cluster: CLUSTER,
            subcluster: kind.name(),
            partition: if kind == Kind::Gpu { "gpu" } else { "main" },
            shared: "none",
            start,
            duration: ran,
            ran,
            walltime: walltime(ran),
            state: "completed",
            status: 1,
            user: user as usize,
            app: app as usize,
            places: hosts.iter().map(place).collect(),
            resources: None,
            metadata: Metadata::Full,
            tags: Vec::new(),
            note: "",
            seed,
        });
        let last = self.jobs.len() - 1;
        &mut self.jobs[last]
    }
}

/// What a user would have asked for, seconds.
fn walltime(ran: i64) -> i64 {
    let hours = [1, 2, 4, 8, 12, 24];
    hours
        .into_iter()
        .map(|hours| hours * 3600)
        .find(|limit| *limit > ran)
        .unwrap_or(ran + 3600)
}
