//! The jobs of a sweep: pages of the backlog in an order that serves the source's forgetting and the cache, or the
//! jobs that somebody named.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::{SendTimeoutError, Sender};

use super::{Abort, Settings, Skipped, Task};
use crate::jobs::{self, Candidate, Pending};
use crate::ledger::{Entry, Ledger};
use crate::model::job::{JobKey, STATUS_ARCHIVED, STATUS_DISABLED, Shown};
use crate::model::selection::Selection;
use crate::model::standing::Standing;
use crate::model::stop::Stop;
use crate::sweep::monitor::{Event, Monitor};

/// Jobs that are put in order together.
const WINDOW: usize = 4096;
/// Jobs that began within this time (seconds) may be taken host by host.
const TOGETHER: i64 = 6 * 3600;
/// How often a full queue or a locked database looks at the stop token.
const POLL: Duration = Duration::from_millis(100);

/// Which jobs a sweep takes in.
#[derive(Debug)]
pub enum Jobs {
    /// The backlog.
    Pending(Box<Pending>),
    /// These.
    Chosen(Vec<Candidate>),
}

/// What the intake did.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) skipped: Skipped,
    /// Whether every selected job was handed over.
    pub(super) complete: bool,
    /// Jobs handed over; those that no worker took before the end are left.
    pub(super) sent: u64,
    /// Whether the time box ended it.
    pub(super) boxed: bool,
    pub(super) abort: Option<Abort>,
}

struct Intake<'a> {
    ledger: &'a Ledger,
    open: HashMap<JobKey, Entry>,
    settings: &'a Settings,
    monitor: &'a dyn Monitor,
    stop: &'a Stop,
    to_workers: &'a Sender<Task>,
    left: u64,
    taken: Taken,
}

pub(super) fn run(
    jobs: Jobs,
    ledger: &Ledger,
    settings: &Settings,
    monitor: &dyn Monitor,
    stop: &Stop,
    to_workers: &Sender<Task>,
) -> Taken {
    let open = ledger.open_jobs();
    let left = settings.limit.unwrap_or(u64::MAX);
    let mut intake = Intake {
        ledger,
        open,
        settings,
        monitor,
        stop,
        to_workers,
        left,
        taken: Taken::default(),
    };
    match jobs {
        Jobs::Pending(pending) => intake.backlog(*pending),
        Jobs::Chosen(candidates) => {
            let tasks = candidates.into_iter().map(|c| intake.task(c)).collect();
            intake.taken.complete = intake.hand_over(tasks);
        }
    }
    intake.watch_queue();
    intake.taken
}

impl Intake<'_> {
    fn backlog(&mut self, mut pending: Pending) {
        let mut window = Vec::new();
        while !pending.is_done() && self.left > 0 {
            if self.draining() {
                return;
            }
            match pending.page() {
                Ok(page) => window.extend(page.into_iter().filter_map(|c| self.due(c))),
                Err(jobs::Error::Sqlite { source, .. }) if jobs::is_busy(&source) => {
                    self.stop.wait(POLL);
                }
                Err(e) => {
                    self.taken.abort = Some(Abort {
                        reason: "database".into(),
                        detail: crate::model::failure::chain(&e),
                        advice: "check the file and its disk; what was archived so far is recorded"
                            .into(),
                    });
                    return;
                }
            }
            if (window.len() >= WINDOW || pending.is_done())
                && !self.hand_over(std::mem::take(&mut window))
            {
                return;
            }
        }
        self.taken.complete = true;
    }

    /// The job as a task, if it is due. What was noted in the future was noted by a wrong clock and keeps nobody back.
    fn due(&mut self, c: Candidate) -> Option<Task> {
        let skipped = &mut self.taken.skipped;
        if let Some(e) = self
            .open
            .get(&c.head.key)
            .filter(|e| !self.settings.retry_now && e.last_try <= self.settings.clock.now())
        {
            let counter = match e.state {
                Standing::Waiting if e.next_try > self.settings.clock.now() => {
                    Some(&mut skipped.waiting)
                }
                Standing::Quarantined => Some(&mut skipped.quarantined),
                Standing::Lost => Some(&mut skipped.lost),
                Standing::Waiting
                | Standing::Published
                | Standing::Provisional
                | Standing::Done => None,
            };
            if let Some(n) = counter {
                *n += 1;
                return None;
            }
        }
        Some(self.task(c))
    }

    fn task(&self, candidate: Candidate) -> Task {
        let entry = self.open.get(&candidate.head.key).cloned();
        let entry = entry.or_else(|| {
            (candidate.head.status == STATUS_ARCHIVED)
                .then(|| self.ledger.job(&candidate.head.key))
                .flatten()
        });
        let (attempts, failures) = entry.as_ref().map_or((0, 0), |e| (e.attempts, e.failures));
        Task {
            candidate,
            attempts,
            failures,
            published: entry.and_then(|e| e.published),
        }
    }

    /// Sends tasks in a good order; false when the sweep is to end.
    fn hand_over(&mut self, mut tasks: Vec<Task>) -> bool {
        order(&mut tasks);
        // Jobs of unknown end are only counted: they take nobody's place.
        let unknown = !self.settings.walltime;
        tasks.retain(|t| {
            let counts = !(unknown && t.candidate.head.has_unknown_end());
            let taken = !counts || self.left > 0;
            self.left -= u64::from(counts && taken);
            taken
        });
        if !tasks.is_empty() {
            self.monitor.event(&Event::Found(tasks.len() as u64));
        }
        let mut tasks = VecDeque::from(tasks);
        while let Some(task) = tasks.pop_front() {
            if self.draining() {
                return false;
            }
            match self.to_workers.send_timeout(task, POLL) {
                Ok(()) => self.taken.sent += 1,
                Err(SendTimeoutError::Timeout(task)) => tasks.push_front(task),
                Err(SendTimeoutError::Disconnected(_)) => return false,
            }
        }
        true
    }

    /// The time box also holds for jobs that wait for a worker.
    fn watch_queue(&mut self) {
        while self.settings.max_duration.is_some()
            && !self.to_workers.is_empty()
            && !self.draining()
        {
            self.stop.wait(POLL);
        }
    }

    fn draining(&mut self) -> bool {
        let over = self
            .settings
            .max_duration
            .is_some_and(|d| self.settings.clock.elapsed() >= d);
        if over && !self.stop.is_draining() {
            self.taken.boxed = true;
            self.stop.drain(self.settings.timeout);
        }
        self.stop.is_draining()
    }
}

