//! What was: the backlog and the margin at the end of past sweeps, the outcomes of past days.

use std::collections::BTreeMap;

use ccarchive::inspect::status::{Past, Status, Wanted};
use ccarchive::model::outcome::Kind;
use maud::{Markup, html};

use super::plot::{self, HEIGHT, WIDTH, Words, block, ceiling, figure, key};
use super::{Cell, as_table};
use crate::report::inspect::show::number;
use crate::report::inspect::time;
use crate::report::words::zoned;

const DAY: i64 = 86_400;

/// Past sweeps and now.
fn history(s: &Status) -> Vec<Past> {
    let mut all = s.history.clone();
    all.push(s.past());
    all
}

/// Two times below a picture.
fn ends(all: &[Past]) -> Vec<String> {
    let short = |p: &Past| zoned(p.at, "%d %b %H:%M");
    let ends = [all.first().map(short), all.last().map(|_| "now".to_owned())];
    ends.into_iter().flatten().collect()
}

/// Where a time is in a picture from the first to the last.
fn across(all: &[Past], at: i64) -> f64 {
    let (first, last) = (
        all.first().map_or(0, |p| p.at),
        all.last().map_or(1, |p| p.at),
    );
    (at - first) as f64 / (last - first).max(1) as f64 * WIDTH
}

pub(super) fn over_time(s: &Status) -> Markup {
    let all = history(s);
    if all.len() < 2 {
        return html! { p class="soft" { "Sweeps note the backlog that they leave; there is none to draw yet." } };
    }
    let most = all.iter().map(|p| p.jobs).max().unwrap_or(0);
    let top = top_of_jobs(most);
    // The backlog is known when a sweep ends, and held to be so until the next.
    let mut points = Vec::new();
    for pair in all.windows(2) {
        let y = HEIGHT - pair[0].jobs as f64 / top * HEIGHT;
        points.push((across(&all, pair[0].at), y));
        points.push((across(&all, pair[1].at), y));
    }
    let now = HEIGHT - s.table.unarchived as f64 / top * HEIGHT;
    points.push((WIDTH, now));
    let line = plot::line(points);
    let words = Words {
        label: &format!(
            "Backlog over time: now {}, at most {most}",
            s.table.unarchived
        ),
        y: &axis(top, "jobs"),
        x: &ends(&all),
        caption: "Jobs that were stopped and not archived at the end of each sweep, and now.",
        low: false,
    };
    let rows: Vec<Vec<String>> = all
        .iter()
        .rev()
        .take(48)
        .map(|p| vec![time(p.at), p.jobs.to_string()])
        .collect();
    html! {
        (figure(&words, &html! {
            path class="area" d=(format!("{line}V{HEIGHT}H0z")) {}
            path class="stroke" d=(line) {}
        }))
        (as_table(&[("time", Cell::Text), ("jobs", Cell::Number)], &rows))
    }
}

/// The top of an axis of so many jobs, whose half is a whole number.
fn top_of_jobs(most: u64) -> f64 {
    match most {
        0..=4 => 4.0,
        5..=6 => 6.0,
        _ => ceiling(most as f64),
    }
}

/// The words beside an axis from 0 to `top`.
fn axis(top: f64, unit: &str) -> Vec<String> {
    let word = |v: f64| {
        let text = number(v);
        if v == top {
            format!("{text} {unit}")
        } else {
            text
        }
    };
    [top, top / 2.0, 0.0].map(word).to_vec()
}

