//! The answer of `status` for people.

use std::collections::BTreeMap;

use ccarchive::inspect::status::{Group, Reach, Status, Sweep, Wanted};
use ccarchive::ledger::{DayCount, Told};
use ccarchive::model::outcome::Kind;

use super::paper::Align::{Left, Right};
use super::paper::{Paper, Tone};
use super::{bytes, count, job, percent, span, time, zoned};

/// The classes of [`Status::ages`].
pub(crate) const AGES: [&str; 6] = ["< 1 h", "1-6 h", "6-24 h", "1-2 d", "2-7 d", "> 7 d"];
/// Data that is older than this (seconds) and still behind a checkpoint interval says that nothing reports any more.
pub(crate) const SILENT: i64 = 24 * 3600;

/// The overview.
pub(crate) fn page(s: &Status, wanted: &Wanted, database: &str) -> String {
    let mut p = Paper::for_output();
    p.heading(&format!("{database}, {}", time(s.now)));
    headline(s, &mut p);
    backlog(s, &mut p);
    p.heading("Time left");
    for (tone, text) in time_left(s) {
        p.say(tone, &text);
    }
    standing_lines(s, wanted, &mut p);
    p.heading("Last sweeps");
    sweeps(&s.runs, &mut p);
    days(s, wanted, &mut p);
    p.heading("Newest data");
    reach(&s.reach, s.now, &mut p);
    p.finish()
}

fn headline(s: &Status, p: &mut Paper) {
    let t = &s.table;
    let mut rest = vec![
        format!("{} archived", t.archived),
        format!("{} running", t.running),
    ];
    for (n, what) in [
        (t.switched_off, "with monitoring switched off"),
        (t.other, "with a status that is none"),
    ] {
        if n > 0 {
            rest.push(format!("{n} {what}"));
        }
    }
    let rest = rest.join(", ");
    let of = format!("{} of {}", t.unarchived, count(t.jobs, "job"));
    if t.unarchived == 0 {
        let text = format!(
            "No job waits to be archived; {} in all: {rest}.",
            count(t.jobs, "job")
        );
        p.say(Tone::Good, &text);
    } else {
        p.say(
            Tone::Plain,
            &format!("{of} stopped and not archived; the others: {rest}."),
        );
    }
    if let Some(o) = &s.oldest {
        p.say(
            Tone::Plain,
            &format!(
                "The oldest that can still be saved, {}, ended {} ago ({}): {}.",
                job(&o.key),
                span(s.now.saturating_sub(o.end)),
                time(o.end),
                o.place.words()
            ),
        );
    }
}

fn backlog(s: &Status, p: &mut Paper) {
    if s.backlog.is_empty() {
        return;
    }
    p.heading("Backlog");
    let mut rows = vec![BACKLOG_HEAD.map(String::from).to_vec()];
    rows.extend(backlog_rows(s));
    p.table(&[Left, Right, Left, Left, Right, Right], &rows);
    let ages = AGES.iter().zip(s.ages());
    let ages: Vec<String> = ages
        .filter(|(_, n)| *n > 0)
        .map(|(age, n)| format!("{age}: {n}"))
        .collect();
    p.say(
        Tone::Plain,
        &format!("By the time since their end: {}.", ages.join(", ")),
    );
}

/// The columns of [`backlog_rows`].
pub(crate) const BACKLOG_HEAD: [&str; 6] =
    ["cluster", "status", "stands", "reason", "jobs", "oldest"];

/// The backlog as rows of a table.
pub(crate) fn backlog_rows(s: &Status) -> Vec<Vec<String>> {
    let row = |g: &Group| {
        vec![
            g.cluster.clone(),
            g.status.to_string(),
            g.place.words().into(),
            g.reason.clone().unwrap_or_else(|| "-".into()),
            g.jobs.to_string(),
            span(s.now.saturating_sub(g.oldest_end)),
        ]
    };
    s.backlog.iter().map(row).collect()
}

/// A sentence and how it is meant.
pub(crate) type Line = (Tone, String);

