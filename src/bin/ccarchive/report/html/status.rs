//! How a site stands, as a page: the worst first, then what it was and what is behind it.

use std::collections::BTreeMap;

use ccarchive::inspect::status::{Reach, Status, Wanted};
use ccarchive::ledger::ClusterHours;
use ccarchive::model::failure::Reason;
use maud::{Markup, html};

use super::plot::bar;
use super::{Cell, coverage, frame, grouped, plain, sentence, table, trend, when};
use crate::report::advice;
use crate::report::inspect::paper::Tone;
use crate::report::inspect::standing::{Line, SILENT, standings, time_left, verdict};
use crate::report::inspect::status as text;
use crate::report::inspect::{job, span, time};
use crate::report::words::form;

/// The overview.
pub(crate) fn page(s: &Status, wanted: &Wanted, hours: &[ClusterHours], database: &str) -> String {
    let acts = acts(s, wanted);
    let body = html! {
        header {
            h1 { "Job archive: " (plain(&verdict(s).1)) }
            p class="when" { (plain(database)) ", as of " (when(s.now)) }
        }
        (figures(s))
        @if !acts.is_empty() {
            ul class=(if s.needs_attention() { "act bad" } else { "act" }) aria-label="What needs a person" {
                @for (tone, text) in &acts { li { (mark(*tone)) (sentence(text)) } }
            }
        }
        (backlog(s))
        (left(s))
        div class="pair" { (trend::days(s, wanted)) (reasons(s)) }
        (sweeps(s))
        (newest(&s.reach, s.now))
        (coverage::section(hours, s.now))
    };
    frame("Job archive", s.now, &body)
}

fn mark(tone: Tone) -> Markup {
    html! { @if tone == Tone::Bad { strong class="bad" { "! " } } }
}

/// What a person should know or do.
fn acts(s: &Status, wanted: &Wanted) -> Vec<Line> {
    let mut lines: Vec<Line> = time_left(s);
    lines.extend(standings(s, wanted.thin).into_iter().map(|l| l.1));
    for r in &s.reach {
        if let Some(e) = &r.error {
            lines.push((Tone::Bad, format!("{}: {e}", r.cluster)));
        } else if let Some(behind) = silence(r, s.now) {
            let text = format!(
                "{} has no data newer than {} in {}. Does it still report?",
                r.cluster,
                span(behind),
                r.source
            );
            lines.push((Tone::Warn, text));
        }
    }
    lines.retain(|(tone, _)| matches!(tone, Tone::Bad | Tone::Warn));
    lines.sort_by_key(|(tone, _)| *tone != Tone::Bad);
    lines
}

/// How long a source has had nothing new, if that is too long.
fn silence(r: &Reach, now: i64) -> Option<i64> {
    let behind = now.saturating_sub(r.newest?);
    (behind > SILENT).then_some(behind)
}

/// How long before the look at the site something was.
fn ago(now: i64, at: i64) -> String {
    format!("{} ago", span(now.saturating_sub(at)))
}

/// The four figures that tell whether data is in danger.
fn figures(s: &Status) -> Markup {
    let oldest = s.oldest.as_ref().map_or_else(
        || match s.table.unarchived {
            0 => "no job waits".into(),
            _ => "none that can still be saved".into(),
        },
        |o| format!("the oldest to be saved ended {}", ago(s.now, o.end)),
    );
    let (left, of) = time_to_loss(s);
    let at_risk = format!(
        "{} / {}",
        grouped(s.risk.within_6h),
        grouped(s.risk.within_24h)
    );
    let (ago, last) = last_sweep(s);
    let known = s.risk.retention.is_some();
    let risk = if known { at_risk } else { "not known".into() };
    let begun = format!("{} forgotten in part already", grouped(s.risk.begun));
    let is_bad = s.risk.within_6h + s.risk.begun > 0;
    let class = if is_bad { "bad" } else { "" };
    let boxes = [
        ("Backlog", count_of(s.table.unarchived, "job"), oldest, ""),
        ("Time to loss", left, of, class),
        (
            "At risk in 6 h / 24 h",
            risk,
            if s.risk.begun > 0 {
                begun
            } else {
                "jobs of the backlog".into()
            },
            class,
        ),
        ("Last sweep", ago, last, ""),
    ];
    html! {
        dl class="figures" {
            @for (name, value, note, class) in boxes {
                div {
                    dt { (name) }
                    dd class=(format!("value {class}").trim_end()) { (value) }
                    dd class="note" { (plain(&note)) }
                }
            }
        }
    }
}

fn count_of(n: u64, noun: &str) -> String {
    let s = form(n, "", "s");
    format!("{} {noun}{s}", grouped(n))
}

fn time_to_loss(s: &Status) -> (String, String) {
    let r = &s.risk;
    match (&r.job, r.next_loss, r.retention) {
        (_, _, None) => ("not known".into(), "no retention is configured".into()),
        (_, _, Some(_)) if r.begun > 0 => ("now".into(), count_of(r.begun, "job")),
        (Some(first), Some(at), _) => (span(at.saturating_sub(s.now)), job(&first.key)),
        _ => ("none in danger".into(), "nothing waits for a sweep".into()),
    }
}

fn last_sweep(s: &Status) -> (String, String) {
    let Some(last) = s.runs.first() else {
        return ("none yet".into(), "the ledger knows of none".into());
    };
    let archived = last.figures["archived"].as_u64().unwrap_or(0);
    let note = match s.last_success {
        Some(t) if t == last.ended => format!("{} archived, exit {}", grouped(archived), last.exit),
        Some(t) => format!("exit {}; the last success {}", last.exit, ago(s.now, t)),
        None => format!("exit {}; none came through yet", last.exit),
    };
    (ago(s.now, last.ended), note)
}