/// Old jobs first, since the source forgets them first; among those of the same hours, jobs of one host together.
fn order(tasks: &mut [Task]) {
    tasks.sort_by_cached_key(|t| {
        let h = &t.candidate.head;
        let host = t
            .candidate
            .job
            .as_ref()
            .ok()
            .and_then(|j| j.resources.first())
            .map(|r| r.hostname.clone());
        (
            h.key.start_time.div_euclid(TOGETHER),
            h.key.cluster.clone(),
            host,
            h.key.start_time,
            h.id,
        )
    });
}

/// A job that somebody named and that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its number.
    pub job_id: i64,
    /// Why, in words.
    pub why: String,
}

/// The jobs that somebody named.
#[derive(Debug, Default)]
pub struct Chosen {
    /// To be archived.
    pub jobs: Vec<Candidate>,
    /// Not to be.
    pub refused: Vec<Refused>,
}

/// Finds the jobs of `--job-id`: stopped ones at status 1, 2 or 3 that are old enough at `now` (Unix seconds); a number
/// that fits several jobs is refused with the list of them.
///
/// # Errors
/// When the database cannot be read.
pub fn choose(
    connection: &rusqlite::Connection,
    path: &Path,
    selection: &Selection,
    now: i64,
) -> Result<Chosen, jobs::Error> {
    let mut chosen = Chosen::default();
    // Whoever names a job means it, also one that a clock has stop in the future.
    let latest = match selection.min_age {
        0 => i64::MAX,
        age => now.saturating_sub(age),
    };
    let mut numbers = selection.job_ids.clone();
    numbers.sort_unstable();
    numbers.dedup();
    for job_id in numbers {
        let mut found = jobs::find_jobs(connection, path, job_id)?;
        found.retain(|c| {
            let key = &c.head.key;
            (selection.clusters.is_empty() || selection.clusters.contains(&key.cluster))
                && selection.start_time.is_none_or(|t| t == key.start_time)
        });
        match choose_one(found, latest) {
            Ok(job) => chosen.jobs.push(job),
            Err(why) => chosen.refused.push(Refused { job_id, why }),
        }
    }
    Ok(chosen)
}

/// The one job that was found, if it stopped until `latest` (Unix seconds).
fn choose_one(mut found: Vec<Candidate>, latest: i64) -> Result<Candidate, String> {
    if found.len() > 1 {
        let list: Vec<String> = found
            .iter()
            .map(|c| {
                let key = &c.head.key;
                format!(
                    "--cluster {} --start-time {} ({})",
                    Shown(&key.cluster),
                    key.start_time,
                    Shown(&c.head.state)
                )
            })
            .collect();
        return Err(format!(
            "{} jobs have this number; say which: {}",
            found.len(),
            list.join(", ")
        ));
    }
    let Some(job) = found.pop() else {
        return Err("no such job in the database (with this cluster and start time)".into());
    };
    if !job.head.stopped() {
        return Err(format!(
            "it is {}; only stopped jobs are archived",
            Shown(&job.head.state)
        ));
    }
    if job.head.status == STATUS_DISABLED {
        return Err("monitoring is switched off for it (monitoring_status 0)".into());
    }
    if job.head.end() > latest {
        return Err("it stopped less than --min-age ago and is left to the live server".into());
    }
    Ok(job)
}
