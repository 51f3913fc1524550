//! What `verify` says while it looks, and at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use ccarchive::inspect::verify::{
    Fault, Finding, Listener, Named, Progress, Repair, Severity, Verified,
};
use ccarchive::model::job::{JobKey, Shown};
use ccarchive::repair::{Plan, Step};

use super::paper::{Paper, Tone};
use super::progress::Display;
use super::{count, job, json};
use crate::report::advice;

/// Findings of one kind that are shown; the rest is counted.
const LINES: u64 = 20;
/// Notes of one kind that are shown: nobody has to do anything about them.
const NOTES: u64 = 3;
/// Commands that are shown; more are counted.
const COMMANDS: usize = 20;

/// What repairs came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repaired {
    /// Repairs that were done.
    pub(crate) done: u64,
    /// Errors and warnings that are left.
    pub(crate) left: u64,
}

/// The terminal or pipe.
pub(crate) struct Console {
    json: bool,
    quiet: bool,
    /// The flags that name the site.
    site: String,
    display: Display,
    counts: BTreeMap<(Severity, Fault), u64>,
    /// Jobs to archive again: some of them, and how many lines there were beyond those.
    again: BTreeSet<JobKey>,
    more_again: bool,
    /// Repairs that were said, by kind.
    repairs: BTreeMap<Fault, u64>,
    /// The first failure of writing to standard output.
    unwritten: Option<io::Error>,
}

impl Console {
    /// `site`: the flags that name the site, for commands.
    pub(crate) fn new(json: bool, quiet: bool, site: String) -> Self {
        Self {
            json,
            quiet,
            site,
            display: Display::new(quiet),
            counts: BTreeMap::new(),
            again: BTreeSet::new(),
            more_again: false,
            repairs: BTreeMap::new(),
            unwritten: None,
        }
    }

    /// What was looked at and found, what helps, and what will be repaired, before it is.
    ///
    /// # Errors
    /// When it, or a finding before it, could not be written.
    pub(crate) fn looked(&mut self, v: &Verified, plan: &Plan, repair: bool) -> io::Result<()> {
        self.display.clear();
        if let Some(error) = self.unwritten.take() {
            return Err(error);
        }
        let found = v.errors + v.warnings;
        let to_repair = repair && !plan.is_empty();
        if to_repair {
            // Only those that a repair fails to archive again are to be named at the end.
            self.again.clear();
            self.more_again = false;
        }
        let is_told = found > 0 || v.resume.is_some() || to_repair || !self.quiet;
        if self.json || !is_told {
            return Ok(());
        }
        let mut p = Paper::for_output();
        if !self.counts.is_empty() {
            p.gap();
        }
        p.heading(&format!(
            "Looked at {}, {} and {}",
            count(v.seen.rows, "row"),
            count(v.seen.archives, "archive"),
            count(v.seen.places, "job folder")
        ));
        if v.seen.values > 0 {
            p.say(
                Tone::Plain,
                &format!("{} decoded", count(v.seen.values, "value")),
            );
        }
        self.found(v.resume.is_some(), &mut p);
        planned(plan, repair, &mut p);
        crate::report::out(&p.finish())
    }

    /// What came of a repair.
    pub(crate) fn repaired(&mut self, step: &Step, outcome: &Result<(), String>) {
        if let (Some(key), true, true) = (&step.job, outcome.is_err(), step.is_again()) {
            self.name_again(key);
        }
        if self.json {
            let mut line = serde_json::json!({
                "fault": step.fault,
                "job": step.job.clone().map(Named),
                "path": step.path.as_ref().map(|p| p.display().to_string()),
                "done": outcome.is_ok(),
            });
            line["detail"] = match outcome {
                Ok(()) => advice::repair(step.fault).into(),
                Err(why) => why.as_str().into(),
            };
            let written = json("repair", &line);
            return self.note(written);
        }
        let n = self.repairs.entry(step.fault).or_default();
        *n += 1;
        // What was not done is said of each.
        if outcome.is_ok() && (self.quiet || *n > LINES) {
            return;
        }
        let what = match outcome {
            Ok(()) if step.is_again() => "archived again".to_owned(),
            Ok(()) => "repaired".to_owned(),
            Err(why) => format!("! not repaired: {why}"),
        };
        let text = format!("{}{what}", subject(step));
        self.out(&format!("{}\n", Shown(&text)));
    }

    /// What is still found where something was repaired.
    pub(crate) fn still(&mut self, f: &Finding) {
        if !self.json {
            self.out(&format!("still {}", line(f)));
        }
    }

    /// The end: what repairs came to, which jobs to archive again, and where to go on.
    ///
    /// # Errors
    /// When it, or something before it, could not be written.
    pub(crate) fn finish(mut self, v: &Verified, repaired: Option<Repaired>) -> io::Result<()> {
        if let Some(error) = self.unwritten.take() {
            return Err(error);
        }
        if self.json {
            let mut summary = serde_json::to_value(v).unwrap_or_default();
            summary["repaired"] = repaired.map_or(0, |r| r.done).into();
            summary["left"] = repaired.map_or(v.errors + v.warnings, |r| r.left).into();
            return json("summary", &summary);
        }
        let mut p = Paper::for_output();
        if let Some(r) = repaired.filter(|r| !self.quiet || r.left > 0) {
            let tone = if r.left > 0 { Tone::Warn } else { Tone::Good };
            let done = match r.done {
                0 if r.left == 0 => "Nothing was to be repaired".to_owned(),
                n => count(n, "repair"),
            };
            let left = match r.left {
                0 if v.resume.is_some() => {
                    "nothing that is wrong is left in what was looked at".to_owned()
                }
                0 => "nothing that is wrong is left".to_owned(),
                n => format!("{} left", count(n, "finding")),
            };
            p.say(tone, &format!("{done}; {left}."));
        }
        if !self.again.is_empty() {
            p.gap();
            p.heading(if repaired.is_some() {
                "Not archived again: once the reason is dealt with, these do it"
            } else {
                "Archive again while the source has the data: --repair, or one by one"
            });
            for key in &self.again {
                p.command(&advice::again(key, &self.site));
            }
            if self.more_again {
                p.say(
                    Tone::Plain,
                    "… and more: each finding of --json has its command",
                );
            }
        }
        if let Some(mark) = &v.resume {
            p.say(
                Tone::Warn,
                &format!("Not all was looked at: the same command with --after {mark} goes on."),
            );
        }
        crate::report::out(&p.finish())
    }

