//! How far `verify` is: a bar on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use ccarchive::inspect::verify::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::count;
use crate::report::words::clock;

/// Without a terminal, a line of progress at most this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(60);
/// Steps of the bar.
const STEPS: u64 = 1000;

/// What shows how far it is.
pub(super) struct Display {
    quiet: bool,
    bar: Option<ProgressBar>,
    /// When the last line was written.
    last: Instant,
    pace: Pace,
}

impl Display {
    pub(super) fn new(quiet: bool) -> Self {
        let bar = (!quiet && io::stderr().is_terminal()).then(|| {
            let target = ProgressDrawTarget::stderr_with_hz(5);
            let bar = ProgressBar::with_draw_target(Some(STEPS), target);
            bar.with_style(style())
        });
        Self {
            quiet,
            bar,
            last: Instant::now(),
            pace: Pace::default(),
        }
    }

    /// Leaves nothing of it on the terminal.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Writes a text to standard output, where the bar does not disturb it.
    pub(super) fn out(&self, text: &str) -> io::Result<()> {
        match &self.bar {
            Some(bar) => bar.suspend(|| crate::report::out(text)),
            None => crate::report::out(text),
        }
    }

    /// Shows how far it is, and how many faults were found so far.
    pub(super) fn show(&mut self, progress: &Progress, faults: u64) {
        let left = self.pace.left(progress, Instant::now());
        if let Some(bar) = &self.bar {
            let steps = progress.share * STEPS as f64;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of a thousand"
            )]
            bar.set_position(steps as u64);
            bar.set_message(so_far(progress, left, faults));
        } else if !self.quiet && self.last.elapsed() >= PROGRESS_EVERY {
            self.last = Instant::now();
            crate::report::line(&so_far(progress, left, faults));
        }
    }
}

/// Of the rows, then of the archive's parts.
fn so_far(p: &Progress, left: Option<Duration>, faults: u64) -> String {
    let percent = if p.share < 1.0 {
        (p.share * 100.0).min(99.9)
    } else {
        100.0
    };
    let what = if p.places {
        let jobs = count(p.seen.places, "job");
        format!("{jobs} in the archive's {}", count(p.total, "part"))
    } else {
        format!("{} of {}", p.seen.rows, count(p.total, "row"))
    };
    let left = left.map_or(String::new(), |d| format!(", {} left", clock(d)));
    let step = if p.places { "2/2" } else { "1/2" };
    let faults = count(faults, "fault");
    format!("{step} {percent:.1} %{left}: {what}, {faults} so far")
}

/// Tells how long the step that is under way takes on.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// Which step, when it was first heard of, and how far it was then.
    begun: Option<(bool, Instant, f64)>,
}

impl Pace {
    /// None before there is anything to go by.
    fn left(&mut self, p: &Progress, now: Instant) -> Option<Duration> {
        let (_, at, share) = match self.begun.filter(|b| b.0 == p.places) {
            Some(begun) => begun,
            None => *self.begun.insert((p.places, now, p.share)),
        };
        let (done, elapsed) = (p.share - share, now.saturating_duration_since(at));
        let rest = elapsed.as_secs_f64() * (1.0 - p.share) / done;
        (done > 0.0 && elapsed > Duration::from_secs(1))
            .then(|| Duration::try_from_secs_f64(rest).ok())
            .flatten()
    }
}

fn style() -> ProgressStyle {
    let template = "[{bar:20}] {wide_msg}";
    let style = ProgressStyle::with_template(template);
    style.map_or_else(
        |_| ProgressStyle::default_bar(),
        |s| s.progress_chars("#>-"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ccarchive::inspect::verify::Seen;

    #[test]
    fn the_time_left_is_that_of_the_step_under_way_at_the_pace_of_this_run() {
        let begun = Instant::now();
        let at = |seconds, places, share| {
            let progress = Progress {
                seen: Seen::default(),
                places,
                total: 100,
                share,
            };
            (progress, begun + Duration::from_secs(seconds))
        };
        let mut pace = Pace::default();
        let mut left = |seconds, places, share| {
            let (progress, now) = at(seconds, places, share);
            pace.left(&progress, now).map(|d| d.as_secs())
        };
        // A run that goes on where another ended begins at a half.
        assert_eq!(left(0, false, 0.5), None);
        assert_eq!(left(10, false, 0.6), Some(40));
        assert_eq!(left(50, true, 0.0), None);
        assert_eq!(left(60, true, 0.25), Some(30));
    }
}
