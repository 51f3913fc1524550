//! Where the snapshots began that a file was made of. The file does not say.
//!
//! It matters, because the first value of a series in a snapshot is a true first sample unless it stands where the snapshot
//! begins. The store takes its snapshots of all hosts at once, while each collector reads in its own rhythm: so a time at
//! which the rows of several hosts that reported just before begin anew, and of at least half of those that report then, is
//! the beginning of a snapshot. So is a time at which at least half of all hosts of the file begin: the snapshots before it
//! may be in no file. Collectors that all began at once look like that, too; where slots begin is then not known, which
//! costs less than a false first sample.

use std::collections::{BTreeMap, HashMap};

use super::fault::Fault;
use super::file::{Group, Opened};
use super::rows::Reading;
use crate::model::stop::Stop;
use crate::opening::regular;
use crate::rules::timeline::Interval;

/// Groups that are looked at; as many as show what half of the hosts do.
const GROUPS: usize = 32;
/// Beginnings that are noted of a host: a snapshot an hour for a month, and some holes.
const BEGINNINGS: usize = 1024;

/// Where stretches of rows begin, and of those that begin there the last time and the longest step (seconds).
type Stretches = BTreeMap<i64, (i64, i64)>;

/// A host while its rows pass.
#[derive(Default)]
struct Passing {
    begin: i64,
    last: i64,
    step: i64,
    stretches: Stretches,
}

/// What was found in a file.
pub(super) struct Borders {
    /// Where its snapshots began, ascending.
    pub(super) times: Vec<i64>,
    /// Whether the medium gave all that was looked at; more may be found another time where it did not.
    pub(super) is_whole: bool,
}

/// Where the snapshots of a file began. A group that is damaged, or that the medium refuses, says nothing: it is one of other
/// hosts.
///
/// # Errors
/// When the file is gone, the medium refuses every group, or the sweep is cancelled.
pub(super) fn of(
    file: &Opened,
    groups: &[Group],
    believed: Interval,
    stop: &Stop,
) -> Result<Borders, Fault> {
    let mut refused = None;
    let apart = groups.len().div_ceil(GROUPS).max(1);
    let mut hosts: HashMap<Box<[u8]>, Stretches> = HashMap::new();
    for group in (0..groups.len()).step_by(apart) {
        let reading = Reading {
            file,
            group,
            host: "",
            believed,
            stop,
        };
        let mut of_group: HashMap<Box<[u8]>, Passing> = HashMap::new();
        let read = reading.times(|host, time, step| {
            if let Some(passing) = of_group.get_mut(host) {
                passing.row(time, step);
            } else {
                let mut passing = Passing::default();
                passing.row(time, step);
                of_group.insert(host.into(), passing);
            }
        });
        match read {
            Ok(()) => {}
            Err(Fault::Content(_) | Fault::NoFooter | Fault::Foreign(_)) => {
                continue;
            }
            Err(Fault::Medium(e)) if !regular::is_gone(&e) => {
                refused = Some(e);
                continue;
            }
            Err(e) => return Err(e),
        }
        for (host, passing) in of_group {
            let stretches = hosts.entry(host).or_default();
            for (begin, (last, step)) in passing.stretches {
                note(stretches, begin, last, step);
            }
        }
    }
    match refused {
        Some(e) if hosts.is_empty() => Err(Fault::Medium(e)),
        refused => Ok(Borders {
            times: shared(&hosts.into_values().collect::<Vec<_>>()),
            is_whole: refused.is_none(),
        }),
    }
}

impl Passing {
    fn row(&mut self, time: i64, step: i64) {
        let continues =
            step == self.step && time > self.last && (time - self.last) % step.max(1) == 0;
        if !continues {
            self.begin = time;
        }
        (self.last, self.step) = (time, step);
        if self.stretches.len() < BEGINNINGS || self.stretches.contains_key(&self.begin) {
            note(&mut self.stretches, self.begin, time, step);
        }
    }
}

