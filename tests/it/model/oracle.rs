//! What a sweep must make of a job: the table of outcomes, written down once more and naively.

use std::collections::BTreeMap;
use std::ops::Range;

use super::world::World;
use crate::support::site::HOUR;
use crate::support::snapshots::{STEP, times};

/// Attempts after which a failing job is quarantined.
const ATTEMPTS: i64 = 8;
/// A source without a known retention is asked this long.
const GIVE_UP: i64 = 7 * 24 * HOUR;
/// Samples may come so long after a job's end.
const SETTLE: i64 = 12 * HOUR + 15 * 60;

/// The fate of a job whose source has no file at all: it may not be mounted. The sweep ends, the job is left as it is.
pub(super) const GONE: &str = "gone";

/// A job as the model knows it.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: i64,
    pub(super) hosts: Vec<&'static str>,
    pub(super) start: i64,
    pub(super) duration: i64,
    pub(super) status: i64,
    pub(super) running: bool,
    /// Its state is `failed`, which at status 2 and length 0 says that nobody knows its end.
    pub(super) ill: bool,
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
    /// Those that count when it fails once more.
    pub(super) failures: i64,
    /// Whether they were for damaged files.
    pub(super) damaged: bool,
    /// Of a provisional archive: the cluster's newest data when it was looked at, where it was.
    pub(super) newest: Option<i64>,
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

/// What becomes of a job that is taken.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Fate {
    pub(super) outcome: &'static str,
    /// Whether no source can have its data.
    lost: bool,
    /// Whether it fails for a damaged file.
    damage: bool,
    /// Whether the source was found to have samples of it.
    pub(super) has_samples: bool,
    /// Whether an archive is written.
    writes: bool,
}

impl Fate {
    fn of(outcome: &'static str) -> Self {
        Self {
            outcome,
            lost: false,
            damage: false,
            has_samples: false,
            writes: false,
        }
    }
}

impl Job {
    pub(super) fn span(&self) -> Range<i64> {
        self.start..self.start + self.duration
    }

    fn note(&self) -> &'static str {
        self.ledger.map_or("", |n| n.state)
    }

    /// Whether its archive is one that the sweep tries to make better.
    fn is_provisional(&self, flags: &Flags) -> bool {
        flags.named.is_none() && self.status == 3 && self.note() == "provisional"
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
            "waiting" | "provisional" => n.next_try <= now,
            "quarantined" | "lost" => false,
            _ => true,
        });
        let pending = matches!(self.status, 1 | 2) && self.span().end <= now - 600;
        due && (pending || self.is_provisional(flags))
    }

    fn attempts(&self) -> i64 {
        self.ledger.map_or(0, |n| n.attempts)
    }

    fn failures(&self) -> i64 {
        self.ledger.map_or(0, |n| n.failures)
    }

    /// Failures that count if this is one: only damage that was met before adds to damage.
    fn failures_after(&self, fate: Fate) -> i64 {
        let begins = fate.damage && !self.damaged();
        if begins { 1 } else { self.failures() + 1 }
    }

    fn damaged(&self) -> bool {
        self.ledger.is_some_and(|n| n.damaged)
    }

    /// Whether nothing more can come, at a time when the cluster's data ends there.
    fn is_over(&self, now: i64, newest: i64) -> bool {
        let late = self.span().end + SETTLE;
        now >= late && (newest >= late || now >= late + 24 * HOUR)
    }
}

/// What becomes of a job; `proved`: an earlier sweep saw samples in the source.
pub(super) fn fate(job: &Job, world: &World, flags: &Flags, now: i64, proved: bool) -> Fate {
    if job.misplaced {
        return Fate::of("failed");
    }
    if job.duration == 0 && job.status == 2 && job.ill {
        return Fate::of("unknown_end");
    }
    let provisional = job.is_provisional(flags);
    if provisional {
        let Some(newest) = world.newest() else {
            return Fate::of(GONE);
        };
        let seen = job.ledger.and_then(|n| n.newest);
        if seen.is_some_and(|s| newest <= s) && !job.is_over(now, newest) {
            return Fate::of("not_yet");
        }
    }
    let fate = if job.duration == 0 {
        Fate::of("empty")
    } else {
        by_samples(job, world, flags, now, proved)
    };
    beside_the_archive(job, world, flags, fate)
}

