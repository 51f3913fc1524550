//! The answer of `show` for people.

use ccarchive::inspect::show::{Band, Metric, Picture, Print, Roofline, Wanted};
use ccarchive::model::cluster::thresholds::{Rating, Thresholds};

use super::explain::card;
use super::paper::Align::{Left, Right};
use super::paper::{Paper, Tone};
use super::{percent, span};

/// Rows of a curve.
const ROWS: usize = 5;
/// Columns of a curve at least.
const LEAST: usize = 24;
/// Columns of a bar.
const ROOM: usize = 40;
/// Columns left of a curve.
const LABEL: usize = 12;

/// How many columns a curve gets here.
pub(crate) fn columns() -> usize {
    Paper::for_output()
        .width
        .saturating_sub(LABEL + 4)
        .clamp(20, 160)
}

/// An archived job.
pub(crate) fn page(s: &Picture, wanted: &Wanted) -> String {
    let mut p = Paper::for_output();
    card(&s.job, None, None, &mut p);
    if let Some(name) = &s.name {
        p.say(Tone::Plain, &format!("name: {name}"));
    }
    if !s.tags.is_empty() {
        let tags: Vec<_> = s
            .tags
            .iter()
            .map(|[kind, name]| format!("{kind}: {name}"))
            .collect();
        p.say(Tone::Plain, &format!("tags: {}", tags.join(", ")));
    }
    p.heading("Footprint");
    footprint(s, &mut p);
    if let Some(r) = &s.roofline {
        p.heading("Roofline");
        roofline(r, &mut p);
    }
    p.heading("Metrics");
    if s.metrics.is_empty() {
        p.say(Tone::Plain, "The archive has no series for this.");
    }
    let hosts = wanted.hosts.len();
    for m in &s.metrics {
        metric(m, s.job.duration, hosts, &mut p);
    }
    let bands = || s.metrics.iter().flat_map(|m| m.curve.iter().flatten());
    if bands().any(|b| b.min < b.max) {
        p.gap();
        p.say(
            Tone::Plain,
            "█ median of the values, ░ smallest to largest, blank column: no data",
        );
    }
    p.finish()
}

fn footprint(s: &Picture, p: &mut Paper) {
    if s.footprint.is_empty() {
        p.say(Tone::Plain, "The cluster's configuration names none.");
    } else {
        let head = [
            "metric", "", "value", "unit", "rating", "normal", "caution", "alert",
        ];
        let row = |f: &Print| {
            let limit = |of: fn(&Thresholds) -> f64| match &f.thresholds {
                Some(t) => number(of(t)),
                None => "-".into(),
            };
            vec![
                f.metric.clone(),
                f.kind.clone(),
                number(f.value),
                f.unit.clone(),
                f.level.map_or("-", words).into(),
                limit(|t| t.normal),
                limit(|t| t.caution),
                limit(|t| t.alert),
            ]
        };
        let mut rows = vec![head.map(String::from).to_vec()];
        rows.extend(s.footprint.iter().map(row));
        p.table(&[Left, Left, Right, Left, Left, Right, Right, Right], &rows);
        if s.shared != "none" && !s.shared.is_empty() {
            p.say(
                Tone::Plain,
                "The node was shared; the thresholds are those of a whole node.",
            );
        }
    }
    if s.energy > 0.0 {
        p.say(Tone::Plain, &format!("energy: {} kWh", number(s.energy)));
    }
}

pub(crate) const fn words(level: Rating) -> &'static str {
    match level {
        Rating::Alert => "!! alert",
        Rating::Caution => "! caution",
        Rating::BelowNormal => "below normal",
        Rating::Normal => "normal",
        Rating::AbovePeak => "above peak",
    }
}

/// A share of what is possible, which may be exceeded: in percent, or as a multiple.
pub(crate) fn times(share: f64) -> String {
    if share < 10.0 {
        format!("{:.1} % of", share * 100.0)
    } else {
        format!("{share:.0} times")
    }
}

fn roofline(r: &Roofline, p: &mut Paper) {
    let share = r.flops / r.ceiling;
    let limit = if r.memory_bound {
        "memory bandwidth"
    } else {
        "arithmetic"
    };
    p.say(
        Tone::Plain,
        &format!(
            "{} GF/s per node at {} flops per byte: {} the {} GF/s that {limit} allows there",
            number(r.flops / 1e9),
            number(r.intensity),
            times(share),
            number(r.ceiling / 1e9)
        ),
    );
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to the room"
    )]
    let filled = (share.clamp(0.0, 1.0) * ROOM as f64).round() as usize;
    p.line(&format!(
        "[{}{}]",
        "█".repeat(filled),
        "·".repeat(ROOM - filled)
    ));
}

