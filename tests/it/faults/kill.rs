//! A sweep killed at random moments loses nothing: the sweep that finishes leaves rows, archive and ledger as an
//! undisturbed one does, and no stray file.
//!
//! Most kills hit a call of the program that the shim counts, before it, after it, or in the middle of a write; a
//! quarter comes from outside at a random time. Each is put down to the stage that the sweep was in. A killed sweep is
//! started again on what it left until one finishes; then the site is compared and the next begins on a fresh copy.
//! After every kill it is looked at too: a row at 3 has its whole archive, and no file is half there.
//!
//! A push has a fixed sample of 80 kills, `CCARCHIVE_TEST_LONG` 1000. `CCARCHIVE_TEST_KILLS` is another number of kills;
//! `CCARCHIVE_TEST_SEED` gives other ones (a seed repeats a run, times from outside apart).

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::site::{Base, State};
use super::sweep::{Ended, Sweep};
use crate::support::random::Random;
use crate::support::wait::short_or_long;

/// Sweeps at the same time.
const AT_ONCE: usize = 2;
/// The stages of a sweep, as marked by [`MARKS`].
const STAGES: [&str; 9] = [
    "starting",
    "loading",
    "writing data",
    "data written",
    "data renamed",
    "meta renamed",
    "before the commit",
    "committing",
    "closing",
];
/// Stages that must be hit at least once in [`SHARE`] kills.
const MUST: [usize; 5] = [1, 3, 4, 5, 6];
const SHARE: usize = 16;
/// Kills in the sample of a push, and in the long form.
const SAMPLE: usize = 80;
const LONG: usize = 1000;

/// Rules that leave the stage in the report.
const MARKS: [&str; 12] = [
    "open|checkpoints/|1|0|M1",
    "read|checkpoints/|1|0|M1",
    "mkdir|job-archive|1|0|M2",
    "open|.ccarchive-data-|1|0|M2",
    "open|.ccarchive-meta-|1|0|N3",
    "rename|data.json|1|0|N4",
    "rename|meta.json|1|0|N5",
    "syncfs|job-archive|1|0|N6",
    "write|job.db-wal|1|0|N7",
    "fsync|job.db|1|0|M8",
    "write|job.db$|1|0|M8",
    "unlink|job.db|1|0|M8",
];

/// Where the shim kills: call, part of the path, kind of kill, stage, how often in a hundred kills.
const POINTS: [(&str, &str, char, usize, u32); 27] = [
    ("open", "job.db.ledger", 'K', 0, 1),
    ("write", "job.db.ccarchive.lock", 'H', 0, 1),
    ("open", "checkpoints/", 'K', 1, 6),
    ("read", "checkpoints/", 'A', 1, 14),
    ("mkdir", "job-archive", 'A', 2, 2),
    ("open", ".ccarchive-data-", 'A', 2, 2),
    ("write", ".ccarchive-data-", 'H', 2, 4),
    ("write", ".ccarchive-data-", 'A', 2, 2),
    ("open", ".ccarchive-meta-", 'A', 3, 4),
    ("write", ".ccarchive-meta-", 'H', 3, 4),
    ("write", "job.db.ledger-wal", 'H', 3, 3),
    ("rename", "data.json", 'K', 3, 6),
    ("rename", "data.json", 'A', 4, 7),
    ("rename", "meta.json", 'K', 4, 7),
    ("rename", "meta.json", 'A', 5, 9),
    ("rename", "meta.json", 'A', 5, 2),
    ("syncfs", "job-archive", 'K', 5, 2),
    ("syncfs", "job-archive", 'A', 6, 7),
    ("write", "job.db-wal", 'K', 6, 5),
    ("write", "job.db-wal", 'H', 6, 5),
    ("write", "job.db-wal", 'A', 7, 4),
    ("write", "job.db.ledger-wal", 'A', 7, 2),
    ("fsync", "job.db", 'K', 8, 1),
    ("write", "job.db$", 'H', 8, 2),
    ("unlink", "job.db-wal", 'K', 8, 1),
    ("write", "job.db.ledger$", 'H', 8, 1),
    ("unlink", "job.db.ledger-wal", 'A', 8, 1),
];

