//! How far a sweep is: the bar on a terminal, one line for everybody else.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use ccarchive::model::outcome::Kind;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::words;

/// Rates are taken over this time, so that a stall is seen as one.
const WINDOW: Duration = Duration::from_secs(10);
/// How often a point of the window is noted.
const STEP: Duration = Duration::from_millis(500);

/// A point of the window of rates.
#[derive(Clone, Copy, Debug)]
struct Point {
    at: Instant,
    done: u64,
    raw_bytes: u64,
}

/// What was found and done so far.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    begun: Instant,
    found: u64,
    done: u64,
    raw_bytes: u64,
    outcomes: BTreeMap<Kind, u64>,
    window: VecDeque<Point>,
}

impl Progress {
    /// From now on, with a bar or without.
    pub(super) fn new(with_bar: bool) -> Self {
        let begun = Instant::now();
        Self {
            bar: with_bar.then(bar),
            begun,
            found: 0,
            done: 0,
            raw_bytes: 0,
            outcomes: BTreeMap::new(),
            window: VecDeque::from([Point {
                at: begun,
                done: 0,
                raw_bytes: 0,
            }]),
        }
    }

    pub(super) fn has_bar(&self) -> bool {
        self.bar.is_some()
    }

    pub(super) fn found(&mut self, n: u64) {
        self.found += n;
    }

    pub(super) fn done(&mut self, kind: Kind, raw_bytes: u64) {
        self.done += 1;
        self.raw_bytes += raw_bytes;
        *self.outcomes.entry(kind).or_default() += 1;
    }

    /// Draws the bar as things are now.
    pub(super) fn tick(&mut self) {
        let now = Instant::now();
        if self.window.back().is_none_or(|p| now - p.at >= STEP) {
            self.window.push_back(Point {
                at: now,
                done: self.done,
                raw_bytes: self.raw_bytes,
            });
            while self.window.len() > 2 && self.window.get(1).is_some_and(|p| now - p.at >= WINDOW)
            {
                self.window.pop_front();
            }
        }
        if let Some(bar) = &self.bar {
            bar.set_length(self.found.max(1));
            bar.set_position(self.done);
            bar.set_message(self.message(now));
            bar.tick();
        }
    }

    /// Does something that must not cut through the bar.
    pub(super) fn suspend<R>(&self, f: impl FnOnce() -> R) -> R {
        match &self.bar {
            Some(bar) => bar.suspend(f),
            None => f(),
        }
    }

    /// Removes the bar.
    pub(super) fn clear(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    /// One line.
    pub(super) fn status(&self) -> String {
        let now = Instant::now();
        let mut text = format!(
            "{} of {} jobs found so far after {}: {} archived",
            self.done,
            self.found,
            words::clock(now - self.begun),
            self.archived()
        );
        for (count, word) in self.failures() {
            text += &format!(", {count} {word}");
        }
        let (jobs, megabytes) = self.rates(now);
        text + &format!("; {jobs:.1} jobs/s, {megabytes:.1} MB/s")
    }

    fn message(&self, now: Instant) -> String {
        let elapsed = now - self.begun;
        if self.found == 0 {
            return format!("looking for jobs, {}", words::clock(elapsed));
        }
        let percent = self.done.saturating_mul(100) / self.found.max(1);
        let (jobs, megabytes) = self.rates(now);
        let mut text = format!(
            "{percent}% {}/{} jobs, {jobs:.1} jobs/s, {megabytes:.1} MB/s, {}",
            self.done,
            self.found,
            words::clock(elapsed)
        );
        if jobs > 0.0 && self.done < self.found {
            let left = Duration::from_secs_f64((self.found - self.done) as f64 / jobs);
            text += &format!(", {} left", words::clock(left));
        }
        for (count, word) in self.failures() {
            text += &format!(", {count} {word}");
        }
        text
    }

    fn archived(&self) -> u64 {
        let archived = self.outcomes.iter().filter(|(k, _)| k.is_archived());
        archived.map(|(_, n)| n).sum()
    }

    /// What the summary calls failures, with the summary's words.
    fn failures(&self) -> impl Iterator<Item = (u64, String)> {
        [Kind::Failed, Kind::NoData]
            .into_iter()
            .filter_map(|kind| Some((*self.outcomes.get(&kind)?, words::outcome(kind))))
    }

    /// Jobs and megabytes a second, over the last seconds.
    fn rates(&self, now: Instant) -> (f64, f64) {
        let Some(first) = self.window.front() else {
            return (0.0, 0.0);
        };
        let seconds = (now - first.at).as_secs_f64().max(0.1);
        let jobs = (self.done - first.done) as f64 / seconds;
        let megabytes = (self.raw_bytes - first.raw_bytes) as f64 / 1e6 / seconds;
        (jobs, megabytes)
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{wide_bar} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_begins_without_numbers_that_mean_nothing_and_counts_failures_as_the_summary_does() {
        let mut p = Progress::new(false);
        let at = |p: &Progress, seconds| p.begun + Duration::from_secs(seconds);
        assert_eq!(p.message(at(&p, 3)), "looking for jobs, 0:03");
        p.found(10);
        for kind in [Kind::Complete, Kind::NoData, Kind::Failed, Kind::NotYet] {
            p.done(kind, 1_000_000);
        }
        assert_eq!(
            p.message(at(&p, 4)),
            "40% 4/10 jobs, 1.0 jobs/s, 1.0 MB/s, 0:04, 0:06 left, 1 failed, 1 no data"
        );
        assert!(
            p.status()
                .starts_with("4 of 10 jobs found so far after 0:00: 1 archived")
        );
    }

    #[test]
    fn a_stall_is_seen_in_the_rate() {
        let mut p = Progress::new(false);
        p.found(100);
        p.done(Kind::Complete, 0);
        let begun = p.begun;
        p.window = [0, 60, 65]
            .map(|s| Point {
                at: begun + Duration::from_secs(s),
                done: 1,
                raw_bytes: 0,
            })
            .into();
        let text = p.message(begun + Duration::from_secs(70));
        assert_eq!(text, "1% 1/100 jobs, 0.0 jobs/s, 0.0 MB/s, 1:10");
    }
}
