//! Lines and summary for people.
//!
//! A summary says what was done, what is left and why, and never more than is true. In a dry run it says what would be
//! done, in other words than those of the deed.

use std::time::Duration;

use ccarchive::jobs::PassedOver;
use ccarchive::model::job::Shown;
use ccarchive::model::outcome::Kind;
use ccarchive::sweep::monitor::Report;
use ccarchive::sweep::{Group, Summary};

use super::advice::advice;
use super::words::{self, count, form};

/// One job on one line.
pub(super) fn job(r: &Report<'_>, dry_run: bool) -> String {
    if r.unchanged {
        let name = words::job(&r.head.key);
        return format!("{name}: its provisional archive stays as it is, no newer data came");
    }
    let kind = r.outcome.kind();
    let outcome = match (dry_run, kind == Kind::Failed) {
        (true, true) => "would fail".into(),
        (true, false) => format!("would be {}", words::outcome(kind)),
        (false, _) => words::outcome(kind),
    };
    let mut text = format!("{}: {outcome}", words::job(&r.head.key));
    if let Some(f) = r.outcome.failure() {
        let (stage, code) = (f.stage.name(), f.reason.code());
        text += &format!(", {stage} ({code}): {}; {}", f.detail, advice(f.reason));
    } else if r.outcome.is_archived() {
        let p = r.coverage.points;
        text += &format!(", {} of {} samples", p.received, p.expected);
        for f in &r.coverage.filled {
            text += &format!(", {} of them from {}", f.values, f.source);
        }
        if r.coverage.phase_guessed {
            text += ", some of which may stand one step early or late";
        }
    }
    if let Some(note) = r.note {
        text += &format!("; {note}");
    }
    text
}

/// What the sweep did: one line, then one per group of failures and per thing to know.
pub(super) fn summary(s: &Summary, verbose: bool) -> String {
    let mut lines = vec![headline(s)];
    if s.dry_run && s.total() > 0 {
        lines.push(rows(s));
    }
    failures(s, &mut lines);
    coverage(s, &mut lines);
    standing(s, &mut lines);
    notes(s, &mut lines);
    doubtful_sources(s, &mut lines);
    end(s, &mut lines);
    passed_over(s, verbose, &mut lines);
    if verbose && s.total() > 0 {
        lines.push(stages(s));
    }
    lines.join("\n") + "\n"
}

/// Jobs that the sweep was to take, as far as it knows.
fn due(s: &Summary) -> u64 {
    s.total() - s.of(Kind::Interrupted) + s.left + s.unproved.values().sum::<u64>()
}

fn headline(s: &Summary) -> String {
    let (due, archived) = (due(s), s.archived());
    if due == 0 {
        let is_broken = s.aborted.is_some() || s.interrupted || !s.saw_all;
        return if is_broken {
            format!("{}nothing was archived", ended(s))
        } else {
            "nothing to do".into()
        };
    }
    // A limit is what was asked for.
    let at_least = if s.saw_all || s.limited {
        ""
    } else {
        "at least "
    };
    let of = format!("{archived} of {at_least}{}", count(due, "job"));
    let done = if s.dry_run {
        format!("dry run, nothing is written: {of} would be archived")
    } else {
        format!("archived {of}")
    };
    // Interrupted jobs are among those left.
    let told = s.outcomes.iter().filter(|(k, _)| **k != Kind::Interrupted);
    let outcomes: Vec<String> = told
        .map(|(kind, n)| format!("{n} {}", words::outcome(*kind)))
        .chain((s.left > 0).then(|| format!("{} left", s.left)))
        .collect();
    format!(
        "{}{done} in {:.1} s ({:.1} jobs/s, {} of JSON, {} stored): {}",
        ended(s),
        s.seconds,
        s.total() as f64 / s.seconds.max(1e-3),
        words::bytes(s.raw_bytes),
        words::bytes(s.stored_bytes),
        outcomes.join(", ")
    )
}

/// How a sweep ended that did not come to its end.
fn ended(s: &Summary) -> &'static str {
    if s.aborted.is_some() {
        "stopped early: "
    } else if s.interrupted {
        "interrupted: "
    } else if s.time_box {
        "time box reached: "
    } else {
        ""
    }
}

