//! What a person can do: the engine says what, here it gets its words and the flag that does it.

use ccarchive::inspect::explain::Step;
use ccarchive::inspect::verify::Fault;
use ccarchive::model::failure::Reason;
use ccarchive::model::job::JobKey;
use ccarchive::site::{Advice, Setting};

use super::words;

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
        Reason::HostTooLarge => Some("--memory SIZE sets it"),
        Reason::RowInvalid
        | Reason::ClusterUnknown
        | Reason::ClusterGone
        | Reason::SubclusterUnknown
        | Reason::FootprintInvalid
        | Reason::AggregationInvalid
        | Reason::SourceUnreadable
        | Reason::LayerGone
        | Reason::SourceRefused
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

/// The command that does it, where there is one; `site`: the flags that name the site, as words of a shell.
pub(super) fn command(step: Step, key: &JobKey, site: &str) -> Option<String> {
    let flags = match step {
        Step::ArchiveAgain | Step::TryAgain(_) => "",
        Step::ArchiveToWalltime => " --zero-duration walltime",
        Step::OtherSource => " --source DIR",
        Step::Nothing | Step::Wait | Step::Mend(_) | Step::CompareClocks | Step::CheckSource => {
            return None;
        }
    };
    Some(again(key, site) + flags)
}

/// The command that archives a job again.
pub(super) fn again(key: &JobKey, site: &str) -> String {
    format!(
        "ccarchive run{site} --job-id {} --cluster {} --start-time {}",
        key.job_id,
        words::shell(&key.cluster),
        key.start_time
    )
}

/// What helps against something that `verify` found.
pub(crate) const fn remedy(fault: Fault) -> &'static str {
    match fault {
        Fault::Missing | Fault::Damaged | Fault::Incomplete | Fault::OtherJob => {
            "--repair archives the job again while the source has its data; else restore it from a backup"
        }
        Fault::Statistics | Fault::MetaFootprint => {
            "--repair archives the job again while the source has its data"
        }
        Fault::Footprint => {
            "nothing if cluster.json changed since; else --repair archives the job again"
        }
        Fault::MetaUnfinished => {
            "nothing while the database is there: cc-backend's own archiver writes these figures into the row only; run --job-id writes them before a database is made from the archive with cc-backend -init-db"
        }
        Fault::NoRow => {
            "restore the database, or take the job back into it with cc-backend -init-db; or move it away"
        }
        Fault::NotRecorded => {
            "nothing to do: the next sweep takes the archive over; --repair does it now"
        }
        Fault::TwoForms => {
            "--repair removes the one that does not belong to meta.json; readers take data.json.gz meanwhile"
        }
        Fault::NoForm => "--repair writes down what the data itself says",
        Fault::EmptyFolder => "--repair removes it: cc-backend takes it for an archive",
        Fault::Leftover => "--repair ends or undoes what the killed sweep had begun",
        Fault::NoClusterJson => {
            "put it back from a backup: cc-backend does not start without it, and jobs of this cluster fail meanwhile (cluster_unknown)"
        }
        Fault::Stranger => "move it away: cc-backend may stop at it",
        Fault::Rights => {
            "--repair (as root, where the owner is wrong) gives it to the archive's owner"
        }
        Fault::Owners => {
            "give both to the user of cc-backend (chown -R), and run ccarchive as this user"
        }
        Fault::Version => {
            "bring the archive to version 3 with cc-backend's archive-migration, or use a ccarchive that knows this version"
        }
        Fault::Row => "correct the row in the database",
        Fault::Unreadable => {
            "check permissions and the disk, and whether its file system is mounted"
        }
    }
}

/// What a repair does, in words.
pub(super) const fn repair(fault: Fault) -> &'static str {
    match fault {
        Fault::TwoForms => "the data file that does not belong to meta.json is removed",
        Fault::NoForm => "data_compressed becomes what the data itself says",
        Fault::EmptyFolder => "what is empty is removed",
        Fault::Leftover => "what a killed sweep had begun is ended or undone",
        Fault::Rights => "owner and rights become those that the archive's owner needs",
        Fault::NotRecorded => "the archive is taken over, as a sweep does it",
        Fault::Missing
        | Fault::Damaged
        | Fault::OtherJob
        | Fault::Statistics
        | Fault::Footprint
        | Fault::MetaFootprint
        | Fault::Incomplete => {
            "the job is archived again from its source, unless that would be poorer"
        }
        Fault::NoRow
        | Fault::MetaUnfinished
        | Fault::NoClusterJson
        | Fault::Stranger
        | Fault::Owners
        | Fault::Version
        | Fault::Row
        | Fault::Unreadable => "nothing",
    }
}

/// What to do about a site, in words.
fn site(advice: Advice) -> String {
    match advice {
        Advice::NameDatabase => "give --db DIR/job.db (archive and checkpoints are then looked for beside it), or --config FILE with cc-backend's config.json".into(),
        Advice::Correct(setting) => format!("correct the path or give {}", naming(setting)),
        Advice::NameArchive => "give --archive DIR with a job archive in files, or --archive sqlite:FILE or s3://BUCKET".into(),
        Advice::NameArchiveToo => "give --archive as well unless that is meant".into(),
        Advice::NameSource => "give --source DIR with the checkpoints of the metric store, or --source URL with its address".into(),
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
        Setting::Source => "--source DIR or --source URL",
        Setting::Certificates => "--ca FILE",
        Setting::Ledger => "--ledger FILE",
    }
}

/// A sentence and the advice that belongs to it.
pub(crate) fn with_advice(text: &str, advice: Option<Advice>) -> String {
    advice.map_or_else(|| text.to_owned(), |a| format!("{text}; {}", site(a)))
}
