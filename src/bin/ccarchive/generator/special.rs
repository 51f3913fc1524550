//! The special jobs: one for each thing that a sweep has to get right, with a note that says what.
//!
//! Those of [`sound`] are what every site has; those of [`broken`] need the faulty hosts. Times are
//! thousandths of the site's window where nothing else is said.

use super::cluster::Kind;
use super::hosts::Fault;
use super::jobs::{Family, Job, Metadata, Schedule};

/// Adds special jobs to a schedule.
struct Stage<'s, 'a> {
    schedule: &'s mut Schedule<'a>,
    /// The sound `cpu` hosts that have a log.
    main: Vec<usize>,
}

/// Jobs on sound hosts.
pub(super) fn sound(schedule: &mut Schedule<'_>) {
    let mut stage = Stage::new(schedule);
    stage.sizes();
    stage.shares();
    stage.families();
    stage.states();
    stage.newest();
}

/// Jobs with missing or damaged data, and rows that are wrong.
pub(super) fn broken(schedule: &mut Schedule<'_>) {
    let mut stage = Stage::new(schedule);
    stage.missing();
    stage.damaged();
    stage.rows();
}

impl<'s, 'a> Stage<'s, 'a> {
    fn new(schedule: &'s mut Schedule<'a>) -> Self {
        let main = schedule.group(Kind::Cpu, false);
        Self { schedule, main }
    }

    fn at(&self, permille: i64) -> i64 {
        self.schedule.window.at(permille)
    }

    fn share(&self, permille: i64) -> i64 {
        self.schedule.window.share(permille)
    }

    /// One job on `count` hosts of the group; `start` and `ran` are seconds.
    fn job(&mut self, group: &[usize], count: usize, start: i64, ran: i64) -> &mut Job {
        let hosts = self.schedule.find(group, count, start, start + ran);
        self.schedule.book(&hosts, start, start + ran);
        self.schedule.add(&hosts, start, ran)
    }

    /// One job on a sound `cpu` host; `start` and `ran` are seconds.
    fn exact(&mut self, start: i64, ran: i64, note: &'static str) -> &mut Job {
        let main = self.main.clone();
        let job = self.job(&main, 1, start, ran);
        job.note = note;
        job
    }

    /// One job on a sound `cpu` host.
    fn one(&mut self, at: i64, share: i64, note: &'static str) -> &mut Job {
        self.exact(self.at(at), self.share(share), note)
    }

    /// One job on two sound `cpu` hosts.
    fn two(&mut self, at: i64, share: i64, note: &'static str) -> &mut Job {
        let main = self.main.clone();
        let job = self.job(&main, 2, self.at(at), self.share(share));
        job.note = note;
        job
    }

    fn sizes(&mut self) {
        let all = [self.main.clone(), self.schedule.group(Kind::Cpu, true)].concat();
        let gpu = self.schedule.group(Kind::Gpu, false);
        let (at, share) = (self.at(650), self.share(70));
        self.job(&all, all.len(), at, share).note = "on every sound cpu node";
        self.one(50, 590, "most of the window long, over all snapshots");
        let (at, share) = (self.at(100), self.share(90));
        self.job(&gpu, gpu.len().min(2), at, share).note = "whole gpu nodes";
        self.exact(self.at(250), 25, "shorter than a timestep");
    }

    /// Two shared nodes: part `part` of `of` equal ones from a time on.
    fn shares(&mut self) {
        let parts = [
            (Kind::Cpu, 300, 0, 2, "half a node, by hardware threads"),
            (Kind::Cpu, 310, 1, 2, "the other half of that node"),
            (Kind::Gpu, 350, 0, 4, "one accelerator of four"),
            (Kind::Gpu, 355, 1, 4, "its neighbour on the same node"),
            (Kind::Gpu, 352, 1, 2, "two accelerators on the same node"),
        ];
        let (from, to, ran) = (self.at(300), self.at(450), self.share(90));
        for kind in [Kind::Cpu, Kind::Gpu] {
            let group = self.schedule.group(kind, false);
            let host = self.schedule.find(&group, 1, from, to);
            self.schedule.book(&host, from, to);
            for (_, start, part, of, note) in parts.iter().filter(|part| part.0 == kind) {
                let start = self.at(*start);
                let job = self.schedule.add(&host, start, ran);
                job.take_part(kind, *part, *of);
                job.note = note;
            }
        }
    }

