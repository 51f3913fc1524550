//! Numbers, times and names as people read them.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::time::Duration;

use ccarchive::model::job::{JobKey, Shown};
use ccarchive::model::outcome::{Kind, Points};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Columns where nobody tells.
pub(super) const WIDTH: usize = 80;

/// The columns of a terminal; none of anything else, which gets lines of any length.
pub(super) fn columns(out: &(impl AsFd + IsTerminal)) -> Option<usize> {
    let told = || {
        let size = rustix::termios::tcgetwinsize(out).ok()?;
        Some(usize::from(size.ws_col)).filter(|c| *c > 0)
    };
    out.is_terminal().then(|| told().unwrap_or(WIDTH).max(40))
}

/// A text in lines of at most so many columns, if its words allow that.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last().map_or(0, |l| l.chars().count());
        if last > 0 && last + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// Lines as a terminal of so many columns shows them best: those that are too long go on below, indented by two more.
pub(super) fn fitted(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return text.to_owned();
    };
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        let said = bare.trim_start_matches(' ');
        let indent = bare.len() - said.len();
        for (k, part) in wrapped(said, columns.saturating_sub(indent + 2))
            .iter()
            .enumerate()
        {
            if k > 0 {
                out += "\n";
                out += &" ".repeat(indent + 2);
            } else {
                out += &" ".repeat(indent);
            }
            out += part;
        }
        out += &line[bare.len()..];
    }
    out
}

/// The form of a word that fits a number.
pub(super) const fn form<'a>(n: u64, one: &'a str, many: &'a str) -> &'a str {
    if n == 1 { one } else { many }
}

/// A count with its noun, which gets an s where it needs one.
pub(crate) fn count(n: u64, noun: &str) -> String {
    let s = form(n, "", "s");
    format!("{n} {noun}{s}")
}

/// Bytes.
pub(super) fn bytes(n: u64) -> String {
    let n = n as f64;
    match n {
        n if n >= 1e9 => format!("{:.1} GB", n / 1e9),
        n if n >= 1e6 => format!("{:.1} MB", n / 1e6),
        n if n >= 1e3 => format!("{:.1} kB", n / 1e3),
        n => format!("{n:.0} B"),
    }
}

/// A time span as a clock shows it: 0:07, 12:30, 1:02:03.
pub(super) fn clock(d: Duration) -> String {
    let s = d.as_secs();
    let (hours, minutes, seconds) = (s / 3600, s / 60 % 60, s % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// A point in time (Unix seconds), local.
pub(crate) fn time(unix: i64) -> String {
    zoned(unix, "%Y-%m-%d %H:%M:%S")
}

/// A time of this machine's zone in a format of jiff's.
pub(crate) fn zoned(unix: i64, format: &str) -> String {
    match Timestamp::from_second(unix) {
        Ok(t) => t.to_zoned(TimeZone::system()).strftime(format).to_string(),
        Err(_) => "no time of the calendar".into(),
    }
}

/// A job by name, its start for people and for scripts.
pub(super) fn job(key: &JobKey) -> String {
    format!(
        "job {} on {} (started {}, {})",
        key.job_id,
        Shown(&key.cluster),
        time(key.start_time),
        key.start_time
    )
}

/// An outcome.
pub(super) fn outcome(kind: Kind) -> String {
    kind.name().replace('_', " ")
}

/// A share of samples in percent; never rounded up to 100.
pub(super) fn percent(points: Points) -> String {
    let percent = points.share() * 100.0;
    let shown = if points.is_full() {
        percent
    } else {
        percent.min(99.9)
    };
    format!("{shown:.1} %")
}

/// A text as one word of a shell.
pub(crate) fn shell(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacks_a_sample_is_never_100_percent() {
        let points = |received| Points {
            expected: 1_000_000,
            received,
        };
        assert_eq!(percent(points(999_999)), "99.9 %");
        assert_eq!(percent(points(1_000_000)), "100.0 %");
        assert_eq!(percent(points(123_456)), "12.3 %");
    }

    #[test]
    fn what_is_too_long_for_a_terminal_goes_on_below_and_is_whole_in_a_pipe() {
        let text = "one\n  two three four five\n";
        assert_eq!(fitted(text, None), text);
        assert_eq!(fitted(text, Some(15)), "one\n  two three\n    four five\n");
        assert_eq!(fitted("no\nend  here", Some(40)), "no\nend  here");
    }

    #[test]
    fn spans_look_like_a_clock() {
        for (seconds, text) in [(7, "0:07"), (750, "12:30"), (3723, "1:02:03")] {
            assert_eq!(clock(Duration::from_secs(seconds)), text);
        }
    }
}
