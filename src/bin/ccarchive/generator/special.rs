//! The special jobs: one for each thing that a sweep has to get right, with a note that says what.
//!
//! Those of [`sound`] are what every site has; those of [`broken`] need the faulty hosts.

use super::cluster::Kind;
use super::hosts::Fault;
use super::jobs::{Family, Job, Metadata, Schedule};

/// Jobs on sound hosts.
pub(super) fn sound(schedule: &mut Schedule<'_>) {
    sizes(schedule);
    shares(schedule);
    families(schedule);
    states(schedule);
    newest(schedule);
}

/// Jobs with missing or damaged data, and rows that are wrong.
pub(super) fn broken(schedule: &mut Schedule<'_>) {
    missing(schedule);
    damaged(schedule);
    rows(schedule);
}

/// One job on `count` hosts of the group, from `start` for `ran` seconds.
fn one<'s>(
    schedule: &'s mut Schedule<'_>,
    group: &[usize],
    count: usize,
    (start, ran): (i64, i64),
    note: &'static str,
) -> &'s mut Job {
    let hosts = schedule.find(group, count, start, start + ran);
    schedule.book(&hosts, start, start + ran);
    let job = schedule.add(&hosts, start, ran);
    job.note = note;
    job
}

fn sizes(schedule: &mut Schedule<'_>) {
    let window = schedule.window;
    let main = schedule.group(Kind::Cpu, false);
    let all = [main.clone(), schedule.group(Kind::Cpu, true)].concat();
    let gpu = schedule.group(Kind::Gpu, false);
    let (at, share) = (|p| window.at(p), |p| window.share(p));
    one(
        schedule,
        &all,
        all.len(),
        (at(650), share(70)),
        "on every sound cpu node",
    );
    one(
        schedule,
        &main,
        1,
        (at(50), share(590)),
        "most of the window long, over all snapshots",
    );
    one(
        schedule,
        &gpu,
        gpu.len().min(2),
        (at(100), share(90)),
        "whole gpu nodes",
    );
    one(schedule, &main, 1, (at(250), 25), "shorter than a timestep");
}

fn shares(schedule: &mut Schedule<'_>) {
    let window = schedule.window;
    let parts = [
        (Kind::Cpu, 300, 0, 2, "half a node, by hardware threads"),
        (Kind::Cpu, 310, 1, 2, "the other half of that node"),
        (Kind::Gpu, 350, 0, 4, "one accelerator of four"),
        (Kind::Gpu, 355, 1, 4, "its neighbour on the same node"),
        (Kind::Gpu, 352, 1, 2, "two accelerators on the same node"),
    ];
    let span = window.share(90);
    for kind in [Kind::Cpu, Kind::Gpu] {
        let group = schedule.group(kind, false);
        let host = schedule.find(&group, 1, window.at(300), window.at(450));
        schedule.book(&host, window.at(300), window.at(450));
        for (_, start, part, of, note) in parts.iter().filter(|part| part.0 == kind) {
            let job = schedule.add(&host, window.at(*start), span);
            job.take_part(kind, *part, *of);
            job.note = note;
        }
    }
}

fn families(schedule: &mut Schedule<'_>) {
    let window = schedule.window;
    let main = schedule.group(Kind::Cpu, false);
    for task in 0..4 {
        let span = (window.at(400) + 40 * task, window.share(20) + 31 * task);
        let job = one(schedule, &main, 1, span, "task of an array job");
        job.family = Family::Array;
        job.user = 3;
        job.app = 0;
    }
    let (start, ran) = (window.at(200), window.share(15));
    let job = one(
        schedule,
        &main,
        1,
        (start, ran),
        "lost its node and was requeued",
    );
    job.family = Family::Requeued;
    job.state = "node_fail";
    let (user, app) = (job.user, job.app);
    let again = (start + ran + 300, window.share(50));
    let job = one(schedule, &main, 1, again, "the same job id, started again");
    job.family = Family::Requeued;
    (job.user, job.app) = (user, app);
    let job = one(
        schedule,
        &main,
        2,
        (window.at(150), window.share(60)),
        "with tags and metadata",
    );
    job.tags = vec![1, 2, 3];
}