    fn families(&mut self) {
        for task in 0..4 {
            let (start, ran) = (self.at(400) + 40 * task, self.share(20) + 31 * task);
            let job = self.exact(start, ran, "task of an array job");
            (job.family, job.user, job.app) = (Family::Array, 3, 0);
        }
        let job = self.one(200, 15, "lost its node and was requeued");
        (job.family, job.state) = (Family::Requeued, "node_fail");
        let (user, app, again) = (job.user, job.app, job.start + job.ran + 300);
        let job = self.exact(again, self.share(50), "the same job id, started again");
        (job.family, job.user, job.app) = (Family::Requeued, user, app);
        self.two(150, 60, "with tags and metadata").tags = vec![1, 2, 3];
    }

    fn states(&mut self) {
        let now = self.schedule.window.now;
        self.two(740, 50, "cc-backend failed to archive it").status = 2;
        let note = "monitoring switched off: never touched";
        self.one(500, 20, note).status = 0;
        let note = "ended the second it started: empty";
        self.one(620, 0, note).state = "failed";
        let job = self.one(500, 120, "nobody told when it ended");
        (job.state, job.duration, job.status) = ("failed", 0, 2);
        let start = self.at(940);
        let job = self.exact(start, now - start, "still running");
        (job.state, job.duration) = ("running", 0);
        self.one(930, 20, "suspended").state = "suspended";
        self.exact(now - 300, 0, "pending").state = "pending";
    }

    /// The jobs whose data, or end, is very new.
    fn newest(&mut self) {
        let (now, newest) = (self.schedule.window.now, self.schedule.window.newest());
        let span = self.share(20);
        self.exact(now - 240 - span, span, "ended four minutes ago");
        self.exact(now - 530 - span, span, "ended nine minutes ago");
        let json = self.schedule.group(Kind::Cpu, true);
        let (start, end) = (newest + 120, now - 900);
        self.job(&json, 1, start, (end - start).max(60)).note =
            "its host writes JSON: no file holds its data before the next snapshot";
    }

    /// One job on the host with this fault; `start` and `ran` are seconds.
    fn on(&mut self, fault: fn(&Fault) -> bool, start: i64, ran: i64, note: &'static str) {
        let group = self.schedule.faulty(fault);
        self.job(&group, 1, start, ran).note = note;
    }

    fn missing(&mut self) {
        let silent = |fault: &Fault| *fault == Fault::Silent;
        let (start, ran) = (self.at(450), self.share(30));
        self.on(silent, start, ran, "its host never reported: no data");
        let start = self.at(570);
        let mut both = self.schedule.find(&self.main, 1, start, start + ran);
        both.extend(self.schedule.faulty(silent));
        self.job(&both, 2, start, ran).note = "one of its two hosts never reported";
        let (start, ran) = (self.at(480), self.share(60));
        let note = "its host begins to report in the middle of it";
        self.on(|fault| *fault == Fault::Late, start, ran, note);
        let (start, note) = (self.at(600) - 1200, "ten minutes without samples");
        self.on(|fault| matches!(fault, Fault::Gap(_)), start, 3000, note);
        let (start, ran) = (self.at(300), self.share(50));
        let note = "its host does not report mem_bw";
        self.on(|fault| *fault == Fault::Lacking, start, ran, note);
        let start = self.schedule.window.first - 3000;
        self.exact(start, 6000, "began before the oldest sample that is left");
    }

    fn damaged(&mut self) {
        let (now, newest) = (self.schedule.window.now, self.schedule.window.newest());
        let (start, ran) = (newest - self.share(160), self.share(80));
        let note = "the snapshot of its host is cut short";
        self.on(|fault| *fault == Fault::CutSnapshot, start, ran, note);
        let start = newest - 1200;
        let note = "the log of its host has a bad record in the middle and a torn end";
        self.on(
            |fault| *fault == Fault::BadLog,
            start,
            now - 1000 - start,
            note,
        );
    }

    fn rows(&mut self) {
        let job = self.one(560, 15, "its subcluster is not configured");
        job.subcluster = "old";
        let job = self.one(580, 15, "its cluster is not configured");
        (job.cluster, job.subcluster) = ("gone", "main");
        let job = self.one(600, 15, "its resources are no JSON");
        job.resources = Some("[{\"hostname\":\"c0001\"");
        let job = self.one(620, 15, "its metadata is no JSON");
        job.metadata = Metadata::Broken;
        let note = "marked as archived, but the archive is missing";
        self.one(630, 15, note).status = 3;
    }
}
