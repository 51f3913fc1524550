//! The answer of `status` for Prometheus' textfile collector: names and units by its conventions, the file replaced in one
//! step, since the collector may read it at any time.
//!
//! Times are Unix seconds and not ages, so that they stay true between two looks: `time() - x` is an age. What can be counted
//! is there with 0, what has no value (the oldest job of an empty backlog) is left out.

use std::fmt::Write;
use std::io;
use std::path::Path;

use ccarchive::inspect::status::{Status, Sweep};
use ccarchive::model::outcome::Kind;
use strum::IntoEnumIterator;

use super::super::file;

/// Whether the file can be made, as far as that can be told before; what is wrong in words.
pub(crate) fn check(file: &Path) -> Result<(), String> {
    let folder = match file.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    if file.file_name().is_none() || file.is_dir() {
        return Err(format!(
            "--metrics-file {}: expected the name of a file",
            file.display()
        ));
    }
    if !folder.is_dir() {
        return Err(format!(
            "--metrics-file {}: the folder {} is not there",
            file.display(),
            folder.display()
        ));
    }
    Ok(())
}

/// Writes the file.
pub(crate) fn write(s: &Status, path: &Path) -> io::Result<()> {
    file::replace(path, text(s).as_bytes())
}

#[derive(Default)]
struct Page(String);

impl Page {
    /// A gauge with its samples: labels and value.
    fn gauge(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (String, f64)>) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        // Writing to a text cannot fail.
        writeln!(
            self.0,
            "# HELP ccarchive_{name} {help}\n# TYPE ccarchive_{name} gauge"
        )
        .unwrap_or_default();
        for (labels, value) in samples {
            writeln!(self.0, "ccarchive_{name}{labels} {value}").unwrap_or_default();
        }
    }

    /// A gauge without labels, left out where there is no value.
    fn value(&mut self, name: &str, help: &str, value: Option<f64>) {
        self.gauge(name, help, value.map(|v| (String::new(), v)));
    }

    /// A point in time.
    fn time(&mut self, name: &str, help: &str, unix: Option<i64>) {
        self.value(
            &format!("{name}_timestamp_seconds"),
            help,
            unix.map(seconds),
        );
    }
}

fn seconds(unix: i64) -> f64 {
    unix as f64
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let one = |(name, value): &(&str, &str)| {
        let value = value
            .replace('\\', r"\\")
            .replace('"', "\\\"")
            .replace('\n', r"\n");
        format!("{name}=\"{value}\"")
    };
    let all: Vec<_> = pairs.iter().map(one).collect();
    format!("{{{}}}", all.join(","))
}

fn text(s: &Status) -> String {
    let mut p = Page::default();
    let version = [(labels(&[("version", env!("CARGO_PKG_VERSION"))]), 1.0)];
    p.gauge(
        "build_info",
        "The version that wrote these figures.",
        version,
    );
    p.time("status", "When the backlog was looked at.", Some(s.now));
    backlog(s, &mut p);
    risk(s, &mut p);
    standings(s, &mut p);
    p.time(
        "last_success",
        "When the last sweep that finished (exit code 0 or 3) ended.",
        s.last_success,
    );
    if let Some(last) = s.runs.first() {
        sweep(last, &mut p);
    }
    reach(s, &mut p);
    p.0
}

fn backlog(s: &Status, p: &mut Page) {
    p.value(
        "unarchived_jobs",
        "Stopped jobs that are not archived.",
        Some(s.table.unarchived as f64),
    );
    let groups = s.backlog.iter().map(|g| {
        let pairs = [
            ("cluster", g.cluster.as_str()),
            ("status", &g.status.to_string()),
            ("place", g.place.name()),
            ("reason", g.reason.as_deref().unwrap_or("")),
        ];
        (labels(&pairs), g.jobs as f64)
    });
    p.gauge(
        "backlog_jobs",
        "Stopped jobs that are not archived, by monitoring_status, by where the next sweep finds them, and by what went wrong.",
        groups,
    );
    p.time(
        "backlog_oldest_end",
        "When the oldest job of the backlog that can still be saved ended.",
        s.oldest.as_ref().map(|o| o.end),
    );
}

fn risk(s: &Status, p: &mut Page) {
    let r = &s.risk;
    p.value(
        "source_retention_seconds",
        "How long the metric store remembers, as its configuration says.",
        r.retention.map(seconds),
    );
    p.time(
        "next_loss",
        "When the metric store may begin to forget the next job that is not archived; the time left is this less the time.",
        r.next_loss,
    );
    if r.retention.is_none() {
        return;
    }
    p.value(
        "forgetting_jobs",
        "Jobs of the backlog whose first samples the metric store may have forgotten already.",
        Some(r.begun as f64),
    );
    let risks = [("6h", r.within_6h), ("24h", r.within_24h)];
    let samples = risks.map(|(within, n)| (labels(&[("within", within)]), n as f64));
    p.gauge(
        "at_risk_jobs",
        "Jobs that the metric store may begin to forget within this time; those within 6h are among those within 24h.",
        samples,
    );
}

