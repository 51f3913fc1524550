//! The map of coverage: hosts from top to bottom, hours from left to right. A collector that died is a streak, a rack a block.
//!
//! Thousands of hosts stand in groups; the height of what is marked in a cell is the share of the group's hosts, and never so
//! small that one host cannot be seen. The words beside each row say the same.

use ccarchive::ledger::{ClusterHours, HOURS};
use ccarchive::model::message::{HostHours, HourCount};
use maud::{Markup, html};

use super::plot::{block, key};
use super::{Cell, plain, ranges, table};
use crate::report::inspect::percent;
use crate::report::words::{count, form, zoned};

/// Rows of all clusters together: what keeps the page small.
const ROWS: usize = 240;
/// Rows of one cluster.
const MOST_ROWS: usize = 120;
const HOUR: i64 = 3600;
/// Height of a cell, and the least height of what is marked in it.
const CELL: f64 = 24.0;
const LEAST: f64 = 5.0;
/// Hosts that are named below a map.
const NAMED: usize = 40;

/// How much an hour of a host has of its samples.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    /// At least 90 %.
    Whole,
    /// Less.
    Part,
    /// Less than half.
    Missing,
}

impl Share {
    fn of(count: HourCount) -> Option<Self> {
        if count.expected == 0 {
            return None;
        }
        let share = f64::from(count.received) / f64::from(count.expected);
        Some(match share {
            s if s >= 0.9 => Self::Whole,
            s if s >= 0.5 => Self::Part,
            _ => Self::Missing,
        })
    }
}

/// Hosts of a group in one hour.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct CellCount {
    hosts: u32,
    part: u32,
    missing: u32,
}

/// A row of a map.
struct Row {
    first: String,
    last: String,
    hosts: usize,
    cells: Vec<CellCount>,
    received: u64,
    expected: u64,
    /// Hosts whose last hour with a job lacks most of its samples, and since when (hours since 1970).
    silent: Vec<(String, i64)>,
}

/// The hours that are shown.
#[derive(Clone, Copy)]
struct Window {
    first: i64,
    hours: usize,
}

/// The maps of all clusters.
pub(super) fn section(clusters: &[ClusterHours], now: i64) -> Markup {
    let window = Window {
        first: now.div_euclid(HOUR) - HOURS + 1,
        hours: usize::try_from(HOURS).unwrap_or(0),
    };
    let rows = (ROWS / clusters.len().max(1)).clamp(4, MOST_ROWS);
    html! {
        section aria-labelledby="coverage" {
            h2 id="coverage" { "Coverage by host and hour" }
            @if clusters.is_empty() {
                p class="soft" {
                    "No sweep has seen a job of the last three days yet. Sweeps note here how many samples the hosts of their jobs have."
                }
            } @else {
                p {
                    "Samples that the jobs of the last three days asked for and got. A streak is a collector that stopped reporting, "
                    "a block a rack. Hours without a finished job are empty; jobs that still run are not in it."
                }
                (key(&[
                    ("f-fine", "at least 90 % of the samples"),
                    ("f-part", "50 to 90 %"),
                    ("f-bad", "less than half"),
                ]))
                @for cluster in clusters { (map(cluster, window, rows)) }
            }
        }
    }
}

fn map(cluster: &ClusterHours, window: Window, most: usize) -> Markup {
    let names: Vec<&str> = cluster.hosts.iter().map(|h| h.host.as_str()).collect();
    let groups = ranges::groups(&names, most);
    let rows: Vec<Row> = groups
        .iter()
        .map(|g| row(g.iter().map(|k| &cluster.hosts[*k]), window))
        .collect();
    let grouped = rows.len() < names.len();
    let silent: Vec<&(String, i64)> = rows.iter().flat_map(|r| &r.silent).collect();
    let n = silent.len() as u64;
    html! {
        h3 {
            (plain(&cluster.cluster)) " "
            small {
                (count(names.len() as u64, "host"))
                @if grouped { " in " (count(rows.len() as u64, "range")) "; the height of a mark is the share of a range's hosts" }
            }
        }
        @if n > 0 {
            p class="bad" { "! " (missing_now(n)) }
        }
        table class="heat" {
            thead { tr {
                th scope="col" { "hosts" }
                th scope="col" { (axis(window)) }
                th scope="col" class="n" { "share" }
            } }
            tbody { @for r in &rows { (line(r, window)) } }
        }
        @if n > 0 { (silent_hosts(&silent)) }
    }
}

