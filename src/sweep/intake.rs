//! The jobs of a sweep on their way to the workers: the backlog in an order that serves the source's forgetting and the
//! cache, archives that may become better, or the jobs that somebody named.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crossbeam_channel::{SendTimeoutError, Sender};

use super::monitor::{Event, Monitor};
use super::settings::Settings;
use super::summary::{Abort, Taken};
use crate::jobs::{self, Listed, Pending, Rows};
use crate::ledger::{Entry, Ledger};
use crate::model::failure::{Failure, Reason, Stage, chain};
use crate::model::job::{Head, JobKey, STATUS_ARCHIVED};
use crate::model::message::{History, Task};
use crate::model::standing::Standing;
use crate::model::stop::Stop;
use crate::rules::retry::is_due;

/// Jobs that are put in order together.
const WINDOW: usize = 4096;
/// Jobs that began within this time (seconds) may be taken host by host.
const TOGETHER: i64 = 6 * 3600;
const DAY: i64 = 86_400;
/// How often a full queue or a locked database looks at the stop token.
const POLL: Duration = Duration::from_millis(100);

/// Which jobs a sweep takes in.
#[derive(Debug)]
pub enum Jobs {
    /// The backlog, and archives that may become better.
    Pending(Box<Pending>),
    /// These.
    Chosen(Vec<Head>),
}

/// What the intake works with.
pub(super) struct Intake<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) rows: &'a Rows,
    pub(super) settings: &'a Settings,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) stop: &'a Stop,
    pub(super) to_workers: Sender<Task>,
}

/// An intake at work.
struct Running<'a> {
    parts: Intake<'a>,
    /// Jobs that may still be taken, by the limit.
    left: u64,
    /// Whether the limit kept jobs out.
    limited: bool,
    /// Row ids of the backlog's jobs that the ledger may call provisional while this sweep works on them, or because it did.
    /// It does not take them once more as archives that may become better.
    in_hand: HashSet<i64>,
    taken: Taken,
}

/// Hands over all jobs; ends when that is done or the sweep is to end.
pub(super) fn run(jobs: Jobs, parts: Intake<'_>) -> Taken {
    let left = parts.settings.limit.unwrap_or(u64::MAX);
    let mut intake = Running {
        parts,
        left,
        limited: false,
        in_hand: HashSet::new(),
        taken: Taken::default(),
    };
    match jobs {
        Jobs::Pending(mut pending) => {
            let all = intake.backlog(&mut pending) && intake.provisional(&pending);
            intake.limited |= intake.left == 0 && !pending.is_done();
            intake.taken.complete = all && pending.is_done() && !intake.limited;
            intake.taken.passed_over.add(pending.passed_over());
        }
        Jobs::Chosen(heads) => {
            let tasks = heads.into_iter().map(|h| intake.named(h)).collect();
            intake.taken.complete = intake.hand_over(tasks) && !intake.limited;
        }
    }
    intake.taken.limited = intake.limited;
    intake.watch_queue();
    intake.taken
}

