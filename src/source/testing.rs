//! A source that tests talk to: it answers as it is told, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use super::{Error, Reach, Request, Source};
use crate::model::stop::Stop;
use crate::rules::evidence::Evidence;
use crate::rules::timeline::{Builder, Column, Grid, Interval, Level};

type Answer = dyn Fn(&Request<'_>) -> Result<Evidence, Error> + Send + Sync;

/// Answers every question by a function.
pub(super) struct Fake {
    pub(super) answer: Box<Answer>,
    pub(super) reach: Box<dyn Fn() -> Result<Reach, Error> + Send + Sync>,
    pub(super) probe: Result<(), Error>,
    /// Host and window of every question, and how many metrics it named.
    pub(super) asked: Mutex<Vec<(String, Interval, usize)>>,
}

impl Fake {
    pub(super) fn new(
        answer: impl Fn(&Request<'_>) -> Result<Evidence, Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            answer: Box::new(answer),
            reach: Box::new(|| Ok(Reach::default())),
            probe: Ok(()),
            asked: Mutex::default(),
        }
    }

    pub(super) fn times(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Source for Fake {
    fn ask(&self, request: &Request<'_>, _: &Stop) -> Result<Arc<Evidence>, Error> {
        let asked = (
            request.host.to_owned(),
            request.window,
            request.metrics.len(),
        );
        self.asked.lock().unwrap().push(asked);
        (self.answer)(request).map(Arc::new)
    }

    fn reach(&self, _: &str, _: &Stop) -> Result<Reach, Error> {
        (self.reach)()
    }

    fn probe(&self, _: &str, _: &[&str], _: &Stop) -> Result<(), Error> {
        self.probe.clone()
    }
}

/// A host with one series `m`, a sample a minute from `start` on.
pub(super) fn holding(start: i64, values: &[f32]) -> Evidence {
    let mut builder = Builder::default();
    let id = builder.series(Vec::new(), "m", 60);
    let file = Interval {
        from: start - 1,
        to: start + 60 * values.len() as i64,
    };
    builder.snapshot(id, file, Column::whole(60, start, values));
    let timeline = builder.finish(&[], i64::MAX);
    Evidence {
        series: timeline.series,
        newest: timeline.newest,
        final_until: Some(file.to),
        read_at: file.to,
        ..Evidence::default()
    }
}

/// A question about a host, without naming metrics.
pub(super) fn about(host: &str, from: i64, to: i64) -> Request<'_> {
    Request {
        cluster: "c",
        subcluster: "",
        host,
        metrics: &[],
        window: Interval { from, to },
    }
}

/// A question about all that there is of a host.
pub(super) fn about_all(host: &str) -> Request<'_> {
    about(host, Interval::ALL.from, Interval::ALL.to)
}

/// The values of `m`, a minute apart, `n` of them from `start` on.
pub(super) fn read(series: &Level, start: i64, n: usize) -> Vec<Option<f32>> {
    let mut chains = Vec::new();
    series.chains("m", &mut chains);
    let grid = Grid { start, step: 60, n };
    let values = chains.first().map_or_else(Vec::new, |c| c.read(grid));
    let there = |v: f32| (!v.is_nan()).then_some(v);
    values.into_iter().map(there).collect()
}

/// What cannot be read for a moment, or for good.
pub(super) fn unreadable(transient: bool) -> Error {
    Error::Unreadable {
        subject: "disk".into(),
        detail: "input/output error".into(),
        transient,
    }
}
