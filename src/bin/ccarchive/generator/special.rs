//! The special jobs: one for each thing that a sweep has to get right, with a note that says what.
//!
//! They are the rows of special.json beside this file. The order of the rows matters, since each draws
//! from the schedule's stream of chance.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::cluster::Kind;
use super::hosts::Fault;
use super::jobs::{Family, Schedule};
use super::plan::Window;

#[derive(Debug, Deserialize)]
struct Rows {
    /// Jobs on sound hosts.
    sound: Vec<Row>,
    /// Jobs with missing or damaged data, and rows that are wrong; they need the faulty hosts.
    broken: Vec<Row>,
}

#[expect(clippy::expect_used, reason = "the file is part of the program")]
static ROWS: LazyLock<Rows> =
    LazyLock::new(|| serde_json::from_str(include_str!("special.json")).expect("special.json"));

/// One special job.
#[derive(Debug, Deserialize)]
struct Row {
    note: String,
    on: On,
    /// On how many hosts it ran, as far as there are so many.
    #[serde(default = "one")]
    hosts: usize,
    start: Time,
    /// For how long it ran, …
    #[serde(default)]
    ran: Time,
    /// … or until when.
    until: Option<Time>,
    /// Thousandths of the window between which its host is kept free for it and the rows `same` after it.
    hold: Option<[i64; 2]>,
    /// Part and number of parts, if it does not have its host to itself.
    part: Option<[usize; 2]>,
    #[serde(default)]
    family: Family,
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

/// The hosts to choose from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum On {
    /// The sound `cpu` hosts that have a log.
    Main,
    /// The sound `cpu` hosts that write JSON only.
    Json,
    /// Both of them.
    All,
    Gpu,
    /// The hosts of the row before.
    Same,
    /// One of `Main`, and the host that never reports.
    MainAndSilent,
    Fault(Fault),
}

/// A time, or a span: so many thousandths of the window (each term rounded by itself) and so many seconds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Time {
    /// Counted from here on; a span has no use for it.
    after: Mark,
    share: Vec<i64>,
    plus: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Mark {
    #[default]
    First,
    /// The end of the newest snapshot.
    Newest,
    Now,
}

fn one() -> usize {
    1
}

impl Time {
    fn span(&self, window: &Window) -> i64 {
        self.plus
            + self
                .share
                .iter()
                .map(|part| window.share(*part))
                .sum::<i64>()
    }

    fn at(&self, window: &Window) -> i64 {
        let mark = match self.after {
            Mark::First => window.first,
            Mark::Newest => window.newest(),
            Mark::Now => window.now,
        };
        mark + self.span(window)
    }
}

/// Adds the special jobs to the schedule, those of the faulty hosts only where there are such hosts.
pub(super) fn add(schedule: &mut Schedule<'_>, broken: bool) {
    let broken: &[Row] = if broken { &ROWS.broken } else { &[] };
    let window = schedule.window;
    let mut hosts = Vec::new();
    for row in ROWS.sound.iter().chain(broken) {
        let start = row.start.at(window);
        let ran = (row.until.as_ref())
            .map_or(row.ran.span(window), |end| (end.at(window) - start).max(60));
        if !matches!(row.on, On::Same) {
            let [from, to] = row
                .hold
                .map_or([start, start + ran], |hold| hold.map(|at| window.at(at)));
            let group = group(schedule, &row.on, from, to);
            hosts = schedule.find(&group, row.hosts, from, to);
            schedule.book(&hosts, from, to);
        }
        let before = schedule
            .jobs
            .last()
            .map(|job| (job.user, job.app))
            .filter(|_| row.repeats);
        let job = schedule.add(&hosts, start, ran);
        job.note = &row.note;
        job.family = row.family;
        (job.user, job.app) =
            before.unwrap_or((row.user.unwrap_or(job.user), row.app.unwrap_or(job.app)));
        job.tags.clone_from(&row.tags);
        job.set.clone_from(&row.set);
        if let Some([part, of]) = row.part {
            job.take_part(part, of);
        }
    }
}

fn group(schedule: &mut Schedule<'_>, on: &On, from: i64, to: i64) -> Vec<usize> {
    let main = schedule.group(Kind::Cpu, false);
    match on {
        On::Main | On::Same => main,
        On::Json => schedule.group(Kind::Cpu, true),
        On::All => [main, schedule.group(Kind::Cpu, true)].concat(),
        On::Gpu => schedule.group(Kind::Gpu, false),
        On::MainAndSilent => [
            schedule.find(&main, 1, from, to),
            schedule.faulty(Fault::Silent),
        ]
        .concat(),
        On::Fault(fault) => schedule.faulty(*fault),
    }
}
