//! The pages for a browser and the figures for Prometheus: what they need, what they show, and that nothing in them is code.

use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

use super::{ask, swept};
use crate::support::program::{Ran, program, run};
use crate::support::site::{HOUR, NewJob, Site};
use crate::support::wait::now;

/// What no page may hold: anything from elsewhere, anything that runs.
const FOREIGN: [&str; 9] = [
    "<script", "http://", "https://", "src=", "href=", "@import", "url(", "onload", "<img",
];
/// A name that would be code on a careless page.
const CODE: &str = "<script>alert(1)";

/// Asks for a page, and what stands in it.
fn page(site: &Site, arguments: &[&str], code: i32) -> String {
    let file = site.path("page.html");
    let flag = ["--html", file.to_str().unwrap()];
    ask(site, &[arguments, &flag].concat()).expect(code);
    let text = fs::read_to_string(file).unwrap();
    for foreign in FOREIGN {
        assert!(!text.contains(foreign), "{foreign}: {text}");
    }
    assert!(text.len() < 1_000_000);
    text
}

fn left_behind(site: &Site) -> Vec<String> {
    let names = fs::read_dir(site.root()).unwrap();
    let names = names.map(|e| e.unwrap().file_name().into_string().unwrap());
    names.filter(|n| n.contains(".tmp")).collect()
}

/// A site of today: one host reports, the other does not, and everything that people may name is code.
fn today() -> (Site, i64) {
    let site = Site::new();
    let start = (now() - 20 * HOUR).div_euclid(HOUR) * HOUR;
    site.host("n1").bin(start..start + 19 * HOUR);
    let mut job = NewJob::stopped(1, "n1", start, HOUR);
    job.user = CODE.into();
    job.hosts = vec!["n1".into(), "n2".into(), CODE.into()];
    site.insert(&job);
    site.insert(&NewJob::stopped(2, "n1", start + HOUR, 2 * HOUR));
    let mut other = NewJob::stopped(3, "n1", start, HOUR);
    other.cluster = CODE.into();
    site.insert(&other);
    site.set(
        1,
        &format!("meta_data = '{{\"jobName\": \"{CODE}\"}}', project = '\"{CODE}'"),
    );
    (site, start)
}

#[test]
fn a_page_needs_nothing_from_elsewhere_and_names_are_no_code() {
    let (site, _) = today();
    ask(&site, &["run", "--settle", "1h"]).expect(3);
    let text = page(&site, &["status"], 0);
    assert!(text.contains("&lt;script&gt;alert(1)"), "{text}");
    for heading in [
        "Backlog",
        "Time to loss",
        "Outcomes per day",
        "Reasons",
        "Last sweeps",
        "Newest data",
        "Coverage by host and hour",
    ] {
        assert!(text.contains(&format!(">{heading}</h2>")), "{heading}");
    }
    let text = page(&site, &["show", "1"], 0);
    assert!(text.contains("&lt;script&gt;alert(1)"), "{text}");
    assert!(text.contains("class=\"stroke\""), "{text}");
    assert_eq!(left_behind(&site), [""; 0]);
}

#[test]
fn a_host_without_data_is_seen_in_the_ledger_and_on_the_page() {
    let (site, start) = today();
    ask(&site, &["run", "--settle", "1h"]).expect(3);
    let ledger = Connection::open(site.path("job.db.ledger")).unwrap();
    let sql = "SELECT host, hour - ?1, expected, received FROM hours ORDER BY host, hour";
    let mut statement = ledger.prepare(sql).unwrap();
    let rows = statement.query_map([start / HOUR], |r| {
        let host: String = r.get(0)?;
        let (hour, expected, received): (i64, i64, i64) = (r.get(1)?, r.get(2)?, r.get(3)?);
        Ok((
            host,
            hour,
            received == expected && expected > 0,
            received == 0,
        ))
    });
    let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    let whole = |host: &str, hour| (host.to_owned(), hour, true, false);
    let none = |host: &str, hour| (host.to_owned(), hour, false, true);
    assert_eq!(
        rows,
        [
            none(CODE, 0),
            whole("n1", 0),
            whole("n1", 1),
            whole("n1", 2),
            none("n2", 0)
        ]
    );
    let text = page(&site, &["status"], 0);
    assert!(text.contains("2 hosts lack more than half"), "{text}");
}

#[test]
fn an_empty_site_has_a_page() {
    let site = Site::new();
    site.host("n1").bin(now() - 2 * HOUR..now());
    let text = page(&site, &["status"], 0);
    assert!(text.contains("Job archive: nothing waits"), "{text}");
}

#[test]
fn a_page_that_cannot_be_written_is_an_error_and_the_old_one_stays() {
    let site = swept();
    let ran = ask(&site, &["status", "--html", "/nowhere/page.html"]).expect(1);
    assert!(
        ran.err
            .contains("the page /nowhere/page.html cannot be written"),
        "{}",
        ran.err
    );
}