/// What a sweep would make of the rows.
fn rows(s: &Summary) -> String {
    let same = s.total() - s.rows_archived - s.rows_failed;
    format!(
        "  monitoring_status would become 3 in {}, 2 in {}, and stay as it is in {same}",
        count(s.rows_archived, "row"),
        s.rows_failed
    )
}

fn failures(s: &Summary, lines: &mut Vec<String>) {
    for (Group { stage, reason, .. }, f) in &s.failures {
        let (code, stage) = (reason.code(), stage.name());
        lines.push(format!(
            "  {}: {code} ({stage}), {}{}: {}",
            count(f.count, "job"),
            if f.count > 1 { "first " } else { "" },
            words::job(&f.first_job),
            Shown(&f.first_detail)
        ));
        lines.push(format!("    {}", advice(*reason)));
    }
}

fn coverage(s: &Summary, lines: &mut Vec<String>) {
    if s.worst.is_empty() {
        return;
    }
    lines.push(format!(
        "  {} of the expected samples are in the archives; most are missing in",
        words::percent(s.points)
    ));
    for thin in &s.worst {
        let p = thin.points;
        lines.push(format!(
            "    {:>6}  {}: {} of {} samples",
            words::percent(p),
            words::job(&thin.key),
            p.received,
            p.expected
        ));
    }
    if s.thin > 0 {
        lines.push(format!(
            "  {} below --warn-coverage",
            count(s.thin, "archived job")
        ));
    }
}

fn standing(s: &Summary, lines: &mut Vec<String>) {
    let (all, old) = (s.standing(), s.not_due);
    let next = all
        .next_try
        .map(|t| format!(", the next try is due at {}", words::time(t)))
        .unwrap_or_default();
    let standing = [
        (
            all.waiting,
            old.waiting,
            format!("waiting{next} (--retry-now takes them at once)"),
        ),
        (
            all.quarantined,
            old.quarantined,
            "quarantined after repeated failures (--status quarantined tries them again)".into(),
        ),
        (
            all.lost,
            old.lost,
            "lost: this source cannot have their data any more (another --source takes them again)"
                .into(),
        ),
    ];
    for (n, not_tried, what) in standing.into_iter().filter(|(n, ..)| *n > 0) {
        let since = match n - not_tried {
            0 => String::new(),
            new => format!("; {new} of them new in this sweep"),
        };
        lines.push(format!("  {n} {what}{since}"));
    }
}

fn notes(s: &Summary, lines: &mut Vec<String>) {
    let counted = [
        (
            s.of(Kind::Provisional),
            "provisional: archived with what there is; read again when their cluster has newer data",
        ),
        (
            s.unchanged,
            "archived provisionally by earlier sweeps: no newer data came, their archives stay as they are for now",
        ),
        (
            s.of(Kind::NotYet),
            "not yet: no sample so far, but samples may still reach the source; a later sweep takes them",
        ),
        (
            s.of(Kind::UnknownEnd),
            "of unknown end (length 0, as cc-backend's walltime check leaves it): \
             --zero-duration walltime archives what there is",
        ),
        (
            s.of(Kind::Raced),
            "raced: their rows changed while they were worked on; the next sweep looks at them again",
        ),
        (
            s.of(Kind::Interrupted),
            "interrupted: not done when --timeout was over or a second signal came; the next sweep takes them",
        ),
        (
            s.unusable,
            "samples left out: infinite, or beyond single precision",
        ),
    ];
    let told = counted.into_iter().filter(|(n, _)| *n > 0);
    lines.extend(told.map(|(n, what)| format!("  {n} {what}")));
    if s.hooks_failed > 0 {
        let all = if s.hooks_failed == s.hooks_run {
            ": none worked, check the command of --hook"
        } else {
            ""
        };
        lines.push(format!(
            "  {} of {} failed{all}; the jobs stay archived",
            s.hooks_failed,
            count(s.hooks_run, "hook")
        ));
    }
}

