//! `--hook`: what it gets, and that neither a failing nor a slow one harms a sweep.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{command, failing, sweep, with_jobs};
use crate::support::program::Running;
use crate::support::wait::{short_or_long, until};

#[test]
fn a_hook_gets_one_json_object_for_every_archived_job() {
    let (site, begin) = with_jobs(3);
    site.insert(&failing(7, begin));
    let seen = site.path("seen");
    sweep(&site, &["--hook", &format!("cat >> {}", seen.display())]).expect(3);
    let mut objects: Vec<Value> = fs::read_to_string(seen)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    objects.sort_by_key(|o| o["jobId"].as_i64());
    let jobs: Vec<_> = objects.iter().map(|o| o["jobId"].clone()).collect();
    assert_eq!(jobs, [1, 2, 3]);
    assert_eq!(objects[0]["startTime"], begin + 60);
    assert_eq!(
        (&objects[0]["cluster"], &objects[0]["outcome"]),
        (&json!("alpha"), &json!("complete"))
    );
}

#[test]
fn a_failing_hook_is_reported_and_undoes_nothing() {
    let (site, _) = with_jobs(2);
    let ran = sweep(&site, &["--hook", "exit 7", "--json"]).expect(3);
    assert!(
        ran.err
            .contains("ended with exit status: 7; the job stays archived"),
        "{}",
        ran.err
    );
    assert_eq!(ran.summary()["hooksFailed"], 2);
    assert_eq!(site.count("monitoring_status = 3"), 2);
}

#[test]
fn a_failing_hook_is_reported_even_with_quiet() {
    let (site, _) = with_jobs(1);
    let ran = sweep(&site, &["--hook", "exit 7", "-q"]).expect(3);
    assert!(ran.err.contains("the hook for job 1"), "{}", ran.err);
}

#[test]
fn a_hook_that_does_not_read_its_input_is_no_failure() {
    let (site, _) = with_jobs(2);
    let ran = sweep(&site, &["--hook", "exec true", "--json"]).expect(0);
    assert_eq!(ran.summary()["hooksFailed"], 0);
}

#[test]
fn a_hook_that_never_ends_is_killed_with_its_children_when_the_sweep_is_stopped() {
    let (site, _) = with_jobs(1);
    let pids = site.path("pids");
    let hook = format!("sleep 1000 & echo $$ $! > {}; wait", pids.display());
    let flags = ["--hook", &hook, "--timeout", "100ms", "--json"];
    let sweeping = Running::start(&mut command(&site, &flags));
    until("the hook runs", || {
        fs::read_to_string(&pids).is_ok_and(|p| p.ends_with('\n'))
    });
    sweeping.signal(Signal::INT);
    let ran = sweeping.wait().expect(130);
    // It was cut short, which is no failure of its own: the next sweep runs it again.
    assert_eq!(ran.summary()["hooksFailed"], 0);
    assert_eq!(site.status(1), 3);
    let got = site.path("got");
    let hook = format!("cat >> {}", got.display());
    sweep(&site, &["--hook", &hook]).expect(0);
    let text = fs::read_to_string(got).expect("the hook ran again");
    assert!(text.contains("\"jobId\":1,"), "{text}");
    for pid in fs::read_to_string(pids).unwrap().split_whitespace() {
        until("the hook's process is gone", || {
            let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            status.is_empty() || status.contains(") Z ")
        });
    }
}

#[test]
fn a_slow_hook_is_killed_after_a_minute() {
    if short_or_long(Duration::ZERO, Duration::from_secs(1)).is_zero() {
        return;
    }
    let (site, _) = with_jobs(1);
    let ran = sweep(&site, &["--hook", "sleep 1000"]).expect(0);
    assert!(ran.err.contains("was killed after 60 s"), "{}", ran.err);
    assert_eq!(site.status(1), 3);
}
