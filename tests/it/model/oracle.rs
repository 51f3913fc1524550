//! What a sweep must make of a job: the outcome table of design.md, section 4, written down once more and naively.

use std::collections::BTreeMap;
use std::ops::Range;

use super::world::World;
use crate::support::site::HOUR;
use crate::support::snapshots::{STEP, times};

/// Attempts after which a failing job is quarantined.
const ATTEMPTS: i64 = 8;
/// A source without a known retention is asked this long.
const GIVE_UP: i64 = 7 * 24 * HOUR;

/// A job as the model knows it.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: i64,
    pub(super) hosts: Vec<&'static str>,
    pub(super) start: i64,
    pub(super) duration: i64,
    pub(super) status: i64,
    pub(super) running: bool,
    /// Its subcluster is none of the cluster's.
    pub(super) misplaced: bool,
    pub(super) ledger: Option<Note>,
    pub(super) archive: Option<Archive>,
}

/// What the ledger says of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) state: &'static str,
    pub(super) attempts: i64,
    /// Whether the last attempt found no data.
    pub(super) in_vain: bool,
    pub(super) last_try: i64,
    pub(super) next_try: i64,
}

/// What the archive holds of a job: per host that has a series, which samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Archive {
    pub(super) duration: i64,
    pub(super) hosts: BTreeMap<&'static str, Vec<bool>>,
}

/// How a sweep is run.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Flags {
    pub(super) named: Option<i64>,
    pub(super) retention: Option<i64>,
    pub(super) retry_now: bool,
    pub(super) force: bool,
    pub(super) accept_empty: bool,
    pub(super) dry_run: bool,
}

impl Job {
    pub(super) fn span(&self) -> Range<i64> {
        self.start..self.start + self.duration
    }

    /// Whether the sweep takes it.
    pub(super) fn is_taken(&self, flags: &Flags, now: i64) -> bool {
        if self.running || self.status == 0 {
            return false;
        }
        if let Some(named) = flags.named {
            return named == self.id;
        }
        let note = self
            .ledger
            .filter(|n| !flags.retry_now && n.last_try <= now);
        let due = note.is_none_or(|n| match n.state {
            "waiting" => n.next_try <= now,
            "quarantined" | "lost" => false,
            _ => true,
        });
        matches!(self.status, 1 | 2) && self.span().end <= now - 600 && due
    }

    fn attempts(&self) -> i64 {
        let known = self
            .ledger
            .filter(|n| n.state != "done" || self.status == 3);
        known.map_or(0, |n| n.attempts)
    }

    /// Those that count when it fails.
    fn failures(&self) -> i64 {
        if self.ledger.is_some_and(|n| n.in_vain) {
            0
        } else {
            self.attempts()
        }
    }
}

/// What becomes of a job: the outcome, and whether no source can have its data.
pub(super) fn outcome(job: &Job, world: &World, flags: &Flags, now: i64) -> (&'static str, bool) {
    let (outcome, lost) = by_samples(job, world, flags, now);
    if !matches!(outcome, "complete" | "partial" | "empty") {
        return (outcome, lost);
    }
    if outcome == "empty" && job.status == 3 {
        return ("no_data", false);
    }
    if !flags.force && is_poorer(job, &archive(job, world)) {
        return ("failed", false);
    }
    (outcome, false)
}

fn by_samples(job: &Job, world: &World, flags: &Flags, now: i64) -> (&'static str, bool) {
    if job.misplaced {
        return ("failed", false);
    }
    if job.duration == 0 {
        let outcome = if job.status == 2 {
            "unknown_end"
        } else {
            "empty"
        };
        return (outcome, false);
    }
    let hosts = || job.hosts.iter().map(|h| &world.hosts[h]);
    let (span, last_attempt) = (job.span(), job.failures() + 1 >= ATTEMPTS);
    if !last_attempt && hosts().any(|h| h.broken_in(&span)) {
        return ("failed", false);
    }
    let all: Vec<bool> = hosts().flat_map(|h| h.mask(&span)).collect();
    if all.iter().all(|m| *m) {
        return ("complete", false);
    }
    let reach = world.hosts.values().filter_map(super::world::Host::reach);
    let (oldest, newest) = reach.fold((i64::MAX, 0), |a, r| (a.0.min(r.0), a.1.max(r.1)));
    let oldest = if oldest == i64::MAX { 0 } else { oldest };
    let waits =
        now < span.end + 12 * HOUR && flags.retention.is_none_or(|r| now + HOUR < span.start + r);
    let behind = hosts().any(|h| {
        let missing = times(&span).filter(|t| !h.has(*t)).last();
        missing.is_some_and(|t| h.snapshot_end().is_none_or(|end| t >= end))
    });
    if waits && (behind || newest < span.end) {
        return ("not_yet", false);
    }
    if all.contains(&true) {
        return ("partial", false);
    }
    if flags.accept_empty {
        return ("empty", false);
    }
    let patience = flags.retention.map_or(GIVE_UP, |r| 2 * r);
    let forgotten = now >= span.end + patience || oldest > span.end;
    // A job of which the archive has something is not lost.
    ("no_data", job.archive.is_none() && forgotten)
}

/// What an archive made now would hold.
pub(super) fn archive(job: &Job, world: &World) -> Archive {
    let span = job.span();
    let hosts = job.hosts.iter().map(|h| (*h, world.hosts[h].mask(&span)));
    Archive {
        duration: job.duration,
        hosts: hosts.filter(|(_, m)| m.contains(&true)).collect(),
    }
}

fn is_poorer(job: &Job, new: &Archive) -> bool {
    let count = |m: &Vec<bool>| m.iter().filter(|m| **m).count();
    job.archive.as_ref().is_some_and(|old| {
        old.hosts
            .iter()
            .any(|(host, had)| match new.hosts.get(host) {
                None => count(had) > 0,
                Some(has) => count(has) < count(had).min(has.len()),
            })
    })
}

/// Row, ledger and archive of the job after that outcome.
pub(super) fn after(job: &Job, world: &World, outcome: (&'static str, bool), now: i64) -> Job {
    let mut job = job.clone();
    let before = if outcome.0 == "failed" {
        job.failures()
    } else {
        job.attempts()
    };
    let attempts = before + 1;
    let note = |state, next_try| Note {
        state,
        attempts,
        in_vain: outcome.0 == "no_data",
        last_try: now,
        next_try,
    };
    let pause = (300_i64 << (attempts - 1).min(10)).min(6 * HOUR);
    match outcome.0 {
        "complete" | "partial" | "empty" => {
            job.archive = Some(archive(&job, world));
            job.status = 3;
            job.ledger = Some(note("done", 0));
        }
        "failed" | "no_data" if job.status != 3 => {
            // At 2 a length of 0 would say that nobody knows when the job ended.
            if job.duration > 0 {
                job.status = 2;
            }
            job.ledger = Some(match outcome {
                ("no_data", true) => note("lost", 0),
                ("failed", _) if attempts >= ATTEMPTS => note("quarantined", 0),
                _ => note("waiting", now + pause),
            });
        }
        _ => {}
    }
    job
}

/// Samples that a perfect archive would hold, of both metrics.
pub(super) fn expected(job: &Job) -> i64 {
    let hosts = i64::try_from(job.hosts.len()).unwrap();
    2 * hosts * (job.duration + STEP - 1).div_euclid(STEP)
}
