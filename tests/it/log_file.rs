//! `--log-file`: what a sweep says, as lines for programs.

use std::collections::BTreeMap;
use std::fs;

use crate::support::program::{program, run};
use crate::support::site::{HOUR, NewJob, Site, T0};

/// The pairs of a line; values without spaces only.
fn pairs(line: &str) -> BTreeMap<&str, &str> {
    line.split(' ').filter_map(|p| p.split_once('=')).collect()
}

fn site() -> Site {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    site.insert(&NewJob::stopped(1, "n1", T0 + 600, 1200));
    site.insert(&NewJob::stopped(2, "n2", T0 + 600, 1200));
    site
}

#[test]
fn every_event_is_a_line_that_is_appended() {
    let site = site();
    let log = site.path("sweep.log");
    fs::write(&log, "before\n").unwrap();
    let sweep = || {
        let mut command = program();
        command.args(["run", "-q", "--db"]).arg(site.path("job.db"));
        run(command.env("CCARCHIVE_LOG_FILE", &log))
    };
    sweep().expect(3);
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "before");
    assert!(
        lines[1..]
            .iter()
            .all(|l| l.starts_with("time=20") && l.contains(" level=")),
        "{text}"
    );
    let events: Vec<&str> = lines[1..].iter().map(|l| pairs(l)["event"]).collect();
    assert_eq!(events[0], "start");
    assert_eq!(*events.last().unwrap(), "summary");
    let jobs: Vec<_> = lines.iter().filter(|l| l.contains("event=job ")).collect();
    let failed = jobs.iter().find(|l| l.contains("job_id=2 ")).unwrap();
    assert!(
        failed.contains("level=warning") && failed.contains("reason=no_data"),
        "{text}"
    );
    let archived = jobs.iter().find(|l| l.contains("job_id=1 ")).unwrap();
    assert_eq!(pairs(archived)["outcome"], "complete");
    let summary = pairs(lines.last().unwrap());
    assert_eq!((summary["exit"], summary["archived"]), ("3", "1"));

    // logrotate moves the file away.
    fs::rename(&log, site.path("sweep.log.1")).unwrap();
    sweep().expect(0);
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("event=summary "), "{text}");
}

#[test]
fn a_log_file_that_cannot_be_opened_stops_the_sweep_before_it_begins() {
    let site = site();
    let mut command = program();
    command.args(["run", "--db"]).arg(site.path("job.db"));
    let ran = run(command.arg("--log-file").arg(site.path("none/sweep.log"))).expect(1);
    assert!(ran.err.contains("cannot be opened"), "{}", ran.err);
    assert_eq!(site.status(1), 1);
}

#[test]
fn a_log_file_that_cannot_be_written_any_more_is_said_once_and_stops_nothing() {
    let site = site();
    let mut command = program();
    command.args(["run", "--log-file", "/dev/full", "--db"]);
    let ran = run(command.arg(site.path("job.db"))).expect(3);
    assert_eq!(
        ran.err.matches("writes no more to it").count(),
        1,
        "{}",
        ran.err
    );
    assert_eq!(site.status(1), 3);
}

#[test]
fn a_sweep_that_does_not_begin_is_in_the_log_too() {
    let site = site();
    let log = site.path("sweep.log");
    fs::remove_file(site.path("job-archive/version.txt")).unwrap();
    let mut command = program();
    command.args(["run", "-q", "--db"]).arg(site.path("job.db"));
    run(command.arg("--log-file").arg(&log)).expect(2);
    let text = fs::read_to_string(&log).unwrap();
    let line = text.lines().last().unwrap();
    assert!(
        line.contains("level=error") && line.contains("aborted.detail="),
        "{text}"
    );
}