fn mask(job: &Job, world: &World) -> Vec<bool> {
    let hosts = job.hosts.iter().map(|h| &world.hosts[h]);
    hosts.flat_map(|h| h.mask(&job.span())).collect()
}

fn by_samples(job: &Job, world: &World, flags: &Flags, now: i64, proved: bool) -> Fate {
    let Some(newest) = world.newest() else {
        return Fate::of(GONE);
    };
    let source = Source { proved, newest };
    Fate {
        has_samples: mask(job, world).contains(&true),
        ..by_source(job, world, flags, now, source)
    }
}

/// What is known of the source besides its samples.
#[derive(Clone, Copy, Debug)]
struct Source {
    proved: bool,
    newest: i64,
}

fn by_source(job: &Job, world: &World, flags: &Flags, now: i64, source: Source) -> Fate {
    let Source { proved, newest } = source;
    let accept_empty = flags.accept_empty && (proved || flags.named.is_some());
    let last_attempt = job.damaged() && job.failures() + 1 >= ATTEMPTS;
    let hosts = || job.hosts.iter().map(|h| &world.hosts[h]);
    let span = job.span();
    let all = mask(job, world);
    if all.iter().all(|m| *m) {
        return Fate::of("complete");
    }
    let given_up = last_attempt && all.contains(&true);
    if !given_up && hosts().any(|h| h.may_have_lost(&span)) {
        return Fate {
            damage: true,
            ..Fate::of("failed")
        };
    }
    let behind = hosts().any(|h| {
        let missing = times(&span).filter(|t| !h.has(*t)).last();
        missing.is_some_and(|t| h.snapshot_end().is_none_or(|end| t + STEP > end))
    });
    let may_come = !job.is_over(now, newest) && (behind || newest < span.end);
    let soon_forgotten = flags.retention.is_some_and(|r| now + HOUR >= job.start + r);
    match all.contains(&true) {
        true if may_come => return Fate::of("provisional"),
        false if may_come && !soon_forgotten => return Fate::of("not_yet"),
        _ => {}
    }
    if all.contains(&true) {
        return Fate::of("partial");
    }
    if accept_empty {
        return Fate::of("empty");
    }
    let patience = flags.retention.map_or(GIVE_UP, |r| 2 * r);
    let forgotten = now >= span.end + patience;
    Fate {
        // A job of which the archive has something is not lost.
        lost: job.archive.is_none() && forgotten,
        ..Fate::of("no_data")
    }
}

/// The same in view of what the archive has.
fn beside_the_archive(job: &Job, world: &World, flags: &Flags, fate: Fate) -> Fate {
    let (again, provisional) = (job.status == 3, job.is_provisional(flags));
    let become_ = |outcome| Fate { outcome, ..fate };
    let stays = || {
        let waits = matches!(fate.outcome, "provisional" | "not_yet");
        become_(if waits { "not_yet" } else { "adopted" })
    };
    // What is there is taken over, and looked at again where more may come.
    let adopted = || {
        let waits = matches!(fate.outcome, "provisional" | "not_yet");
        become_(if waits { "provisional" } else { "adopted" })
    };
    let is_whole = job
        .archive
        .as_ref()
        .is_some_and(|a| a.duration == job.duration);
    match fate.outcome {
        "no_data" | "not_yet" | "empty" if provisional => return stays(),
        "no_data" | "not_yet" if is_whole && !again => return adopted(),
        "failed" | "no_data" | "not_yet" | GONE => return fate,
        "empty" if again && keeps_when_empty(job) => return become_("no_data"),
        _ => {}
    }
    let writes = Fate {
        writes: true,
        ..fate
    };
    let Some(old) = &job.archive else {
        return writes;
    };
    let new = archive(job, world);
    let poorer = is_poorer(old, &new);
    if (flags.force && !provisional) || (!poorer && is_richer(old, &new)) {
        writes
    } else if provisional {
        stays()
    } else if !again && is_whole {
        adopted()
    } else if poorer {
        become_("failed")
    } else {
        writes
    }
}

