//! SIGINT, SIGTERM and SIGHUP as a stop token: the first drains, the second cancels, the third ends the program.
//!
//! The third is for a worker that hangs in the file system, where no token reaches it. A row changes only after its
//! archive is durable, so that ending anywhere costs a repeat.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ccarchive::model::stop::Stop;
use ccarchive::sweep::Exit;
use ccarchive::sweep::monitor::{Event, Monitor};

/// Listens from now on; `grace` is what jobs in hand get after the first signal.
///
/// # Errors
/// When the handler cannot be installed.
pub(crate) fn listen(
    stop: &Arc<Stop>,
    grace: Duration,
    monitor: &Arc<dyn Monitor + Send>,
) -> Result<(), ctrlc::Error> {
    let hangup_ignored = is_hangup_ignored();
    let (stop, monitor, signals) = (Arc::clone(stop), Arc::clone(monitor), AtomicU32::new(0));
    ctrlc::set_handler(move || match signals.fetch_add(1, Ordering::Relaxed) {
        0 => {
            stop.drain(grace);
            monitor.event(&Event::Draining(grace));
        }
        1 => {
            stop.cancel();
            monitor.event(&Event::Cancelling);
        }
        _ => end(),
    })?;
    if hangup_ignored {
        ignore_hangup();
    }
    Ok(())
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
