//! The program as a process: arguments in, exit code and both outputs out, signals in between.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::wait::{pause, until};

/// A process that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(240);

/// The program, without the machine's own CCARCHIVE_* variables.
pub(crate) fn program() -> Command {
    cleaned(Command::new(env!("CARGO_BIN_EXE_ccarchive")))
}

/// The same with a limit that `ulimit` sets, such as `-v 100000` for so many kilobytes of address space.
pub(crate) fn limited(limit: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")]);
    command.arg(env!("CARGO_BIN_EXE_ccarchive"));
    cleaned(command)
}

fn cleaned(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if ["CCARCHIVE_", "METRICSTORE_"]
            .iter()
            .any(|p| name_text.starts_with(p))
        {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// What a process left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The exit code; -1 and below for a signal.
    pub(crate) fn code(&self) -> i32 {
        let signal = || -self.status.signal().unwrap_or(1);
        self.status.code().unwrap_or_else(signal)
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "{}\n{}", self.out, self.err);
        self
    }

    /// Asserts that the program refused to begin, with this exit code and these words.
    #[track_caller]
    pub(crate) fn refused(self, code: i32, words: &str) {
        self.assert_printable();
        let ran = self.expect(code);
        assert!(ran.err.contains(words), "`{words}` is not in: {}", ran.err);
    }

    /// Asserts that it did not panic and said no raw control character.
    #[track_caller]
    pub(crate) fn assert_printable(&self) {
        let all = format!("{}{}", self.out, self.err);
        assert!(!all.contains("panicked"), "{all}");
        let odd = |c: char| c.is_control() && c != '\n';
        assert!(!all.contains(odd), "{all:?}");
    }

    /// The objects of `--json`.
    pub(crate) fn json(&self) -> Vec<Value> {
        let parse = |l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"));
        self.out.lines().map(parse).collect()
    }

    /// Those of one type.
    pub(crate) fn objects(&self, kind: &str) -> Vec<Value> {
        let mut all = self.json();
        all.retain(|v| v["type"] == kind);
        all
    }

    /// The summary, which must come last and only once.
    pub(crate) fn summary(&self) -> Value {
        let summaries = self.objects("summary");
        assert_eq!(summaries.len(), 1, "{}", self.out);
        assert_eq!(self.json().last(), summaries.first(), "{}", self.out);
        summaries[0].clone()
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    Running::start(command).wait()
}

/// A running process; killed when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    outputs: TempDir,
}

impl Running {
    /// Starts a command with its outputs in files, so that they can be looked at while it runs.
    pub(crate) fn start(command: &mut Command) -> Self {
        let outputs = tempfile::tempdir().unwrap();
        let file = |name| File::create(outputs.path().join(name)).unwrap();
        let child = command
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .unwrap();
        Self { child, outputs }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.outputs.path().join(name)
    }

    /// What it said on standard output until now.
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path("out")).unwrap()).into_owned()
    }

    /// What it said on standard error until now.
    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path("err")).unwrap()).into_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until standard error holds a text; the process must not end before.
    pub(crate) fn until_err(&mut self, text: &str) {
        until(&format!("it says '{text}'"), || {
            self.err().contains(text) || {
                assert!(
                    self.is_running() || self.err().contains(text),
                    "{}",
                    self.err()
                );
                false
            }
        });
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> Ran {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < LIMIT, "it does not end: {}", self.err());
            pause(Duration::from_millis(3));
        };
        Ran {
            status,
            out: self.out(),
            err: self.err(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
