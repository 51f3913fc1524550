//! The special jobs: one for each thing that a sweep has to get right, with a note that says what.
//!
//! They are the rows of special.json beside this file. The order of the rows matters, since each draws from the schedule's
//! stream of chance.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::cluster::{Kind, part};
use super::hosts::Fault;
use super::jobs::Schedule;

#[derive(Debug, Deserialize)]
struct Rows {
    /// Jobs on sound hosts.
    sound: Vec<Row>,
    /// Jobs with missing or damaged data, and rows that are wrong; they need the faulty hosts.
    broken: Vec<Row>,
}

static ROWS: LazyLock<Rows> = LazyLock::new(|| part(include_str!("special.json")));

/// One special job. A time is so many thousandths of the window and so many seconds.
#[derive(Debug, Deserialize)]
struct Row {
    note: String,
    /// The hosts to choose from: `main` and `json` are the sound `cpu` hosts that have a log or write JSON only, `all` both
    /// of them, `gpu` the others, `same` the hosts of the row before, `mainAndSilent` one of `main` and the host that
    /// never reports; else the hosts with this fault.
    on: String,
    /// On how many hosts it ran, as far as there are so many.
    #[serde(default = "one")]
    hosts: usize,
    /// From where `start` is counted: the `newest` snapshot's end or `now`, else the begin of the window.
    #[serde(default)]
    after: String,
    start: [i64; 2],
    /// For how long it ran, …
    #[serde(default)]
    ran: [i64; 2],
    /// … or until when, seconds after `now`.
    until: Option<i64>,
    /// Thousandths of the window between which its host is kept free for it and the rows `same` after it.
    hold: Option<[i64; 2]>,
    /// Part and number of parts, if it does not have its host to itself.
    part: Option<[usize; 2]>,
    #[serde(default)]
    family: String,
    user: Option<usize>,
    app: Option<usize>,
    /// Whether it is the job of the row before once more.
    #[serde(default)]
    repeats: bool,
    #[serde(default)]
    tags: Vec<i64>,
    /// Columns of the job table that hold something else than what happened.
    #[serde(default)]
    set: BTreeMap<String, Value>,
}

fn one() -> usize {
    1
}

/// Adds the special jobs to the schedule, those of the faulty hosts only where there are such hosts.
pub(super) fn add(schedule: &mut Schedule<'_>, broken: bool) {
    let broken: &[Row] = if broken { &ROWS.broken } else { &[] };
    let window = schedule.window;
    let span = |[permille, seconds]: [i64; 2]| window.share(permille) + seconds;
    let (mut hosts, mut before) = (Vec::new(), (0, 0));
    for row in ROWS.sound.iter().chain(broken) {
        let mark = match &*row.after {
            "newest" => window.newest(),
            "now" => window.now,
            _ => window.first,
        };
        let start = mark + span(row.start);
        let ran = row
            .until
            .map_or(span(row.ran), |until| (window.now + until - start).max(60));
        if row.on != "same" {
            let held = row.hold.map(|hold| hold.map(|at| window.at(at)));
            hosts = choose(schedule, row, held.unwrap_or([start, start + ran]));
        }
        let job = schedule.add(&hosts, start, ran);
        (job.note, job.family) = (&row.note, &row.family);
        (job.user, job.app) = (row.user.unwrap_or(job.user), row.app.unwrap_or(job.app));
        if row.repeats {
            (job.user, job.app) = before;
        }
        before = (job.user, job.app);
        job.tags.clone_from(&row.tags);
        job.set.clone_from(&row.set);
        if let Some([part, of]) = row.part {
            job.take_part(part, of);
        }
    }
}

/// Books the hosts of a row.
fn choose(schedule: &mut Schedule<'_>, row: &Row, [from, to]: [i64; 2]) -> Vec<usize> {
    let [main, json] = [false, true].map(|json| schedule.group(Kind::Cpu, json));
    let faulty = |name: &str| schedule.chosen(|host| name == <&str>::from(host.fault));
    let group = match &*row.on {
        "main" => main,
        "json" => json,
        "all" => [main, json].concat(),
        "gpu" => schedule.group(Kind::Gpu, false),
        "mainAndSilent" => {
            let silent = faulty(Fault::Silent.into());
            return [
                schedule.book(&main, 1, from, to),
                schedule.book(&silent, 1, from, to),
            ]
            .concat();
        }
        fault => faulty(fault),
    };
    schedule.book(&group, row.hosts, from, to)
}
