//! What ledger and archive hold of a job, against what the model says.

use rusqlite::{Connection, OptionalExtension};

use super::oracle::{self, Archive, Job};
use super::world::HOSTS;
use crate::support::site::Archived;
use crate::support::snapshots::{METRICS, times, value};

/// A sweep in this machine's worst moments takes less (seconds).
pub(super) const SLACK: i64 = 40;

/// The ledger's row of a job.
#[derive(Debug)]
struct Found {
    state: String,
    attempts: i64,
    last_try: i64,
    next_try: i64,
    expected: i64,
    received: i64,
}

fn ledger_row(ledger: &Connection, job_id: i64) -> Option<Found> {
    let sql = "SELECT state, attempts, coalesce(last_try, 0), coalesce(next_try, 0), coalesce(expected, 0),
        coalesce(received, 0) FROM job WHERE job_id = ?1";
    let found = ledger
        .prepare_cached(sql)
        .unwrap()
        .query_row([job_id], |r| {
            Ok(Found {
                state: r.get(0)?,
                attempts: r.get(1)?,
                last_try: r.get(2)?,
                next_try: r.get(3)?,
                expected: r.get(4)?,
                received: r.get(5)?,
            })
        });
    found.optional().unwrap()
}

/// Compares the ledger's row; the model then takes its exact times.
pub(super) fn check_ledger(ledger: &Connection, job: &mut Job, context: &str) {
    let found = ledger_row(ledger, job.id);
    let (Some(found), Some(note)) = (&found, &mut job.ledger) else {
        assert!(
            found.is_none() && job.ledger.is_none(),
            "{found:?}\n{context}"
        );
        return;
    };
    assert_eq!(
        (found.state.as_str(), found.attempts),
        (note.state, note.attempts),
        "{context}"
    );
    for (found, time) in [
        (found.last_try, &mut note.last_try),
        (found.next_try, &mut note.next_try),
    ] {
        assert!(
            (*time..*time + SLACK).contains(&found),
            "{found}, not {time}\n{context}"
        );
        *time = found;
    }
    if matches!(note.state, "done" | "provisional") {
        let hosts = job.archive.iter().flat_map(|a| a.hosts.values().flatten());
        let held = hosts.filter(|m| **m).count();
        assert_eq!(
            found.received,
            2 * i64::try_from(held).unwrap(),
            "{context}"
        );
        if job
            .archive
            .as_ref()
            .is_some_and(|a| a.duration == job.duration)
        {
            assert_eq!(found.expected, oracle::expected(job), "{context}");
        }
    }
}

/// Compares every value of an archive.
pub(super) fn check_archive(found: &Archived, start: i64, archive: &Archive, context: &str) {
    for (host, metric) in HOSTS.into_iter().flat_map(|h| METRICS.map(|m| (h, m))) {
        let expected = archive.hosts.get(host).map(|mask| {
            let span = start..start + archive.duration;
            let values = times(&span).zip(mask);
            let value =
                |(t, is_there): (i64, &bool)| is_there.then(|| f64::from(value(host, metric, t)));
            values.map(value).collect::<Vec<_>>()
        });
        assert_eq!(
            found.values(metric, host),
            expected,
            "{metric} on {host}\n{context}"
        );
    }
}
