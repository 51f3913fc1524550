//! Sources and archives with trouble: decorators of our own ports, for what a real medium cannot be made to do on time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ccarchive::model::job::JobKey;
use ccarchive::model::stop::Stop;
use ccarchive::rules::evidence::Evidence;
use ccarchive::source::{self, Reach, Request, Source};
use ccarchive::target::{self, ClusterFiles, Condition, Draft, Found, Stored, Target};

/// What is wrong with a medium.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Trouble {
    #[default]
    None,
    /// From this question on, counted from 0, it answers nothing any more.
    DiesAt(usize),
    /// From this flush on, counted from 0, an archive does not say any more that it is durable.
    FlushFailsAt(usize),
}

/// A source with trouble; calls back after every answer.
pub(crate) struct Troubled<S> {
    pub(crate) inner: S,
    pub(crate) trouble: Trouble,
    pub(crate) asked: AtomicUsize,
    pub(crate) after: Box<dyn Fn() + Send + Sync>,
}

impl<S> Troubled<S> {
    fn is_dead(&self) -> bool {
        matches!(self.trouble, Trouble::DiesAt(k) if self.asked.load(Ordering::SeqCst) > k)
    }
}

fn stale(subject: &str) -> source::Error {
    source::Error::Unreadable {
        subject: subject.to_owned(),
        detail: "Stale file handle".to_owned(),
        transient: false,
    }
}

impl<S: Source> Source for Troubled<S> {
    fn ask(&self, request: &Request<'_>, stop: &Stop) -> Result<Arc<Evidence>, source::Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_dead() {
            return Err(stale(request.host));
        }
        let answer = self.inner.ask(request, stop);
        (self.after)();
        answer
    }

    fn reach(&self, cluster: &str, stop: &Stop) -> Result<Reach, source::Error> {
        self.inner.reach(cluster, stop)
    }

    fn probe(&self, cluster: &str, but: &[&str], stop: &Stop) -> Result<(), source::Error> {
        if self.is_dead() {
            return Err(stale(cluster));
        }
        self.inner.probe(cluster, but, stop)
    }
}

/// An archive with trouble that counts its flushes instead of waiting for the disk; nobody kills these tests' machine.
pub(crate) struct Quick<T> {
    pub(crate) inner: T,
    pub(crate) trouble: Trouble,
    pub(crate) begun: AtomicUsize,
    pub(crate) flushes: AtomicUsize,
    /// Happens between publishing and recording.
    pub(crate) on_flush: Box<dyn Fn() + Send + Sync>,
}

impl<T> Quick<T> {
    fn is_dead(&self) -> bool {
        matches!(self.trouble, Trouble::DiesAt(k) if self.begun.load(Ordering::SeqCst) > k)
    }
}

fn refused(subject: String) -> target::Error {
    let detail = format!("cannot write {subject}: Input/output error");
    target::Error::Place { subject, detail }
}

impl<T: Target> Target for Quick<T> {
    fn check(&self) -> Result<Condition, target::Error> {
        self.inner.check()
    }

    fn clusters(&self) -> Result<ClusterFiles, target::Error> {
        self.inner.clusters()
    }

    fn read(&self, key: &JobKey) -> Result<Option<Stored>, target::Error> {
        self.inner.read(key)
    }

    fn find(&self, key: &JobKey) -> Result<Option<Found>, target::Error> {
        self.inner.find(key)
    }

    fn tidy(&self, key: &JobKey) -> Result<(), target::Error> {
        self.inner.tidy(key)
    }

    fn probe(&self) -> Result<(), target::Error> {
        if self.is_dead() {
            return Err(refused("the archive".into()));
        }
        self.inner.probe()
    }

    fn begin(&self, key: &JobKey) -> Result<Box<dyn Draft + '_>, target::Error> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        if self.is_dead() {
            return Err(refused(key.to_string()));
        }
        self.inner.begin(key)
    }

    fn flush(&self, _: &[&JobKey]) -> Result<(), target::Error> {
        let before = self.flushes.fetch_add(1, Ordering::Relaxed);
        (self.on_flush)();
        match self.trouble {
            Trouble::FlushFailsAt(k) if before >= k => Err(refused("the archive".into())),
            Trouble::None | Trouble::DiesAt(_) | Trouble::FlushFailsAt(_) => Ok(()),
        }
    }
}
