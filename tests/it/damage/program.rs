//! Runs the program itself, with a deadline, and perhaps with little memory.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::tiny::{NOW, Site};

/// No case takes a tenth of this.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the program answered.
pub(super) struct Answer {
    pub(super) exit: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Answer {
    /// The last object of `--json`.
    pub(super) fn summary(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {}{}", self.stdout, self.stderr))
    }

    /// The program refused to begin, with this exit code and these words; no panic, no raw control character.
    pub(super) fn refused(&self, exit: i32, words: &str) {
        self.is_printable();
        assert_eq!(self.exit, exit, "{}", self.stderr);
        assert!(
            self.stderr.contains(words),
            "`{words}` is not in: {}",
            self.stderr
        );
    }

    pub(super) fn is_printable(&self) {
        let all = format!("{}{}", self.stdout, self.stderr);
        assert!(!all.contains("panicked"), "{all}");
        assert!(
            !all.contains(|c: char| c.is_control() && c != '\n'),
            "{all:?}"
        );
    }
}

impl Site {
    /// `ccarchive run` on the site.
    pub(super) fn run(&self, flags: &[&str]) -> Answer {
        let database = self.path("job.db");
        let mut all = vec!["run", "--db", database.to_str().unwrap()];
        all.extend(flags);
        run(&all, None)
    }

    /// The same with so many megabytes of address space.
    pub(super) fn run_within(&self, megabytes: u32, flags: &[&str]) -> Answer {
        let database = self.path("job.db");
        let mut all = vec!["run", "--db", database.to_str().unwrap()];
        all.extend(flags);
        run(&all, Some(megabytes))
    }
}

/// Runs the program to its end.
pub(super) fn run(arguments: &[&str], megabytes: Option<u32>) -> Answer {
    let program = Path::new(env!("CARGO_BIN_EXE_ccarchive"));
    let limit = megabytes.map_or(String::new(), |m| format!("ulimit -v {} && ", m * 1024));
    let mut child = Command::new("sh")
        .args(["-c", &format!("{limit}exec \"$0\" \"$@\"")])
        .arg(program)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let begun = Instant::now();
    // Answers are far smaller than a pipe, so that the program never waits for its reader.
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("{arguments:?} did not end");
        }
        std::thread::park_timeout(Duration::from_millis(2));
    };
    let (mut out, mut err) = (String::new(), String::new());
    stdout.read_to_string(&mut out).unwrap();
    stderr.read_to_string(&mut err).unwrap();
    let exit = status.code().unwrap_or_else(|| panic!("{status}: {err}"));
    Answer {
        exit,
        stdout: out,
        stderr: err,
    }
}

/// The jobs of the tiny site ended long before the real present as well.
const _: () = assert!(NOW < 1_750_000_000);