impl Running<'_> {
    /// Hands over the backlog; false when the sweep is to end.
    fn backlog(&mut self, pending: &mut Pending) -> bool {
        let mut window = Vec::new();
        while !pending.is_done() && self.left > 0 {
            if self.draining() {
                return false;
            }
            match pending.page() {
                Ok(page) => window.extend(page.into_iter().filter_map(|l| self.due(l))),
                // Until it stayed so for too long, which is another error.
                Err(e @ jobs::Error::Sqlite { .. }) if e.is_locked() => {
                    self.parts.stop.wait(POLL);
                }
                Err(e) => {
                    self.taken.abort = Some(database_failed(&e));
                    return false;
                }
            }
            if (window.len() >= WINDOW || pending.is_done())
                && !self.hand_over(std::mem::take(&mut window))
            {
                return false;
            }
        }
        true
    }

    /// Hands over archived jobs whose archives may become better; false when the sweep is to end.
    fn provisional(&mut self, pending: &Pending) -> bool {
        let mut after: Option<JobKey> = None;
        loop {
            let keys = self
                .parts
                .ledger
                .jobs(Standing::Provisional, after.as_ref(), WINDOW);
            let Some(last) = keys.last() else {
                return true;
            };
            if self.left == 0 {
                self.limited = true;
                return true;
            }
            after = Some(last.clone());
            let mut tasks = Vec::new();
            for key in keys {
                if self.draining() {
                    return false;
                }
                match self.parts.rows.by_key(&key, self.parts.stop) {
                    Ok(Some(row)) if self.in_hand.contains(&row.head.id) => {}
                    Ok(Some(row)) if row.head.status == STATUS_ARCHIVED && pending.wants(&row) => {
                        tasks.extend(self.improvable(row.head));
                    }
                    Ok(_) => {}
                    Err(e) if e.is_locked() && self.draining() => return false,
                    Err(e) => {
                        self.taken.abort = Some(database_failed(&e));
                        return false;
                    }
                }
            }
            if !self.hand_over(tasks) {
                return false;
            }
        }
    }

    /// An archive that may become better as a task, if it is due: after a failure it has to wait like other jobs.
    fn improvable(&self, head: Head) -> Option<Task> {
        let now = self.parts.settings.clock.now();
        let entry = self.parts.ledger.job(&head.key);
        let valid = entry.as_ref().filter(|e| e.last_try <= now);
        if valid.is_some_and(|e| !self.is_due(e, now)) {
            return None;
        }
        let mut task = self.task_with(head, entry.as_ref());
        task.history.provisional.get_or_insert(i64::MIN);
        Some(task)
    }

    /// A job as a task, if it is due. Entries dated in the future were written under a wrong clock and are ignored.
    fn due(&mut self, listed: Listed) -> Option<Task> {
        let settings = self.parts.settings;
        let now = settings.clock.now();
        let entry = self.parts.ledger.job(&listed.head.key);
        let valid = entry.as_ref().filter(|e| e.last_try <= now);
        if let Some(e) = valid.filter(|e| !self.is_due(e, now)) {
            self.taken.standings.count(e);
            return None;
        }
        let standing = entry.as_ref().map(|e| e.standing);
        if !settings.standings.is_empty()
            && !standing.is_some_and(|s| settings.standings.contains(&s))
        {
            self.taken.passed_over.not_selected += 1;
            return None;
        }
        // It would only be counted: it takes nobody's place, and adds to nobody's number.
        if listed.unknown_end && !settings.walltime && settings.limit.is_some() {
            self.taken.passed_over.unknown_end += 1;
            return None;
        }
        // Somebody may have set the row of a provisional archive back, however old the job is.
        let earliest = now.saturating_sub(settings.settle).saturating_sub(2 * DAY);
        if standing == Some(Standing::Provisional)
            || listed.unknown_end
            || listed.head.end() >= earliest
        {
            self.in_hand.insert(listed.head.id);
        }
        let mut task = self.task_with(listed.head, entry.as_ref());
        task.host = listed.host;
        Some(task)
    }

    /// Whether a job that the ledger knows is to be tried now.
    fn is_due(&self, e: &Entry, now: i64) -> bool {
        let settings = self.parts.settings;
        let asked_for = matches!(e.standing, Standing::Quarantined | Standing::Lost)
            && settings.standings.contains(&e.standing);
        let asked = e.source.as_deref();
        settings.retry_now
            || asked_for
            || is_due(e.standing, e.next_try, asked, &settings.source, now)
    }

    fn named(&self, head: Head) -> Task {
        let mut task = self.task(head);
        task.accept_empty = self.parts.settings.accept_empty;
        // Whoever names a job wants it archived anew, whatever there is of it.
        task.history.provisional = None;
        task
    }

    fn task(&self, head: Head) -> Task {
        let entry = self.parts.ledger.job(&head.key);
        self.task_with(head, entry.as_ref())
    }

    fn task_with(&self, head: Head, entry: Option<&Entry>) -> Task {
        let settings = self.parts.settings;
        let proved = || {
            let cluster = &head.key.cluster;
            self.parts.ledger.is_proved(cluster, &settings.source)
        };
        let accept_empty = settings.accept_empty && proved();
        let history = history(&head, entry);
        Task {
            head,
            host: None,
            history,
            accept_empty,
        }
    }

    /// Sends tasks in a good order; false when the sweep is to end.
    fn hand_over(&mut self, mut tasks: Vec<Task>) -> bool {
        order(&mut tasks);
        self.taken.due += tasks.len() as u64;
        tasks.retain(|_| {
            let taken = self.left > 0;
            self.left -= u64::from(taken);
            self.taken.due -= u64::from(!taken);
            self.limited |= !taken;
            taken
        });
        if !tasks.is_empty() {
            self.parts.monitor.event(&Event::Found(tasks.len() as u64));
        }
        let mut tasks = VecDeque::from(tasks);
        while let Some(task) = tasks.pop_front() {
            if self.draining() {
                return false;
            }
            match self.parts.to_workers.send_timeout(task, POLL) {
                Ok(()) => {}
                Err(SendTimeoutError::Timeout(task)) => tasks.push_front(task),
                Err(SendTimeoutError::Disconnected(_)) => return false,
            }
        }
        true
    }

    /// The time box also holds for jobs that wait for a worker.
    fn watch_queue(&mut self) {
        while self.parts.settings.max_duration.is_some()
            && !self.parts.to_workers.is_empty()
            && !self.draining()
        {
            self.parts.stop.wait(POLL);
        }
    }

    fn draining(&mut self) -> bool {
        let settings = self.parts.settings;
        let over = settings
            .max_duration
            .is_some_and(|d| settings.clock.elapsed() >= d);
        if over && !self.parts.stop.is_draining() {
            self.taken.boxed = true;
            self.parts.stop.drain(settings.timeout);
        }
        self.parts.stop.is_draining()
    }
}

/// What a worker is told of what the ledger knows of a job.
pub(super) fn history(head: &Head, entry: Option<&Entry>) -> History {
    let archived = head.status == STATUS_ARCHIVED;
    entry.map(|e| e.history(archived)).unwrap_or_default()
}

pub(super) fn database_failed(e: &jobs::Error) -> Abort {
    Abort::of(&Failure::new(Stage::Row, Reason::Database, chain(e)))
}

/// Old jobs first, since the source forgets them first; among those of the same hours, jobs of one host together.
fn order(tasks: &mut [Task]) {
    tasks.sort_by_cached_key(|t| {
        let h = &t.head;
        (
            h.key.start_time.div_euclid(TOGETHER),
            h.key.cluster.clone(),
            t.host.clone(),
            h.key.start_time,
            h.id,
        )
    });
}
