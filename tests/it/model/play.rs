//! One sequence: steps that change the site and its model alike, sweeps, and the comparison of both.

use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;

use ccarchive::ledger::Ledger;
use rusqlite::Connection;

use super::compare::{SLACK, check_archive, check_ledger};
use super::oracle::{self, Fate, Flags, Job};
use super::world::{HOSTS, World};
use crate::support::engine::{Sweep, Swept};
use crate::support::random::Random;
use crate::support::site::{HOUR, NewJob, Site, T0};

pub(super) struct Play {
    chance: Random,
    site: Site,
    world: World,
    jobs: BTreeMap<i64, Job>,
    /// The number of the last job that came; no job gets the number of one that is gone.
    last_id: i64,
    now: i64,
    /// Whether a sweep saw samples in the source.
    proved: bool,
    steps: Vec<String>,
    /// Looks into the ledger, and keeps its log from being written back at the end of each sweep, for speed.
    ledger: Connection,
}

/// The bytes of a ledger that knows nothing yet; made once, since making one waits for the disk.
fn empty_ledger() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        drop(Ledger::open(&path, dir.path()));
        fs::read(path).unwrap()
    })
}

impl Drop for Play {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the sequence:\n{}", self.steps.join("\n"));
        }
    }
}

impl Play {
    /// A new site; the draws decide how it begins.
    pub(super) fn new(begin: Vec<u64>) -> Self {
        let site = Site::new();
        fs::write(site.path("job.db.ledger"), empty_ledger()).unwrap();
        let ledger = Connection::open(site.path("job.db.ledger")).unwrap();
        let mut play = Self {
            chance: Random::of(begin),
            world: World::new(&site),
            site,
            jobs: BTreeMap::new(),
            last_id: 0,
            now: T0 + 4 * HOUR + 7,
            proved: false,
            steps: Vec::new(),
            ledger,
        };
        for _ in 0..3 {
            play.insert();
        }
        for _ in 0..9 {
            play.data();
        }
        play
    }

    fn say(&mut self, text: String) {
        self.steps.push(text);
    }

    /// One random step, which these draws decide.
    pub(super) fn step(&mut self, draws: Vec<u64>) {
        self.chance = Random::of(draws);
        match self.chance.signed(20) {
            0..=2 => self.data(),
            3 | 4 => self.damage(),
            5 | 6 => self.row(),
            7 | 8 => {
                self.now += self
                    .chance
                    .of_list(&[300, HOUR, 4 * HOUR, 14 * HOUR, 14 * HOUR])
                    / 60
                    * 60;
            }
            9 if self.jobs.len() < 8 => self.insert(),
            10 => self.jump(),
            11..=13 => self.again(),
            _ => {
                self.now += 360;
                let flags = self.flags();
                self.sweep(self.now, flags);
            }
        }
    }

    /// A last sweep long after everything: what can be archived is, and a second one finds nothing to do for it.
    pub(super) fn end(mut self) {
        self.now += 400 * HOUR;
        self.sweep(
            self.now,
            Flags {
                retry_now: true,
                ..Flags::default()
            },
        );
        let done: Vec<i64> = self
            .jobs
            .values()
            .filter(|j| j.ledger.is_some_and(|n| n.state == "done"))
            .map(|j| j.id)
            .collect();
        let swept = self.sweep(self.now + 60, Flags::default());
        assert!(
            done.iter().all(|j| swept.job(*j).is_none()),
            "{:?}",
            swept.jobs
        );
    }

    fn flags(&mut self) -> Flags {
        Flags {
            named: None,
            retention: if self.chance.percent(30) {
                Some(48 * HOUR)
            } else {
                None
            },
            retry_now: self.chance.percent(10),
            force: self.chance.percent(5),
            accept_empty: self.chance.percent(5),
            dry_run: self.chance.percent(8),
        }
    }