fn missing_now(n: u64) -> String {
    let lacks = form(n, "lacks", "lack");
    format!(
        "{} {lacks} more than half of the samples in the last hour that a job had there.",
        count(n, "host")
    )
}

fn line(r: &Row, window: Window) -> Markup {
    let share = share(r);
    html! {
        tr {
            th scope="row" title=(plain(&format!("{} to {}", r.first, r.last))) {
                (name(r))
                @if r.hosts > 1 { " " small class="soft" { "(" (r.hosts) ")" } }
            }
            td class="map" { (picture(r, window)) }
            td class=(if r.silent.is_empty() { "n" } else { "n bad" }) { (share) }
        }
    }
}

/// The first and the last host, of the latter only what differs.
fn name(r: &Row) -> String {
    if r.hosts == 1 {
        return plain(&r.first);
    }
    let same = |(a, b): &(char, char)| a == b;
    let pairs = r.first.chars().zip(r.last.chars());
    let common = pairs.take_while(same).count();
    let rest: String = r.last.chars().skip(common).collect();
    format!("{}\u{2009}–\u{2009}{}", plain(&r.first), plain(&rest))
}

fn share(r: &Row) -> String {
    if r.expected == 0 {
        return "–".into();
    }
    percent(r.received, r.expected)
}

/// The words of a row for whoever cannot see it.
fn words(r: &Row) -> String {
    let mut text = format!("{} of the samples", share(r));
    if let Some(since) = r.silent.iter().map(|(_, since)| *since).min() {
        let n = r.silent.len() as u64;
        text += &format!(
            "; {} without data, the first since {}",
            count(n, "host"),
            hour(since)
        );
    }
    text
}

fn hour(hour: i64) -> String {
    zoned(hour * HOUR, "%a %d %b %H:%M")
}

fn row<'a>(hosts: impl Iterator<Item = &'a HostHours>, window: Window) -> Row {
    let mut r = Row {
        first: String::new(),
        last: String::new(),
        hosts: 0,
        cells: vec![CellCount::default(); window.hours],
        received: 0,
        expected: 0,
        silent: Vec::new(),
    };
    for host in hosts {
        if r.hosts == 0 {
            r.first.clone_from(&host.host);
        }
        r.last.clone_from(&host.host);
        r.hosts += 1;
        let mut since = None;
        for (hour, count) in &host.hours {
            let at = usize::try_from(hour - window.first).ok();
            let Some(cell) = at.and_then(|at| r.cells.get_mut(at)) else {
                continue;
            };
            let Some(share) = Share::of(*count) else {
                continue;
            };
            r.expected += u64::from(count.expected);
            r.received += u64::from(count.received);
            cell.hosts += 1;
            cell.part += u32::from(share == Share::Part);
            cell.missing += u32::from(share == Share::Missing);
            since = (share == Share::Missing).then(|| since.unwrap_or(*hour));
        }
        if let Some(since) = since {
            r.silent.push((host.host.clone(), since));
        }
    }
    r
}

/// Heights of what is marked in a cell, from the bottom: missing, then in part.
fn heights(c: CellCount) -> (f64, f64) {
    let of = |n: u32| {
        if n == 0 {
            return 0.0;
        }
        (f64::from(n) / f64::from(c.hosts.max(1)) * CELL).max(LEAST)
    };
    let missing = of(c.missing);
    (missing, of(c.part).min(CELL - missing))
}