fn backlog(s: &Status) -> Markup {
    let kind = |k: usize| {
        if matches!(k, 1..=3) {
            Cell::Number
        } else {
            Cell::Text
        }
    };
    let head: Vec<(&str, Cell)> = text::BACKLOG_HEAD
        .iter()
        .enumerate()
        .map(|(k, name)| (*name, kind(k)))
        .collect();
    let all = s.table.unarchived.max(1);
    html! {
        section aria-labelledby="backlog" {
            h2 id="backlog" { "Backlog" }
            (trend::over_time(s))
            @if !s.backlog.is_empty() {
                h3 { "By the time since their end" }
                div class="bars" {
                    @for (age, n) in text::AGES.iter().zip(s.ages()) {
                        span { (age) }
                        span class="n" { (grouped(n)) }
                        (bar(n as f64 / all as f64, "f-mark", &format!("{age}: {n}")))
                    }
                }
                h3 { "Where the next sweep finds them" }
                (table(&head, &text::backlog_rows(s)))
            }
            p class="soft" {
                (text::table(&s.table, grouped))
            }
        }
    }
}

/// How much time is left.
fn left(s: &Status) -> Markup {
    let r = &s.risk;
    let later = s
        .table
        .unarchived
        .saturating_sub(r.begun + r.within_24h + s.standing.lost + s.standing.unknown_end);
    let all = (r.begun + r.within_24h + later).max(1);
    let classes = [
        ("may be forgotten in part already", r.begun, "f-bad"),
        ("within 6 h", r.within_6h, "f-bad"),
        (
            "6 to 24 h",
            r.within_24h - r.within_6h.min(r.within_24h),
            "f-part",
        ),
        ("later", later, "f-fine"),
    ];
    html! {
        section aria-labelledby="left" {
            h2 id="left" { "Time to loss" }
            // What is bad stands at the top of the page.
            @for (_, text) in time_left(s).into_iter().filter(|l| l.0 != Tone::Bad) { p { (sentence(&text)) } }
            @if r.retention.is_some() {
                @if s.table.unarchived > 0 {
                    div class="bars" {
                        @for (name, n, class) in classes {
                            span { (name) }
                            span class="n" { (grouped(n)) }
                            (bar(n as f64 / all as f64, class, &format!("{name}: {n}")))
                        }
                    }
                }
                (trend::margin(s))
            }
        }
    }
}

fn reasons(s: &Status) -> Markup {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for g in &s.backlog {
        if let Some(reason) = &g.reason {
            *sums.entry(reason).or_default() += g.jobs;
        }
    }
    let mut sums: Vec<(&str, u64)> = sums.into_iter().collect();
    sums.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let most = sums.first().map_or(1, |(_, n)| *n).max(1);
    let advice = |code: &str| code.parse::<Reason>().map(advice::advice).ok();
    html! {
        section aria-labelledby="reasons" {
            h2 id="reasons" { "Reasons" }
            @if sums.is_empty() {
                p class="soft" { "No job of the backlog has failed." }
            } @else {
                p class="soft" { "What went wrong in the last attempt at the jobs of the backlog." }
                div class="bars" {
                    @for (reason, n) in &sums {
                        span { (plain(reason)) }
                        span class="n" { (grouped(*n)) }
                        (bar(*n as f64 / most as f64, "f-mark", &format!("{}: {n}", plain(reason))))
                    }
                }
                details {
                    summary { "What to do" }
                    dl {
                        @for (reason, _) in &sums {
                            @if let Some(text) = advice(reason) { dt { (plain(reason)) } dd { (text) } }
                        }
                    }
                }
            }
        }
    }
}

fn sweeps(s: &Status) -> Markup {
    let head: Vec<(&str, Cell)> = text::SWEEP_HEAD
        .iter()
        .enumerate()
        .map(|(k, name)| (*name, if k == 0 { Cell::Text } else { Cell::Number }))
        .collect();
    html! {
        section aria-labelledby="sweeps" {
            h2 id="sweeps" { "Last sweeps" }
            @if s.runs.is_empty() {
                p class="soft" { "The ledger knows of none." }
            } @else {
                (table(&head, &text::sweep_rows(&s.runs)))
            }
        }
    }
}

fn newest(reach: &[Reach], now: i64) -> Markup {
    let row = |r: &Reach| {
        let known = |t: Option<i64>| t.map_or_else(|| "–".into(), time);
        let says = match (&r.error, r.newest) {
            (Some(e), _) => format!("! {e}"),
            (None, None) => "no data".into(),
            (None, Some(_)) if silence(r, now).is_some() => "does it still report?".into(),
            (None, Some(_)) => "reports".into(),
        };
        vec![
            r.cluster.clone(),
            r.newest.map_or_else(|| "–".into(), |t| ago(now, t)),
            says,
            known(r.newest),
            known(r.oldest),
            r.source.clone(),
        ]
    };
    let head = [
        ("cluster", Cell::Text),
        ("newest data", Cell::Text),
        ("state", Cell::Prose),
        ("at", Cell::Text),
        ("reaches back to", Cell::Text),
        ("source", Cell::Text),
    ];
    html! {
        section aria-labelledby="newest" {
            h2 id="newest" { "Newest data" }
            @if reach.is_empty() {
                p class="soft" { (text::NO_CLUSTER) }
            } @else {
                (table(&head, &reach.iter().map(row).collect::<Vec<_>>()))
            }
        }
    }
}
