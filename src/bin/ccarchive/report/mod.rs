//! What a person or a script sees: a bar and lines on standard error, the result on standard output.
//!
//! A terminal gets one progress bar with lines above it. Without one: a line at start, one per failure (of equal ones
//! only the first few, the summary counts them), at most one a minute, the summary. `--json` puts one object a line on
//! standard output instead, the summary last, whatever happens. Everything goes through one thread, see [`printer`].

pub(crate) mod advice;
mod file;
pub(crate) mod html;
pub(crate) mod inspect;
pub(crate) mod json;
mod log;
mod printer;
mod progress;
mod text;
pub(crate) mod words;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ccarchive::model::failure::{Reason, Stage};
use ccarchive::model::job::Shown;
use ccarchive::site::Site;
use ccarchive::sweep::monitor::{Event, Monitor, Report};
use ccarchive::sweep::{Exit, Settings, Summary};
use log::{LogFile, Severity};
use printer::{Message, Printer, Unwritten};

pub(crate) use advice::with_advice;

/// Lines for failures of one stage and reason; the rest is counted.
const LINES_PER_REASON: u32 = 10;

/// How much is said, and in which form.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(crate) struct Mode {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
    pub(crate) dry_run: bool,
}

/// The terminal, pipe or log that the program was started with.
#[derive(Debug)]
pub(crate) struct Console {
    mode: Mode,
    printer: Printer,
    log: Option<LogFile>,
    /// Whether lines on standard error go to the journal, which takes their level from the line.
    journal: bool,
    /// Lines said of failures so far.
    lines: Mutex<HashMap<(Stage, Reason), u32>>,
}

impl Console {
    /// Starts to write, also to a log file where one is named.
    ///
    /// # Errors
    /// When there is no output to be had, or the log file cannot be opened.
    pub(crate) fn new(mode: Mode, log_file: Option<&Path>) -> io::Result<Self> {
        let open = |path: &Path| {
            LogFile::open(path).map_err(|e| {
                let text = format!("the log file {} cannot be opened: {e}", path.display());
                io::Error::new(e.kind(), text)
            })
        };
        Ok(Self {
            mode,
            log: log_file.map(open).transpose()?,
            journal: log::is_journal(),
            printer: Printer::start(mode.quiet)?,
            lines: Mutex::default(),
        })
    }

    /// Says that the sweep begins.
    pub(crate) fn start(&self, site: &Site, settings: &Settings) {
        self.tell(Severity::Info, || {
            json::start(site, settings, self.mode.dry_run)
        });
        if !self.mode.quiet && !io::IsTerminal::is_terminal(&io::stderr()) {
            let dry = if self.mode.dry_run {
                " (dry run: nothing is written)"
            } else {
                ""
            };
            self.line(
                Severity::Info,
                format!(
                    "sweeping {} with {}{dry}",
                    site.database.value.display(),
                    words::count(settings.workers as u64, "worker")
                ),
            );
        }
        self.printer.say(Message::Begin);
    }

    /// Says what the sweep did; the exit code is another where that could not be said.
    pub(crate) fn finish(&self, summary: &Summary, exit: Exit) -> Exit {
        self.printer.say(Message::End);
        if exit != Exit::Done || summary.hooks_failed > 0 {
            self.printer.say(Message::Release);
        }
        let level = if exit == Exit::Done {
            Severity::Info
        } else {
            Severity::Warning
        };
        self.tell(level, || json::summary(summary, exit));
        if !self.mode.json && (!self.mode.quiet || exit != Exit::Done) {
            let text = text::summary(summary, self.mode.verbose);
            self.out(words::fitted(&text, words::columns(&io::stdout())));
        }
        self.flushed(exit)
    }

    /// Says why there was no sweep. That another one is running is no news for whoever asked for quiet: beside a long
    /// sweep cron would tell it every hour.
    pub(crate) fn stopped(&self, exit: Exit, message: &str) -> Exit {
        if !(self.mode.quiet && exit == Exit::Locked) {
            self.printer.say(Message::Release);
            for l in message.lines() {
                self.line(Severity::Error, format!("ccarchive: {l}"));
            }
        }
        self.tell(Severity::Error, || json::stopped(exit, message));
        self.flushed(exit)
    }

