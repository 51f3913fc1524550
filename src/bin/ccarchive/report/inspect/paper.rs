//! A page of plain text for a terminal or a pipe: headings, lines that wrap, tables, bars.
//!
//! Colour comes only to a terminal and never without its meaning in text. Nothing that was read from a file reaches the
//! terminal with its control characters.

use ccarchive::model::job::Shown;

use crate::report::words::{self, WIDTH, wrapped};

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    /// All is well.
    Good,
    /// A person should know.
    Warn,
    /// A person should act; such lines begin with `!`.
    Bad,
}

/// A page.
#[derive(Debug)]
pub(crate) struct Paper {
    /// Columns.
    pub(crate) width: usize,
    /// Columns of a table or line that is not wrapped: a pipe gets all of it.
    most: usize,
    colour: bool,
    text: String,
}

/// How a column of a table is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

impl Paper {
    /// For standard output as it is.
    pub(crate) fn for_output() -> Self {
        let columns = words::columns(&std::io::stdout());
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        Self {
            width: columns.unwrap_or(WIDTH),
            most: columns.unwrap_or(usize::MAX),
            colour: columns.is_some() && !plain,
            text: String::new(),
        }
    }

    /// Whether a table of so many columns is shown whole.
    pub(crate) fn has_room_for(&self, columns: usize) -> bool {
        self.most >= columns
    }

    /// The page.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn painted(&mut self, code: &str, text: &str) {
        if self.colour && !code.is_empty() {
            self.text += &format!("\u{1b}[{code}m{text}\u{1b}[0m\n");
        } else {
            self.text += text;
            self.text.push('\n');
        }
    }

    /// An empty line, also at the beginning, where something stands above this page.
    pub(crate) fn gap(&mut self) {
        if !self.text.ends_with("\n\n") && self.text != "\n" {
            self.text.push('\n');
        }
    }

    /// A heading with an empty line above it.
    pub(crate) fn heading(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.gap();
        }
        for line in wrapped(&Shown(text).to_string(), self.most) {
            self.painted("1", &line);
        }
    }

    /// A paragraph, wrapped between words.
    pub(crate) fn say(&mut self, tone: Tone, text: &str) {
        let code = match tone {
            Tone::Plain => "",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
        };
        let mark = if tone == Tone::Bad { "! " } else { "  " };
        let lines = wrapped(&Shown(text).to_string(), self.width - 2);
        for (k, line) in lines.iter().enumerate() {
            let mark = if k == 0 { mark } else { "  " };
            self.painted(code, &format!("{mark}{line}"));
        }
    }

    /// A line of a list behind its mark: on a terminal wrapped between words, in a pipe one line.
    pub(crate) fn item(&mut self, mark: char, text: &str) {
        let text = Shown(text).to_string();
        let width = self.most.saturating_sub(2);
        for (k, line) in wrapped(&text, width).iter().enumerate() {
            let mark = if k == 0 { mark } else { ' ' };
            self.text += &format!("{mark} {line}\n");
        }
    }

    /// A line as it is, indented and cut to the width.
    pub(crate) fn line(&mut self, text: &str) {
        let line = cut(&format!("  {}", Shown(text)), self.most);
        self.text += line.trim_end();
        self.text.push('\n');
    }

    /// A command that somebody may copy: never cut, and on a narrow terminal continued before a flag as a shell does it.
    pub(crate) fn command(&mut self, text: &str) {
        let text = Shown(text).to_string();
        // Nobody may break a quoted word.
        let most = if text.contains('\'') {
            usize::MAX
        } else {
            self.most
        };
        let mut last = 0;
        self.text += "    ";
        for (k, part) in text.split(" --").enumerate() {
            let part = if k == 0 {
                part.to_owned()
            } else {
                format!(" --{part}")
            };
            let length = part.chars().count();
            // Four columns before the command, two behind it.
            if last > 0 && last + length > most.saturating_sub(6) {
                self.text += " \\\n     ";
                last = 1;
            }
            self.text += &part;
            last += length;
        }
        self.text.push('\n');
    }

    /// A table; the first row is its head. What is too wide is cut in the last column.
    pub(crate) fn table(&mut self, columns: &[Align], rows: &[Vec<String>]) {
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|r| r.iter().map(|c| Shown(c).to_string()).collect())
            .collect();
        let width = |k: usize| {
            rows.iter()
                .filter_map(|r| r.get(k))
                .map(|c| c.chars().count())
                .max()
        };
        let widths: Vec<usize> = (0..columns.len()).map(|k| width(k).unwrap_or(0)).collect();
        for (at, row) in rows.iter().enumerate() {
            let cells: Vec<String> = row
                .iter()
                .zip(columns.iter().zip(&widths))
                .map(|(cell, (align, width))| match align {
                    Align::Left => format!("{cell:<width$}"),
                    Align::Right => format!("{cell:>width$}"),
                })
                .collect();
            let line = format!("  {}", cells.join("  "));
            let line = cut(line.trim_end(), self.most);
            self.painted(if at == 0 { "2" } else { "" }, &line);
        }
    }

    /// One bar a line: label, bar, number; scaled to the largest.
    pub(crate) fn bars(&mut self, bars: &[(String, u64)]) {
        let labels = bars.iter().map(|b| b.0.chars().count()).max().unwrap_or(0);
        let most = bars.iter().map(|b| b.1).max().unwrap_or(0).max(1);
        let digits = most.to_string().len();
        let room = self.width.saturating_sub(labels + digits + 6).min(60);
        for (label, n) in bars {
            let bar = bar(*n, most, room);
            self.line(&format!("{label:<labels$}  {n:>digits$} {bar}"));
        }
    }
}

