//! The jobs: special ones, each there for a thing that a sweep has to get right, and random everyday work besides.
//!
//! The special jobs, and what an everyday job may differ in from a completed one, are rows of jobs.json beside this file.
//! Jobs get in each other's way as little as on a real site: only where no host is free do they share one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::cluster::{Subcluster, Unit, data};
use super::hosts::{Host, Role};
use super::plan::Plan;
use super::random::Random;
use super::work::{App, WORK};

/// Number of the first job.
const FIRST_NUMBER: i64 = 412_000;
/// Percent of the site's time that everyday work would fill if there was room for all of it.
const LOAD: i64 = 55;
/// The newest end of an everyday job, seconds before `now`: older than a sweep's minimum age.
const YOUNGEST: i64 = 660;
/// On how many hosts everyday jobs run; 2.5 on average.
const COUNTS: [usize; 12] = [1, 1, 1, 1, 1, 1, 2, 2, 2, 4, 6, 8];
/// In how many parts a host is for them; where there are several, so many jobs share one host.
const PARTS: [usize; 7] = [1, 1, 1, 1, 1, 1, 4];
/// For how many percent of their mean time they run; 100 on average.
const LENGTHS: [i64; 8] = [2, 8, 20, 40, 70, 110, 180, 370];

/// Columns of the job table.
type Columns = BTreeMap<String, Value>;

#[derive(Debug, Deserialize)]
struct Rows {
    /// Special jobs on sound hosts.
    sound: Vec<Row>,
    /// Jobs with missing or damaged data, and rows that are wrong; they need the faulty hosts.
    broken: Vec<Row>,
    /// What everyday jobs may have in their columns.
    everyday: Vec<Columns>,
}

static ROWS: LazyLock<Rows> = LazyLock::new(|| data(include_str!("jobs.json")));

/// One special job. A time is so many thousandths of what the samples span and so many seconds.
#[derive(Debug, Deserialize)]
struct Row {
    note: String,
    /// The sorts of hosts it ran on; where none is given, on the hosts of the row before.
    on: Vec<Role>,
    /// On how many hosts of each sort it ran if not on one, as far as so many are free.
    hosts: Option<usize>,
    start: [i64; 2],
    ran: [i64; 2],
    /// Part and number of parts, if it does not have its host to itself.
    part: Option<[usize; 2]>,
    user: Option<usize>,
    app: Option<usize>,
    #[serde(default)]
    tags: Vec<i64>,
    #[serde(default)]
    set: Columns,
}

/// What really happened, and where the row of the job table says something else.
#[derive(Debug)]
pub(super) struct Job {
    /// The scheduler's id; 0 until the jobs are numbered.
    pub(super) number: i64,
    pub(super) kind: &'static Subcluster,
    pub(super) hosts: Vec<usize>,
    /// The hardware threads that it held on each host, …
    pub(super) threads: Vec<Value>,
    /// … and the accelerators.
    pub(super) accelerators: Vec<Value>,
    /// Whether these are not all of the host's.
    pub(super) is_part: bool,
    pub(super) start: i64,
    /// How long it kept its hosts busy, seconds.
    pub(super) ran: i64,
    pub(super) user: &'static (String, String),
    pub(super) app: &'static App,
    /// Columns that hold something else than what happened.
    pub(super) set: Columns,
    /// Ids of its tags.
    pub(super) tags: &'static [i64],
    /// What a special job is there for; empty for everyday ones.
    pub(super) note: &'static str,
    pub(super) seed: u64,
}

impl Job {
    /// How much of a unit it holds, 0 to 1.
    pub(super) fn share(&self, unit: &Unit) -> f64 {
        let is_held =
            |member: &&Value| self.threads.contains(member) || self.accelerators.contains(member);
        unit.members.iter().filter(is_held).count() as f64 / unit.members.len() as f64
    }
}

/// The jobs of the plan, numbered by their start, which is how their rows came to be.
pub(super) fn all(plan: &Plan, hosts: &[Host]) -> Vec<Job> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for (number, host) in hosts.iter().enumerate() {
        groups.entry(host.role).or_default().push(number);
    }
    let mut schedule = Schedule {
        hosts,
        groups,
        busy: vec![Vec::new(); hosts.len()],
        random: Random::new(!plan.seed),
        jobs: Vec::new(),
    };
    schedule.add_special(plan);
    schedule.add_everyday(plan);
    let mut jobs = schedule.jobs;
    jobs.truncate(plan.jobs as usize);
    jobs.sort_by_key(|job| job.start);
    for (number, job) in (FIRST_NUMBER..).zip(&mut jobs) {
        let given = job.set.get("job_id").and_then(Value::as_i64);
        job.number = given.unwrap_or(number);
    }
    jobs
}

