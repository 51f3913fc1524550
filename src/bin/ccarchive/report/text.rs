//! Lines and summary for people.

use std::time::Duration;

use ccarchive::model::job::Shown;
use ccarchive::model::outcome::Kind;
use ccarchive::sweep::monitor::Report;
use ccarchive::sweep::{Group, Summary};

/// One job on one line.
pub(super) fn job(r: &Report<'_>) -> String {
    let mut text = format!("{}: {}", r.head.key, r.outcome.name().replace('_', " "));
    if let Some(f) = r.outcome.failure() {
        let (stage, code, advice) = (f.stage.name(), f.reason.code(), f.reason.advice());
        text += &format!(", {stage} ({code}): {}; {advice}", f.detail);
    } else if r.outcome.is_archived() {
        let p = r.coverage.points;
        text += &format!(", {} of {} samples", p.received, p.expected);
    }
    if let Some(note) = r.note {
        text += &format!("; {note}");
    }
    text
}

/// What the sweep did: one line, then one per group of failures and per thing to know.
pub(super) fn summary(s: &Summary, verbose: bool) -> String {
    let mut lines = vec![headline(s)];
    for (Group { stage, reason, .. }, f) in &s.failures {
        let jobs = if f.count == 1 { "job" } else { "jobs" };
        let (code, stage) = (reason.code(), stage.name());
        lines.push(format!(
            "  {} {jobs}: {code} ({stage}), first {}: {}",
            f.count,
            f.first_job,
            Shown(&f.first_detail)
        ));
        lines.push(format!("    {}", reason.advice()));
    }
    notes(s, &mut lines);
    if verbose {
        lines.push(stages(s));
    }
    lines.join("\n") + "\n"
}

fn headline(s: &Summary) -> String {
    let (total, archived) = (s.total(), s.archived());
    if total == 0 {
        let text = if s.aborted.is_some() {
            "nothing was archived"
        } else {
            "nothing to do"
        };
        return text.into();
    }
    let verb = if s.dry_run {
        "would archive"
    } else {
        "archived"
    };
    let outcomes: Vec<String> = s
        .outcomes
        .iter()
        .map(|(name, n)| format!("{n} {}", name.name().replace('_', " ")))
        .collect();
    format!(
        "{verb} {archived} of {total} jobs in {:.1} s ({:.1} jobs/s, {} of JSON, {} stored): {}",
        s.seconds,
        total as f64 / s.seconds.max(1e-3),
        bytes(s.raw_bytes),
        bytes(s.stored_bytes),
        outcomes.join(", ")
    )
}

fn notes(s: &Summary, lines: &mut Vec<String>) {
    let (all, old) = (s.standing(), s.not_due);
    let standing = [
        (
            all.waiting,
            old.waiting,
            "waiting for their next try (--retry-now takes them at once)",
        ),
        (
            all.quarantined,
            old.quarantined,
            "quarantined after repeated failures (--retry-now tries them again)",
        ),
        (
            all.lost,
            old.lost,
            "lost: no source can have their data any more",
        ),
    ];
    for (n, not_tried, what) in standing.into_iter().filter(|(n, ..)| *n > 0) {
        let since = match n - not_tried {
            0 => String::new(),
            new => format!(", {new} of them since this sweep"),
        };
        lines.push(format!("  {n} {what}{since}"));
    }
    let counted = [
        (
            s.of(Kind::NotYet),
            "not yet: samples may still reach the source; a later sweep takes them",
        ),
        (
            s.of(Kind::UnknownEnd),
            "of unknown end (length 0, as cc-backend's walltime check leaves it): \
             --zero-duration walltime archives what there is",
        ),
        (
            s.unusable,
            "samples left out: infinite, or beyond single precision",
        ),
        (s.hooks_failed, "hooks failed"),
    ];
    lines.extend(
        counted
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("  {n} {what}")),
    );
    if let Some(a) = &s.aborted {
        lines.push(format!(
            "  stopped: {}; {}",
            Shown(&a.detail),
            a.reason.advice()
        ));
    } else if s.interrupted {
        lines.push(
            "  interrupted: what was finished is recorded, the rest is for the next sweep".into(),
        );
    } else if s.time_box {
        lines.push("  time box reached: the rest is for the next sweep".into());
    }
}

fn stages(s: &Summary) -> String {
    let named = s.work_by_stage();
    let all = named
        .iter()
        .map(|n| n.1)
        .sum::<Duration>()
        .as_secs_f64()
        .max(1e-9);
    let shares: Vec<String> = named
        .iter()
        .map(|(name, d)| format!("{name} {:.0} %", d.as_secs_f64() / all * 100.0))
        .collect();
    format!("  work by stage: {}", shares.join(", "))
}

fn bytes(n: u64) -> String {
    let n = n as f64;
    match n {
        n if n >= 1e9 => format!("{:.1} GB", n / 1e9),
        n if n >= 1e6 => format!("{:.1} MB", n / 1e6),
        n if n >= 1e3 => format!("{:.1} kB", n / 1e3),
        n => format!("{n:.0} B"),
    }
}
