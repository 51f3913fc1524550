//! What a person can do: the engine says what, here it gets its words and the flag that does it.

use ccarchive::inspect::explain::Step;
use ccarchive::inspect::verify::Fault;
use ccarchive::model::failure::Reason;
use ccarchive::model::job::{JobKey, Shown};
use ccarchive::site::{Advice, Setting};

/// What to do about a failure, with the flag where there is one.
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
        | Reason::TargetRefused
        | Reason::Database
        | Reason::LockGone
        | Reason::Internal => None,
    }
}

/// What to do about a job, in words.
pub(super) fn step(step: Step) -> String {
    match step {
        Step::Nothing => "nothing to do".into(),
        Step::Wait => "nothing to do: a sweep takes it by itself".into(),
        Step::ArchiveAgain => "archive it again while the source has its data".into(),
        Step::ArchiveToWalltime => "archive it up to its last sample within the walltime".into(),
        Step::OtherSource => "archive it from another source that has its data".into(),
        Step::TryAgain(None) => "what was wrong is gone; try it again".into(),
        Step::TryAgain(Some(reason)) => format!("{}; then try it again", reason.advice()),
        Step::Mend(reason) => reason.advice().into(),
        Step::CompareClocks => "compare the clocks".into(),
        Step::CheckSource => "check that this is the cluster's source".into(),
    }
}

/// The command that does it, where there is one.
pub(super) fn command(step: Step, key: &JobKey) -> Option<String> {
    let flags = match step {
        Step::ArchiveAgain | Step::TryAgain(_) => "",
        Step::ArchiveToWalltime => " --zero-duration walltime",
        Step::OtherSource => " --source DIR",
        Step::Nothing | Step::Wait | Step::Mend(_) | Step::CompareClocks | Step::CheckSource => {
            return None;
        }
    };
    Some(format!(
        "ccarchive run --job-id {} --cluster {} --start-time {}{flags}",
        key.job_id,
        Shown(&key.cluster),
        key.start_time
    ))
}

/// What helps against something that `verify` found.
pub(super) const fn remedy(fault: Fault) -> &'static str {
    match fault {
        Fault::Missing | Fault::Damaged | Fault::Incomplete => {
            "archive the job again while the source has its data: run --job-id; else restore its folder from a backup"
        }
        Fault::OtherJob => {
            "restore the job's folder from a backup, or archive it again: run --job-id"
        }
        Fault::Statistics => "archive the job again while the source has its data: run --job-id",
        Fault::Footprint => {
            "if cluster.json changed since, nothing; else archive the job again: run --job-id"
        }
        Fault::NoRow => {
            "restore the database, or take the job back into it with cc-backend -init-db; or move the folder away"
        }
        Fault::NotRecorded => "nothing to do: the next sweep takes the archive over",
        Fault::TwoForms => {
            "archive the job again: run --job-id; readers take data.json.gz meanwhile"
        }
        Fault::EmptyFolder => "remove the folder: cc-backend takes it for an archive",
        Fault::Stranger => "move it away: cc-backend may stop at it",
        Fault::Rights => "give it to the archive's owner: chown and chmod as the message says",
        Fault::Row => "correct the row in the database",
        Fault::Unreadable => "check permissions and the disk",
    }
}

/// What to do about a site, in words.
fn site(advice: Advice) -> String {
    match advice {
        Advice::NameDatabase => "give --db DIR/job.db (archive and checkpoints are then looked for beside it), or --config FILE with cc-backend's config.json".into(),
        Advice::Correct(setting) => format!("correct the path or give {}", naming(setting)),
        Advice::NameArchive => "give --archive DIR with a job archive in files, or --archive sqlite:FILE or s3://BUCKET".into(),
        Advice::NameArchiveToo => "give --archive as well unless that is meant".into(),
        Advice::NameSource => "give --source DIR with the checkpoints of the metric store".into(),
        Advice::MoveLedger => "omit --ledger or name another file".into(),
        Advice::RunAsBackend => "run as cc-backend's user".into(),
    }
}

/// The flag that names a place.
const fn naming(setting: Setting) -> &'static str {
    match setting {
        Setting::Database => "--db FILE",
        Setting::Config => "--config FILE",
        Setting::Archive => "--archive DIR, --archive sqlite:FILE or --archive s3://BUCKET",
        Setting::Source => "--source DIR",
        Setting::Ledger => "--ledger FILE",
    }
}

/// A sentence and the advice that belongs to it.
pub(crate) fn with_advice(text: &str, advice: Option<Advice>) -> String {
    advice.map_or_else(|| text.to_owned(), |a| format!("{text}; {}", site(a)))
}