    /// What was found, by kind, and what helps.
    fn found(&self, ended_early: bool, p: &mut Paper) {
        if self.counts.is_empty() {
            let sound = if ended_early {
                "What was looked at is sound."
            } else {
                "All is sound."
            };
            p.say(Tone::Good, sound);
            return;
        }
        p.heading("What was found, and what helps");
        for ((severity, fault), n) in &self.counts {
            let kind = format!("{}, {}", spoken(*fault), count(*n, word(*severity)));
            let text = format!("{kind}: {}", advice::remedy(*fault));
            p.item(fault.symbol(), &text);
        }
    }

    fn name_again(&mut self, key: &JobKey) {
        if self.again.len() < COMMANDS {
            self.again.insert(key.clone());
        } else {
            self.more_again |= !self.again.contains(key);
        }
    }

    fn out(&mut self, text: &str) {
        let written = self.display.out(text);
        self.note(written);
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.unwritten.get_or_insert(error);
        }
    }
}

/// What is repaired, before it is.
fn planned(plan: &Plan, repair: bool, p: &mut Paper) {
    let safe = if repair {
        "To be repaired now"
    } else {
        "Can be repaired without losing anything: add --repair"
    };
    steps(plan.steps().filter(|s| !s.is_again()), safe, repair, p);
    if repair {
        let again = "To be archived again now, as run --job-id does";
        steps(plan.steps().filter(|s| s.is_again()), again, true, p);
    }
}

/// Steps by what was found.
fn steps<'a>(all: impl Iterator<Item = &'a Step>, heading: &str, each: bool, p: &mut Paper) {
    let mut kinds: BTreeMap<Fault, Vec<&Step>> = BTreeMap::new();
    for step in all {
        kinds.entry(step.fault).or_default().push(step);
    }
    if kinds.is_empty() {
        return;
    }
    p.heading(heading);
    for (fault, steps) in kinds {
        let n = steps.len() as u64;
        let noun = if steps.iter().all(|s| s.job.is_some()) {
            "job"
        } else {
            "place"
        };
        let what = format!("{}, {}", spoken(fault), count(n, noun));
        let text = format!("{what}: {}", advice::repair(fault));
        p.item(fault.symbol(), &text);
        if !each {
            continue;
        }
        for step in steps.iter().take(COMMANDS) {
            p.line(&format!("  {}", subject(step).trim_end_matches(": ")));
        }
        if steps.len() > COMMANDS {
            p.line(&format!("  … and {} more", steps.len() - COMMANDS));
        }
    }
}

/// What a step is about, with a colon.
fn subject(step: &Step) -> String {
    match (&step.job, &step.path) {
        (Some(key), _) => format!("{} (started {}): ", job(key), key.start_time),
        (None, Some(path)) => format!("{}: ", path.display()),
        (None, None) => String::new(),
    }
}

/// A finding as an item of a list.
fn line(f: &Finding) -> String {
    let mut text = String::new();
    if let Some(Named(key)) = &f.job {
        text += &format!("{} (started {}): ", job(key), key.start_time);
    }
    text += &f.detail;
    if let Some(path) = &f.path {
        text += &format!(": {path}");
    }
    let mut p = Paper::for_output();
    p.item(f.fault.symbol(), &text);
    p.finish()
}

/// A fault as people say it.
fn spoken(fault: Fault) -> String {
    fault.name().replace('_', " ")
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
        if let (Repair::ArchiveAgain, Some(Named(key))) = (f.repair, &f.job) {
            self.name_again(key);
        }
        if self.json {
            let mut finding = serde_json::to_value(f).unwrap_or_default();
            finding["remedy"] = advice::remedy(f.fault).into();
            let key = f.job.as_ref().filter(|_| f.repair == Repair::ArchiveAgain);
            finding["command"] = key.map(|k| advice::again(&k.0, &self.site)).into();
            let written = json("finding", &finding);
            self.note(written);
            return;
        }
        let is_note = f.severity == Severity::Note;
        let lines = if is_note { NOTES } else { LINES };
        if (self.quiet && is_note) || n > lines + 1 {
            return;
        }
        if n == lines + 1 {
            let what = spoken(f.fault);
            self.out(&format!(
                "{} more of {what}: counted below, --json lists each\n",
                f.fault.symbol()
            ));
            return;
        }
        self.out(&line(f));
    }

    fn progress(&mut self, progress: &Progress) {
        let faults = self.counts.iter();
        let faults = faults.filter(|((severity, _), _)| *severity != Severity::Note);
        self.display.show(progress, faults.map(|(_, n)| n).sum());
    }
}