fn states(schedule: &mut Schedule<'_>) {
    let window = schedule.window;
    let main = schedule.group(Kind::Cpu, false);
    let (at, share) = (|p| window.at(p), |p| window.share(p));
    let job = one(
        schedule,
        &main,
        2,
        (at(740), share(50)),
        "cc-backend failed to archive it",
    );
    job.status = 2;
    let job = one(
        schedule,
        &main,
        1,
        (at(500), share(20)),
        "monitoring switched off: never touched",
    );
    job.status = 0;
    let job = one(
        schedule,
        &main,
        1,
        (at(620), 0),
        "ended the second it started: empty",
    );
    job.state = "failed";
    let job = one(
        schedule,
        &main,
        1,
        (at(500), share(120)),
        "nobody told when it ended",
    );
    job.state = "failed";
    (job.duration, job.status) = (0, 2);
    let running = (at(940), window.now - at(940));
    let job = one(schedule, &main, 1, running, "still running");
    (job.state, job.duration) = ("running", 0);
    let job = one(schedule, &main, 1, (at(930), share(20)), "suspended");
    job.state = "suspended";
    let job = one(schedule, &main, 1, (window.now - 300, 0), "pending");
    job.state = "pending";
}

/// The jobs whose data, or end, is very new.
fn newest(schedule: &mut Schedule<'_>) {
    let window = schedule.window;
    let main = schedule.group(Kind::Cpu, false);
    let json = schedule.group(Kind::Cpu, true);
    let span = window.share(20);
    for (age, note) in [
        (240, "ended four minutes ago"),
        (530, "ended nine minutes ago"),
    ] {
        one(schedule, &main, 1, (window.now - age - span, span), note);
    }
    let (start, end) = (window.newest() + 120, window.now - 900);
    let note = "its host writes JSON: no file holds its data before the next snapshot";
    one(schedule, &json, 1, (start, (end - start).max(60)), note);
}

fn missing(schedule: &mut Schedule<'_>) {
    let window = schedule.window;
    let main = schedule.group(Kind::Cpu, false);
    let silent = schedule.faulty(|fault| *fault == Fault::Silent);
    let late = schedule.faulty(|fault| *fault == Fault::Late);
    let gap = schedule.faulty(|fault| matches!(fault, Fault::Gap(_)));
    let lacking = schedule.faulty(|fault| *fault == Fault::Lacking);
    let (at, share) = (|p| window.at(p), |p| window.share(p));
    one(
        schedule,
        &silent,
        1,
        (at(450), share(30)),
        "its host never reported: no data",
    );
    let (start, ran) = (at(570), share(30));
    let mut both = schedule.find(&main, 1, start, start + ran);
    both.extend(&silent);
    one(
        schedule,
        &both,
        2,
        (start, ran),
        "one of its two hosts never reported",
    );
    one(
        schedule,
        &late,
        1,
        (at(480), share(60)),
        "its host begins to report in the middle of it",
    );
    one(
        schedule,
        &gap,
        1,
        (at(600) - 1200, 3000),
        "ten minutes without samples",
    );
    one(
        schedule,
        &lacking,
        1,
        (at(300), share(50)),
        "its host does not report mem_bw",
    );
    let before = (window.first - 3000, 6000);
    one(
        schedule,
        &main,
        1,
        before,
        "began before the oldest sample that is left",
    );
}

fn damaged(schedule: &mut Schedule<'_>) {
    let window = schedule.window;
    let cut = schedule.faulty(|fault| *fault == Fault::CutSnapshot);
    let log = schedule.faulty(|fault| *fault == Fault::BadLog);
    let share = |p| window.share(p);
    let inside = (window.newest() - share(160), share(80));
    one(
        schedule,
        &cut,
        1,
        inside,
        "the snapshot of its host is cut short",
    );
    let start = window.newest() - 1200;
    let note = "the log of its host has a bad record in the middle and a torn end";
    one(schedule, &log, 1, (start, window.now - 1000 - start), note);
}

fn rows(schedule: &mut Schedule<'_>) {
    let window = schedule.window;
    let main = schedule.group(Kind::Cpu, false);
    let span = window.share(15);
    let start = |p| (window.at(p), span);
    one(
        schedule,
        &main,
        1,
        start(560),
        "its subcluster is not configured",
    )
    .subcluster = "old";
    let job = one(
        schedule,
        &main,
        1,
        start(580),
        "its cluster is not configured",
    );
    (job.cluster, job.subcluster) = ("gone", "main");
    let job = one(schedule, &main, 1, start(600), "its resources are no JSON");
    job.resources = Some("[{\"hostname\":\"c0001\"");
    let job = one(schedule, &main, 1, start(620), "its metadata is no JSON");
    job.metadata = Metadata::Broken;
    let job = one(
        schedule,
        &main,
        1,
        start(630),
        "marked as archived, but the archive is missing",
    );
    job.status = 3;
}
