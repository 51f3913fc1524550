//! SIGINT, SIGTERM and SIGHUP, once, twice and a third time, while a worker waits for a slow snapshot.

use rustix::process::Signal;
use serde_json::json;

use super::{command, sweep, with_jobs};
use crate::support::program::{Running, program};
use crate::support::site::{HOUR, NewJob, Site};
use crate::support::stall::Stall;
use crate::support::tree::Tree;
use crate::support::wait::until;

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
fn a_signal_ends_a_sweep_whose_output_nobody_reads() {
    let (site, _) = with_jobs(20);
    for full in ["out", "err", "both"] {
        let mut command = command(&site, &["--job-id", "1", "--json", "-v", "--timeout", "1s"]);
        let (out, err) = (full_pipe(), full_pipe());
        let stdio = |wanted: bool, pipe: &Pipe| {
            if wanted {
                std::process::Stdio::from(pipe.1.try_clone().unwrap())
            } else {
                std::process::Stdio::null()
            }
        };
        command.stdout(stdio(full != "err", &out));
        command.stderr(stdio(full != "out", &err));
        let mut child = command.spawn().unwrap();
        // It can write nothing, so that it cannot end by itself.
        until("it holds the lock", || {
            let lock = std::fs::read_to_string(site.path("job.db.ccarchive.lock"));
            lock.is_ok_and(|l| l.contains(&format!("process {} ", child.id())))
        });
        let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::INT).unwrap();
        let mut code = None;
        until("the signal ends it", || {
            code = child.try_wait().unwrap();
            code.is_some()
        });
        assert_eq!(code.unwrap().code(), Some(130), "{full}");
    }
}

type Pipe = (std::io::PipeReader, std::io::PipeWriter);

/// A pipe that takes nothing more, and that nobody reads.
fn full_pipe() -> Pipe {
    use std::io::Write;
    let (reader, mut writer) = std::io::pipe().unwrap();
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).unwrap();
    while writer.write(&[b'\n'; 4096]).is_ok() {}
    while writer.write(b"\n").is_ok() {}
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::empty()).unwrap();
    (reader, writer)
}

#[test]
fn sigusr1_asks_how_far_the_sweep_is_and_does_not_end_it() {
    for flags in [&[][..], &["-q"]] {
        let (site, mut sweeping, stall) = waiting(flags);
        sweeping.signal(Signal::USR1);
        sweeping.until_err("jobs found so far after");
        stall.release();
        sweeping.wait().expect(0);
        assert_eq!(site.count("monitoring_status = 3"), 21);
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
