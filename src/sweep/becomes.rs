//! What a result makes of a job's row, and of what the ledger knows.

use crate::jobs::{Change, Update};
use crate::ledger::Record;
use crate::model::failure::Reason;
use crate::model::job::{STATUS_ARCHIVED, STATUS_FAILED, STATUS_PENDING};
use crate::model::message::Finished;
use crate::model::outcome::Kind;
use crate::rules::retry::next_after;

/// Seconds.
const HOUR: i64 = 3600;

/// The `monitoring_status` that the row gets, if that is another than it has.
pub(super) fn new_status(d: &Finished) -> Option<i64> {
    let status = if d.archived.is_some() {
        STATUS_ARCHIVED
    } else if fails(d) {
        STATUS_FAILED
    } else {
        return None;
    };
    (status != d.head.status).then_some(status)
}

/// The change of a job's row, if it changes.
pub(super) fn update(d: &Finished) -> Option<Update> {
    if let Some(a) = &d.archived {
        return Some(Update {
            head: d.head.clone(),
            change: Change::Archived {
                row_print: a.row_print,
                columns: a.columns.clone(),
            },
        });
    }
    fails(d).then(|| Update {
        head: d.head.clone(),
        change: Change::Failed,
    })
}

/// Whether the row says afterwards that archiving failed. An archived job stays archived, as it is, unless there is
/// something better for it.
fn fails(d: &Finished) -> bool {
    d.head.status != STATUS_ARCHIVED
        && match d.outcome.kind() {
            // At status 2 a length of 0 would say that nobody knows when the job ended; the ledger has what went wrong.
            Kind::Failed => !ended_at_once(d),
            Kind::Interrupted => d.head.status == STATUS_PENDING && !ended_at_once(d),
            Kind::NoData => true,
            Kind::Complete
            | Kind::Partial
            | Kind::Provisional
            | Kind::Adopted
            | Kind::Empty
            | Kind::NotYet
            | Kind::UnknownEnd
            | Kind::Raced => false,
        }
}

/// Whether the row says that the job has no length (and not that it says nothing of use).
fn ended_at_once(d: &Finished) -> bool {
    let unreadable = d.outcome.failure().map(|f| f.reason) == Some(Reason::RowInvalid);
    d.head.status == STATUS_PENDING && d.head.duration == 0 && !unreadable
}

/// Keeps of a job's hours those that say something about its hosts: none where the job was not judged by its samples, and
/// none that may still get some.
pub(super) fn keep_settled_hours(d: &mut Finished) {
    let until = match d.outcome.kind() {
        Kind::Complete | Kind::Partial | Kind::NoData => i64::MAX,
        Kind::Provisional | Kind::NotYet => d.newest.unwrap_or(i64::MIN),
        // What was adopted may hold more than the source has now.
        Kind::Adopted
        | Kind::Empty
        | Kind::Failed
        | Kind::UnknownEnd
        | Kind::Interrupted
        | Kind::Raced => i64::MIN,
    };
    for host in &mut d.hours {
        host.hours
            .retain(|(hour, _)| hour.saturating_add(1).saturating_mul(HOUR) <= until);
    }
    d.hours.retain(|h| !h.hours.is_empty());
}

/// What the ledger learns, if it learns something.
pub(super) fn record_of<'a>(d: &'a Finished, source: &'a str, now: i64) -> Option<Record<'a>> {
    let provisional = d.history.provisional.is_some();
    if d.head.status == STATUS_ARCHIVED && !d.outcome.is_archived() && !provisional {
        return None;
    }
    let next = next_after(&d.outcome, &d.history, d.lost, now)?;
    let written = d.archived.as_ref().is_some_and(|a| a.written);
    let blamed = d.outcome.failure().is_some_and(|f| {
        f.reason.blames_source()
            || matches!(
                f.reason,
                Reason::NoData | Reason::SnapshotBroken | Reason::HostTooLarge
            )
    });
    Some(Record {
        key: &d.head.key,
        outcome: &d.outcome,
        next,
        coverage: written.then_some(&d.coverage),
        source: blamed.then_some(source),
        // What could not be read was not seen: the next sweep reads it, though nothing newer comes.
        newest: if d.outcome.kind() == Kind::Failed {
            d.history.provisional.filter(|seen| *seen > i64::MIN)
        } else {
            d.newest
        },
    })
}