    fn insert(&mut self) {
        self.last_id += 1;
        let job_id = self.last_id;
        let c = &mut self.chance;
        let hosts = match c.signed(4) {
            0 => vec![HOSTS[0], HOSTS[1]],
            1 => HOSTS.to_vec(),
            _ => vec![c.of_list(&HOSTS)],
        };
        let length = c.of_list(&[0, 60, 600, 3000, 2 * HOUR, 2 * HOUR]);
        // Fewer beginnings would give jobs the same key.
        let start = T0 + c.signed(300) * 60;
        let job = Job {
            id: job_id,
            hosts,
            start,
            duration: length,
            status: c.of_list(&[1, 1, 1, 1, 2, 0]),
            running: c.percent(10),
            ill: true,
            misplaced: c.percent(5),
            ledger: None,
            archive: None,
        };
        let row = NewJob {
            hosts: job.hosts.iter().map(|h| (*h).to_owned()).collect(),
            state: if job.running { "running" } else { "failed" }.into(),
            subcluster: if job.misplaced { "gone" } else { "main" }.into(),
            walltime: 24 * HOUR,
            ..NewJob::stopped(job_id, "", start, length).status(job.status)
        };
        self.site.insert(&row);
        self.say(format!("insert {job:?}"));
        self.jobs.insert(job_id, job);
    }

    fn hour(&mut self) -> i64 {
        self.chance.signed(((self.now - T0) / HOUR).clamp(1, 8))
    }

    /// Data arrives, in order or late.
    fn data(&mut self) {
        let host = self.chance.of_list(&HOSTS);
        let files = self.site.host(host);
        if self.chance.percent(30) {
            let to = (self.now - 120).div_euclid(60) * 60;
            let to = (T0 + (to - T0) / 60 * 60).min(T0 + 9 * HOUR);
            self.say(format!("log {host} to {to}"));
            self.world.log(&files, host, to);
        } else {
            let (hour, json) = (self.hour(), self.chance.percent(40));
            self.say(format!("snapshot {host} {hour} json {json}"));
            self.world.write(&files, host, hour, json);
        }
    }

    fn damage(&mut self) {
        let host = self.chance.of_list(&HOSTS);
        let hours: Vec<i64> = self.world.hosts[host].snapshots.keys().copied().collect();
        if hours.is_empty() {
            return;
        }
        let hour = self.chance.of_list(&hours);
        let files = self.site.host(host);
        if self.chance.percent(75) {
            self.say(format!("damage {host} {hour}"));
            self.world.damage(&files, host, hour);
        } else {
            self.say(format!("remove {host} {hour}"));
            self.world.remove(&files, host, hour);
        }
    }

    /// The owner of the database changes a row.
    fn row(&mut self) {
        let ids: Vec<i64> = self.jobs.keys().copied().collect();
        let Some(id) = (!ids.is_empty()).then(|| self.chance.of_list(&ids)) else {
            return;
        };
        let what = self.chance.signed(8);
        self.say(format!("row {id} {what}"));
        let job = self.jobs.get_mut(&id).unwrap();
        match what {
            0 => {
                self.site.set(id, "job_state = 'timeout'");
                (job.running, job.ill) = (false, false);
            }
            1 => {
                self.site.set(id, "subcluster = 'main'");
                job.misplaced = false;
            }
            2 => {
                self.site.set(id, "monitoring_status = 1");
                job.status = 1;
            }
            3 if job.status != 3 => {
                job.duration = self.chance.of_list(&[120, 600, 3000]);
                self.site.set(id, &format!("duration = {}", job.duration));
            }
            4 if job.archive.is_none() => {
                self.site
                    .db()
                    .execute("DELETE FROM job WHERE job_id = ?1", [id])
                    .unwrap();
                self.jobs.remove(&id);
            }
            5..=7 => self.age(id),
            _ => {}
        }
    }

    /// A waiting job has been tried often before.
    fn age(&mut self, id: i64) {
        let job = self.jobs.get_mut(&id).unwrap();
        if let Some(note) = job.ledger.as_mut().filter(|n| n.state == "waiting") {
            note.attempts = self.chance.of_list(&[5, 6, 7, 12]);
            if note.failures > 0 {
                note.failures = note.attempts;
            }
            let sql = "UPDATE job SET attempts = ?1, failures = ?2 WHERE job_id = ?3";
            let numbers = [note.attempts, note.failures, id];
            self.ledger.execute(sql, numbers).unwrap();
        }
    }