/// A sweep that writes figures.
fn sweep(site: &Site, flags: &[&str], file: &Path) -> Ran {
    let flag = ["run", "--metrics-file", file.to_str().unwrap()];
    ask(site, &[&flag, flags].concat())
}

#[test]
fn a_sweep_writes_figures_that_promtool_accepts() {
    let site = super::site();
    let file = site.path("ccarchive.prom");
    sweep(&site, &[], &file).expect(3);
    let text = fs::read_to_string(&file).unwrap();
    for line in [
        "ccarchive_unarchived_jobs 3",
        "ccarchive_last_sweep_exit_code 3",
        "ccarchive_last_sweep_jobs{outcome=\"partial\"} 1",
        "ccarchive_last_sweep_jobs{outcome=\"raced\"} 0",
        "ccarchive_last_sweep_failed_jobs{stage=\"row\",reason=\"subcluster_unknown\"} 1",
        "ccarchive_standing_jobs{standing=\"lost\"} 1",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line}: {text}");
    }
    for name in [
        "status_timestamp_seconds",
        "last_success_timestamp_seconds",
        "last_sweep_start_timestamp_seconds",
        "backlog_oldest_end_timestamp_seconds",
        "last_sweep_stage_seconds{stage=\"load\"}",
        "last_sweep_stored_bytes",
        "source_up{cluster=\"alpha\"",
    ] {
        assert!(
            text.contains(&format!("\nccarchive_{name}")),
            "{name}: {text}"
        );
    }
    assert_eq!(left_behind(&site), [""; 0]);
    let input = fs::File::open(&file).unwrap();
    promtool(
        Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(input),
    );
}

#[test]
fn the_alert_rules_pass_their_own_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/prometheus");
    for arguments in [
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts.test.yml"],
    ] {
        promtool(
            Command::new("promtool")
                .current_dir(&folder)
                .args(arguments),
        );
    }
}

/// Runs promtool, where it is installed.
fn promtool(command: &mut Command) {
    match command.output() {
        Ok(ran) => assert!(
            ran.status.success() && !String::from_utf8_lossy(&ran.stderr).contains("FAILED"),
            "{}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        ),
        Err(e) => println!("NOT CHECKED: promtool: {e}"),
    }
}

#[test]
fn alerts_and_dashboard_ask_only_for_figures_that_there_are() {
    let site = super::site();
    let config = r#"{"main": {"db": "job.db"}, "archive": {"kind": "file", "path": "job-archive"},
        "metric-store": {"retention-in-memory": "48h", "checkpoints": {"directory": "checkpoints"}}}"#;
    fs::write(site.path("config.json"), config).unwrap();
    let file = site.path("ccarchive.prom");
    // A job that can still be lost.
    site.insert(&NewJob::stopped(9, "n1", now() - HOUR, HOUR - 60));
    let mut command = program();
    command
        .args(["run", "--metrics-file"])
        .arg(&file)
        .arg("--config")
        .arg(site.path("config.json"));
    run(&mut command).expect(3);
    let figures = fs::read_to_string(&file).unwrap();
    let contrib = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib");
    for name in ["prometheus/alerts.yml", "grafana/dashboard.json"] {
        let text = fs::read_to_string(contrib.join(name)).unwrap();
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let asked: Vec<String> = text
            .match_indices("ccarchive_")
            .map(|(at, _)| text[at..].chars().take_while(|c| is_name(*c)).collect())
            .collect();
        assert!(asked.len() > 8);
        for figure in asked {
            let told = format!("# TYPE {figure} gauge\n");
            assert!(figures.contains(&told), "{name}: {figure}: {figures}");
        }
    }
}

#[test]
fn a_metrics_file_in_a_folder_that_is_not_there_is_told_before_the_sweep() {
    let site = super::site();
    let ran = sweep(&site, &[], Path::new("/nowhere/x.prom")).expect(2);
    assert!(
        ran.err.contains("the folder /nowhere is not there"),
        "{}",
        ran.err
    );
    assert_eq!(site.count("monitoring_status = 3"), 0);
    let file = site.path("dry.prom");
    sweep(&site, &["--dry-run"], &file);
    assert!(!file.exists(), "a dry run writes nothing");
}

#[test]
fn every_sweep_notes_the_backlog_that_it_left() {
    let site = super::site();
    ask(&site, &["run", "--limit", "1"]);
    ask(&site, &["run"]).expect(3);
    let status = ask(&site, &["status", "--json"]).expect(0);
    let status = &status.json()[0];
    let left: Vec<i64> = status["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["jobs"].as_i64().unwrap())
        .collect();
    assert_eq!(left, [4, 3]);
    assert!(status["lastSuccess"].is_i64(), "{status}");
}
