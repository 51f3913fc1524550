//! Lines and summary for people.

use std::fmt::Write;

use ccarchive::job::Shown;
use ccarchive::monitor::Report;
use ccarchive::sweep::{Stages, Summary};

use super::outcome_word;

/// One job on one line.
pub(super) fn job(r: &Report<'_>) -> String {
    let mut text = format!("{}: {}", r.head.key, outcome_word(r.outcome));
    if let Some(f) = r.outcome.failure() {
        let _ = write!(
            text,
            ", {} ({}): {}; {}",
            f.stage.name(),
            f.reason.code(),
            f.detail,
            f.reason.advice()
        );
    } else if r.outcome.is_archived() {
        let p = r.coverage.points;
        let _ = write!(text, ", {} of {} samples", p.received, p.expected);
        if r.resumed {
            text.push_str(", published by an earlier sweep");
        }
    }
    if let Some(note) = r.note {
        let _ = write!(text, "; {note}");
    }
    text
}

/// What the sweep did: one line, then one per group of failures and per thing to know.
pub(super) fn summary(s: &Summary, verbose: bool) -> String {
    let mut t = String::new();
    let verb = if s.dry_run {
        "would archive"
    } else {
        "archived"
    };
    let (total, archived) = (s.total(), s.archived());
    if total == 0 && s.aborted.is_none() {
        t.push_str("nothing to do");
    } else {
        let seconds = s.seconds.max(1e-3);
        let _ = write!(
            t,
            "{verb} {archived} of {total} jobs in {:.1} s ({:.1} jobs/s, {} of JSON, {} stored)",
            s.seconds,
            total as f64 / seconds,
            bytes(s.raw_bytes),
            bytes(s.stored_bytes)
        );
    }
    let parts: Vec<String> = s
        .outcomes
        .iter()
        .map(|(name, n)| format!("{n} {}", name.replace('_', " ")))
        .collect();
    if !parts.is_empty() {
        let _ = write!(t, ": {}", parts.join(", "));
    }
    t.push('\n');
    for ((stage, reason), f) in &s.failures {
        let jobs = if f.count == 1 { "job" } else { "jobs" };
        let _ = writeln!(
            t,
            "  {} {jobs}: {} ({}), first {}: {}",
            f.count,
            reason.code(),
            stage.name(),
            f.first_job,
            Shown(&f.first_detail)
        );
        let _ = writeln!(t, "    {}", reason.advice());
    }
    notes(s, &mut t);
    if verbose {
        let Stages {
            load,
            compute,
            compress,
            store,
        } = s.stages;
        let all = (load + compute + compress + store + s.record)
            .as_secs_f64()
            .max(1e-9);
        let share = |d: std::time::Duration| d.as_secs_f64() / all * 100.0;
        let _ = writeln!(
            t,
            "  work by stage: load {:.0} %, compute {:.0} %, compress {:.0} %, store {:.0} %, record {:.0} %",
            share(load),
            share(compute),
            share(compress),
            share(store),
            share(s.record)
        );
    }
    t
}

fn notes(s: &Summary, t: &mut String) {
    let (all, old) = (s.standing(), s.skipped);
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
        let _ = writeln!(t, "  {n} {what}{since}");
    }
    if s.of("not_yet") > 0 {
        let _ = writeln!(
            t,
            "  {} not yet: samples may still reach the source; a later sweep takes them",
            s.of("not_yet")
        );
    }
    if s.of("unknown_end") > 0 {
        let n = s.of("unknown_end");
        let _ = writeln!(
            t,
            "  {n} of unknown end (length 0, as cc-backend's walltime check leaves it): --zero-duration walltime archives what there is"
        );
    }
    if s.unusable > 0 {
        let _ = writeln!(
            t,
            "  {} samples left out: infinite, or beyond single precision",
            s.unusable
        );
    }
    if s.hooks_failed > 0 {
        let _ = writeln!(t, "  {} hooks failed", s.hooks_failed);
    }
    if let Some(a) = &s.aborted {
        let _ = writeln!(t, "  stopped: {}; {}", Shown(&a.detail), a.advice);
    } else if s.interrupted {
        t.push_str(
            "  interrupted: what was finished is recorded, the rest is for the next sweep\n",
        );
    } else if s.time_box {
        t.push_str("  time box reached: the rest is for the next sweep\n");
    }
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
