//! How long a check takes on, at the pace that it has had.

use std::time::{Duration, Instant};

use ccarchive::inspect::verify::Progress;

/// Tells how long the step that is under way takes on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// Which step, when it was first heard of, and how far it was then.
    begun: Option<(bool, Instant, f64)>,
}

impl Pace {
    /// None before there is anything to go by.
    pub(super) fn left(&mut self, p: &Progress, now: Instant) -> Option<Duration> {
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
