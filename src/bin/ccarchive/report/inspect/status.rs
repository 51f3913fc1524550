//! The answer of `status` for people.

use std::collections::BTreeMap;

use ccarchive::inspect::status::{Group, Reach, Status, Sweep, Table, Wanted};
use ccarchive::ledger::{DayCount, Told};
use ccarchive::model::outcome::Kind;

use super::paper::Align::{Left, Right};
use super::paper::{Paper, Tone};
use super::standing::{SILENT, standings, time_left, verdict};
use super::{bytes, job, percent, span, time, zoned};
use crate::report::words::form;

/// The classes of [`Status::ages`].
pub(crate) const AGES: [&str; 6] = ["< 1 h", "1-6 h", "6-24 h", "1-2 d", "2-7 d", "> 7 d"];
/// What is said of an archive without a cluster.
pub(crate) const NO_CLUSTER: &str = "The archive has no cluster.";

/// The overview.
pub(crate) fn page(s: &Status, wanted: &Wanted, database: &str) -> String {
    let mut p = Paper::for_output();
    p.heading(&format!("{database}, {}", time(s.now)));
    headline(s, &mut p);
    backlog(s, &mut p);
    p.heading("Time to loss");
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
    let (tone, short) = verdict(s);
    p.say(tone, &format!("In short: {short}."));
    p.say(Tone::Plain, &table(&s.table, |n| n.to_string()));
    if let Some(o) = &s.oldest {
        p.say(
            Tone::Plain,
            &format!(
                "The oldest that can still be saved: {}, ended {} ago ({}), {}.",
                job(&o.key),
                span(s.now.saturating_sub(o.end)),
                time(o.end),
                o.place.words()
            ),
        );
    }
}

/// The job table in a sentence; `digits` writes its numbers.
pub(crate) fn table(t: &Table, digits: impl Fn(u64) -> String) -> String {
    if t.jobs == 0 {
        return "The job table has no job.".into();
    }
    let others = [
        (true, t.archived, "archived"),
        (true, t.running, "running"),
        (false, t.switched_off, "with monitoring switched off"),
        (false, t.other, "with a monitoring_status that is not known"),
    ];
    let said = others
        .into_iter()
        .filter(|(always, n, _)| *always || *n > 0);
    let others: Vec<String> = said
        .map(|(_, n, what)| format!("{} {what}", digits(n)))
        .collect();
    let jobs = form(t.jobs, "job", "jobs");
    let others = others.join(", ");
    if t.unarchived == 0 {
        return format!("{} {jobs} in the table: {others}.", digits(t.jobs));
    }
    let verb = form(t.unarchived, "has stopped and is", "have stopped and are");
    format!(
        "{} of {} {jobs} {verb} not archived; the others: {others}.",
        digits(t.unarchived),
        digits(t.jobs)
    )
}

fn backlog(s: &Status, p: &mut Paper) {
    if s.backlog.is_empty() {
        return;
    }
    p.heading("Backlog");
    let mut rows = vec![BACKLOG_HEAD.map(String::from).to_vec()];
    rows.extend(backlog_rows(s));
    p.table(&[Left, Right, Right, Right, Left, Left], &rows);
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
    ["cluster", "jobs", "oldest", "status", "stands", "reason"];

/// The backlog as rows of a table.
pub(crate) fn backlog_rows(s: &Status) -> Vec<Vec<String>> {
    let row = |g: &Group| {
        vec![
            g.cluster.clone(),
            g.jobs.to_string(),
            span(s.now.saturating_sub(g.oldest_end)),
            g.status.to_string(),
            g.place.words().into(),
            g.reason.clone().unwrap_or_else(|| "-".into()),
        ]
    };
    s.backlog.iter().map(row).collect()
}

fn standing_lines(s: &Status, wanted: &Wanted, p: &mut Paper) {
    let lines = standings(s, wanted.thin);
    if lines.is_empty() {
        return;
    }
    p.heading("Unfinished and incomplete jobs");
    let mut listed = Vec::new();
    for (list, (tone, text)) in lines {
        p.say(tone, &text);
        listed.extend(list);
    }
    if !listed.is_empty() {
        let kinds = listed.join("|");
        p.say(Tone::Plain, &format!("To list them: status --list {kinds}"));
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
    if reach.is_empty() {
        p.say(Tone::Plain, NO_CLUSTER);
    }
    for r in reach {
        let of = format!("{} in {}", r.cluster, r.source);
        match (&r.error, r.newest) {
            (Some(e), _) => p.say(Tone::Bad, &format!("{}: {e}", r.cluster)),
            (None, None) => p.say(Tone::Plain, &format!("{of}: no data")),
            (None, Some(newest)) => {
                let behind = now.saturating_sub(newest);
                let mut text = format!("{of}: {} ago ({})", span(behind), time(newest));
                if let Some(oldest) = r.oldest {
                    text += &format!(", the oldest from {}", time(oldest));
                }
                let tone = if behind > SILENT {
                    text += ". Does it still report?";
                    Tone::Warn
                } else {
                    Tone::Plain
                };
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
    "job", "cluster", "started", "(Unix)", "tries", "next try", "samples", "result", "detail",
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
