//! How many samples each hour of a job has, by host: from this a page shows when a host stopped reporting.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use crate::model::job::Resource;
use crate::model::message::{HostHours, HourCount};
use crate::rules::timeline::Grid;

/// Seconds.
const HOUR: i64 = 3600;
/// Hours before the end of a job that are counted, so that a job of any length needs a bounded amount.
const KEPT: i64 = 72;

/// Samples by host of the job and hour (hours since 1970).
#[derive(Clone, Debug, Default)]
pub struct Hours(HashMap<usize, BTreeMap<i64, HourCount>>);

impl Hours {
    /// Counts a series of a host: its values on the job's grid, none where it has no sample at all.
    pub(super) fn count(&mut self, host: usize, grid: Grid, values: Option<&[f32]>) {
        let received = |times: Range<usize>| {
            values.map_or(0, |v| v[times].iter().filter(|x| x.is_finite()).count())
        };
        self.add_series(host, grid, 1, received);
    }

    /// Counts several series of a host that have every value: of most hosts all.
    pub(super) fn count_full(&mut self, host: usize, grid: Grid, series: u32) {
        if series > 0 {
            self.add_series(host, grid, series, |times| times.len());
        }
    }

    /// Counts so many series that are alike; `received` says how many values one of them has at some of its times.
    fn add_series(
        &mut self,
        host: usize,
        grid: Grid,
        series: u32,
        received: impl Fn(Range<usize>) -> usize,
    ) {
        let Some(last) = grid.n.checked_sub(1) else {
            return;
        };
        let hour = |k: usize| (grid.start + k as i64 * grid.step).div_euclid(HOUR);
        let first_kept = hour(last) - KEPT + 1;
        // The first value at or behind a time.
        let at = |time: i64| {
            let k = (time - grid.start + grid.step - 1).div_euclid(grid.step);
            usize::try_from(k).unwrap_or(0).min(grid.n)
        };
        let of_host = self.0.entry(host).or_default();
        let mut from = at(first_kept * HOUR);
        while from < grid.n {
            let this = hour(from);
            let to = at((this + 1) * HOUR);
            let times = |n: usize| small(n).saturating_mul(series);
            let count = of_host.entry(this).or_default();
            count.expected = count.expected.saturating_add(times(to - from));
            count.received = count.received.saturating_add(times(received(from..to)));
            from = to;
        }
    }

    /// Adds the count of other metrics.
    pub(super) fn add(&mut self, other: Self) {
        for (host, hours) in other.0 {
            let of_host = self.0.entry(host).or_default();
            for (hour, count) in hours {
                let sum = of_host.entry(hour).or_default();
                sum.expected = sum.expected.saturating_add(count.expected);
                sum.received = sum.received.saturating_add(count.received);
            }
        }
    }

    /// By the names of the hosts, in their order in the job.
    pub fn by_host(&self, resources: &[Resource]) -> Vec<HostHours> {
        let of_host = |(k, resource): (usize, &Resource)| {
            let hours = self.0.get(&k)?;
            let (&last, _) = hours.last_key_value()?;
            let kept = hours.range(last - KEPT + 1..);
            let host = resource.hostname.clone();
            let hours = kept.map(|(hour, count)| (*hour, *count)).collect();
            Some(HostHours { host, hours })
        };
        resources.iter().enumerate().filter_map(of_host).collect()
    }
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(grid: Grid, values: Option<&[f32]>) -> Vec<(i64, u32, u32)> {
        let mut hours = Hours::default();
        hours.count(0, grid, values);
        let of_host = hours.0.remove(&0).unwrap();
        of_host
            .into_iter()
            .map(|(hour, c)| (hour, c.expected, c.received))
            .collect()
    }

    #[test]
    fn a_sample_counts_in_the_hour_of_its_time() {
        let mut values = vec![1.0; 10];
        values[9] = f32::NAN;
        values[0] = f32::INFINITY;
        let grid = Grid::of_job(7200 - 300, 600, 60);
        assert_eq!(counted(grid, Some(&values)), [(1, 5, 4), (2, 5, 4)]);
        assert_eq!(counted(grid, None), [(1, 5, 0), (2, 5, 0)]);
        // A grid beside the full minute.
        let grid = Grid::of_job(7200 - 90, 180, 60);
        assert_eq!(counted(grid, None), [(1, 2, 0), (2, 1, 0)]);
    }

    #[test]
    fn only_the_last_hours_of_a_long_job_are_counted() {
        let grid = Grid::of_job(1800, 200 * HOUR, 600);
        let hours = counted(grid, None);
        assert_eq!(hours.len(), usize::try_from(KEPT).unwrap());
        assert_eq!(hours.last(), Some(&(200, 3, 0)));
        assert_eq!(hours[0], (129, 6, 0));
    }

    #[test]
    fn a_job_without_length_has_no_hour() {
        let mut hours = Hours::default();
        hours.count(0, Grid::of_job(0, 0, 60), None);
        assert!(hours.0.is_empty());
    }
}
