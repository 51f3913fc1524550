//! The judge is only worth something if it sees damage: every damage of the table, done to a correct
//! result, is rejected, and the reason names what was damaged.

mod damaged;
mod table;
mod twist;

use crate::judge::{Site, Wrong, judge, judge_jobs};
use crate::support::golden::{self, Copy};
use crate::support::python;
use damaged::Damaged;
use table::{DAMAGES, Damage, OURS_ALONE, SITE};

/// A site and a correct result of it.
fn swept() -> (Copy, Copy) {
    let site = golden::unpack("edges");
    let result = golden::to_sweep(&site.path());
    golden::sweep(&result);
    (site, result)
}

fn damage(result: &Copy, Damage(name, job, _, apply): &Damage) -> Copy {
    let copy = golden::copy_whole(&result.path(), &["checkpoints"]);
    apply(&Damaged::new(name, copy.path(), *job));
    copy
}

#[test]
fn every_damage_is_rejected_with_its_reason_by_both_judges() {
    let (site, result) = swept();
    let judged = Site::open(&site.path()).expect("the site");
    let verdict = judge(&judged, &result.path()).expect("the result");
    assert!(verdict.wrong.is_empty(), "before any damage: {verdict}");
    let mut missed = Vec::new();
    let mut kept = Vec::new();
    for each in DAMAGES {
        let Damage(name, job, says, _) = each;
        let copy = damage(&result, each);
        let only = |id| id == *job;
        let verdict = judge_jobs(&judged, &copy.path(), only).expect("the damaged result");
        let job = (*job != SITE).then_some(*job);
        let named = |w: &Wrong| w.job_id == job && w.reason.contains(says);
        if !verdict.wrong.iter().any(named) {
            missed.push(format!("{name}: no reason says {says}\n{verdict}"));
        }
        if !OURS_ALONE.contains(name) {
            kept.push((*name, copy, job.unwrap_or(SITE), verdict));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    println!("{} damages, each rejected", DAMAGES.len());
    let results: Vec<_> = kept
        .iter()
        .map(|(_, copy, job, _)| (copy.path(), Some(*job)))
        .collect();
    if let Some(theirs) = python::compare(&site.path(), &results) {
        for (theirs, (name, _, _, ours)) in theirs.iter().zip(&kept) {
            assert!(!theirs.wrong.is_empty(), "compare.py accepts {name}");
            theirs.assert_agrees(ours);
        }
        println!("{} of them by compare.py as well", theirs.len());
    }
}