/// The smallest margin at the end of past sweeps.
pub(super) fn margin(s: &Status) -> Markup {
    let all = history(s);
    let hours = |p: &Past| Some((p.next_loss? - p.at).max(0) as f64 / 3600.0);
    let most = all.iter().filter_map(hours).fold(0.0, f64::max);
    if all.len() < 3 || most <= 0.0 {
        return html! {};
    }
    let top = ceiling(most);
    let height = |h: f64| HEIGHT - h / top * HEIGHT;
    // Without a job in danger there is no margin: the line is broken.
    let parts = all.chunk_by(|a, b| a.next_loss.is_some() && b.next_loss.is_some());
    let lines = parts.map(|part| {
        let of = |p: &Past| Some((across(&all, p.at), height(hours(p)?)));
        plot::line(part.iter().filter_map(of))
    });
    let words = Words {
        label: "The time that was left at the end of each sweep until the source might forget the most endangered job, in hours",
        y: &axis(top, "h"),
        x: &ends(&all),
        caption: "Time that was left for the most endangered whole job at the end of each sweep; the dashed line is 6 h.",
        low: true,
    };
    html! {
        (figure(&words, &html! {
            @if top > 6.0 { path class="dash" d=(plot::line([(0.0, height(6.0)), (WIDTH, height(6.0))])) {} }
            @for line in lines { @if !line.is_empty() { path class="stroke" d=(line) {} } }
        }))
    }
}

/// What an outcome means on the page.
const OUTCOMES: [(&str, &str); 3] = [
    ("f-fine", "archived whole"),
    ("f-part", "archived in part, or to be made better"),
    ("f-bad", "failed or without data"),
];

fn class_of(outcome: &str) -> Option<usize> {
    match outcome.parse().ok()? {
        Kind::Complete | Kind::Adopted | Kind::Empty => Some(0),
        Kind::Partial | Kind::Provisional => Some(1),
        Kind::Failed | Kind::NoData => Some(2),
        Kind::NotYet | Kind::UnknownEnd | Kind::Interrupted | Kind::Raced => None,
    }
}

pub(super) fn days(s: &Status, wanted: &Wanted) -> Markup {
    let today = (s.now + wanted.offset).div_euclid(DAY);
    let mut by_day: BTreeMap<i64, [u64; 3]> =
        (0..wanted.days).map(|k| (today - k, [0; 3])).collect();
    for d in &s.days {
        if let (Some(day), Some(k)) = (by_day.get_mut(&d.day), class_of(&d.outcome)) {
            day[k] += d.jobs;
        }
    }
    let most = by_day
        .values()
        .map(|d| d.iter().sum::<u64>())
        .max()
        .unwrap_or(0);
    let name = |day: i64| zoned(day * DAY + DAY / 2 - wanted.offset, "%a %d %b");
    let rows: Vec<Vec<String>> = by_day
        .iter()
        .rev()
        .map(|(day, n)| {
            let numbers = n.iter().map(u64::to_string);
            std::iter::once(name(*day)).chain(numbers).collect()
        })
        .collect();
    let top = top_of_jobs(most);
    let words = Words {
        label: "Jobs by the day of their last attempt and its outcome",
        y: &axis(top, "jobs"),
        x: &[name(today - wanted.days + 1), "today".to_owned()],
        caption: "",
        low: false,
    };
    let head = [
        ("day", Cell::Text),
        ("whole", Cell::Number),
        ("in part", Cell::Number),
        ("failed", Cell::Number),
    ];
    html! {
        section aria-labelledby="days" {
            h2 id="days" { "Outcomes per day" }
            @if most == 0 {
                p class="soft" { "No job was worked on in the last " (wanted.days) " days." }
            } @else {
                (key(&OUTCOMES))
                (figure(&words, &stacks(&by_day, top)))
                (as_table(&head, &rows))
            }
        }
    }
}

fn stacks(by_day: &BTreeMap<i64, [u64; 3]>, top: f64) -> Markup {
    let width = WIDTH / by_day.len().max(1) as f64;
    let mut paths = [const { String::new() }; 3];
    for (at, n) in by_day.values().enumerate() {
        let mut y = HEIGHT;
        for (path, n) in paths.iter_mut().zip(n).filter(|(_, n)| **n > 0) {
            // One failed job among thousands is seen.
            let height = (*n as f64 / top * HEIGHT).max(1.5);
            y -= height;
            *path += &block(at as f64 * width + width * 0.1, y, width * 0.8, height);
        }
    }
    html! {
        @for (path, (class, _)) in paths.iter().zip(OUTCOMES) { path class=(class) d=(path) {} }
    }
}
