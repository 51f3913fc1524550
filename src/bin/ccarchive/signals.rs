//! SIGINT, SIGTERM and SIGHUP as a stop token: the first drains, the second cancels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ccarchive::monitor::{Event, Monitor};
use ccarchive::stop::Stop;

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
    let (stop, monitor, second) = (
        Arc::clone(stop),
        Arc::clone(monitor),
        AtomicBool::new(false),
    );
    ctrlc::set_handler(move || {
        if second.swap(true, Ordering::Relaxed) {
            stop.cancel();
            monitor.event(&Event::Cancelling);
        } else {
            stop.drain(grace);
            monitor.event(&Event::Draining(grace));
        }
    })?;
    if hangup_ignored {
        ignore_hangup();
    }
    Ok(())
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