/// Whether an archived job of which nothing is expected now stays as it is: not a job of length 0 without any value.
fn keeps_when_empty(job: &Job) -> bool {
    let archive = job.archive.as_ref();
    archive.is_some_and(|a| job.duration > 0 || !a.hosts.is_empty())
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

fn count(m: &[bool]) -> usize {
    m.iter().filter(|m| **m).count()
}

/// What an old archive has of a host, as far as it lies within the new one.
fn had(old: &[bool], new: &[bool]) -> usize {
    count(old).min(new.len())
}

fn is_poorer(old: &Archive, new: &Archive) -> bool {
    old.hosts
        .iter()
        .any(|(host, old)| match new.hosts.get(host) {
            None => count(old) > 0,
            Some(new) => count(new) < had(old, new),
        })
}

fn is_richer(old: &Archive, new: &Archive) -> bool {
    new.hosts
        .iter()
        .any(|(host, new)| match old.hosts.get(host) {
            None => true,
            Some(old) => count(new) > had(old, new),
        })
}

/// Row, ledger and archive of the job after that.
pub(super) fn after(job: &Job, world: &World, flags: &Flags, fate: Fate, now: i64) -> Job {
    let mut job = job.clone();
    let (attempts, failures) = (job.attempts() + 1, job.failures_after(fate));
    let provisional = job.is_provisional(flags);
    let newest = world.newest();
    let note = |state| Note {
        state,
        attempts,
        failures: 0,
        damaged: fate.damage,
        newest: None,
        last_try: now,
        next_try: 0,
    };
    if fate.writes {
        job.archive = Some(archive(&job, world));
    }
    match fate.outcome {
        "complete" | "partial" | "empty" | "adopted" => {
            job.status = 3;
            job.ledger = Some(note("done"));
        }
        "provisional" => {
            job.status = 3;
            job.ledger = Some(Note {
                newest,
                ..note("provisional")
            });
        }
        "failed" if provisional => {
            let told = if failures >= ATTEMPTS {
                "done"
            } else {
                "provisional"
            };
            job.ledger = Some(Note {
                failures,
                // What could not be read was not seen.
                newest: job
                    .ledger
                    .and_then(|n| n.newest)
                    .filter(|_| told == "provisional"),
                next_try: if told == "provisional" {
                    now + pause(failures)
                } else {
                    0
                },
                ..note(told)
            });
        }
        "failed" | "no_data" if job.status != 3 => {
            // At 2 a length of 0 would say that nobody knows when the job ended.
            if job.duration > 0 {
                job.status = 2;
            }
            job.ledger = Some(waiting(fate, note("waiting"), failures));
        }
        _ => {}
    }
    job
}

/// The pause after so many attempts.
fn pause(n: i64) -> i64 {
    (300_i64 << (n - 1).min(10)).min(6 * HOUR)
}

/// The note of a job that is not archived.
fn waiting(fate: Fate, note: Note, failures: i64) -> Note {
    match fate.outcome {
        "no_data" if fate.lost => Note {
            state: "lost",
            ..note
        },
        "no_data" => Note {
            next_try: note.last_try + pause(note.attempts),
            ..note
        },
        _ if failures >= ATTEMPTS => Note {
            state: "quarantined",
            failures,
            ..note
        },
        _ => Note {
            failures,
            next_try: note.last_try + pause(failures),
            ..note
        },
    }
}

/// Samples that a perfect archive would hold, of both metrics.
pub(super) fn expected(job: &Job) -> i64 {
    let hosts = i64::try_from(job.hosts.len()).unwrap();
    2 * hosts * (job.duration + STEP - 1).div_euclid(STEP)
}
