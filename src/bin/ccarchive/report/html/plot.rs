//! Small pictures: lines over time, stacked bars, one horizontal bar.
//!
//! A picture is stretched to the width of the page; words stand beside it as text of the page, so that they keep their size on
//! a phone.

use maud::{Markup, html};

/// Units of a picture from left to right and from top to bottom.
pub(super) const WIDTH: f64 = 1000.0;
pub(super) const HEIGHT: f64 = 100.0;

/// The words around a picture.
pub(super) struct Words<'a> {
    /// What it shows, for whoever cannot see it.
    pub(super) label: &'a str,
    /// Beside it, from top to bottom.
    pub(super) y: &'a [String],
    /// Below it, from left to right.
    pub(super) x: &'a [String],
    /// What it means.
    pub(super) caption: &'a str,
    /// Whether it is one of many.
    pub(super) low: bool,
}

/// A picture with its words.
pub(super) fn figure(words: &Words<'_>, picture: &Markup) -> Markup {
    html! {
        figure class=(if words.low { "plot low" } else { "plot" }) {
            div class="y" aria-hidden="true" { @for y in words.y { span { (y) } } }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(words.label) {
                path class="grid" d=(format!("M0 {0}H{WIDTH}", HEIGHT / 2.0)) {}
                (picture)
            }
            div class="x" aria-hidden="true" { @for x in words.x { span { (x) } } }
            @if !words.caption.is_empty() { figcaption { (words.caption) } }
        }
    }
}

/// A coordinate with as many digits as a screen has.
pub(super) fn short(v: f64) -> String {
    let text = format!("{v:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Points from left to right as a path of straight lines.
pub(super) fn line(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in points {
        let command = if path.is_empty() { 'M' } else { 'L' };
        path.push(command);
        path += &format!("{} {}", short(x), short(y));
    }
    path
}

/// A rectangle as part of a path.
pub(super) fn block(x: f64, y: f64, width: f64, height: f64) -> String {
    format!(
        "M{} {}h{}v{}h-{}z",
        short(x),
        short(y),
        short(width),
        short(height),
        short(width)
    )
}

/// A smallest nice number that is no smaller: 1, 2 or 5 times a power of ten, for the top of an axis.
pub(super) fn ceiling(v: f64) -> f64 {
    if v <= 0.0 || !v.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(v.log10().floor());
    let nice = [1.0, 2.0, 5.0, 10.0];
    nice.into_iter()
        .map(|n| n * power)
        .find(|n| *n >= v * 0.999_999)
        .unwrap_or(v)
}

/// A bar of a share (0 to 1) of its room.
pub(super) fn bar(share: f64, class: &str, label: &str) -> Markup {
    let width = if share > 0.0 { share.max(0.004) } else { 0.0 };
    html! {
        svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=(label) {
            rect class=(class) width=(short(width * 1000.0)) height="10" {}
        }
    }
}

/// What a colour means.
pub(super) fn key(entries: &[(&str, &str)]) -> Markup {
    html! {
        ul class="key" {
            @for (class, text) in entries {
                li { svg viewBox="0 0 10 10" aria-hidden="true" { rect class=(class) width="10" height="10" {} } (text) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (v, top) in [
            (0.0, 1.0),
            (1.0, 1.0),
            (3.0, 5.0),
            (1234.0, 2000.0),
            (0.07, 0.1),
        ] {
            assert!((ceiling(v) - top).abs() < 1e-9, "{v}: {}", ceiling(v));
        }
    }

    #[test]
    fn coordinates_are_short() {
        assert_eq!(line([(0.0, 1.25), (10.0, 100.0)]), "M0 1.2L10 100");
        assert_eq!(block(1.0, 0.0, 2.5, 3.0), "M1 0h2.5v3h-2.5z");
    }
}
