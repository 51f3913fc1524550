//! Signals: the first SIGINT, SIGTERM or SIGHUP drains the sweep, the second cancels it, the third ends the program.
//! SIGUSR1 asks how far it is.
//!
//! The handlers touch the stop token and counters, nothing else: they never wait for an output that nobody reads. Whoever
//! prints looks at the counters. The third signal is for a worker that hangs in the file system, where no token reaches it.
//! A row changes only after its archive is durable, so that ending anywhere costs a repeat.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use ccarchive::model::stop::Stop;
use ccarchive::sweep::Exit;

/// Signals to end that came so far.
static ARRIVED: AtomicU32 = AtomicU32::new(0);
/// Whether somebody asked how far the sweep is and got no answer yet.
static STATUS_WANTED: AtomicBool = AtomicBool::new(false);
/// What jobs in work get after the first signal.
static GRACE: OnceLock<Duration> = OnceLock::new();

/// Listens from now on; `grace` is what jobs in work get after the first signal.
///
/// # Errors
/// When the handler cannot be installed.
pub(crate) fn listen(stop: &Arc<Stop>, grace: Duration) -> Result<(), ctrlc::Error> {
    let hangup_ignored = is_hangup_ignored();
    let stop = Arc::clone(stop);
    GRACE.get_or_init(|| grace);
    ctrlc::set_handler(move || match ARRIVED.fetch_add(1, Ordering::Relaxed) {
        0 => stop.drain(grace),
        1 => stop.cancel(),
        _ => end(),
    })?;
    if hangup_ignored {
        ignore_hangup();
    }
    answer_status();
    Ok(())
}

/// How many signals to end came.
pub(crate) fn arrived() -> u32 {
    ARRIVED.load(Ordering::Relaxed)
}

/// Whether somebody asked how far the sweep is; a question is answered once.
pub(crate) fn is_status_wanted() -> bool {
    STATUS_WANTED.swap(false, Ordering::Relaxed)
}

/// What to say about the `n`th signal.
pub(crate) fn notice(n: u32) -> Option<String> {
    match n {
        1 => Some(format!(
            "stopping: no new jobs; those in work get up to {} s to finish (a second signal drops them)",
            GRACE.get().copied().unwrap_or_default().as_secs()
        )),
        2 => Some(
            "stopping now: jobs in work are dropped (a third signal ends the program at once)"
                .into(),
        ),
        _ => None,
    }
}

#[expect(clippy::exit, reason = "the sweep does not end by itself any more")]
fn end() {
    std::process::exit(Exit::Interrupted as i32);
}

/// Whether SIGHUP was ignored when we were started, as under nohup: it must stay so.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|l| l.strip_prefix("SigIgn:"))
        .map(str::trim)
        .unwrap_or_default();
    u64::from_str_radix(mask, 16).is_ok_and(|m| m & 1 == 1)
}

#[expect(
    unsafe_code,
    reason = "ctrlc replaces an ignored SIGHUP, and only signal(2) puts it back"
)]
fn ignore_hangup() {
    // SAFETY: SIG_IGN is a valid disposition for SIGHUP, and no handler of ours depends on the old one.
    unsafe {
        libc::signal(libc::SIGHUP, libc::SIG_IGN);
    }
}

extern "C" fn on_status(_: libc::c_int) {
    STATUS_WANTED.store(true, Ordering::Relaxed);
}

#[expect(
    unsafe_code,
    reason = "ctrlc does not know SIGUSR1, which would kill the sweep"
)]
fn answer_status() {
    let handler: extern "C" fn(libc::c_int) = on_status;
    // SAFETY: the handler only stores to an atomic, which is allowed in a signal handler.
    unsafe {
        libc::signal(libc::SIGUSR1, handler as libc::sighandler_t);
    }
}
