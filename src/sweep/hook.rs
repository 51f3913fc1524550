//! Hooks: a command for every archived job, with a JSON object on its input.
//!
//! A few at a time, each with bounded time; a failing hook is reported and never undoes an archive. After a
//! shutdown's grace the hooks that still run are killed, with what they started.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::model::stop::Stop;

/// Hooks at the same time.
const AT_ONCE: usize = 2;
/// Jobs that may wait for their hook before the recorder waits.
const WAITING: usize = 1024;
/// The time of one hook.
const LIMIT: Duration = Duration::from_secs(60);
/// How often a running hook is looked at.
const POLL: Duration = Duration::from_millis(5);

/// A job for a hook: its name in messages, and the JSON object.
type Job = (String, String);

/// Runs hooks on threads of the sweep's scope.
pub(super) struct Hooks<'scope> {
    sender: Option<Sender<Job>>,
    threads: Vec<ScopedJoinHandle<'scope, ()>>,
    failures: Receiver<String>,
}

impl<'scope> Hooks<'scope> {
    pub(super) fn start(
        scope: &'scope Scope<'scope, '_>,
        command: Option<&'scope str>,
        stop: &'scope Stop,
    ) -> Self {
        let (sender, jobs) = bounded::<Job>(WAITING);
        let (failed, failures) = unbounded();
        let Some(command) = command else {
            return Self {
                sender: None,
                threads: Vec::new(),
                failures,
            };
        };
        let threads = (0..AT_ONCE)
            .map(|_| {
                let (jobs, failed) = (jobs.clone(), failed.clone());
                scope.spawn(move || {
                    for (name, json) in &jobs {
                        if let Err(why) = run(command, &json, stop) {
                            drop(
                                failed
                                    .send(format!("the hook for {name} {why}; its archive stays")),
                            );
                        }
                    }
                })
            })
            .collect();
        Self {
            sender: Some(sender),
            threads,
            failures,
        }
    }

    /// Hands a job over.
    pub(super) fn job(&self, job: impl FnOnce() -> Job) {
        if let Some(sender) = &self.sender {
            drop(sender.send(job()));
        }
    }

    /// Failures since the last call, in words.
    pub(super) fn failures(&self) -> Vec<String> {
        self.failures.try_iter().collect()
    }

    /// Waits for all hooks; the failures since the last call.
    pub(super) fn finish(mut self) -> Vec<String> {
        drop(self.sender.take());
        for t in self.threads.drain(..) {
            drop(t.join());
        }
        self.failures.try_iter().collect()
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
