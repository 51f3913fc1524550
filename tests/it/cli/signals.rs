//! SIGINT, SIGTERM and SIGHUP, once, twice and a third time, while a worker waits for a slow snapshot.

use rustix::process::Signal;
use serde_json::json;

use super::{command, sweep, with_jobs};
use crate::support::program::{Running, program};
use crate::support::site::{HOUR, NewJob, Site};
use crate::support::stall::Stall;
use crate::support::tree::Tree;

/// A sweep whose only worker stands before a snapshot with job 99 in hand; the other jobs are queued.
fn waiting(flags: &[&str]) -> (Site, Running, Stall) {
    let site = slow();
    let flags = [&["--workers", "1", "--json"], flags].concat();
    let mut command = command(&site, &flags);
    let stall = Stall::new(&mut command, "/n3/");
    let sweeping = Running::start(&mut command);
    stall.reached();
    (site, sweeping, stall)
}

/// Twenty quick jobs, and an older one on a host of its own.
fn slow() -> Site {
    let (site, begin) = with_jobs(20);
    let start = begin - 24 * HOUR;
    site.host("n3").bin(start..start + HOUR);
    site.insert(&NewJob::stopped(99, "n3", start, 600));
    site
}

/// Whether a program that is started here ignores SIGHUP from its first moment on.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status
        .lines()
        .find_map(|l| l.strip_prefix("SigIgn:"))
        .unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1
}

/// What every stopped sweep leaves: nothing half, nothing locked, and work that the next one finishes.
#[track_caller]
fn leaves_order(site: &Site) {
    let files = Tree::of(&site.path("job-archive")).names();
    assert!(!files.iter().any(|f| f.contains(".tmp")), "{files:?}");
    sweep(site, &[]).expect(0);
    assert_eq!(site.count("monitoring_status = 3"), 21);
}

#[test]
fn the_first_signal_lets_the_job_in_hand_finish_and_takes_no_other() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        if signal == Signal::HUP && is_hangup_ignored() {
            eprintln!("SIGHUP is left out: these tests run under nohup, and so would the program");
            continue;
        }
        let (site, mut sweeping, stall) = waiting(&[]);
        sweeping.signal(signal);
        sweeping.until_err("stopping: no new jobs");
        stall.release();
        let ran = sweeping.wait().expect(130);
        let summary = ran.summary();
        assert_eq!(
            (&summary["interrupted"], &summary["archived"]),
            (&json!(true), &json!(1))
        );
        assert_eq!(
            (site.status(99), site.count("monitoring_status = 1")),
            (3, 20)
        );
        leaves_order(&site);
    }
}

#[test]
fn the_second_signal_drops_the_job_in_hand_and_does_not_count_it_as_an_attempt() {
    let (site, mut sweeping, stall) = waiting(&[]);
    sweeping.signal(Signal::INT);
    sweeping.until_err("stopping: no new jobs");
    sweeping.signal(Signal::TERM);
    sweeping.until_err("stopping now");
    stall.release();
    let ran = sweeping.wait().expect(130);
    assert_eq!(ran.summary()["outcomes"]["interrupted"], 1);
    assert_eq!(
        (site.status(99), site.count("monitoring_status = 1")),
        (2, 20)
    );
    assert!(site.archived_jobs().is_empty());
    assert_eq!(site.ledger(99, "attempts"), None);
    leaves_order(&site);
}

#[test]
fn the_grace_of_a_signal_ends_with_the_timeout() {
    let (site, mut sweeping, stall) = waiting(&["--timeout", "100ms"]);
    sweeping.signal(Signal::INT);
    sweeping.until_err("stopping: no new jobs");
    crate::support::wait::pause(std::time::Duration::from_millis(200));
    stall.release();
    sweeping.wait().expect(130);
    assert_eq!(
        (site.status(99), site.count("monitoring_status = 1")),
        (2, 20)
    );
}

#[test]
fn the_third_signal_ends_a_sweep_that_hangs_in_the_file_system() {
    let (site, mut sweeping, stall) = waiting(&[]);
    sweeping.signal(Signal::INT);
    sweeping.until_err("stopping: no new jobs");
    sweeping.signal(Signal::INT);
    sweeping.until_err("stopping now");
    sweeping.signal(Signal::INT);
    sweeping.wait().expect(130);
    drop(stall);
    assert_eq!(site.count("monitoring_status = 1"), 21);
    leaves_order(&site);
}

#[test]
fn a_hangup_is_ignored_where_nohup_says_so() {
    let site = slow();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]);
    command
        .arg(program().get_program())
        .args(["run", "--workers", "1", "--db"]);
    command.arg(site.path("job.db"));
    let stall = Stall::new(&mut command, "/n3/");
    let mut sweeping = Running::start(&mut command);
    stall.reached();
    sweeping.signal(Signal::HUP);
    assert!(sweeping.is_running() && !sweeping.err().contains("stopping"));
    stall.release();
    sweeping.wait().expect(0);
    assert_eq!(site.count("monitoring_status = 3"), 21);
}