impl Random {
    fn point(&mut self) -> usize {
        let all: u32 = POINTS.iter().map(|p| p.4).sum();
        let mut ticket = self.below(all.into());
        for (k, p) in POINTS.iter().enumerate() {
            if ticket < p.4.into() {
                return k;
            }
            ticket -= u64::from(p.4);
        }
        0
    }
}

/// Kills so far.
#[derive(Debug, Default)]
struct Tally {
    by_stage: [usize; STAGES.len()],
    from_outside: [usize; STAGES.len()],
    total: usize,
    finished: usize,
    wrong: Vec<String>,
}

/// The test while it runs.
struct Trial<'a> {
    base: &'a Base,
    /// How often an undisturbed sweep comes to each point.
    calls: Vec<u64>,
    tally: &'a Mutex<Tally>,
    kills: usize,
}

#[test]
fn sweeps_killed_at_any_moment_end_as_an_undisturbed_sweep_does() {
    let number = |name: &str, default| {
        let value = std::env::var(name).ok().and_then(|v| v.parse().ok());
        value.unwrap_or(default)
    };
    let kills = number("CCARCHIVE_TEST_KILLS", short_or_long(SAMPLE, LONG));
    let seed = number("CCARCHIVE_TEST_SEED", 1) as u64;
    let begun = Instant::now();
    let base = Base::new();
    let tally = Mutex::new(Tally::default());
    let trial = Trial {
        calls: calls(&base),
        base: &base,
        tally: &tally,
        kills,
    };
    std::thread::scope(|scope| {
        for thread in 0..AT_ONCE {
            let trial = &trial;
            let random = Random::seeded(seed * 64 + thread as u64 + 1);
            scope.spawn(move || trial.rounds(thread, random));
        }
    });
    let t = tally.into_inner().unwrap();
    println!(
        "{} kills in {} rounds, {:.0} s, seed {seed}; by stage (of them from outside):",
        t.total,
        t.finished,
        begun.elapsed().as_secs_f64()
    );
    for (k, stage) in STAGES.iter().enumerate() {
        println!("  {:4} ({:3})  {stage}", t.by_stage[k], t.from_outside[k]);
    }
    assert!(t.wrong.is_empty(), "{:#?}", t.wrong);
    assert!(t.total >= kills, "only {} kills", t.total);
    for k in MUST {
        assert!(
            t.by_stage[k] >= kills / SHARE,
            "only {} kills {}",
            t.by_stage[k],
            STAGES[k]
        );
    }
}

/// Counts the calls of an undisturbed sweep.
fn calls(base: &Base) -> Vec<u64> {
    let site = base.copy("counted");
    let mut sweep = Sweep::new(&site, &base.scratch("counted"));
    let rule = |p: &(&str, &str, char, usize, u32)| format!("{}|{}|1|0|M0", p.0, p.1);
    sweep.rules = POINTS.iter().map(rule).collect();
    let report = sweep.run().report;
    let calls: Vec<u64> = (0..POINTS.len()).map(|k| report.calls(k)).collect();
    for (n, p) in calls.iter().zip(&POINTS) {
        assert!(*n > 0, "a sweep never comes to {p:?}");
    }
    calls
}

