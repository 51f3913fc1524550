//! The answer of `status` for Prometheus' textfile collector: names and units by its conventions, the file replaced in one
//! step, since the collector may read it at any time.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use ccarchive::inspect::status::Status;

/// Writes the file.
pub(crate) fn write(s: &Status, file: &Path) -> io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    // The collector passes over names that do not end with .prom.
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = file.with_file_name(name);
    fs::write(&temporary, text(s))
        .and_then(|()| fs::rename(&temporary, file))
        .inspect_err(|_| {
            drop(fs::remove_file(&temporary));
        })
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
    let one = |v: i64| [(String::new(), v as f64)];
    let count = |n: u64| n as f64;
    let groups = s.backlog.iter().map(|g| {
        let reason = g.reason.as_deref().unwrap_or("");
        let status = g.status.to_string();
        let place = g.place.words();
        let pairs = [
            ("cluster", g.cluster.as_str()),
            ("status", &status),
            ("place", place),
            ("reason", reason),
        ];
        (labels(&pairs), count(g.jobs))
    });
    p.gauge(
        "status_timestamp_seconds",
        "When this was looked at.",
        one(s.now),
    );
    p.gauge(
        "unarchived_jobs",
        "Stopped jobs that are not archived.",
        [(String::new(), count(s.table.unarchived))],
    );
    p.gauge(
        "backlog_jobs",
        "Stopped jobs that are not archived, by place and reason.",
        groups,
    );
    let oldest = s.oldest.iter().map(|o| (String::new(), o.end as f64));
    p.gauge(
        "backlog_oldest_end_timestamp_seconds",
        "When the oldest of them ended.",
        oldest,
    );
    risk(s, &mut p);
    standings(s, &mut p);
    sweeps(s, &mut p);
    let reach = s.reach.iter().filter_map(|r| {
        let pairs = [("cluster", r.cluster.as_str()), ("source", &r.source)];
        Some((labels(&pairs), r.newest? as f64))
    });
    p.gauge(
        "newest_data_timestamp_seconds",
        "The newest data of a cluster in a source.",
        reach,
    );
    p.0
}

fn risk(s: &Status, p: &mut Page) {
    let loss = s.risk.next_loss.iter().map(|t| (String::new(), *t as f64));
    p.gauge(
        "next_loss_timestamp_seconds",
        "When the source may begin to forget the most endangered job.",
        loss,
    );
    if s.risk.retention.is_some() {
        let r = &s.risk;
        let risks = [("0h", r.begun), ("6h", r.within_6h), ("24h", r.within_24h)];
        let samples = risks.map(|(within, n)| (labels(&[("within", within)]), n as f64));
        p.gauge(
            "at_risk_jobs",
            "Jobs that the source may begin to forget within this time.",
            samples,
        );
    }
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

fn sweeps(s: &Status, p: &mut Page) {
    let Some(last) = s.runs.first() else {
        return;
    };
    let one = |v: f64| [(String::new(), v)];
    p.gauge(
        "last_sweep_start_timestamp_seconds",
        "When the last sweep began.",
        one(last.started as f64),
    );
    p.gauge(
        "last_sweep_exit_code",
        "Its exit code.",
        one(last.exit as f64),
    );
    let good = s.runs.iter().find(|r| r.exit == 0 || r.exit == 3);
    let ended = good.map(|r| (String::new(), r.ended as f64));
    p.gauge(
        "last_success_timestamp_seconds",
        "When the last sweep that came through ended.",
        ended,
    );
    let members = |name: &str, label: &str| {
        let object = last.figures[name].as_object().cloned().unwrap_or_default();
        let sample =
            |(name, v): (String, serde_json::Value)| Some((labels(&[(label, &name)]), v.as_f64()?));
        object.into_iter().filter_map(sample).collect::<Vec<_>>()
    };
    p.gauge(
        "last_sweep_jobs",
        "Jobs of the last sweep by outcome.",
        members("outcomes", "outcome"),
    );
    p.gauge(
        "last_sweep_stage_seconds",
        "Its work by stage.",
        members("stageSeconds", "stage"),
    );
    let stored = last.figures["storedBytes"]
        .as_f64()
        .map(|v| (String::new(), v));
    p.gauge("last_sweep_stored_bytes", "Bytes that it stored.", stored);
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
}
