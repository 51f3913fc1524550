//! An archived job as a page: who it is, its footprint against the thresholds, its place below the roofline, its curves.

use ccarchive::inspect::show::{Band, Metric, Picture, Print, Roofline};
use ccarchive::model::cluster::thresholds::Rating;
use maud::{Markup, html};

use super::plot::{self, HEIGHT, WIDTH, Words, ceiling, figure, key, short};
use super::{Cell, frame, plain, table, when};
use crate::report::inspect::show::{number, times, words};
use crate::report::inspect::{percent, span};
use crate::report::words::count;

/// Columns of a curve.
pub(crate) const COLUMNS: usize = 240;
/// Hosts that are named.
const HOSTS: usize = 200;

/// The page of a job. `now`: Unix seconds.
pub(crate) fn page(s: &Picture, now: i64) -> String {
    let title = format!("Job {} on {}", s.job.key.job_id, plain(&s.job.key.cluster));
    let body = html! {
        header { h1 { (title) } @if let Some(name) = &s.name { p { (plain(name)) } } }
        (identity(s))
        div class="pair" { (footprint(s)) (roofline(s.roofline.as_ref())) }
        section aria-labelledby="metrics" {
            h2 id="metrics" { "Metrics" }
            @if s.metrics.is_empty() {
                p class="soft" { "The archive has no series for this." }
            } @else {
                (key(&[
                    ("f-mark", "median of the series"),
                    ("f-fine", "from their smallest to their largest value"),
                ]))
                div class="curves" { @for m in &s.metrics { (curve(m, s.job.duration)) } }
                (statistics(&s.metrics))
            }
        }
    };
    frame(&title, now, &body)
}

fn identity(s: &Picture) -> Markup {
    let job = &s.job;
    let tags: Vec<String> = s
        .tags
        .iter()
        .map(|[kind, name]| format!("{kind}: {name}"))
        .collect();
    let facts = [
        ("State", job.state.clone()),
        ("User", job.user.clone()),
        ("Project", job.project.clone()),
        ("Subcluster", job.subcluster.clone()),
        ("Tags", tags.join(", ")),
    ];
    html! {
        dl class="figures" {
            div { dt { "Started" } dd { (when(job.key.start_time)) } dd class="note" { (job.key.start_time) } }
            div {
                dt { "Ran" }
                dd { (span(job.duration)) }
                @if job.walltime > 0 { dd class="note" { "of " (span(job.walltime)) } }
            }
            @for (name, text) in facts {
                @if !text.is_empty() { div { dt { (name) } dd { (plain(&text)) } } }
            }
            div {
                dt { "Hosts" }
                dd { (count(job.hosts.len() as u64, "host")) }
                @if s.shared != "none" && !s.shared.is_empty() { dd class="note" { "shared: " (plain(&s.shared)) } }
            }
            @if s.energy > 0.0 { div { dt { "Energy" } dd { (number(s.energy)) " kWh" } } }
        }
        details {
            summary { "Hosts" }
            p {
                (plain(&job.hosts.iter().take(HOSTS).map(String::as_str).collect::<Vec<_>>().join(", ")))
                @if job.hosts.len() > HOSTS { ", and " (job.hosts.len() - HOSTS) " more" }
            }
        }
    }
}

fn footprint(s: &Picture) -> Markup {
    html! {
        section aria-labelledby="footprint" {
            h2 id="footprint" { "Footprint" }
            @if s.footprint.is_empty() {
                p class="soft" { "The cluster's configuration names none." }
            } @else {
                div class="wide" { table {
                    thead { tr {
                        th scope="col" { "metric" } th scope="col" class="n" { "value" } th scope="col" { "rating" }
                        th scope="col" { "of the peak" }
                    } }
                    tbody { @for f in &s.footprint { (print(f)) } }
                } }
                @if s.shared != "none" && !s.shared.is_empty() {
                    p class="soft" { "The node was shared; the thresholds are those of a whole node." }
                }
            }
        }
    }
}

fn print(f: &Print) -> Markup {
    let class = match f.level {
        Some(Rating::Alert) => "bad",
        Some(Rating::Caution) => "warn",
        _ => "",
    };
    html! {
        tr {
            th scope="row" { (plain(&f.metric)) " " small class="soft" { (plain(&f.kind)) } }
            td class="n" { (number(f.value)) " " (plain(&f.unit)) }
            td class=(class) { (f.level.map_or("–", words)) }
            td { (gauge(f)) }
        }
    }
}