/// The hosts, and what they are busy with.
#[derive(Debug)]
struct Schedule<'a> {
    hosts: &'a [Host],
    groups: BTreeMap<Role, Vec<usize>>,
    busy: Vec<Vec<(i64, i64)>>,
    random: Random,
    jobs: Vec<Job>,
}

impl Schedule<'_> {
    fn add_special(&mut self, plan: &Plan) {
        let broken: &[Row] = if plan.broken { &ROWS.broken } else { &[] };
        let span = |[permille, seconds]: [i64; 2]| plan.share(permille) + seconds;
        let mut hosts = Vec::new();
        for row in ROWS.sound.iter().chain(broken) {
            let (start, ran) = (plan.first() + span(row.start), span(row.ran));
            if !row.on.is_empty() {
                hosts.clear();
            }
            for role in &row.on {
                hosts.extend(self.book(*role, row.hosts.unwrap_or(1), start, start + ran));
            }
            if hosts.is_empty() {
                continue; // The site is too small for it.
            }
            let mut job = self.job(&hosts, start, ran, row.part);
            job.user = row.user.map_or(job.user, |user| &WORK.users[user]);
            let apps = &WORK.apps[&job.kind.name];
            job.app = row.app.map_or(job.app, |app| &apps[app]);
            (job.note, job.tags) = (&row.note, &row.tags);
            job.set.clone_from(&row.set);
            self.jobs.push(job);
        }
    }

    /// Adds random jobs until there are as many as planned, and sometimes a few more.
    fn add_everyday(&mut self, plan: &Plan) {
        let sound = self.hosts.iter().filter(|host| host.role.is_sound());
        let sound: Vec<_> = sound.map(|host| host.role).collect();
        let capacity = i64::from(plan.nodes) * i64::from(plan.hours) * 3600;
        let mean = capacity * LOAD / (i64::from(plan.jobs) * 250).max(1);
        let (first, last) = (plan.first() + 900, plan.now - YOUNGEST);
        while self.jobs.len() < plan.jobs as usize {
            let (role, parts) = (*self.random.pick(&sound), *self.random.pick(&PARTS));
            let count = self.random.pick(&COUNTS) / parts;
            let count = count.clamp(1, self.groups[&role].len());
            let percent = self.random.pick(&LENGTHS) * self.random.between(50, 150) / 100;
            let ran = (mean * percent / 100).min((last - first) / 2).max(20);
            let mut start = self.random.between(first, last - ran);
            for _ in 0..20 {
                if self.free(role, count, start, start + ran).len() == count {
                    break;
                }
                start = self.random.between(first, last - ran);
            }
            let hosts = self.book(role, count, start, start + ran);
            for number in 0..parts {
                let part = (parts > 1).then_some([number, parts]);
                let late = self.random.between(0, part.map_or(0, |_| ran / 3));
                let mut job = self.job(&hosts, start + late, ran - late, part);
                job.set.clone_from(self.random.pick(&ROWS.everyday));
                self.jobs.push(job);
            }
        }
    }

    /// At most `count` hosts of a role that are free all the time.
    fn free(&mut self, role: Role, count: usize, from: i64, to: i64) -> Vec<usize> {
        let group = self.groups.get(&role).map_or(&[][..], Vec::as_slice);
        let turn = self.random.below(group.len());
        let is_idle = |host: &usize| {
            let clash = |(start, end): &(i64, i64)| *start < to && *end > from;
            !self.busy[*host].iter().any(clash)
        };
        let turned = group[turn..].iter().chain(&group[..turn]).copied();
        turned.filter(is_idle).take(count).collect()
    }

    /// Keeps those hosts from other jobs; where none is free, the first one of the role.
    fn book(&mut self, role: Role, count: usize, from: i64, to: i64) -> Vec<usize> {
        let mut hosts = self.free(role, count, from, to);
        if hosts.is_empty() {
            hosts.extend(self.groups.get(&role).and_then(|group| group.first()));
        }
        for host in &hosts {
            self.busy[*host].push((from, to));
        }
        hosts
    }

    /// A job on these hosts by somebody; the caller changes what is special about it.
    fn job(&mut self, hosts: &[usize], start: i64, ran: i64, part: Option<[usize; 2]>) -> Job {
        let kind = self.hosts[hosts[0]].kind;
        let held = part.unwrap_or([0, 1]);
        Job {
            number: 0,
            kind,
            hosts: hosts.to_vec(),
            threads: kind.slice("core", held),
            accelerators: kind.slice("accelerators", held),
            is_part: part.is_some(),
            start,
            ran,
            user: self.random.pick(&WORK.users),
            app: self.random.pick(&WORK.apps[&kind.name]),
            set: Columns::new(),
            tags: &[],
            note: "",
            seed: self.random.bits(),
        }
    }
}
