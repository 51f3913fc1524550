//! How many samples each host had by hour, as jobs told it: what a page of coverage is drawn from. No decision asks for it.
//!
//! Only the last three days are kept, so that the table is bounded by the number of hosts. Several jobs may share an hour of
//! a host: the one that asked for most samples counts, of equal ones the last, so that a job which is archived again counts
//! once.

use rusqlite::{Connection, OptionalExtension, params};

use crate::model::message::{HostHours, HourCount};

/// Hours that are kept.
pub const HOURS: i64 = 72;
const HOUR: i64 = 3600;

/// Samples of the hosts of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterHours {
    /// The cluster.
    pub cluster: String,
    /// Its hosts by name.
    pub hosts: Vec<HostHours>,
}

/// The first hour that is kept at `now`, Unix seconds.
fn first(now: i64) -> i64 {
    now.div_euclid(HOUR) - HOURS
}

pub(super) fn note(
    c: &mut Connection,
    cluster: &str,
    hosts: &[HostHours],
    now: i64,
) -> rusqlite::Result<()> {
    let first = first(now);
    let tx = c.transaction()?;
    for h in hosts {
        for (hour, count) in h.hours.iter().filter(|(hour, _)| *hour >= first) {
            tx.prepare_cached(
                "INSERT INTO hours (cluster, host, hour, expected, received) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT DO UPDATE SET expected = excluded.expected, received = excluded.received \
                 WHERE excluded.expected >= expected",
            )?
            .execute(params![cluster, h.host, hour, count.expected, count.received])?;
        }
    }
    tx.commit()
}

pub(super) fn forget(c: &Connection, now: i64) -> rusqlite::Result<()> {
    // Hours in the future were written under a wrong clock.
    c.execute(
        "DELETE FROM hours WHERE hour < ?1 OR hour > ?2",
        [first(now), now.div_euclid(HOUR)],
    )
    .map(drop)
}

pub(super) fn read(c: &Connection, since: i64) -> rusqlite::Result<Vec<ClusterHours>> {
    // A ledger that no sweep of this version has opened does not have the table yet.
    let exists = c
        .prepare("SELECT 1 FROM sqlite_master WHERE name = 'hours'")?
        .query_row([], |_| Ok(()))
        .optional()?;
    let mut out: Vec<ClusterHours> = Vec::new();
    if exists.is_none() {
        return Ok(out);
    }
    let sql = "SELECT cluster, host, hour, expected, received FROM hours WHERE hour >= ?1 ORDER BY cluster, host, hour";
    let mut statement = c.prepare(sql)?;
    let mut rows = statement.query([since])?;
    while let Some(r) = rows.next()? {
        let (cluster, host): (&str, &str) = (r.get_ref(0)?.as_str()?, r.get_ref(1)?.as_str()?);
        let count = HourCount {
            expected: r.get(3)?,
            received: r.get(4)?,
        };
        if out.last().is_none_or(|o| o.cluster != cluster) {
            out.push(ClusterHours {
                cluster: cluster.to_owned(),
                hosts: Vec::new(),
            });
        }
        let Some(of_cluster) = out.last_mut() else {
            continue;
        };
        if of_cluster.hosts.last().is_none_or(|h| h.host != host) {
            of_cluster.hosts.push(HostHours {
                host: host.to_owned(),
                hours: Vec::new(),
            });
        }
        if let Some(last) = of_cluster.hosts.last_mut() {
            last.hours.push((r.get(2)?, count));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::ledger::Ledger;
    use crate::ledger::entry::Run;
    use crate::model::message::{HostHours, HourCount};

    fn host(hours: &[(i64, u32, u32)]) -> HostHours {
        let hours = hours
            .iter()
            .map(|&(hour, expected, received)| (hour, HourCount { expected, received }));
        HostHours {
            host: "n1".into(),
            hours: hours.collect(),
        }
    }

    #[test]
    fn the_job_that_asked_for_most_counts_and_of_equal_ones_the_last() {
        let ledger = Ledger::open_read_only(Path::new(""));
        let now = 1000 * 3600;
        for hours in [
            [(999, 60, 10), (998, 60, 60)],
            [(999, 60, 60), (998, 30, 0)],
        ] {
            ledger.note_hours("alpha", &[host(&hours)], now);
        }
        let told = ledger.hours(0);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].hosts, [host(&[(998, 60, 60), (999, 60, 60)])]);
        assert_eq!(ledger.hours(999)[0].hosts, [host(&[(999, 60, 60)])]);
    }

    #[test]
    fn only_the_last_three_days_are_kept() {
        let ledger = Ledger::open_read_only(Path::new(""));
        let (early, late) = (1000 * 3600, 1100 * 3600);
        ledger.note_hours("alpha", &[host(&[(900, 1, 1), (999, 1, 1)])], early);
        assert_eq!(ledger.hours(0)[0].hosts, [host(&[(999, 1, 1)])]);
        let run = Run {
            ended: late,
            ..Run::default()
        };
        ledger.finish_run(&run);
        assert!(ledger.hours(0).is_empty());
        assert!(ledger.take_warnings().is_empty());
    }
}
