//! What `verify` says while it looks, and at the end.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use ccarchive::inspect::verify::{Fault, Finding, Listener, Named, Seen, Severity, Verified};
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::paper::Align::{Left, Right};
use super::paper::{Paper, Tone};
use super::{count, job, json};
use crate::report::advice::remedy;

/// Findings of one kind that are shown; the rest is counted.
const LINES: u64 = 20;
/// Without a terminal, a line of progress at most this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(60);

/// The terminal or pipe.
pub(crate) struct Console {
    json: bool,
    quiet: bool,
    bar: Option<ProgressBar>,
    last: Instant,
    counts: BTreeMap<(Severity, Fault), u64>,
    /// The first failure of writing to standard output.
    unwritten: Option<io::Error>,
}

impl Console {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        let bar = (!quiet && io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            json,
            quiet,
            bar,
            last: Instant::now(),
            counts: BTreeMap::new(),
            unwritten: None,
        }
    }

    /// The summary.
    ///
    /// # Errors
    /// When it, or a finding before it, could not be written.
    pub(crate) fn finish(mut self, v: &Verified) -> io::Result<()> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if let Some(error) = self.unwritten.take() {
            return Err(error);
        }
        if self.json {
            return json("summary", v);
        }
        let found = v.errors + v.warnings;
        if self.quiet && found == 0 && v.go_on_after.is_none() {
            return Ok(());
        }
        let mut p = Paper::for_output();
        p.heading(&format!(
            "Looked at {}, {} and {}",
            count(v.seen.rows, "row"),
            count(v.seen.archives, "archive"),
            count(v.seen.places, "place")
        ));
        if v.seen.values > 0 {
            p.say(
                Tone::Plain,
                &format!("{} decoded", count(v.seen.values, "value")),
            );
        }
        self.found(&mut p);
        if let Some(row) = v.go_on_after {
            p.say(
                Tone::Warn,
                &format!("The time was over before all was looked at: go on with --after {row}."),
            );
        }
        crate::report::out(&p.finish())
    }

    /// What was found, by kind, and what helps.
    fn found(&self, p: &mut Paper) {
        if self.counts.is_empty() {
            p.say(Tone::Good, "All is sound.");
        } else {
            let head = ["", "found", "", "what"];
            let row = |((severity, fault), n): (&(Severity, Fault), &u64)| {
                vec![
                    fault.symbol().to_string(),
                    n.to_string(),
                    word(*severity).to_owned(),
                    fault.name().replace('_', " "),
                ]
            };
            let mut rows = vec![head.map(String::from).to_vec()];
            rows.extend(self.counts.iter().map(row));
            p.table(&[Left, Right, Left, Left], &rows);
            p.heading("What helps");
            for (severity, fault) in self.counts.keys() {
                let tone = match severity {
                    Severity::Error => Tone::Bad,
                    Severity::Warning => Tone::Warn,
                    Severity::Note => Tone::Plain,
                };
                let text = format!(
                    "{} {}: {}",
                    fault.symbol(),
                    fault.name().replace('_', " "),
                    remedy(*fault)
                );
                p.say(tone, &text);
            }
        }
    }

    fn out(&mut self, text: &str) {
        let written = match &self.bar {
            Some(bar) => bar.suspend(|| crate::report::out(text)),
            None => crate::report::out(text),
        };
        self.note(written);
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.unwritten.get_or_insert(error);
        }
    }
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

impl Listener for Console {
    fn finding(&mut self, f: &Finding) {
        let n = self.counts.entry((f.severity, f.fault)).or_default();
        *n += 1;
        let n = *n;
        if self.json {
            let mut finding = serde_json::to_value(f).unwrap_or_default();
            finding["remedy"] = remedy(f.fault).into();
            let written = json("finding", &finding);
            self.note(written);
            return;
        }
        if (self.quiet && f.severity == Severity::Note) || n > LINES + 1 {
            return;
        }
        if n == LINES + 1 {
            let what = f.fault.name().replace('_', " ");
            self.out(&format!(
                "{} more of {what}: counted below, --json lists each\n",
                f.fault.symbol()
            ));
            return;
        }
        let mut text = format!("{} ", f.fault.symbol());
        if let Some(Named(key)) = &f.job {
            text += &format!("{} (started {}): ", job(key), key.start_time);
        }
        text += &f.detail;
        if let Some(path) = &f.path {
            text += &format!(": {path}");
        }
        let text = ccarchive::model::job::Shown(&text).to_string();
        self.out(&(text + "\n"));
    }

    fn progress(&mut self, seen: &Seen) {
        let errors: u64 = self
            .counts
            .iter()
            .filter(|((s, _), _)| *s != Severity::Note)
            .map(|(_, n)| n)
            .sum();
        let text = format!(
            "{} looked at, {}, {}, {} found",
            count(seen.rows, "row"),
            count(seen.archives, "archive"),
            count(seen.places, "place"),
            count(errors, "fault")
        );
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        } else if !self.quiet && self.last.elapsed() >= PROGRESS_EVERY {
            self.last = Instant::now();
            crate::report::line(&text);
        }
    }
}
