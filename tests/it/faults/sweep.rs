//! One sweep of the program, with whatever is in its way.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::shim::{self, Report};

/// A sweep that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(40);
/// The user and group of nobody.
pub(super) const NOBODY: u32 = 65534;

/// How to run a sweep over a site; its folder is the working directory, so that messages are the same everywhere.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    pub(super) site: PathBuf,
    /// Output and the shim's report go to files of this name with suffixes.
    pub(super) scratch: PathBuf,
    pub(super) binary: PathBuf,
    pub(super) database: &'static str,
    pub(super) workers: u32,
    pub(super) arguments: Vec<String>,
    pub(super) rules: Vec<String>,
    pub(super) nobody: bool,
    /// Most descriptors.
    pub(super) files: Option<u32>,
    /// Where standard output goes instead.
    pub(super) output: Option<PathBuf>,
}

/// A sweep that is over.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) said: String,
    /// The object of type `summary`.
    pub(super) summary: Value,
    /// Jobs that an earlier sweep had published.
    pub(super) adopted: u64,
    pub(super) report: Report,
}

impl Sweep {
    pub(super) fn new(site: &Path, scratch: &Path) -> Self {
        Self {
            site: site.into(),
            scratch: scratch.into(),
            binary: env!("CARGO_BIN_EXE_ccarchive").into(),
            database: "job.db",
            workers: 2,
            arguments: Vec::new(),
            rules: Vec::new(),
            nobody: false,
            files: None,
            output: None,
        }
    }

    fn file(&self, suffix: &str) -> PathBuf {
        PathBuf::from(format!("{}.{suffix}", self.scratch.display()))
    }

    fn command(&self) -> Command {
        let Some(n) = self.files else {
            return Command::new(&self.binary);
        };
        let mut c = Command::new("sh");
        c.arg("-c")
            .arg(format!("ulimit -n {n} && exec \"$0\" \"$@\""))
            .arg(&self.binary);
        c
    }

    /// Starts it.
    pub(super) fn start(&self) -> Running<'_> {
        let mut c = self.command();
        let own = std::env::vars().filter(|(name, _)| name.starts_with("CCARCHIVE_"));
        for (name, _) in own {
            c.env_remove(name);
        }
        c.current_dir(&self.site).stdin(Stdio::null());
        c.args(["run", "--db", self.database, "--json", "--workers"])
            .arg(self.workers.to_string())
            .args(&self.arguments);
        let output = self.output.clone().unwrap_or_else(|| self.file("out"));
        let output = File::options()
            .write(true)
            .create(true)
            .truncate(self.output.is_none())
            .open(output);
        c.stdout(output.unwrap())
            .stderr(File::create(self.file("err")).unwrap());
        if !self.rules.is_empty() {
            shim::preload(&mut c, &self.rules, &self.file("report"));
        }
        if self.nobody {
            c.uid(NOBODY).gid(NOBODY);
        }
        let child = c.spawn().unwrap();
        Running { sweep: self, child }
    }

    /// What the shim has counted so far.
    pub(super) fn report(&self) -> Report {
        Report::read(&self.file("report"))
    }

    pub(super) fn run(&self) -> Ended {
        self.start().wait()
    }
}

/// A sweep under way.
pub(super) struct Running<'a> {
    sweep: &'a Sweep,
    child: Child,
}

impl Running<'_> {
    /// Stops it: none of its threads goes on.
    pub(super) fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(super) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Whether it has ended.
    pub(super) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Kills it after a time, unless it is over by then.
    pub(super) fn kill_after(mut self, time: Duration) -> Ended {
        let begun = Instant::now();
        while begun.elapsed() < time && self.child.try_wait().unwrap().is_none() {
            std::thread::park_timeout(Duration::from_micros(200));
        }
        self.child.kill().unwrap();
        self.wait()
    }

    pub(super) fn wait(mut self) -> Ended {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > LIMIT {
                self.child.kill().unwrap();
                let said = fs::read_to_string(self.sweep.file("err")).unwrap_or_default();
                panic!("the sweep {:?} hangs: {said}", self.sweep);
            }
            std::thread::park_timeout(Duration::from_millis(1));
        };
        let out = fs::read_to_string(self.sweep.file("out")).unwrap_or_default();
        let last = out.lines().last().unwrap_or_default();
        Ended {
            status,
            said: fs::read_to_string(self.sweep.file("err")).unwrap_or_default(),
            summary: serde_json::from_str(last).unwrap_or_default(),
            adopted: out.matches("\"outcome\":\"adopted\"").count() as u64,
            report: self.sweep.report(),
        }
    }
}
