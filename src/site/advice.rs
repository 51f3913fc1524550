//! What an operator can do about a site that cannot be swept, or may not be the one that is meant.
//!
//! How a setting is named on the command line is the program's affair: it adds the flag.

/// A place that an operator can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The job database.
    Database,
    /// cc-backend's config.json.
    Config,
    /// The job archive.
    Archive,
    /// Where the metric store's samples are.
    Source,
    /// Certificates to trust.
    Certificates,
    /// The ledger of ccarchive.
    Ledger,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Name a database or a configuration.
    NameDatabase,
    /// Correct the path, or name another place.
    Correct(Setting),
    /// Name an archive on a medium that this version writes.
    NameArchive,
    /// Name the archive as well, unless the configuration's is meant.
    NameArchiveToo,
    /// Name a source that can be read.
    NameSource,
    /// Leave the ledger where it is by default, or name another place.
    MoveLedger,
    /// Run as cc-backend's user.
    RunAsBackend,
}

/// Something that an operator should know about a site that can be swept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// One sentence.
    pub text: String,
    /// What to do, where the sentence does not say it.
    pub advice: Option<Advice>,
}

impl Warning {
    pub(super) fn new(text: String, advice: Option<Advice>) -> Self {
        Self { text, advice }
    }
}
