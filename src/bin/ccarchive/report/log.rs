//! `--log-file`: what a sweep says, as one line an event with a time, a level and stable keys (logfmt).
//!
//! The keys are those of `--json` in small letters with underscores, so that the two never tell different stories. Each line
//! is written with one call to the end of the file, so that several programs may share it, and the file is opened again
//! once somebody moved it away, so that logrotate needs no signal.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use super::json;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Info,
    Warning,
    Error,
}

impl Severity {
    const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The number that the journal knows.
    const fn priority(self) -> u8 {
        match self {
            Self::Info => 6,
            Self::Warning => 4,
            Self::Error => 3,
        }
    }
}

/// A line for standard error; the journal gets its level in front.
pub(super) fn for_journal(level: Severity, text: &str) -> String {
    format!("<{}>{text}", level.priority())
}

/// Whether standard error is the journal.
pub(super) fn is_journal() -> bool {
    let named = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let is = fs::metadata("/dev/stderr").map(|m| format!("{}:{}", m.dev(), m.ino()));
    is.is_ok_and(|is| is == named)
}

/// A log file.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    /// None once it could not be written.
    file: Mutex<Option<File>>,
}

impl LogFile {
    /// Opens a file to append to it, or makes it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(Some(append_to(path)?)),
        })
    }

    /// Writes an object of `--json`: its plain values on one line, each object of a list on a line of its own. Where that is
    /// not possible any more, it says so once and writes no more.
    pub(super) fn write(&self, level: Severity, object: &Value) -> Result<(), String> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = file.as_mut() else {
            return Ok(());
        };
        let written = self.is_moved(open).and_then(|moved| {
            if moved {
                *open = append_to(&self.path)?;
            }
            lines(Timestamp::now(), level, object)
                .iter()
                .try_for_each(|line| open.write_all(line.as_bytes()))
        });
        written.map_err(|e| {
            *file = None;
            format!(
                "the log file {} cannot be written, and this sweep writes no more to it: {e}",
                self.path.display()
            )
        })
    }

    /// Whether another file, or none, has the name by now.
    fn is_moved(&self, open: &File) -> io::Result<bool> {
        let is = open.metadata()?;
        Ok(match fs::metadata(&self.path) {
            Ok(named) => (named.dev(), named.ino()) != (is.dev(), is.ino()),
            Err(_) => true,
        })
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// The lines of an object.
fn lines(now: Timestamp, level: Severity, object: &Value) -> Vec<String> {
    let event = object["type"].as_str().unwrap_or("event");
    let begin = |event: &str| {
        let time = now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        format!("time={time} level={} event={event}", level.name())
    };
    let mut first = begin(event);
    let mut more = Vec::new();
    for (key, value) in object.as_object().into_iter().flatten() {
        let key = snake(key);
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        if items.iter().any(Value::is_object) {
            for item in items {
                let mut line = begin(&format!("{event}_{}", key.trim_end_matches('s')));
                pairs("", item, &mut line);
                more.push(line);
            }
        } else if key != "type" && !(value.is_array() && items.is_empty()) {
            pairs(&key, value, &mut first);
        }
    }
    more.push(first);
    more.into_iter().map(|line| line + "\n").collect()
}

/// Appends `key=value`; of an object, each of its values with the object's key and a dot in front.
fn pairs(key: &str, value: &Value, line: &mut String) {
    let text = match value {
        Value::Null => return,
        Value::Object(members) => {
            for (name, member) in members {
                let name = key_of(name);
                let full = if key.is_empty() {
                    name
                } else {
                    format!("{key}.{name}")
                };
                pairs(&full, member, line);
            }
            return;
        }
        Value::Array(items) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            items.join(" ")
        }
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    let shown = if !text.is_empty() && text.chars().all(is_plain) {
        text
    } else {
        json::line(&Value::String(text))
    };
    // A string takes what is written to it.
    write!(line, " {key}={shown}").unwrap_or_default();
}

/// What stands in a pair without quotes.
const fn is_plain(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '"' | '=' | '\\')
}

/// The key of a member: a name of ours in words, and of what is data, such as a source, the characters that a key can have.
fn key_of(name: &str) -> String {
    if name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return snake(name);
    }
    let one = |c| if is_plain(c) { c } else { '_' };
    name.chars().map(one).collect()
}

/// `jobId` as `job_id`.
fn snake(camel: &str) -> String {
    let mut out = String::with_capacity(camel.len() + 4);
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_one_line_and_each_object_of_its_lists_another() {
        let object = json!({
            "type": "summary", "exit": 3, "outcomes": {"notYet": 2}, "filled": {"/My Site=1": 4}, "nextTry": null, "outages": [], "sources": ["a", "b c"],
            "failures": [{"reason": "no_data", "firstDetail": "none of \"5\"\nsamples"}],
        });
        let lines = lines(Timestamp::UNIX_EPOCH, Severity::Warning, &object);
        let begin = "time=1970-01-01T00:00:00.000Z level=warning";
        assert_eq!(
            lines,
            [
                format!(
                    "{begin} event=summary_failure first_detail=\"none of \\\"5\\\"\\nsamples\" reason=no_data\n"
                ),
                format!(
                    "{begin} event=summary exit=3 filled./My_Site_1=4 outcomes.not_yet=2 sources=\"a b c\"\n"
                ),
            ]
        );
    }
}