    /// A sweep with a wrong clock.
    fn jump(&mut self) {
        // Much further back, the source's files would be of the future, and a source does not believe those.
        let off = self.chance.of_list(&[-60, 30 * HOUR, 300 * HOUR]);
        let flags = self.flags();
        self.sweep(self.now + off, flags);
    }

    /// A job is archived by its number.
    fn again(&mut self) {
        let ids: Vec<i64> = self.jobs.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let named = Some(self.chance.of_list(&ids));
        let flags = Flags {
            named,
            force: self.chance.percent(20),
            ..self.flags()
        };
        self.now += 60;
        self.sweep(self.now, flags);
    }

    fn sweep(&mut self, mut now: i64, flags: Flags) -> Swept {
        // Where the second decides, the machine's speed would.
        let undecided = |j: &Job| {
            j.ledger.is_some_and(|n| {
                (now..now + SLACK).contains(&n.next_try) || (now..now + SLACK).contains(&n.last_try)
            })
        };
        if self.jobs.values().any(undecided) {
            now += 60;
        }
        self.say(format!("sweep at {now} {flags:?}"));
        let mut sweep = Sweep::at(now).with(|s| {
            s.retention = flags.retention;
            s.retry_now = flags.retry_now;
            s.force = flags.force;
            s.accept_empty = flags.accept_empty;
        });
        if let Some(job_id) = flags.named {
            sweep = sweep.job_id(job_id);
        }
        if flags.dry_run {
            sweep = sweep.dry();
        }
        let swept = sweep.run(&self.site);
        self.compare(&swept, &flags, now);
        swept
    }

    fn compare(&mut self, swept: &Swept, flags: &Flags, now: i64) {
        assert_eq!(swept.warnings, [""; 0]);
        let fates: BTreeMap<i64, Fate> = self
            .jobs
            .values()
            .filter(|j| j.is_taken(flags, now))
            .map(|j| (j.id, oracle::fate(j, &self.world, flags, now, self.proved)))
            .collect();
        let proved = self.proved || fates.values().any(|f| f.has_samples);
        let ends = fates.values().any(|f| f.outcome == oracle::GONE);
        assert_eq!(swept.summary.aborted.is_some(), ends);
        for job in self.jobs.values_mut() {
            let context = format!("{job:?}\n at {now}");
            // Without proof that it is the right source, no data says nothing about a job.
            let fate = fates
                .get(&job.id)
                .filter(|f| proved || f.outcome != "no_data")
                .filter(|f| f.outcome != oracle::GONE)
                // Which jobs a sweep still comes to before it ends is a matter of chance.
                .filter(|_| !ends || swept.job(job.id).is_some());
            let outcome = fate.map_or("", |f| f.outcome);
            assert_eq!(swept.outcome(job.id), outcome, "{context}");
            if let Some(fate) = fate.filter(|_| !flags.dry_run) {
                *job = oracle::after(job, &self.world, flags, *fate, now);
            }
            assert_eq!(self.site.status(job.id), job.status, "{context}");
            check_ledger(&self.ledger, job, &context);
            let archived = self.site.archived(job.id, job.start);
            assert_eq!(archived.is_some(), job.archive.is_some(), "{context}");
            if let (Some(found), Some(archive)) = (archived, &job.archive) {
                assert_eq!(found.meta["duration"], archive.duration, "{context}");
                check_archive(&found, job.start, archive, &context);
            }
        }
        self.proved = if flags.dry_run { self.proved } else { proved };
        assert_eq!(
            swept.jobs.len() as u64,
            swept.summary.total() + swept.summary.unchanged
        );
        let archived = self.jobs.values().filter(|j| j.archive.is_some()).count();
        assert_eq!(self.site.archived_jobs().len(), archived);
    }
}
