//! What a person or a script sees: a bar and lines on standard error, the result on standard output.
//!
//! A terminal gets one progress bar with lines above it. Without one: a line at start, one per failure (of equal ones
//! only the first few, the summary counts them), at most one a minute, the summary. `--json` puts one object a line on
//! standard output instead, the summary last, whatever happens.

pub(crate) mod inspect;
pub(crate) mod json;
mod text;

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ccarchive::model::failure::{Reason, Stage};
use ccarchive::model::job::Shown;
use ccarchive::site::Site;
use ccarchive::sweep::monitor::{Event, Monitor, Report};
use ccarchive::sweep::{Exit, Settings, Summary};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Lines for failures of one stage and reason; the rest is counted.
const LINES_PER_REASON: u32 = 10;
/// Without a terminal, a line of progress at most this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(60);

/// How much is said, and in which form.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mode {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
}

/// The terminal, pipe or log that the program was started with.
pub(crate) struct Console {
    mode: Mode,
    state: Mutex<State>,
}

struct State {
    bar: Option<ProgressBar>,
    found: u64,
    done: u64,
    archived: u64,
    failed: u64,
    raw_bytes: u64,
    begun: Instant,
    last_line: Instant,
    lines: HashMap<(Stage, Reason), u32>,
    summarised: bool,
    /// With `-q`: lines that are only said if something failed.
    held: Option<Vec<String>>,
}

impl Console {
    pub(crate) fn new(mode: Mode) -> Self {
        let now = Instant::now();
        let state = State {
            bar: None,
            found: 0,
            done: 0,
            archived: 0,
            failed: 0,
            raw_bytes: 0,
            begun: now,
            last_line: now,
            lines: HashMap::new(),
            summarised: false,
            held: mode.quiet.then(Vec::new),
        };
        Self {
            mode,
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the sweep begins.
    pub(crate) fn start(&self, site: &Site, settings: &Settings, dry_run: bool) {
        let mut s = self.lock();
        s.begun = Instant::now();
        if self.mode.json {
            out_line(&json::start(site, settings, dry_run));
        }
        if self.mode.quiet {
            return;
        }
        if std::io::stderr().is_terminal() {
            s.bar = Some(bar());
        } else {
            let dry = if dry_run {
                " (dry run: nothing is written)"
            } else {
                ""
            };
            line(&format!(
                "sweeping {} with {} workers{dry}",
                site.database.value.display(),
                settings.workers
            ));
        }
    }

    /// Says what the sweep did.
    pub(crate) fn finish(&self, summary: &Summary, exit: Exit) {
        let mut s = self.lock();
        if let Some(bar) = s.bar.take() {
            bar.finish_and_clear();
        }
        s.summarised = true;
        if exit != Exit::Done || summary.hooks_failed > 0 {
            s.say_held();
        }
        if self.mode.json {
            out_line(&json::summary(summary, exit));
        } else if !self.mode.quiet || !matches!(exit, Exit::Done) {
            out(&text::summary(summary, self.mode.verbose));
        }
    }

    /// Says in the summary object that there was no sweep.
    pub(crate) fn stopped(&self, exit: Exit, message: &str) {
        let mut s = self.lock();
        s.say_held();
        if self.mode.json && !s.summarised {
            out_line(&json::stopped(exit, message));
        }
    }

    fn job(&self, r: &Report<'_>) {
        let mut s = self.lock();
        s.done += 1;
        s.archived += u64::from(r.outcome.is_archived());
        s.raw_bytes += r.raw_bytes;
        let failed = r.outcome.failure();
        s.failed += u64::from(failed.is_some());
        if self.mode.json {
            out_line(&json::job(r));
        }
        let mut wanted = self.mode.verbose || r.note.is_some();
        if let Some(f) = failed {
            let n = s.lines.entry((f.stage, f.reason)).or_default();
            *n += 1;
            wanted |= *n <= LINES_PER_REASON;
            if *n == LINES_PER_REASON + 1 && !self.mode.verbose {
                s.line(&format!(
                    "more jobs fail with {}: they are counted in the summary, -v shows each",
                    f.reason.code()
                ));
            }
        }
        if wanted {
            s.line(&text::job(r));
        }
        s.progress(self.mode.quiet);
    }
}

impl State {
    /// A line above the bar.
    fn line(&mut self, text: &str) {
        if let Some(held) = &mut self.held {
            held.push(text.to_owned());
            return;
        }
        match &self.bar {
            Some(bar) => bar.suspend(|| line(text)),
            None => line(text),
        }
    }

    fn say_held(&mut self) {
        for text in self.held.take().unwrap_or_default() {
            line(&text);
        }
    }

    fn progress(&mut self, quiet: bool) {
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
            let seconds = self.begun.elapsed().as_secs_f64().max(1e-3);
            let failures = if self.failed > 0 {
                format!(", {} failed", self.failed)
            } else {
                String::new()
            };
            let jobs = self.done as f64 / seconds;
            let megabytes = self.raw_bytes as f64 / 1e6 / seconds;
            bar.set_message(format!("{jobs:.1} jobs/s, {megabytes:.1} MB/s{failures}"));
        } else if !quiet && self.last_line.elapsed() >= PROGRESS_EVERY {
            self.last_line = Instant::now();
            let (done, found, archived, failed) =
                (self.done, self.found, self.archived, self.failed);
            line(&format!(
                "{done} of {found} jobs found so far: {archived} archived, {failed} failed"
            ));
        }
    }
}

impl Monitor for Console {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Found(n) => {
                let mut s = self.lock();
                s.found += n;
                if let Some(bar) = &s.bar {
                    bar.set_length(s.found);
                }
            }
            Event::Job(r) => self.job(r),
            Event::Warning(text) => self.lock().line(&format!("warning: {text}")),
            Event::Draining(grace) => self.lock().line(&format!(
                "stopping: no new jobs; those in work get up to {} s to finish (a second signal drops them)",
                grace.as_secs()
            )),
            Event::Cancelling => self.lock().line("stopping now: jobs in work are dropped (a third signal ends the program at once)"),
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} jobs, {msg}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// Writes the result; a closed pipe is the reader's wish.
pub(crate) fn out(text: &str) {
    std::io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .unwrap_or_default();
}

fn out_line(value: &serde_json::Value) {
    out(&format!("{}\n", json::line(value)));
}

/// Writes a line about the work; what it quotes of paths and files must not command the terminal.
pub(crate) fn line(text: &str) {
    std::io::stderr()
        .lock()
        .write_all(format!("{}\n", Shown(text)).as_bytes())
        .unwrap_or_default();
}

/// Writes why the program ends.
pub(crate) fn error(text: &str) {
    for l in text.lines() {
        line(&format!("ccarchive: {l}"));
    }
}
