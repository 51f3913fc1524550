//! The fault matrix: every cell of the table is run, judged, and followed by a sweep without the fault, which must end
//! as an undisturbed one does. Every other combination of stage, operation and fault has a reason.
//!
//! A push runs the first cell of every stage, operation, fault and way to make it; `CCARCHIVE_TEST_LONG` runs all.
//! `CCARCHIVE_TEST_CELL` runs only cells whose line contains its value.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

use serde_json::Value;

use super::cells::{Cell, Expect, FAULTS, OPERATIONS, STAGES, why_not};
use super::faulty::{Faulty, Victim};
use super::how::How;
use super::site::{Base, Row, State};
use super::sweep::Sweep;
use super::table;
use crate::support::wait::short_or_long;

/// Counts the jobs that are published.
const PUBLISHED: &str = "rename|/meta.json|1|0|M0";
/// Cells at the same time. Several wait for locks meanwhile.
const AT_ONCE: usize = 4;

#[test]
fn every_fault_at_every_stage_ends_as_the_table_says() {
    let only = std::env::var("CCARCHIVE_TEST_CELL").unwrap_or_default();
    let begun = Instant::now();
    let mut base = Base::new();
    base.share_binary();
    let victim = victim(&base);
    let all = short_or_long(false, true) || !only.is_empty();
    let mut seen = BTreeSet::new();
    let cells: Vec<Cell> = table::all()
        .into_iter()
        .filter(|c| line(c).contains(&only))
        .filter(|c| seen.insert((c.stage, c.operation, c.fault, c.how.name())) || all)
        .collect();
    let lines = Mutex::new(BTreeMap::new());
    let next = Mutex::new(0..cells.len());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(k) = next.lock().unwrap().next() else {
                        break;
                    };
                    let trial = Trial::new(&base, &victim, k, cells[k]);
                    let begun = Instant::now();
                    let told = catch_unwind(AssertUnwindSafe(|| trial.run()));
                    let told = told.unwrap_or_else(|_| Told {
                        said: "the test itself failed".into(),
                        wrong: vec!["see its message above".into()],
                    });
                    let seconds = begun.elapsed().as_secs_f64();
                    lines.lock().unwrap().insert(k, (told, seconds));
                }
            });
        }
    });
    let mut wrong = Vec::new();
    for (k, (told, seconds)) in lines.into_inner().unwrap() {
        let line = line(&cells[k]);
        println!("{line}{seconds:4.1} s {}", told.said);
        wrong.extend(told.wrong.iter().map(|w| format!("{line}: {w}")));
    }
    println!(
        "{} cells, {:.0} s",
        cells.len(),
        begun.elapsed().as_secs_f64()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_the_matrix_leaves_out_has_a_reason() {
    let cells = table::all();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for stage in STAGES {
        for operation in OPERATIONS {
            for fault in FAULTS {
                let is = |c: &&Cell| (c.stage, c.operation, c.fault) == (stage, operation, fault);
                let run = cells.iter().any(|c| is(&c));
                match why_not(stage, operation, fault) {
                    Some(why) if !run => *reasons.entry(why).or_default() += 1,
                    None if run => {}
                    reason => panic!("{stage} {operation} {fault}: run {run}, reason {reason:?}"),
                }
            }
        }
    }
    for (why, n) in reasons {
        println!("{n:4} combinations not run: {why}");
    }
}

fn line(c: &Cell) -> String {
    format!(
        "{:8}{:10}{:8}{:18}{:32}",
        c.stage,
        c.operation,
        c.fault,
        c.how.name(),
        format!("{:?}", c.expect)
    )
}

/// A job of one host that is archived when nothing is in the way.
pub(super) fn victim(base: &Base) -> Victim {
    let found = base.pristine.rows.iter().rev().find(|(id, row)| {
        let after = &base.swept.rows[id];
        row.status == 1
            && after.status == 3
            && row.duration > 600
            && row.resources.matches("hostname").count() == 1
            && base
                .swept
                .files
                .contains_key(&row.folder.join("data.json.gz"))
    });
    let (id, row) = found.expect("an everyday job");
    let resources: Value = serde_json::from_str(&row.resources).unwrap();
    let host = resources[0]["hostname"].as_str().unwrap();
    let (empty, ended) = base
        .pristine
        .rows
        .iter()
        .find(|(id, row)| row.duration == 0 && base.swept.rows[id].status == 3 && row.status == 1)
        .expect("an empty job");
    let below = |row: &Row| {
        row.folder
            .strip_prefix("job-archive")
            .unwrap()
            .display()
            .to_string()
    };
    Victim {
        empty: *empty,
        empty_folder: below(ended),
        id: *id,
        folder: below(row),
        host: format!("checkpoints/demo/{host}"),
    }
}

/// What a cell came to.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) said: String,
    wrong: Vec<String>,
}

