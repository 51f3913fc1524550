//! Hooks: a command for every archived job, with a JSON object on its input.
//!
//! A few at a time, each with bounded time; a failing hook is reported and never undoes an archive. When the grace of a
//! shutdown is over, the hooks that still run are killed, with what they started. Every archived job gets its hook at least
//! once: the ledger notes it before the row is written, and forgets it when the hook has ended.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::ledger::Hook;
use crate::model::job::JobKey;
use crate::model::message::Finished;
use crate::model::stop::Stop;

/// Hooks at the same time.
const AT_ONCE: usize = 2;
/// Jobs that may wait for their hook before the recorder waits.
const WAITING: usize = 1024;
/// The time of one hook.
const LIMIT: Duration = Duration::from_secs(60);
/// How often a running hook is looked at.
const POLL: Duration = Duration::from_millis(5);

/// What came of a job's hook.
#[derive(Debug)]
pub(super) struct Ran {
    /// The job.
    pub(super) key: JobKey,
    /// What went wrong, in words for the operator.
    pub(super) failure: Option<String>,
    /// Whether it is to run again: it was not run, or not to its end.
    pub(super) again: bool,
}

/// What a hook gets on its input: one JSON object on one line.
pub(super) fn json_of(d: &Finished) -> String {
    let key = &d.head.key;
    let mut json = serde_json::json!({
        "type": "archived",
        "id": d.head.id,
        "jobId": key.job_id,
        "cluster": key.cluster,
        "startTime": key.start_time,
        "outcome": d.outcome.name(),
        "expected": d.coverage.points.expected,
        "received": d.coverage.points.received,
        "rawBytes": d.raw_bytes,
        "storedBytes": d.archived.as_ref().map_or(0, |a| a.stored_bytes),
    })
    .to_string();
    json.push('\n');
    json
}

/// Runs hooks on threads of the sweep's scope.
pub(super) struct Hooks<'scope> {
    sender: Option<Sender<Hook>>,
    threads: Vec<ScopedJoinHandle<'scope, ()>>,
    ran: Receiver<Ran>,
}

impl<'scope> Hooks<'scope> {
    pub(super) fn start(
        scope: &'scope Scope<'scope, '_>,
        command: Option<&'scope str>,
        stop: &'scope Stop,
    ) -> Self {
        let (sender, due) = bounded::<Hook>(WAITING);
        let (tell, ran) = unbounded();
        let threads = command.map_or_else(Vec::new, |command| {
            (0..AT_ONCE)
                .map(|_| {
                    let (due, tell) = (due.clone(), tell.clone());
                    scope.spawn(move || {
                        for hook in &due {
                            drop(tell.send(run_one(command, hook, stop)));
                        }
                    })
                })
                .collect()
        });
        Self {
            sender: command.map(|_| sender),
            threads,
            ran,
        }
    }

    /// Whether there is a hook at all.
    pub(super) fn are_wanted(&self) -> bool {
        self.sender.is_some()
    }

    /// Hands hooks over.
    pub(super) fn run(&self, hooks: Vec<Hook>) {
        for hook in hooks {
            if let Some(sender) = &self.sender {
                drop(sender.send(hook));
            }
        }
    }

    /// What ran since the last call.
    pub(super) fn ran(&self) -> Vec<Ran> {
        self.ran.try_iter().collect()
    }

    /// Waits for all hooks; what ran since the last call.
    pub(super) fn finish(mut self) -> Vec<Ran> {
        drop(self.sender.take());
        for t in self.threads.drain(..) {
            drop(t.join());
        }
        self.ran.try_iter().collect()
    }
}

fn run_one(command: &str, hook: Hook, stop: &Stop) -> Ran {
    let result = run(command, &hook.json, stop);
    let again = result.is_err() && stop.is_cancelled();
    let failure = result
        .err()
        .map(|why| format!("the hook for {} {why}; the job stays archived", hook.key));
    Ran {
        key: hook.key,
        failure,
        again,
    }
}

fn run(command: &str, json: &str, stop: &Stop) -> Result<(), String> {
    if stop.is_cancelled() {
        return Err("was not run, since the sweep was cancelled".into());
    }
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|e| format!("cannot be started ({e})"))?;
    if let Some(mut input) = child.stdin.take() {
        // A hook that does not read its input is no failure.
        drop(input.write_all(json.as_bytes()));
    }
    let begun = Instant::now();
    loop {
        match child
            .try_wait()
            .map_err(|e| format!("cannot be waited for ({e})"))?
        {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("ended with {status}")),
            None if begun.elapsed() > LIMIT || stop.is_cancelled() => {
                kill(&mut child);
                return Err(format!("was killed after {} s", begun.elapsed().as_secs()));
            }
            None => std::thread::park_timeout(POLL),
        }
    }
}

fn kill(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself just now.
        kill_process_group(group, Signal::KILL).unwrap_or_default();
    }
    drop(child.wait());
}
