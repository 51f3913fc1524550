//! The jobs, the schedule that puts them on hosts so that they get in each other's way as little as on a real site, and
//! everyday work: random jobs until there are as many as planned.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cluster::Kind;
use super::hosts::{Fault, Format, Host};
use super::plan::{Plan, Window};
use super::random::Random;
use super::work::{CPU_APPS, WORK};

/// Idle time that a host gets before and after a job, seconds.
const PAUSE: i64 = 20;
/// Mean node seconds of an everyday job before its length is scaled to the site.
const MEAN: i64 = 22_000;
/// Thousandths of the site that everyday work keeps busy, if that can be.
const LOAD: i64 = 550;
/// The newest end of an everyday job, seconds before `now`: older than a sweep's minimum age.
const YOUNGEST: i64 = 660;
/// On how many hosts everyday jobs run.
const COUNTS: [usize; 14] = [1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 4, 8, 8];

/// A host, or a part of it, that a job holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) host: usize,
    pub(super) threads: u64,
    pub(super) accelerators: u64,
    pub(super) whole: bool,
}

/// What really happened, and where the row of the job table says something else.
#[derive(Debug)]
pub(super) struct Job {
    /// The scheduler's id; 0 until the jobs are numbered.
    pub(super) number: i64,
    /// Number of the first task of the array, or 0.
    pub(super) array: i64,
    /// `array` for tasks of one array, which have consecutive numbers; `requeued` for one job that was started again
    /// under the same number; else empty.
    pub(super) family: &'static str,
    pub(super) kind: Kind,
    pub(super) start: i64,
    /// How long it kept its hosts busy, seconds.
    pub(super) ran: i64,
    /// Position in the list of users.
    pub(super) user: usize,
    /// Position in the list of applications.
    pub(super) app: usize,
    pub(super) places: Vec<Place>,
    /// Columns that do not follow from the other fields.
    pub(super) set: BTreeMap<String, Value>,
    /// Ids of its tags.
    pub(super) tags: Vec<i64>,
    /// What a special job is there for; empty for everyday ones.
    pub(super) note: &'static str,
    pub(super) seed: u64,
}

impl Job {
    /// Gives it one part of `of` equal parts of its only host.
    pub(super) fn take_part(&mut self, part: usize, of: usize) {
        self.set("shared", json!("multi_user"));
        for place in &mut self.places {
            let each = place.accelerators.count_ones() as usize / of;
            place.whole = false;
            place.threads = self.kind.slice(part, of);
            place.accelerators = ((1 << each) - 1) << (part * each);
        }
    }

    fn set(&mut self, column: &str, value: Value) {
        self.set.insert(column.to_owned(), value);
    }
}

