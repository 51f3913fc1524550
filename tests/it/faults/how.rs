//! The ways to make a fault: the real thing where that is possible (a tiny file system, another user, a limit, a lock,
//! a folder that goes away), else the shim below the program.

/// A part of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Archive,
    /// Of the victim, in the archive.
    JobFolder,
    /// The cluster's folder in the checkpoints.
    Cluster,
    /// Of the victim's host, in the checkpoints.
    Host,
    Database,
    Ledger,
    /// The lock beside the database.
    Lock,
}

/// Who holds which lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    /// A writer, all the time.
    Writer,
    /// A writer of a database without a log, all the time: nobody can read.
    Everything,
    /// The same, once the program has begun.
    EverythingLater,
    /// A reader of a database without a log: a writer cannot commit.
    Reader,
    /// Somebody has the ledger.
    Ledger,
}

/// What is wrong with a ledger that a killed sweep left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    Gone,
    Garbage,
    Half,
    Scratched,
}

/// A way to make a fault. In rules, `{folder}` is the victim's folder in the archive, `{host}` its host's in the
/// checkpoints, `{empty}` the folder of a job of no length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Rules for the shim.
    Shim(&'static str),
    /// The victim has an older archive, with a data file of this name; then rules for the shim.
    Old(&'static str, &'static str),
    /// A file system of that size.
    Full(Place, &'static str),
    ReadOnly(Place),
    /// The sweep runs as nobody, who has no rights there.
    Nobody(Place),
    /// So many descriptors at most.
    Files(u32),
    Locked(Lock),
    Ledger(Damage),
    /// A folder goes away at the n-th call: path, and the beginning of the rule.
    Vanishes(&'static str, &'static str),
    /// The same, but an empty folder stays, as of a file system that is not mounted any more.
    Unmounted(&'static str, &'static str),
    /// Standard output cannot be written.
    Output,
}

impl How {
    /// In the printed table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Shim(_) => "shim",
            Self::Old(..) => "shim, old archive",
            Self::Full(..) => "tiny file system",
            Self::ReadOnly(_) => "read-only mount",
            Self::Nobody(_) => "as nobody",
            Self::Files(_) => "ulimit -n",
            Self::Locked(_) => "lock held",
            Self::Ledger(_) => "file changed",
            Self::Vanishes(..) => "renamed away",
            Self::Unmounted(..) => "left empty",
            Self::Output => "/dev/full",
        }
    }
}
