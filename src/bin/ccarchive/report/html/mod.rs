//! Pages for a browser: one file that needs nothing from elsewhere, readable on a phone, in light and dark, without a script.
//!
//! Everything that was read from a database or an archive is escaped by the macro that writes the page; control characters go
//! before that. No meaning is in a colour alone, and what a picture shows also stands in a table or in words.

mod coverage;
mod job;
mod plot;
mod ranges;
mod status;
mod trend;

use std::io;
use std::path::Path;

use ccarchive::model::job::Shown;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::file;
use super::words::zoned;

pub(crate) use job::{COLUMNS, page as job};
pub(crate) use status::page as status;

const STYLE: &str = include_str!("style.css");

/// Writes a page, replacing the file in one step.
pub(crate) fn write(path: &Path, page: &str) -> io::Result<()> {
    file::replace(path, page.as_bytes())
}

/// The frame of every page.
fn frame(title: &str, now: i64, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (body)
                    footer {
                        "Written by ccarchive " (env!("CARGO_PKG_VERSION")) " at " (when(now)) ". "
                        "This page does not change by itself."
                    }
                }
            }
        }
    };
    page.into_string()
}

/// A text without control characters.
fn plain(text: &str) -> String {
    Shown(text).to_string()
}

/// A text without control characters, whose flags are not broken between lines.
fn sentence(text: &str) -> Markup {
    let text = plain(text);
    html! {
        @for (k, word) in text.split(' ').enumerate() {
            @if k > 0 { " " }
            @if word.starts_with("--") { span class="flag" { (word) } } @else { (word) }
        }
    }
}

/// A point in time (Unix seconds), for people and machines.
fn when(unix: i64) -> Markup {
    html! { time datetime=(zoned(unix, "%Y-%m-%dT%H:%M:%S%:z")) { (zoned(unix, "%Y-%m-%d %H:%M %Z")) } }
}

/// A number with a blank between thousands.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (k, c) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out
}

/// How a cell of a table is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    Text,
    Number,
    /// A sentence, which may wrap.
    Prose,
}

/// A table with a head; the first cell of a row names it.
fn table(head: &[(&str, Cell)], rows: &[Vec<String>]) -> Markup {
    let class = |cell: Cell| match cell {
        Cell::Text => None,
        Cell::Number => Some("n"),
        Cell::Prose => Some("text"),
    };
    html! {
        div class="wide" {
            table {
                thead { tr { @for (name, cell) in head { th scope="col" class=[class(*cell)] { (name) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (k, (text, (_, cell))) in row.iter().zip(head).enumerate() {
                                @if k == 0 {
                                    th scope="row" { (plain(text)) }
                                } @else {
                                    td class=[class(*cell)] { (plain(text)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The same as a table that is opened by hand.
fn as_table(head: &[(&str, Cell)], rows: &[Vec<String>]) -> Markup {
    html! { details { summary { "As a table" } (table(head, rows)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_control_characters_gone() {
        let rows = [vec!["<script>\u{1b}[2J\"&".to_owned(), "1".to_owned()]];
        let text = table(&[("a", Cell::Text), ("b", Cell::Number)], &rows).into_string();
        assert!(text.contains("&lt;script&gt;"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        let page = frame("<b>", 0, &html! {});
        assert!(page.contains("<title>&lt;b&gt;</title>"), "{page}");
    }

    #[test]
    fn thousands_stand_apart() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1 000"),
            (1_234_567, "1 234 567"),
        ] {
            assert_eq!(grouped(n).replace('\u{202f}', " "), text);
        }
    }
}