/// The hosts, what they are busy with, and the jobs so far.
#[derive(Debug)]
pub(super) struct Schedule<'a> {
    hosts: &'a [Host],
    pub(super) window: &'a Window,
    pub(super) jobs: Vec<Job>,
    random: Random,
    busy: Vec<Vec<(i64, i64)>>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(hosts: &'a [Host], window: &'a Window, seed: u64) -> Self {
        let busy = vec![Vec::new(); hosts.len()];
        Self {
            hosts,
            window,
            jobs: Vec::new(),
            random: Random::stream(seed, 4),
            busy,
        }
    }

    /// Healthy hosts that write (or do not write) only JSON.
    pub(super) fn group(&self, kind: Kind, json: bool) -> Vec<usize> {
        self.chosen(|host| {
            host.kind == kind && host.fault == Fault::None && (host.format == Format::Json) == json
        })
    }

    pub(super) fn chosen(&self, wanted: impl Fn(&Host) -> bool) -> Vec<usize> {
        (0..self.hosts.len())
            .filter(|number| wanted(&self.hosts[*number]))
            .collect()
    }

    /// `count` hosts of the group that are free all the time; none if there are not so many.
    fn free(&mut self, group: &[usize], count: usize, from: i64, to: i64) -> Option<Vec<usize>> {
        let turn = self.random.below(group.len());
        let idle = |host: &usize| {
            let clash = |(start, end): &(i64, i64)| *start < to + PAUSE && *end + PAUSE > from;
            !self.busy[*host].iter().any(clash)
        };
        let turned = group[turn..].iter().chain(&group[..turn]);
        let free: Vec<usize> = turned.copied().filter(idle).take(count).collect();
        (free.len() == count).then_some(free)
    }

    /// Keeps hosts from other jobs: `count` free ones of the group, or busy ones where so many are not free.
    pub(super) fn book(&mut self, group: &[usize], count: usize, from: i64, to: i64) -> Vec<usize> {
        let count = count.min(group.len());
        let hosts = self
            .free(group, count, from, to)
            .unwrap_or_else(|| group[..count].to_vec());
        for host in &hosts {
            self.busy[*host].push((from, to));
        }
        hosts
    }

    /// Adds a job that had the hosts to itself; the caller changes what is different about it.
    pub(super) fn add(&mut self, hosts: &[usize], start: i64, ran: i64) -> &mut Job {
        let kind = self.hosts[hosts[0]].kind;
        let app = match kind {
            Kind::Cpu => self.random.below(CPU_APPS),
            Kind::Gpu => CPU_APPS + self.random.below(WORK.apps.len() - CPU_APPS),
        };
        let (threads, accelerators) = (kind.all_threads(), kind.all_accelerators());
        let place = |host: &usize| Place {
            host: *host,
            threads,
            accelerators,
            whole: true,
        };
        self.jobs.push(Job {
            number: 0,
            array: 0,
            family: "",
            kind,
            start,
            ran,
            user: self.random.below(WORK.users.len()),
            app,
            places: hosts.iter().map(place).collect(),
            set: BTreeMap::new(),
            tags: Vec::new(),
            note: "",
            seed: self.random.bits(),
        });
        let last = self.jobs.len() - 1;
        &mut self.jobs[last]
    }

    /// Fills the schedule with everyday work up to the planned number of jobs.
    pub(super) fn fill(&mut self, plan: &Plan) {
        let groups = [(Kind::Cpu, false), (Kind::Cpu, true), (Kind::Gpu, false)]
            .map(|(kind, json)| self.group(kind, json));
        let missing = i64::from(plan.jobs) - self.jobs.len() as i64;
        let capacity = i64::from(plan.nodes) * i64::from(plan.hours) * 3600;
        let scale = (capacity * LOAD / (missing * MEAN).max(1)).clamp(20, 2000);
        // A host is drawn, and with it its group.
        let hosts: Vec<_> = groups
            .iter()
            .flat_map(|group| group.iter().map(move |_| group))
            .collect();
        while self.jobs.len() < plan.jobs as usize {
            let group = hosts[self.random.below(hosts.len())];
            self.place(group, scale);
        }
        // Special jobs may be more than planned, and a shared node may have brought one too many.
        self.jobs.truncate(plan.jobs as usize);
    }

    /// Finds room for one job, or for the jobs of one shared node.
    fn place(&mut self, group: &[usize], scale: i64) {
        let shared = match self.hosts[group[0]].kind {
            Kind::Cpu => self.random.chance(12),
            Kind::Gpu => self.random.chance(35),
        };
        let drawn = COUNTS[self.random.below(COUNTS.len())];
        let mut count = if shared { 1 } else { drawn.min(group.len()) };
        let (first, last) = (self.window.first + 900, self.window.now - YOUNGEST);
        let mut length = (length(&mut self.random) * scale / 1000).clamp(20, last - first);
        let mut start = self.random.between(first, last - length);
        for attempt in 1..=24 {
            if self.free(group, count, start, start + length).is_some() {
                break;
            }
            length = (length * 4 / 5).max(20);
            start = self.random.between(first, last - length);
            if attempt % 6 == 0 {
                count = count.div_ceil(2);
            }
        }
        // Where the site is full, the job overlaps with others.
        let hosts = self.book(group, count, start, start + length);
        self.fit(&hosts, start, length, shared);
    }

    /// Adds the job, or as many jobs as share the host.
    fn fit(&mut self, hosts: &[usize], start: i64, length: i64, shared: bool) {
        let parts = if shared { 2 << self.random.below(2) } else { 1 };
        for part in 0..parts {
            let cut = if shared { length / 3 } else { 0 };
            let (late, early) = (self.random.between(0, cut), self.random.between(0, cut));
            let job = self.add(hosts, start + late, (length - late - early).max(20));
            if shared {
                job.take_part(part, parts);
            }
            self.vary();
        }
    }

    /// Gives the newest job an end, a status and metadata as they come.
    fn vary(&mut self) {
        let random = &mut self.random;
        let state = match random.below(100) {
            0..80 => "completed",
            80..88 => "failed",
            88..93 => "cancelled",
            93..97 => "timeout",
            97..99 => "out_of_memory",
            _ => "preempted",
        };
        let status = if random.chance(10) { 2 } else { 1 };
        let (metadata, tag) = (
            random.below(10),
            random.chance(8).then(|| random.between(1, 3)),
        );
        let last = self.jobs.len() - 1;
        let job = &mut self.jobs[last];
        job.set("job_state", json!(state));
        job.set("monitoring_status", json!(status));
        match metadata {
            0 => job.set("meta_data", Value::Null),
            1 => job.set("meta_data", json!("{}")),
            _ => {}
        }
        job.tags.extend(tag);
        if state == "timeout" {
            job.set("walltime", json!(job.ran));
        }
    }
}

/// Length of an everyday job in seconds before scaling: mostly minutes to hours, few all day.
fn length(random: &mut Random) -> i64 {
    match random.below(100) {
        0..15 => random.between(20, 600),
        15..60 => random.between(600, 7200),
        60..90 => random.between(7200, 21_600),
        _ => random.between(21_600, 50_400),
    }
}