/// A bar of at most `room` columns; anything above 0 is seen.
fn bar(n: u64, most: u64, room: usize) -> String {
    const PARTS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
    let eighths = (n as f64 / most as f64 * (room * 8) as f64).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to eight times the width of a terminal"
    )]
    let mut eighths = eighths as usize;
    if n > 0 {
        eighths = eighths.max(1);
    }
    let mut out = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        out.push(PARTS[eighths % 8 - 1]);
    }
    out
}

/// The first `width` characters; a cut shows as `…`.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(1)).collect();
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width: usize) -> Paper {
        Paper {
            width,
            most: width,
            colour: false,
            text: String::new(),
        }
    }

    #[test]
    fn nothing_is_wider_than_the_page_and_no_control_character_is_left() {
        let mut p = page(40);
        p.say(Tone::Bad, &"word ".repeat(30));
        p.line(&"x".repeat(100));
        p.table(
            &[Align::Left, Align::Right],
            &[
                vec!["a".into(), "b".into()],
                vec!["\u{1b}[2J".into(), "y".repeat(60)],
            ],
        );
        p.bars(&[("today".into(), 1), ("yesterday".into(), 100_000)]);
        let text = p.finish();
        assert!(text.lines().all(|l| l.chars().count() <= 40), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_command_is_whole_in_a_pipe_and_goes_on_below_as_a_shell_reads_it() {
        let text = "ccarchive run --db var --job-id 1 --start-time 1755000613";
        for (most, quoted, lines) in [
            (usize::MAX, "", 1),
            (80, "", 1),
            (40, "", 2),
            (40, " 'a b'", 1),
        ] {
            let mut p = page(most);
            p.command(&format!("{text}{quoted}"));
            let said = p.finish();
            assert_eq!(said.lines().count(), lines, "{said}");
            let read = said.replace(" \\\n     ", "");
            assert_eq!(read.trim(), format!("{text}{quoted}"));
        }
    }

    #[test]
    fn a_bar_of_something_is_seen_and_the_largest_fills_the_room() {
        assert_eq!(bar(0, 100, 10), "");
        assert_eq!(bar(1, 1_000_000, 10), "▏");
        assert_eq!(bar(100, 100, 10), "█".repeat(10));
    }
}