    /// Lines for whoever wants to know everything.
    pub(crate) fn detail(&self, lines: impl FnOnce() -> Vec<String>) {
        if self.mode.verbose {
            for line in lines() {
                self.line(Severity::Info, line);
            }
        }
    }

    /// Writes a text to standard output.
    pub(crate) fn out(&self, text: String) {
        self.printer.say(Message::Out(text));
    }

    /// Waits until everything is written; a result that cannot be written is no success.
    pub(crate) fn flushed(&self, exit: Exit) -> Exit {
        let error = match self.printer.flush() {
            Ok(()) => return exit,
            Err(Unwritten::Dropped) => return Exit::Interrupted,
            Err(Unwritten::Failed(error)) => error,
        };
        self.printer.say(Message::Release);
        self.line(
            Severity::Error,
            format!("ccarchive: standard output cannot be written: {error}"),
        );
        // Standard output fails again.
        drop(self.printer.flush());
        match exit {
            Exit::Done | Exit::Failures | Exit::TimeBox => Exit::Aborted,
            Exit::Aborted | Exit::Usage | Exit::Locked | Exit::Unsupported | Exit::Interrupted => {
                exit
            }
        }
    }

    /// An object for whoever reads objects: `--json`, the log file.
    fn tell(&self, level: Severity, object: impl FnOnce() -> serde_json::Value) {
        if !self.mode.json && self.log.is_none() {
            return;
        }
        let object = object();
        if self.mode.json {
            self.out(format!("{}\n", json::line(&object)));
        }
        self.note(level, &object);
    }

    /// Writes an object to the log file, if there is one.
    fn note(&self, level: Severity, object: &serde_json::Value) {
        if let Some(Err(why)) = self.log.as_ref().map(|log| log.write(level, object)) {
            self.line(Severity::Warning, format!("warning: {why}"));
        }
    }

    fn line(&self, level: Severity, text: String) {
        let text = if self.journal {
            log::for_journal(level, &text)
        } else {
            text
        };
        self.printer.say(Message::Line(text));
    }

    fn job(&self, r: &Report<'_>) {
        self.printer.say(Message::Job {
            kind: r.outcome.kind(),
            raw_bytes: r.raw_bytes,
        });
        let level = if r.outcome.failure().is_some() {
            Severity::Warning
        } else {
            Severity::Info
        };
        self.tell(level, || json::job(r));
        let mut wanted = self.mode.verbose || r.note.is_some();
        if let Some(f) = r.outcome.failure() {
            let n = self.count_line(f.stage, f.reason);
            wanted |= n <= LINES_PER_REASON;
            if n == LINES_PER_REASON + 1 && !self.mode.verbose {
                self.line(
                    level,
                    format!(
                        "more jobs fail with {}: the summary counts them, -v shows each",
                        f.reason.code()
                    ),
                );
            }
        }
        if wanted {
            self.line(level, text::job(r, self.mode.dry_run));
        }
    }

    fn count_line(&self, stage: Stage, reason: Reason) -> u32 {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let n = lines.entry((stage, reason)).or_default();
        *n += 1;
        *n
    }
}

impl Monitor for Console {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Found(n) => self.printer.say(Message::Found(*n)),
            Event::Job(r) => self.job(r),
            Event::Warning(text) => {
                let object = serde_json::json!({"type": "warning", "detail": text});
                self.note(Severity::Warning, &object);
                self.line(Severity::Warning, format!("warning: {text}"));
            }
        }
    }
}

/// Writes the result of a command without progress.
///
/// # Errors
/// When it cannot be written; a reader that closed the pipe has read enough.
pub(crate) fn out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    unless_closed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// What came of writing: a reader that closed the pipe has read enough.
///
/// # Errors
/// Any other.
pub(crate) fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a line about the work of a command without progress.
pub(crate) fn line(text: &str) {
    let line = format!("{}\n", Shown(text));
    let line = words::fitted(&line, words::columns(&io::stderr()));
    // There is nobody left to tell that standard error cannot be written.
    drop(io::stderr().lock().write_all(line.as_bytes()));
}

/// Writes why a command without progress ends.
pub(crate) fn error(text: &str) {
    for l in text.lines() {
        line(&format!("ccarchive: {l}"));
    }
}