fn picture(r: &Row, window: Window) -> Markup {
    let (mut fine, mut part, mut missing) = (String::new(), String::new(), String::new());
    let mut from = 0;
    // What stays the same for hours is one rectangle.
    for run in r
        .cells
        .chunk_by(|a, b| (a.hosts > 0) == (b.hosts > 0) && heights(*a) == heights(*b))
    {
        let (x, width) = (from as f64, run.len() as f64);
        from += run.len();
        if run[0].hosts == 0 {
            continue;
        }
        let (low, middle) = heights(run[0]);
        fine += &block(x, 0.0, width, CELL - low - middle);
        if middle > 0.0 {
            part += &block(x, CELL - low - middle, width, middle);
        }
        if low > 0.0 {
            missing += &block(x, CELL - low, width, low);
        }
    }
    html! {
        svg viewBox=(format!("0 0 {} {CELL}", window.hours)) preserveAspectRatio="none" role="img" aria-label=(words(r)) {
            title { (words(r)) }
            @for (class, path) in [("f-fine", fine), ("f-part", part), ("f-bad", missing)] {
                @if !path.is_empty() { path class=(class) d=(path) {} }
            }
        }
    }
}

/// Where days begin.
fn axis(window: Window) -> Markup {
    let midnight = |k: &usize| zoned((window.first + *k as i64) * HOUR, "%H") == "00";
    let days: Vec<usize> = (0..window.hours).filter(midnight).collect();
    html! {
        div class="hours" {
            @for k in days {
                span style=(format!("left:{:.2}%", k as f64 / window.hours as f64 * 100.0)) {
                    (zoned((window.first + k as i64) * HOUR, "%a %d"))
                }
            }
        }
    }
}

fn silent_hosts(silent: &[&(String, i64)]) -> Markup {
    let head = [("host", Cell::Text), ("without data since", Cell::Text)];
    let rows: Vec<Vec<String>> = silent
        .iter()
        .take(NAMED)
        .map(|(host, since)| vec![host.clone(), hour(*since)])
        .collect();
    let which = match silent.len() {
        n if n > NAMED => format!("Which hosts: the first {NAMED} of {n}"),
        _ => "Which hosts".into(),
    };
    html! { details { summary { (which) } (table(&head, &rows)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, hours: &[(i64, u32)]) -> HostHours {
        let count = |received| HourCount {
            expected: 60,
            received,
        };
        HostHours {
            host: name.into(),
            hours: hours.iter().map(|(h, r)| (*h, count(*r))).collect(),
        }
    }

    fn site(hosts: usize) -> Vec<ClusterHours> {
        let now = 1000;
        let hosts = (1..=hosts).map(|k| {
            let received = |h: i64| if k == 77 && h > 990 { 0 } else { 60 };
            let hours: Vec<(i64, u32)> = (now - HOURS..=now).map(|h| (h, received(h))).collect();
            host(&format!("n{k:04}"), &hours)
        });
        vec![ClusterHours {
            cluster: "alpha".into(),
            hosts: hosts.collect(),
        }]
    }

    #[test]
    fn one_dead_collector_among_thousands_is_marked_and_named() {
        let text = section(&site(5000), 1000 * HOUR).into_string();
        assert!(text.len() < 200_000, "{}", text.len());
        assert!(text.contains("! 1 host lacks"), "{text}");
        assert!(text.contains(">n0077<"), "{text}");
        assert_eq!(text.matches("f-bad\" d=").count(), 1, "one row is marked");
        assert_eq!(text.matches("class=\"map\"").count(), 101);
    }

    #[test]
    fn a_host_alone_is_marked_in_full() {
        let window = Window { first: 0, hours: 2 };
        let r = row([&host("n1", &[(0, 60), (1, 20)])].into_iter(), window);
        assert_eq!(heights(r.cells[1]), (CELL, 0.0));
        assert_eq!(r.silent, [("n1".to_owned(), 1)]);
        let r = row([&host("n1", &[(0, 20), (1, 60)])].into_iter(), window);
        assert!(r.silent.is_empty(), "it reports again");
    }

    #[test]
    fn no_coverage_is_said_in_words() {
        let text = section(&[], 0).into_string();
        assert!(text.contains("No sweep has seen a job"), "{text}");
    }
}