/// How much time is left.
pub(crate) fn time_left(s: &Status) -> Vec<Line> {
    let r = &s.risk;
    let Some(retention) = r.retention else {
        let text = "How long the source remembers is not known: cc-backend's config.json says it, give it with --config.";
        return vec![(Tone::Plain, text.into())];
    };
    let mut lines = Vec::new();
    if r.begun > 0 {
        let them = if r.begun == 1 { "it" } else { "them" };
        let text = format!(
            "{}: started more than {} ago, so that the source may have begun to forget {them}. Run a sweep now.",
            count(r.begun, "job"),
            span(retention),
        );
        lines.push((Tone::Bad, text));
    }
    match (&r.job, r.next_loss) {
        (Some(first), Some(at)) => {
            let tone = if r.within_6h > 0 {
                Tone::Bad
            } else {
                Tone::Plain
            };
            let text = format!(
                "The source remembers {} and may begin to forget {} in {} ({}). At risk within 6 h: {}, within 24 h: {}.",
                span(retention),
                job(&first.key),
                span(at.saturating_sub(s.now)),
                time(at),
                r.within_6h,
                r.within_24h
            );
            lines.push((tone, text));
        }
        _ if r.begun == 0 => {
            let text = format!(
                "The source remembers {}; no data is waiting for a sweep.",
                span(retention)
            );
            lines.push((Tone::Good, text));
        }
        _ => {}
    }
    lines
}

/// How jobs stand that are not archived for good, and what to do about it; the word lists them.
pub(crate) fn standings(s: &Status, thin: f64) -> Vec<(&'static str, Line)> {
    let st = &s.standing;
    let next = st.next_try.map_or(String::new(), |t| {
        let left = t.saturating_sub(s.now);
        format!(", the first of them in {} ({}, {t})", span(left), time(t))
    });
    let lines = [
        (
            Tone::Bad,
            st.quarantined,
            "quarantined",
            "after repeated failures: explain JOB says why, then run --retry-now".to_owned(),
        ),
        (
            Tone::Warn,
            st.lost,
            "lost",
            "the source cannot have their data any more; another --source may".to_owned(),
        ),
        (
            Tone::Warn,
            st.unknown_end,
            "unknown-end",
            "of length 0, as cc-backend's walltime check leaves them: run --zero-duration walltime archives what there is"
                .to_owned(),
        ),
        (Tone::Plain, st.waiting, "waiting", format!("for their next try{next}")),
        (
            Tone::Plain,
            st.provisional,
            "provisional",
            "archived with what there was; later sweeps make them better by themselves".to_owned(),
        ),
        (
            Tone::Plain,
            st.thin,
            "thin",
            format!("archived with less than {:.0} % of their samples", thin * 100.0),
        ),
    ];
    let said = lines.into_iter().filter(|l| l.1 > 0);
    said.map(|(tone, n, kind, what)| {
        let named = kind.replace('-', " ");
        (kind, (tone, format!("{n} {named}: {what}.")))
    })
    .collect()
}

fn standing_lines(s: &Status, wanted: &Wanted, p: &mut Paper) {
    let lines = standings(s, wanted.thin);
    if lines.is_empty() {
        return;
    }
    p.heading("How they stand (status --list KIND lists them)");
    for (_, (tone, text)) in lines {
        p.say(tone, &text);
    }
}

/// The columns of [`sweep_rows`]; all but the first are numbers.
pub(crate) const SWEEP_HEAD: [&str; 7] = [
    "started", "took", "jobs", "archived", "failed", "stored", "exit",
];

/// Past sweeps as rows of a table.
pub(crate) fn sweep_rows(runs: &[Sweep]) -> Vec<Vec<String>> {
    let row = |r: &Sweep| {
        let number = |name: &str| r.figures[name].as_u64().unwrap_or(0);
        let outcome = |kind: Kind| r.figures["outcomes"][kind.name()].as_u64();
        // Older ledgers have the names of the enum.
        let failed = outcome(Kind::Failed).or(r.figures["outcomes"]["Failed"].as_u64());
        let no_data = outcome(Kind::NoData).or(r.figures["outcomes"]["NoData"].as_u64());
        vec![
            time(r.started),
            span(r.ended.saturating_sub(r.started)),
            number("jobs").to_string(),
            number("archived").to_string(),
            (failed.unwrap_or(0) + no_data.unwrap_or(0)).to_string(),
            bytes(number("storedBytes")),
            r.exit.to_string(),
        ]
    };
    runs.iter().map(row).collect()
}

fn sweeps(runs: &[Sweep], p: &mut Paper) {
    if runs.is_empty() {
        p.say(Tone::Plain, "The ledger knows of none.");
        return;
    }
    let mut rows = vec![SWEEP_HEAD.map(String::from).to_vec()];
    rows.extend(sweep_rows(runs));
    p.table(&[Left, Right, Right, Right, Right, Right, Right], &rows);
}