fn standings(s: &Status, p: &mut Page) {
    let st = &s.standing;
    let counts = [
        ("waiting", st.waiting),
        ("quarantined", st.quarantined),
        ("lost", st.lost),
        ("unknown_end", st.unknown_end),
        ("provisional", st.provisional),
        ("thin", st.thin),
    ];
    let samples = counts.map(|(name, n)| (labels(&[("standing", name)]), n as f64));
    p.gauge("standing_jobs", "Jobs by how they stand.", samples);
}

fn sweep(last: &Sweep, p: &mut Page) {
    p.time(
        "last_sweep_start",
        "When the last sweep began.",
        Some(last.started),
    );
    p.time("last_sweep_end", "When it ended.", Some(last.ended));
    p.value(
        "last_sweep_exit_code",
        "Its exit code.",
        Some(last.exit as f64),
    );
    let number = |name: &str| last.figures[name].as_f64();
    let outcomes = Kind::iter().map(|kind| {
        let n = last.figures["outcomes"][kind.name()].as_f64();
        (labels(&[("outcome", kind.name())]), n.unwrap_or(0.0))
    });
    p.gauge(
        "last_sweep_jobs",
        "Jobs of the last sweep by outcome.",
        outcomes,
    );
    p.gauge(
        "last_sweep_failed_jobs",
        "Jobs of the last sweep that failed or have no data, by stage and reason.",
        failures(last),
    );
    p.value(
        "last_sweep_duration_seconds",
        "How long it took.",
        number("seconds"),
    );
    let stages = last.figures["stageSeconds"].as_object();
    let stages = stages.into_iter().flatten().filter_map(|(stage, v)| {
        let seconds = v.as_f64()?;
        Some((labels(&[("stage", stage)]), seconds))
    });
    p.gauge(
        "last_sweep_stage_seconds",
        "Work by stage, summed over threads.",
        stages,
    );
    for (name, help, key) in [
        (
            "last_sweep_raw_bytes",
            "Metric data of the archived jobs before compression.",
            "rawBytes",
        ),
        (
            "last_sweep_stored_bytes",
            "What was written to the archive.",
            "storedBytes",
        ),
    ] {
        p.value(name, help, number(key));
    }
}

/// Failed jobs of a sweep; groups of one stage and reason that differ in their message are summed.
fn failures(last: &Sweep) -> Vec<(String, f64)> {
    let mut sums = std::collections::BTreeMap::<String, f64>::new();
    for group in last.figures["failures"].as_array().into_iter().flatten() {
        let word = |name: &str| group[name].as_str().unwrap_or_default();
        let labels = labels(&[("stage", word("stage")), ("reason", word("reason"))]);
        *sums.entry(labels).or_default() += group["count"].as_f64().unwrap_or(0.0);
    }
    sums.into_iter().collect()
}

fn reach(s: &Status, p: &mut Page) {
    let of = |r: &ccarchive::inspect::status::Reach| {
        labels(&[("cluster", r.cluster.as_str()), ("source", &r.source)])
    };
    let up = s
        .reach
        .iter()
        .map(|r| (of(r), f64::from(u8::from(r.error.is_none()))));
    p.gauge("source_up", "Whether a source answered for a cluster.", up);
    let newest = s
        .reach
        .iter()
        .filter_map(|r| Some((of(r), seconds(r.newest?))));
    p.gauge(
        "newest_data_timestamp_seconds",
        "The newest data of a cluster in a source.",
        newest,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_quoted_and_a_gauge_without_samples_left_out() {
        assert_eq!(labels(&[("a", "x\"\\\n")]), r#"{a="x\"\\\n"}"#);
        let mut p = Page::default();
        p.gauge("x", "X.", []);
        p.gauge("y", "Y.", [(String::new(), 1.5)]);
        assert_eq!(
            p.0,
            "# HELP ccarchive_y Y.\n# TYPE ccarchive_y gauge\nccarchive_y 1.5\n"
        );
    }

    #[test]
    fn failures_of_one_reason_are_one_sample() {
        let failure = |reason: &str, count: u64| serde_json::json!({"stage": "load", "reason": reason, "count": count});
        let last = Sweep {
            started: 0,
            ended: 0,
            exit: 3,
            figures: serde_json::json!({"failures": [failure("a", 1), failure("b", 2), failure("a", 4)]}),
        };
        assert_eq!(
            failures(&last),
            [
                (r#"{stage="load",reason="a"}"#.to_owned(), 5.0),
                (r#"{stage="load",reason="b"}"#.to_owned(), 2.0)
            ]
        );
    }

    #[test]
    fn a_file_in_a_folder_that_is_not_there_is_told_before_the_sweep() {
        assert!(check(Path::new("x.prom")).is_ok());
        let wrong = check(Path::new("/nowhere/x.prom")).unwrap_err();
        assert!(wrong.contains("folder /nowhere is not there"), "{wrong}");
        assert!(check(Path::new("/tmp")).is_err());
    }
}
