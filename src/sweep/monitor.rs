//! What the engine tells: events, for whoever watches (terminal, JSON lines, tests).

use crate::model::job::Head;
use crate::model::message::Finished;
use crate::model::outcome::{Coverage, Outcome};

/// What became of one job.
#[derive(Debug)]
pub struct Report<'a> {
    /// The job's row as it was taken.
    pub head: &'a Head,
    /// What became of it.
    pub outcome: &'a Outcome,
    /// Its samples.
    pub coverage: &'a Coverage,
    /// Bytes of data.json before compression.
    pub raw_bytes: u64,
    /// Bytes of both files as stored.
    pub stored_bytes: u64,
    /// Whether this is a provisional archive that stays as it is for now.
    pub unchanged: bool,
    /// Why the job was archived although something could not be read, where that is so.
    pub note: Option<&'a str>,
}

impl<'a> Report<'a> {
    /// Of a result.
    pub(super) fn new(done: &'a Finished) -> Self {
        Self {
            head: &done.head,
            outcome: &done.outcome,
            coverage: &done.coverage,
            raw_bytes: done.raw_bytes,
            stored_bytes: done.archived.as_ref().map_or(0, |a| a.stored_bytes),
            unchanged: done.is_unchanged(),
            note: done.note.as_deref(),
        }
    }
}

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// So many jobs more are waiting for a worker.
    Found(u64),
    /// A job is finished and recorded.
    Job(Report<'a>),
    /// Something the operator should know once.
    Warning(&'a str),
}

/// Watches a sweep. Called from several threads.
pub trait Monitor: Sync {
    /// Takes note of an event.
    fn event(&self, event: &Event<'_>);
}
