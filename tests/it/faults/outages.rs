//! A source or an archive that answers nothing any more from its n-th call on, wherever in a sweep that is: no job is
//! marked or counted for it, and the next sweep ends as an undisturbed one does.
//!
//! A push tries a few moments of each call, `CCARCHIVE_TEST_LONG` many.

use std::sync::Mutex;

use super::site::{Base, State};
use super::sweep::Sweep;
use crate::support::wait::short_or_long;

/// Call and part of its path, with the error of a medium that is gone.
const CALLS: [(&str, &str); 6] = [
    ("open|checkpoints/", "E116"),
    ("read|checkpoints/", "E5"),
    ("open|.ccarchive-", "E5"),
    ("write|.ccarchive-", "E5"),
    ("rename|job-archive", "E116"),
    // Which of them a flush takes depends on what the disk is at.
    ("fsync+syncfs|job-archive", "E5"),
];
/// Trials at the same time.
const AT_ONCE: usize = 2;
/// Where a call that fails stands in the rules.
const FAULT: usize = 0;

/// How often an undisturbed sweep comes to each call.
fn calls(base: &Base) -> Vec<u64> {
    let mut sweep = Sweep::new(&base.copy("counted"), &base.scratch("counted"));
    let count = |(call, _): &(&str, &str)| format!("{call}|1|0|M0");
    sweep.rules = CALLS.iter().map(count).collect();
    let report = sweep.run().report;
    (0..CALLS.len()).map(|k| report.calls(k)).collect()
}

/// What is wrong in a site after a sweep whose medium went away.
fn wrong(base: &Base, now: &State) -> Vec<String> {
    let mut out = Vec::new();
    for (id, row) in &now.rows {
        if *row != base.pristine.rows[id] && *row != base.swept.rows[id] {
            out.push(format!("row {id} is {row:?}"));
        }
        let told = now.of_ledger(row);
        let failed = told.get("outcome").is_some_and(|o| o == "failed");
        if failed && told.get("reason") != base.swept.of_ledger(row).get("reason") {
            out.push(format!("the ledger says {told:?} of row {id}"));
        }
    }
    out
}

/// One sweep whose medium goes away at a call, and one after it; what was wrong.
fn trial(base: &Base, name: &str, rule: &str) -> Vec<String> {
    let site = base.copy(name);
    let mut sweep = Sweep::new(&site, &base.scratch(name));
    sweep.rules = vec![rule.into()];
    let ended = sweep.run();
    let now = State::of(&site);
    let mut out = wrong(base, &now);
    let is_done = now.rows == base.swept.rows;
    // How often a flush syncs depends on what the disk is at, so that a late call may never come.
    let is_hit = ended.report.done(FAULT) > 0;
    let is_told = is_hit && ended.status.code() == Some(1);
    if !is_done && !is_told {
        out.push(format!("{}: {}", ended.status, ended.said));
    }
    sweep.rules.clear();
    sweep.arguments = vec!["--retry-now".into()];
    sweep.run();
    let now = State::of(&site).with_adopted_as_in(&base.swept);
    let now = now.without_attempts();
    out.extend(base.swept.clone().without_attempts().differences(&now));
    drop(std::fs::remove_dir_all(site));
    out.into_iter().map(|w| format!("{rule}: {w}")).collect()
}

#[test]
fn an_outage_that_begins_at_any_call_costs_no_job_anything() {
    let base = Base::new();
    let moments = short_or_long(3, 24);
    let mut rules = Vec::new();
    for ((call, fault), n) in CALLS.iter().zip(calls(&base)) {
        assert!(n > 0, "a sweep never comes to {call}");
        // From the first call to one of the last.
        let at = (0..moments).map(|k| 1 + (n - 1) * k / moments + k);
        rules.extend(at.map(|at| format!("{call}|{}|0|{fault}", at.min(n))));
    }
    let (next, found) = (Mutex::new(rules.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for thread in 0..AT_ONCE {
            let (base, next, found) = (&base, &next, &found);
            scope.spawn(move || {
                loop {
                    let Some(rule) = next.lock().unwrap().next() else {
                        break;
                    };
                    let wrong = trial(base, &format!("outage-{thread}"), rule);
                    found.lock().unwrap().extend(wrong);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    assert!(found.is_empty(), "{found:#?}");
}
