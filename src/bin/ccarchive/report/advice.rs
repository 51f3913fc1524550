//! What to do about a failure: the engine's word, and the flag that does it.

use ccarchive::model::failure::Reason;

/// The advice, with the flag where there is one.
pub(super) fn advice(reason: Reason) -> String {
    match flag(reason) {
        Some(flag) => format!("{}; {flag}", reason.advice()),
        None => reason.advice().to_owned(),
    }
}

/// The flag that deals with a reason.
const fn flag(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::Poorer => Some("--force replaces the archive all the same"),
        Reason::SourceMissing | Reason::SourceGone | Reason::NoData => {
            Some("--source names another store")
        }
        Reason::RowInvalid
        | Reason::ClusterUnknown
        | Reason::SubclusterUnknown
        | Reason::FootprintInvalid
        | Reason::AggregationInvalid
        | Reason::SourceUnreadable
        | Reason::LayerGone
        | Reason::SnapshotBroken
        | Reason::TargetGone
        | Reason::TargetUnwritable
        | Reason::Database
        | Reason::LockGone
        | Reason::Internal => None,
    }
}