fn metric(m: &Metric, duration: i64, hosts: usize, p: &mut Paper) {
    let unit = if m.unit.is_empty() {
        String::new()
    } else {
        format!(" {}", m.unit)
    };
    let mut title = m.name.clone();
    if let Some([min, avg, max]) = m.statistics {
        title += &format!(
            "  avg {}{unit}, min {}, max {}",
            number(avg),
            number(min),
            number(max)
        );
    } else if !unit.is_empty() {
        title += &format!(" in{unit}");
    }
    let mut of = format!(
        "{} {} series, every {}",
        m.series,
        m.scope,
        span(m.timestep)
    );
    if m.missing > 0 {
        of += &format!(
            ", {} of the values",
            percent(m.values - m.missing, m.values)
        );
    }
    if hosts > 0 {
        of += ", of the hosts asked for";
    }
    let both = format!("{title}  ({of})");
    if p.has_room_for(both.chars().count()) {
        p.heading(&both);
    } else {
        p.heading(&title);
        p.line(&of);
    }
    for line in curve(&m.curve, duration) {
        p.line(&line);
    }
}

/// A curve as lines: the largest value above, the smallest below, time to the right.
fn curve(bands: &[Option<Band>], duration: i64) -> Vec<String> {
    let there = || bands.iter().flatten();
    let top = there().map(|b| b.max).fold(f32::NEG_INFINITY, f32::max);
    if top == f32::NEG_INFINITY {
        return vec!["no values".into()];
    }
    // From 0, so that curves of different jobs look alike; unless there is something below.
    let bottom = there().map(|b| b.min).fold(0.0, f32::min);
    let top = if top > bottom { top } else { bottom + 1.0 };
    let row_of = |v: f32| {
        let share = f64::from((v - bottom) / (top - bottom));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to the number of rows"
        )]
        let row = (share * ROWS as f64) as usize;
        row.min(ROWS - 1)
    };
    // A job of few values fills at least so many columns.
    let wide = LEAST.div_ceil(bands.len());
    let mut lines = Vec::new();
    for row in (0..ROWS).rev() {
        let label = match row {
            0 => number(f64::from(bottom)),
            _ if row == ROWS - 1 => number(f64::from(top)),
            _ => String::new(),
        };
        let cells: String = bands
            .iter()
            .map(|b| match b {
                Some(b) if row_of(b.median) == row => "█",
                Some(b) if (row_of(b.min)..=row_of(b.max)).contains(&row) => "░",
                _ => " ",
            })
            .map(|cell| cell.repeat(wide))
            .collect();
        lines.push(format!("{label:>LABEL$} ┤{}", cells.trim_end()));
    }
    let end = span(duration);
    let columns = bands.len() * wide;
    let room = columns.saturating_sub(1 + end.chars().count());
    lines.push(format!("{:>LABEL$} └0{}{end}", "", " ".repeat(room)));
    lines
}

/// A number with as many digits as people read.
pub(crate) fn number(v: f64) -> String {
    let text = match v.abs() {
        a if a >= 1e7 => return format!("{v:.2e}"),
        a if a >= 1000.0 => format!("{v:.0}"),
        a if a >= 100.0 => format!("{v:.1}"),
        _ => format!("{v:.2}"),
    };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(min: f32, median: f32, max: f32) -> Band {
        Band { min, median, max }
    }

    #[test]
    fn a_curve_shows_median_range_and_holes() {
        let lines = curve(
            &[
                Some(band(0.0, 5.0, 10.0)),
                None,
                Some(band(10.0, 10.0, 10.0)),
            ],
            60,
        );
        let (range, median) = ("░".repeat(8), "█".repeat(8));
        assert_eq!(
            lines,
            [
                format!("          10 ┤{range}        {median}"),
                format!("             ┤{range}"),
                format!("             ┤{median}"),
                format!("             ┤{range}"),
                format!("           0 ┤{range}"),
                format!("             └0{}1 min", " ".repeat(18)),
            ]
        );
        assert_eq!(curve(&[None], 60), ["no values"]);
    }

    #[test]
    fn a_constant_curve_stands_on_its_row() {
        let lines = curve(&[Some(band(0.0, 0.0, 0.0))], 60);
        assert!(lines[ROWS - 1].ends_with('█'), "{lines:?}");
        let lines = curve(&[Some(band(-3.0, -3.0, -3.0))], 60);
        assert!(lines[ROWS - 1].ends_with('█'), "{lines:?}");
    }

    #[test]
    fn numbers_have_the_digits_that_people_read() {
        for (v, text) in [
            (0.0, "0"),
            (62.127, "62.13"),
            (123.45, "123.5"),
            (99999.4, "99999"),
            (2e9, "2.00e9"),
            (10.0, "10"),
        ] {
            assert_eq!(number(v), text);
        }
    }
}
