//! Where the snapshots began that a file was made of. The file does not say.
//!
//! It matters, because the first value of a series in a snapshot is a true first sample unless it stands where the snapshot
//! begins. The store takes its snapshots of all hosts at once, while each collector reads in its own rhythm: so a time at
//! which the rows of at least half of the hosts begin anew is the beginning of a snapshot.

use std::collections::{BTreeSet, HashMap};

use super::fault::Fault;
use super::file::{Group, Opened};
use super::rows::Reading;
use crate::model::stop::Stop;
use crate::rules::timeline::Interval;

/// Groups that are looked at; as many as show what half of the hosts do.
const GROUPS: usize = 32;
/// Beginnings that are noted of a host: a snapshot an hour for a year.
const BEGINNINGS: usize = 8784;

/// A host while its rows pass.
#[derive(Default)]
struct Passing {
    last: i64,
    step: i64,
    begins: BTreeSet<i64>,
}

/// Where the snapshots of a file began, ascending.
///
/// # Errors
/// When the medium refuses, or the sweep is cancelled. A damaged group says nothing.
pub(super) fn of(
    file: &Opened,
    groups: &[Group],
    believed: Interval,
    stop: &Stop,
) -> Result<Vec<i64>, Fault> {
    let apart = groups.len().div_ceil(GROUPS).max(1);
    let mut hosts: HashMap<Box<[u8]>, Passing> = HashMap::new();
    for group in (0..groups.len()).step_by(apart) {
        let reading = Reading {
            file,
            group,
            host: "",
            believed,
            stop,
        };
        let mut of_group: HashMap<Box<[u8]>, Passing> = HashMap::new();
        let read = reading.times(|host, time, step| match of_group.get_mut(host) {
            Some(passing) => passing.row(time, step),
            None => {
                let mut passing = Passing::default();
                passing.row(time, step);
                of_group.insert(host.into(), passing);
            }
        });
        match read {
            Ok(()) => {}
            Err(Fault::Content(_) | Fault::TooLarge | Fault::NoFooter | Fault::Foreign(_)) => {
                continue;
            }
            Err(e) => return Err(e),
        }
        for (host, passing) in of_group {
            hosts.entry(host).or_default().begins.extend(passing.begins);
        }
    }
    Ok(shared(hosts.values().map(|p| &p.begins), hosts.len()))
}

impl Passing {
    fn row(&mut self, time: i64, step: i64) {
        let continues =
            step == self.step && time > self.last && (time - self.last) % step.max(1) == 0;
        if !continues && self.begins.len() < BEGINNINGS {
            self.begins.insert(time);
        }
        (self.last, self.step) = (time, step);
    }
}

/// The times that at least half of the hosts have.
fn shared<'a>(hosts: impl Iterator<Item = &'a BTreeSet<i64>>, count: usize) -> Vec<i64> {
    let mut counts: HashMap<i64, usize> = HashMap::new();
    for begin in hosts.flatten() {
        *counts.entry(*begin).or_default() += 1;
    }
    let mut out: Vec<i64> = counts
        .into_iter()
        .filter(|(_, n)| n * 2 >= count)
        .map(|(t, _)| t)
        .collect();
    out.sort_unstable();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_at_which_half_of_the_hosts_begin_is_a_snapshots() {
        let host = |begins: &[i64]| begins.iter().copied().collect::<BTreeSet<i64>>();
        let hosts = [host(&[7, 100]), host(&[9, 100]), host(&[12]), host(&[13])];
        assert_eq!(shared(hosts.iter(), 4), [100]);
        assert_eq!(shared(hosts[..3].iter(), 3), [100]);
        assert_eq!(shared(hosts[2..].iter(), 3), [0_i64; 0]);
    }

    #[test]
    fn rows_begin_anew_where_the_time_goes_back_or_leaves_the_grid() {
        let mut passing = Passing::default();
        for (time, step) in [
            (1000, 60),
            (1060, 60),
            (1300, 60),
            (1000, 60),
            (1361, 60),
            (1421, 60),
            (1481, 30),
        ] {
            passing.row(time, step);
        }
        let begins: Vec<i64> = passing.begins.into_iter().collect();
        assert_eq!(begins, [1000, 1361, 1481]);
    }
}