/// Clusters whose source was never seen to hold any of their samples.
fn doubtful_sources(s: &Summary, lines: &mut Vec<String>) {
    let unproved = s.unproved.iter().map(|(cluster, jobs)| {
        let (jobs, cluster) = (count(*jobs, "job"), Shown(cluster));
        format!("  {cluster}: this source never held a sample of the cluster, and has none for {jobs}: their rows stay as they are")
    });
    let silent = s.silent.iter().map(|(cluster, jobs)| {
        let (jobs, cluster) = (count(*jobs, "job"), Shown(cluster));
        format!(
            "  {cluster}: this source never held a sample of the cluster; {jobs} may still get some"
        )
    });
    for doubt in unproved.chain(silent) {
        lines.push(doubt);
        lines.push("    check that --source is the store that this cluster reports to".into());
    }
    for (cluster, behind) in &s.behind {
        let (jobs, cluster) = (count(behind.jobs, "job"), Shown(cluster));
        let newest = words::time(behind.newest);
        lines.push(format!(
            "  the newest data of {cluster} in this source is of {newest}: too old for {jobs} that ended later"
        ));
        lines.push(
            "    check that the store still writes checkpoints, that --source is the store of this cluster, and the clock of this machine"
                .into(),
        );
    }
}

/// Why the sweep ended early, and what is left.
fn end(s: &Summary, lines: &mut Vec<String>) {
    for a in s.outages.iter().chain(&s.aborted) {
        let what = match &a.cluster {
            Some(cluster) if a.concerns_layer() => {
                format!(
                    "left jobs of {} that need a source that is gone",
                    Shown(cluster)
                )
            }
            Some(cluster) if a.concerns_folder() => {
                format!("left the jobs of {} as they are", Shown(cluster))
            }
            Some(cluster) => format!("took no more jobs of {}", Shown(cluster)),
            None => "stopped".into(),
        };
        lines.push(format!("  {what}: {}", Shown(&a.detail)));
        if a.unmarked > 0 {
            lines.push(format!(
                "    {} failed for it; their rows stay as they are",
                count(a.unmarked, "job")
            ));
        }
        lines.push(format!("    {}", advice(a.reason)));
    }
    let why = if s.interrupted {
        "a signal came"
    } else if s.time_box {
        "the time of --max-duration was over"
    } else if s.aborted.is_none() && s.outages.iter().any(|o| !o.concerns_folder()) {
        "their source does not answer"
    } else if s.aborted.is_none() && !s.outages.is_empty() {
        "their cluster's folder is not there"
    } else if s.aborted.is_none() {
        "they came before the source had shown any sample of their cluster"
    } else {
        "the sweep stopped early"
    };
    if s.left > 0 {
        let more = if s.saw_all {
            ""
        } else {
            ", besides those not looked at"
        };
        lines.push(format!(
            "  {} left{more}: {why}; the next sweep takes them",
            count(s.left, "job")
        ));
    } else if s.limited && s.aborted.is_none() && s.outages.is_empty() {
        lines.push("  --limit is reached: more jobs are left for the next sweep".into());
    } else if !s.saw_all {
        lines.push(format!(
            "  not all jobs were looked at: {why}; the next sweep takes the rest"
        ));
    }
}

fn passed_over(s: &Summary, verbose: bool, lines: &mut Vec<String>) {
    let PassedOver {
        too_young,
        in_future,
        // It is counted with the others.
        start_in_future: _,
        not_selected,
        external,
        switched_off,
        unknown_end,
    } = s.passed_over;
    let always = [
        (
            in_future,
            "stops in the future: check the clock of this machine",
            "stop in the future: check the clock of this machine",
        ),
        (
            external,
            "is of a cluster whose data is in an external metric store: --source DIR names where it is",
            "are of clusters whose data is in an external metric store: --source DIR names where it is",
        ),
    ];
    let always = always.into_iter().chain([(
        unknown_end,
        "is of unknown end (--zero-duration walltime archives what there is of it)",
        "are of unknown end (--zero-duration walltime archives what there is of them)",
    )]);
    let all = due(s) == 0 || verbose;
    let otherwise = [
        (
            too_young,
            "stopped too short a time ago (--min-age)",
            "stopped too short a time ago (--min-age)",
        ),
        (
            not_selected,
            "is of another cluster, user, time or status than asked for",
            "are of other clusters, users, times or statuses than asked for",
        ),
        (
            switched_off,
            "has its monitoring switched off (monitoring_status 0)",
            "have their monitoring switched off (monitoring_status 0)",
        ),
    ];
    let told = always.chain(otherwise.into_iter().filter(|_| all));
    for (n, one, many) in told.filter(|(n, ..)| *n > 0) {
        let what = form(n, one, many);
        lines.push(format!(
            "  passed over: {} that {what}",
            count(n, "stopped job")
        ));
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