fn days(s: &Status, wanted: &Wanted, p: &mut Paper) {
    let archived = |d: &DayCount| d.outcome.parse::<Kind>().is_ok_and(Kind::is_archived);
    let mut by_day: BTreeMap<i64, u64> = BTreeMap::new();
    for d in s.days.iter().filter(|d| archived(d)) {
        *by_day.entry(d.day).or_default() += d.jobs;
    }
    let Some(first) = by_day.keys().next().copied() else {
        return;
    };
    p.heading("Archived per day");
    let today = (s.now + wanted.offset).div_euclid(86_400);
    let bars: Vec<_> = (first..=today)
        .map(|day| {
            let noon = day * 86_400 + 43_200 - wanted.offset;
            (
                zoned(noon, "%a %m-%d"),
                by_day.get(&day).copied().unwrap_or(0),
            )
        })
        .collect();
    p.bars(&bars);
}

fn reach(reach: &[Reach], now: i64, p: &mut Paper) {
    for r in reach {
        let of = format!("{} in {}", r.cluster, r.source);
        match (&r.error, r.newest) {
            (Some(e), _) => p.say(Tone::Bad, &format!("{}: {e}", r.cluster)),
            (None, None) => p.say(Tone::Warn, &format!("{of}: no data")),
            (None, Some(newest)) => {
                let behind = now.saturating_sub(newest);
                let silent = behind > SILENT;
                let oldest = r
                    .oldest
                    .map_or(String::new(), |o| format!("; reaches back to {}", time(o)));
                let hint = if silent {
                    ": does it still report?"
                } else {
                    ""
                };
                let tone = if silent { Tone::Warn } else { Tone::Plain };
                let text = format!(
                    "{of}: {} ago ({}){hint}{oldest}",
                    span(behind),
                    time(newest)
                );
                p.say(tone, &text);
            }
        }
    }
}

/// The jobs of a listing.
pub(crate) fn list(jobs: &[Told], limit: usize) -> String {
    let mut p = Paper::for_output();
    if jobs.is_empty() {
        p.say(Tone::Good, "None.");
        return p.finish();
    }
    let mut rows = vec![LIST_HEAD.map(String::from).to_vec()];
    rows.extend(jobs.iter().map(list_row));
    let shown = list_columns(&rows, &p);
    for row in &mut rows {
        let mut at = 0..;
        row.retain(|_| at.next().is_some_and(|k| shown.contains(&k)));
    }
    let align = |k: &usize| LIST_ALIGN[*k];
    let align: Vec<_> = shown.iter().map(align).collect();
    p.table(&align, &rows);
    if jobs.len() == limit {
        p.say(
            Tone::Plain,
            &format!("The first {limit}; --limit N lists more."),
        );
    }
    p.finish()
}

const LIST_HEAD: [&str; 9] = [
    "job", "cluster", "started", "(Unix)", "tries", "next try", "samples", "reason", "detail",
];
const LIST_ALIGN: [super::paper::Align; 9] =
    [Right, Left, Left, Right, Right, Left, Right, Left, Left];
/// Columns that are left out where there is no room, in this order: `explain` and --json have them.
const SPARED: [usize; 3] = [8, 4, 3];

fn list_row(t: &Told) -> Vec<String> {
    let samples = match (t.received, t.expected) {
        (Some(received), Some(expected)) => percent(received, expected),
        _ => "-".into(),
    };
    let next = t.next_try.filter(|next| *next > 0);
    vec![
        t.key.job_id.to_string(),
        t.key.cluster.clone(),
        time(t.key.start_time),
        t.key.start_time.to_string(),
        t.attempts.to_string(),
        next.map_or_else(|| "-".into(), time),
        samples,
        t.reason.clone().unwrap_or_else(|| t.outcome.clone()),
        t.detail.clone().unwrap_or_default(),
    ]
}

/// The columns that say something and for which there is room.
fn list_columns(rows: &[Vec<String>], p: &Paper) -> Vec<usize> {
    let says = |k: &usize| rows.iter().skip(1).any(|r| !matches!(&*r[*k], "-" | ""));
    let width = |k: usize| rows.iter().map(|r| r[k].chars().count()).max().unwrap_or(0);
    let mut shown: Vec<usize> = (0..LIST_HEAD.len()).filter(says).collect();
    // What is left of a detail in less than this is of no use.
    let detail = |k: usize| if k == 8 { width(k).min(40) } else { width(k) };
    for spared in SPARED {
        let all: usize = shown.iter().map(|k| detail(*k) + 2).sum();
        if !p.has_room_for(all) {
            shown.retain(|k| *k != spared);
        }
    }
    shown
}