/// A value between 0 and its peak, with the limits as lines.
fn gauge(f: &Print) -> Markup {
    let Some(t) = f.thresholds.filter(|t| t.peak > 0.0) else {
        return html! { span class="soft" { "–" } };
    };
    let at = |v: f64| (v / t.peak * WIDTH).clamp(0.0, WIDTH);
    let class = match f.level {
        Some(Rating::Alert) => "f-bad",
        Some(Rating::Caution) => "f-part",
        _ => "f-mark",
    };
    let label = format!(
        "{} of a peak of {}; normal {}, caution {}, alert {}",
        number(f.value),
        number(t.peak),
        number(t.normal),
        number(t.caution),
        number(t.alert)
    );
    html! {
        svg class="gauge" viewBox=(format!("0 0 {WIDTH} 10")) preserveAspectRatio="none" role="img" aria-label=(label) {
            title { (label) }
            rect class="f-fine" width=(WIDTH) height="10" {}
            rect class=(class) width=(short(at(f.value))) y="2" height="6" {}
            @for limit in [t.alert, t.caution, t.normal] {
                @if limit > 0.0 { path class="dash" d=(format!("M{} 0V10", short(at(limit)))) {} }
            }
        }
    }
}

/// The place of a job below the roof of its node, both axes logarithmic.
fn roofline(r: Option<&Roofline>) -> Markup {
    let Some(r) = r else {
        return html! {};
    };
    let share = times(r.flops / r.ceiling);
    let limit = if r.memory_bound {
        "memory bandwidth"
    } else {
        "arithmetic"
    };
    let text = format!(
        "{} GF/s per node at {} flops per byte: {share} the {} GF/s that {limit} allows there.",
        number(r.flops / 1e9),
        number(r.intensity),
        number(r.ceiling / 1e9)
    );
    html! {
        section aria-labelledby="roofline" {
            h2 id="roofline" { "Roofline" }
            (roof(r, &text))
            p { (text) }
        }
    }
}

/// From 0.01 to 1000 operations per byte, and five decades of rate below the peak.
fn roof(r: &Roofline, text: &str) -> Markup {
    const LEFT: f64 = -2.0;
    const RIGHT: f64 = 3.0;
    let top = r.peak.max(r.flops).log10().ceil();
    let bottom = top - 5.0;
    let x = |intensity: f64| {
        40.0 + (intensity.log10().clamp(LEFT, RIGHT) - LEFT) / (RIGHT - LEFT) * 400.0
    };
    let y = |flops: f64| 10.0 + (top - flops.log10().clamp(bottom, top)) / (top - bottom) * 180.0;
    let ridge = r.peak / r.bandwidth;
    let at = |i: f64| (x(i), y((i * r.bandwidth).min(r.peak)));
    let (left, right) = (10_f64.powf(LEFT), 10_f64.powf(RIGHT));
    // Where the slope of the bandwidth enters the picture.
    let enters = (10_f64.powf(bottom) / r.bandwidth).max(left);
    let roof = plot::line([at(enters), at(ridge.clamp(left, right)), at(right)]);
    html! {
        svg class="roof" viewBox="0 0 460 220" role="img" aria-label=(text) {
            path class="grid" fill="none" d="M40 10V190H440" {}
            path class="stroke" d=(roof) {}
            circle class="f-bad" cx=(short(x(r.intensity))) cy=(short(y(r.flops))) r="5" {}
            @for (i, name) in [(0.01, "0.01"), (0.1, "0.1"), (1.0, "1"), (10.0, "10"), (100.0, "100"), (1000.0, "1000")] {
                text x=(short(x(i))) y="204" text-anchor="middle" { (name) }
            }
            text x="440" y="217" text-anchor="end" { "flops per byte" }
            text x="46" y="20" { "GF/s, up to " (number(10_f64.powf(top - 9.0))) }
        }
    }
}