impl Trial<'_> {
    fn rounds(&self, thread: usize, mut random: Random) {
        let name = format!("killed-{thread}");
        loop {
            {
                let t = self.tally.lock().unwrap();
                let least = self.kills / SHARE;
                let all = MUST.iter().all(|k| t.by_stage[*k] >= least);
                let enough = t.total >= self.kills && (all || t.total >= 3 * self.kills);
                if enough || !t.wrong.is_empty() {
                    return;
                }
            }
            let site = self.base.copy(&name);
            let mut sweep = Sweep::new(&site, &self.base.scratch(&name));
            let mut history = Vec::new();
            // The last sweep of a round is let alone, if none of these got to its end.
            let tries = 3 + random.below(9);
            let finished = (0..tries).any(|_| {
                let what = self.disturb(&mut sweep, &mut random);
                history.push(what.clone().unwrap_or_default());
                if what.is_some() {
                    self.look(&site, &history);
                }
                what.is_none()
            });
            if !finished {
                sweep.rules.clear();
                let ended = sweep.run();
                self.check_end(&ended, &history);
            }
            self.compare(&site, &history);
        }
    }

    /// A sweep that is to be killed: how it was, or nothing if it finished first.
    fn disturb(&self, sweep: &mut Sweep, random: &mut Random) -> Option<String> {
        sweep.rules = MARKS.iter().map(|m| (*m).to_owned()).collect();
        let outside = random.below(4) == 0;
        let (ended, how) = if outside {
            let time = Duration::from_secs_f64(
                self.base.seconds * 1.1 * random.below(1000) as f64 / 1000.0,
            );
            let ended = sweep.start().kill_after(time);
            (ended, format!("after {time:?}"))
        } else {
            let k = random.point();
            let (call, part, kind, stage, _) = POINTS[k];
            // Of what is to be done a killed sweep does a part; so others come to the same stage after it.
            let n = 1 + random.below((self.calls[k] / 5).max(1));
            sweep
                .rules
                .push(format!("{call}|{part}|{n}|1|{kind}{stage}"));
            (sweep.run(), format!("{kind} {call} {part} {n}"))
        };
        if ended.status.code().is_some() {
            self.check_end(&ended, &[how]);
            return None;
        }
        let mut t = self.tally.lock().unwrap();
        let stage = ended.report.stage();
        t.total += 1;
        t.by_stage[stage] += 1;
        if outside && !ended.report.killed() {
            t.from_outside[stage] += 1;
        }
        Some(how)
    }

    fn wrong(&self, what: &str, history: &[String]) {
        let mut t = self.tally.lock().unwrap();
        t.wrong.push(format!("{what}\n  after {history:?}"));
    }

    fn check_end(&self, ended: &Ended, history: &[String]) {
        // What failed in a killed sweep waits now, so a later one may have nothing to complain about.
        if !matches!(ended.status.code(), Some(0 | 3)) {
            self.wrong(&format!("{}: {}", ended.status, ended.said), history);
        }
    }

    /// What a killed sweep left: nothing half, and no row without its archive.
    fn look(&self, site: &Path, history: &[String]) {
        let (now, swept) = (State::of(site), &self.base.swept);
        for (id, row) in &now.rows {
            let (before, after) = (&self.base.pristine.rows[id], &swept.rows[id]);
            let fine = match row.status {
                3 if before.status != 3 => {
                    row == after && now.below(&row.folder) == swept.below(&row.folder)
                }
                _ => row == before || row == after,
            };
            if !fine {
                self.wrong(&format!("row {id} is {row:?}, it was {before:?}"), history);
            }
        }
        for (path, content) in &now.files {
            let temporary = path.to_string_lossy().ends_with(".tmp");
            let inside = path.starts_with("job-archive") && content.is_some() && !temporary;
            if inside && swept.files.get(path) != Some(content) {
                self.wrong(&format!("{} is not whole", path.display()), history);
            }
            let meta = inside && path.ends_with("meta.json");
            let data = ["data.json", "data.json.gz"].map(|name| path.with_file_name(name));
            if meta && !data.iter().any(|d| now.files.contains_key(d)) {
                self.wrong(&format!("{} has no data", path.display()), history);
            }
        }
    }

    fn compare(&self, site: &Path, history: &[String]) {
        let swept = self.base.swept.clone();
        let differences = swept.differences(&State::of(site).with_adopted_as_in(&swept));
        if !differences.is_empty() {
            self.wrong(&format!("{differences:#?}"), history);
        }
        self.tally.lock().unwrap().finished += 1;
        drop(fs::remove_dir_all(site));
    }
}