fn note(stretches: &mut Stretches, begin: i64, last: i64, step: i64) {
    let known = stretches.entry(begin).or_insert((last, step));
    *known = (last.max(known.0), step.max(known.1));
}

/// The times at which snapshots began.
fn shared(hosts: &[Stretches]) -> Vec<i64> {
    let several = hosts.len().min(2);
    let mut begins: BTreeMap<i64, usize> = BTreeMap::new();
    for time in hosts.iter().flat_map(BTreeMap::keys) {
        *begins.entry(*time).or_default() += 1;
    }
    // Most times are of one host alone: nothing else is asked about them.
    let common = begins.into_iter().filter(|(_, n)| *n >= several);
    let is_shared = |(t, begin): &(i64, usize)| {
        let begin_there = hosts.iter().filter(|h| h.contains_key(t));
        let reported = |h: &&Stretches| h.range(..t).any(|(_, (last, step))| t - last <= 2 * step);
        let reports = |h: &&Stretches| h.range(..=t).any(|(_, (last, _))| last >= t);
        let continuing = begin_there.filter(reported).count();
        let reporting = hosts.iter().filter(reports).count();
        (continuing >= several && continuing * 2 >= reporting) || begin * 2 >= hosts.len()
    };
    common.filter(is_shared).map(|(t, _)| t).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::source::parquet::content::Content;
    use crate::source::parquet::file;
    use crate::source::parquet::testing::{two_snapshots, write};

    #[test]
    fn a_medium_that_refuses_every_group_is_an_error_and_no_file_without_borders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c/1700001000.parquet");
        write(&path, &two_snapshots(1_700_000_000));
        let mut file = file::open(&path).unwrap();
        let groups = file.groups("c", &mut file::Names::default()).unwrap();
        let ask = |file: &Opened| of(file, &groups, Interval::ALL, &Stop::new());
        let found = ask(&file).unwrap();
        assert!(found.is_whole && found.times.contains(&1_700_000_601));
        // A folder opens, and no byte of it can be read.
        let sick = File::open(folder.path()).unwrap();
        file.content = Content::new(sick, path.metadata().unwrap().len());
        assert!(matches!(ask(&file), Err(Fault::Medium(_))));
    }

    /// A host that reports every minute.
    fn host(stretches: &[(i64, i64)]) -> Stretches {
        let stretches = stretches.iter();
        stretches
            .map(|(begin, last)| (*begin, (*last, 60)))
            .collect()
    }

    #[test]
    fn a_time_at_which_half_of_those_that_report_begin_is_a_snapshots() {
        let hosts = [
            host(&[(7, 90), (100, 200)]),
            host(&[(9, 90), (100, 200)]),
            host(&[(12, 150)]),
            host(&[(13, 170)]),
            // It reported long before.
            host(&[(2, 6)]),
        ];
        assert_eq!(shared(&hosts), [100]);
        assert_eq!(shared(&hosts[1..]), [0_i64; 0], "one host alone");
        assert_eq!(shared(&hosts[..1]), [7, 100], "nothing to compare with");
    }

    #[test]
    fn collectors_that_begin_at_once_after_a_pause_are_no_snapshot_unless_they_are_half_of_all() {
        let job = |begin| [(); 2].map(|()| host(&[(begin, begin + 900)]));
        let mut hosts = job(1000).to_vec();
        hosts.extend(job(9000));
        hosts.push(host(&[(20_000, 20_060)]));
        assert_eq!(shared(&hosts), [0_i64; 0]);
        assert_eq!(shared(&hosts[..4]), [1000, 9000]);
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
        let stretches: Vec<_> = passing.stretches.into_iter().collect();
        let expected = [(1000, (1300, 60)), (1361, (1421, 60)), (1481, (1481, 30))];
        assert_eq!(stretches, expected);
    }
}