fn curve(m: &Metric, duration: i64) -> Markup {
    let there = || m.curve.iter().flatten();
    let most = there()
        .map(|b| f64::from(b.max))
        .fold(f64::NEG_INFINITY, f64::max);
    let least = there().map(|b| f64::from(b.min)).fold(0.0, f64::min);
    html! {
        div {
            h3 {
                (plain(&m.name)) " "
                small {
                    @if let Some([min, avg, max]) = m.statistics {
                        "avg " (number(avg)) (unit(m)) ", " (number(min)) " to " (number(max))
                    } @else { (plain(&m.unit)) }
                }
            }
            @if most.is_finite() {
                (drawn(m, duration, most, least))
            } @else {
                p class="soft" { "No values." }
            }
        }
    }
}

fn drawn(m: &Metric, duration: i64, most: f64, least: f64) -> Markup {
    // From 0, so that curves of different jobs look alike; unless there is something below.
    let bottom = if least < 0.0 { -ceiling(-least) } else { 0.0 };
    let top = if most > bottom {
        ceiling(most.max(0.0))
    } else {
        bottom + 1.0
    };
    let y = |v: f32| HEIGHT - (f64::from(v) - bottom) / (top - bottom) * HEIGHT;
    let width = WIDTH / m.curve.len().max(1) as f64;
    let (mut area, mut line) = (String::new(), String::new());
    let mut from = 0;
    for run in m.curve.chunk_by(|a, b| a.is_some() == b.is_some()) {
        let at = |k: usize| (from + k) as f64 * width;
        let bands: Vec<&Band> = run.iter().flatten().collect();
        // Each value holds for a column, so that one alone is seen.
        let steps = |of: fn(&Band) -> f32| -> Vec<(f64, f64)> {
            let edge = |(k, b): (usize, &&Band)| [(at(k), y(of(b))), (at(k + 1), y(of(b)))];
            bands.iter().enumerate().flat_map(edge).collect()
        };
        if !bands.is_empty() {
            let upper = steps(|b| b.max);
            let lower = steps(|b| b.min).into_iter().rev();
            area += &format!("{}z", plot::line(upper.into_iter().chain(lower)));
            line += &plot::line(steps(|b| b.median));
        }
        from += run.len();
    }
    let missing = if m.missing > 0 {
        format!(
            ", {} of the values",
            percent(m.values - m.missing, m.values)
        )
    } else {
        String::new()
    };
    let caption = format!(
        "{} {} series, every {}{missing}",
        m.series,
        m.scope,
        span(m.timestep)
    );
    let words = Words {
        label: &format!("{} over time: {}", plain(&m.name), said(m)),
        y: &[
            number(top),
            number(f64::midpoint(top, bottom)),
            number(bottom),
        ],
        x: &["0".to_owned(), span(duration)],
        caption: &plain(&caption),
        low: true,
    };
    figure(
        &words,
        &html! {
            path class="area" d=(area) {}
            path class="stroke" d=(line) {}
        },
    )
}

/// The unit behind a number.
fn unit(m: &Metric) -> String {
    if m.unit.is_empty() {
        String::new()
    } else {
        format!(" {}", plain(&m.unit))
    }
}

/// A curve in words.
fn said(m: &Metric) -> String {
    match m.statistics {
        Some([min, avg, max]) => format!(
            "average {}{}, from {} to {}",
            number(avg),
            unit(m),
            number(min),
            number(max)
        ),
        None => format!("{} series", m.series),
    }
}

fn statistics(metrics: &[Metric]) -> Markup {
    let number_of =
        |m: &Metric, k: usize| m.statistics.map_or_else(|| "–".into(), |s| number(s[k]));
    let rows: Vec<Vec<String>> = metrics
        .iter()
        .map(|m| {
            vec![
                m.name.clone(),
                m.unit.clone(),
                number_of(m, 0),
                number_of(m, 1),
                number_of(m, 2),
                m.scope.clone(),
                m.series.to_string(),
                percent(m.values - m.missing, m.values),
            ]
        })
        .collect();
    let head = [
        ("metric", Cell::Text),
        ("unit", Cell::Text),
        ("min", Cell::Number),
        ("avg", Cell::Number),
        ("max", Cell::Number),
        ("scope", Cell::Text),
        ("series", Cell::Number),
        ("values", Cell::Number),
    ];
    html! { h3 { "Statistics over all nodes" } (table(&head, &rows)) }
}
