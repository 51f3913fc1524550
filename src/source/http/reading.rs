//! One host as a store has it: its answers put onto the timeline, and what each is worth.

use super::answer::{Answer, Found};
use super::client::{Client, Trouble};
use super::question::{self, Batch, Wish};
use crate::model::failure::Reason;
use crate::model::stop::Stop;
use crate::rules::evidence::{Damage, Evidence};
use crate::rules::timeline::{Chain, Interval, sane};
use crate::source::Request;
use crate::source::retry::Patience;

/// A sample that is later than this (seconds, or this many steps of its metric) does not come any more.
const LATE: i64 = 300;
const LATE_STEPS: i64 = 5;
/// So many series may be unreadable before it is the store that is at fault.
const MOST_EMPTY: usize = 32;

/// How a store is asked about a host.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) client: &'a Client,
    /// The store's address, for messages.
    pub(super) url: &'a str,
    pub(super) request: &'a Request<'a>,
    /// Where the request names no metric: those of the host itself, which tell until when it reported.
    pub(super) otherwise: &'a [(String, i64)],
    /// Values of one request at most.
    pub(super) values: u64,
    pub(super) patience: &'a Patience,
    pub(super) stop: &'a Stop,
}

/// One host being read.
pub(super) struct Reading<'a> {
    asking: Asking<'a>,
    out: Evidence,
    /// Requests that were answered with something.
    answered: usize,
    /// Series that alone were answered with nothing.
    empty: usize,
}

impl<'a> Reading<'a> {
    pub(super) fn new(asking: Asking<'a>) -> Self {
        Self {
            asking,
            out: Evidence::default(),
            answered: 0,
            empty: 0,
        }
    }

    /// Asks for everything that is wanted.
    pub(super) fn ask_all(&mut self) -> Result<(), Trouble> {
        let wishes = self.wishes();
        for batch in question::batches(&wishes, self.asking.request.window, self.asking.values) {
            self.ask(&batch)?;
        }
        if self.answered == 0 && self.empty > 0 {
            return Err(Trouble::Empty);
        }
        Ok(())
    }

    /// The series that the request names.
    fn wishes(&self) -> Vec<Wish<'a>> {
        let Asking {
            request, otherwise, ..
        } = self.asking;
        if request.metrics.is_empty() {
            let wish = |m: &'a (String, i64)| Wish {
                metric: &m.0,
                frequency: m.1,
                unit: None,
            };
            return otherwise.iter().map(wish).collect();
        }
        let mut out = Vec::new();
        for w in request.metrics {
            let whole = Wish {
                metric: w.metric,
                frequency: w.frequency,
                unit: None,
            };
            if w.components.is_empty() {
                out.push(whole);
            }
            out.extend(w.components.iter().map(|c| Wish {
                unit: Some((w.native, c.id.as_str())),
                ..whole
            }));
        }
        out
    }

    /// Asks one request. An empty answer is asked again in halves, until the series is found that the store cannot express.
    fn ask(&mut self, batch: &Batch<'a, '_>) -> Result<(), Trouble> {
        let Asking {
            client,
            request,
            patience,
            stop,
            ..
        } = self.asking;
        let text = question::of_host(request.cluster, request.host, batch);
        match client.ask(&text, batch.values(), patience, stop) {
            Ok(answer) => {
                self.answered += 1;
                self.take(batch, answer)
            }
            Err(Trouble::Empty) if batch.wishes.len() > 1 && self.empty < MOST_EMPTY => {
                batch.halves().iter().try_for_each(|half| self.ask(half))
            }
            Err(Trouble::Empty) if self.empty < MOST_EMPTY => {
                self.empty += 1;
                for wish in batch.wishes {
                    self.damaged(wish, "the answer is empty: it holds an infinite value");
                }
                Ok(())
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Notes a series that cannot be had.
    fn damaged(&mut self, wish: &Wish<'_>, why: &str) {
        let damage = self.damage(wish, why);
        self.out.damaged.push(damage);
    }

    fn damage(&self, wish: &Wish<'_>, why: &str) -> Damage {
        let unit = wish
            .unit
            .map_or_else(String::new, |u| format!(" of {}{}", u.0.name(), u.1));
        Damage {
            interval: self.asking.request.window,
            subject: format!("{} at {}", self.asking.request.host, self.asking.url),
            detail: format!("metric {}{unit}: {why}", wish.metric),
            reason: Reason::SnapshotBroken,
        }
    }

    /// Takes what was found of every series.
    fn take(&mut self, batch: &Batch<'a, '_>, answer: Answer) -> Result<(), Trouble> {
        let fits = answer.results.len() == batch.wishes.len();
        if !fits || answer.results.iter().any(|r| r.len() > 1) {
            let other = "it answers another number of series than it was asked for";
            return Err(Trouble::Nonsense(other.into()));
        }
        for (wish, found) in batch.wishes.iter().zip(answer.results) {
            if let Some(found) = found.into_iter().next() {
                self.take_series(wish, batch.window, found)?;
            }
        }
        Ok(())
    }

    fn take_series(
        &mut self,
        wish: &Wish<'_>,
        window: Interval,
        found: Found,
    ) -> Result<(), Trouble> {
        if found.is_nothing() {
            return Ok(());
        }
        if found.is_unknown_metric() {
            let damage = self.damage(wish, "it is not in the store's configuration");
            self.out.passed_over.push(damage);
            return Ok(());
        }
        if let Some(why) = &found.error {
            let why: String = why.chars().take(200).collect();
            self.damaged(wish, &why);
            return Ok(());
        }
        let step = found.resolution;
        // The store may give one value more at the end, and begins nothing before the window.
        let believed = Interval {
            from: window.from,
            to: window.to.saturating_add(step),
        };
        if found.data.0.is_empty() {
            return Ok(());
        }
        if step <= 0 || !sane(step) || !believed.contains(found.from) {
            let other = "it answers about another time than it was asked for";
            return Err(Trouble::Nonsense(other.into()));
        }
        // A slot of the window's grid where the series began before; else the slot around a true first sample.
        let slot = if found.from == window.from {
            found.from
        } else {
            found.from - step / 2
        };
        let values = found.data.0;
        if let Some(last) = values.iter().rposition(|v| !v.is_nan()) {
            let newest = found.from + last as i64 * step;
            self.out.newest = self.out.newest.max(Some(newest));
        }
        let level = wish.unit.map(|u| format!("{}{}", u.0.name(), u.1));
        let chain = Chain::of_run(slot, step, values.into_boxed_slice());
        self.out.series.lay(level.as_deref(), wish.metric, chain);
        Ok(())
    }

    /// The answer as a whole, read at that time (Unix seconds): a store hears of nothing that is older than a few minutes.
    pub(super) fn finish(self, read_at: i64) -> Evidence {
        let steps = self
            .asking
            .request
            .metrics
            .iter()
            .map(|w| w.frequency)
            .max();
        let late = steps.unwrap_or(0).saturating_mul(LATE_STEPS).max(LATE);
        Evidence {
            final_until: Some(read_at.saturating_sub(late)),
            read_at,
            ..self.out
        }
    }
}

/// The newest data that an answer without values tells of: where its last slot begins, Unix seconds.
pub(super) fn newest(answer: &Answer) -> Option<i64> {
    let with_data = |f: &&Found| f.error.is_none() && f.to > f.from;
    let all = answer.results.iter().flatten().filter(with_data);
    all.map(|f| f.to.saturating_sub(f.resolution))
        .filter(|t| sane(*t))
        .max()
}