/// One cell.
pub(super) struct Trial<'a> {
    pub(super) base: &'a Base,
    pub(super) victim: &'a Victim,
    pub(super) cell: Cell,
    name: String,
    pub(super) told: Told,
}

impl<'a> Trial<'a> {
    fn new(base: &'a Base, victim: &'a Victim, k: usize, cell: Cell) -> Self {
        Self {
            base,
            victim,
            cell,
            name: format!("cell-{k}"),
            told: Told::default(),
        }
    }

    fn run(mut self) -> Told {
        let site = self.base.copy(&self.name);
        let mut sweep = Sweep::new(&site, &self.base.scratch(&self.name));
        sweep.binary.clone_from(&self.base.binary);
        let mut before = State::of(&site);
        match Faulty::new(self.cell.how, sweep.clone(), self.victim) {
            Err(reason) => self.told.said = format!("not run: {reason}"),
            Ok(mut faulty) => {
                // What was prepared counts as having been there.
                if matches!(
                    self.cell.how,
                    How::Nobody(_) | How::Ledger(_) | How::Old(..)
                ) {
                    before = State::of(&site);
                }
                let ended = faulty.run();
                faulty.undo();
                let after = self.judge(&before, &site, &ended);
                self.again(sweep, &after);
            }
        }
        drop(std::fs::remove_dir_all(site));
        self.told
    }

    pub(super) fn wrong(&mut self, what: String) {
        if self.told.wrong.len() < 8 {
            self.told.wrong.push(what);
        }
    }

    /// How many jobs are still to be archived.
    pub(super) fn left(&self, state: &State) -> u64 {
        let swept = &self.base.swept.rows;
        let left = state
            .rows
            .iter()
            .filter(|(id, row)| row.status != 3 && swept[id].status == 3);
        left.count() as u64
    }

    /// Whether the ledger may be lost.
    fn forgets(&self) -> bool {
        matches!(self.cell.expect, Expect::Forgets | Expect::Survives)
            || self.cell.stage == "ledger"
    }

    /// A sweep without the fault.
    fn again(&mut self, mut sweep: Sweep, faulty: &State) {
        sweep.arguments = vec!["--retry-now".into()];
        sweep.rules = vec![PUBLISHED.into()];
        let ended = sweep.run();
        let (written, adopted) = (ended.report.calls(0), ended.adopted);
        let left = self.left(faulty);
        // What was published before the flush or the database failed is adopted, if it can be read, or written again.
        let counts = matches!(self.cell.stage, "flush" | "record");
        if counts && adopted + written != left {
            self.wrong(format!(
                "{left} left, then {written} written, {adopted} adopted"
            ));
        }
        // A ledger that is lost has no proof of the source, and what is left may bring none.
        let unproved = self.forgets() && ended.summary["aborted"].is_null();
        if !(matches!(ended.status.code(), Some(0 | 3)) || unproved) {
            let said: String = ended.said.chars().take(1000).collect();
            self.wrong(format!("the next sweep: {} {said}", ended.status));
        }
        let mut now = State::of(&sweep.site).with_adopted_as_in(&self.base.swept);
        now.files
            .retain(|path, _| !path.to_string_lossy().contains(".damaged-0"));
        let mut swept = self.base.swept.clone();
        // Without what a ledger that was lost knew of jobs that were done by then.
        if self.forgets() {
            let without_data: Vec<String> = (swept.ledger.iter())
                .filter(|(_, job)| job["outcome"] == "no_data")
                .map(|(key, _)| key.clone())
                .collect();
            let done = |key: &String| {
                let row = faulty.rows.values().find(|r| r.key == *key);
                row.is_none_or(|r| r.status == 3) || without_data.contains(key)
            };
            now.ledger.retain(|key, _| !done(key));
            swept.ledger.retain(|key, _| !done(key));
        }
        for w in swept
            .without_attempts()
            .differences(&now.without_attempts())
        {
            self.wrong(format!("after the next sweep: {w}"));
        }
    }
}
