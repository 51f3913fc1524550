//! Sources one after the other: each is asked only for what those before it lack.
//!
//! All files of a site are one such source, since what they tell of a host belongs onto one timeline; a store over HTTP is
//! another, before or behind them. Values are merged slot by slot on the grid of the window, for series as they are measured
//! and before anything is made of them; where two sources have a value, the first one counts, and nothing is averaged.
//!
//! A source that is not needed is not asked, so that its outage does not matter. One that is needed and does not answer is
//! damage that may have held anything: the jobs that lack something wait for it, and never become smaller archives.

use std::fmt;
use std::sync::Arc;

use super::layers::lay_over;
use super::several::{damage, probe_any, reach_of_any, worst};
use super::{Error, Reach, Request, Source, Wanted};
use crate::model::outcome::Filled;
use crate::model::stop::Stop;
use crate::rules::evidence::{Damage, Evidence};
use crate::rules::scopes::Component;
use crate::rules::timeline::{Chain, Grid};

/// Sources in the order of their priority, by name.
pub struct Filling {
    sources: Vec<(String, Box<dyn Source>)>,
}

impl fmt::Debug for Filling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.sources.iter().map(|s| s.0.as_str()).collect();
        write!(f, "Filling({})", names.join(", "))
    }
}

impl Filling {
    /// The first of the sources has priority.
    pub fn new(sources: Vec<(String, Box<dyn Source>)>) -> Self {
        Self { sources }
    }

    fn each(&self) -> impl Iterator<Item = &dyn Source> {
        self.sources.iter().map(|(_, source)| &**source)
    }
}

/// What of a question is still without a value.
#[derive(Default)]
struct Missing {
    /// Which metrics, with the components that lack something; those of the host itself have none.
    metrics: Vec<(usize, Vec<Component>)>,
    /// Values that are there.
    values: u64,
}

impl Missing {
    fn of(request: &Request<'_>, evidence: &Evidence) -> Self {
        let mut out = Self::default();
        for (i, w) in request.metrics.iter().enumerate() {
            let window = request.window;
            let grid = Grid::of_job(
                window.from,
                window.to.saturating_sub(window.from),
                w.frequency,
            );
            let mut there = |level: &str| {
                let n = values_of(evidence, level, w.metric, grid);
                out.values += n as u64;
                n >= grid.n
            };
            if w.components.is_empty() {
                if !there("") {
                    out.metrics.push((i, Vec::new()));
                }
                continue;
            }
            let lacks = |c: &&Component| !there(&c.level);
            let components: Vec<Component> = w.components.iter().filter(lacks).cloned().collect();
            if !components.is_empty() {
                out.metrics.push((i, components));
            }
        }
        out
    }

    /// The question for the rest.
    fn wanted<'a>(&'a self, request: &Request<'a>) -> Vec<Wanted<'a>> {
        let rest = |(i, components): &'a (usize, Vec<Component>)| Wanted {
            components,
            ..request.metrics[*i]
        };
        self.metrics.iter().map(rest).collect()
    }
}

/// How many values of the grid the fullest chain of a metric has at a level.
fn values_of(evidence: &Evidence, level: &str, metric: &str, grid: Grid) -> usize {
    let place = if level.is_empty() {
        Some(&evidence.series)
    } else {
        evidence.series.child(level)
    };
    let mut chains: Vec<&Chain> = Vec::new();
    if let Some(place) = place {
        place.chains(metric, &mut chains);
    }
    let values = |c: &Chain| c.read(grid).iter().filter(|v| !v.is_nan()).count();
    chains.into_iter().map(values).max().unwrap_or(0)
}

impl Source for Filling {
    fn ask(&self, request: &Request<'_>, stop: &Stop) -> Result<Arc<Evidence>, Error> {
        if let [(_, only)] = &self.sources[..] {
            return only.ask(request, stop);
        }
        let mut found: Option<Arc<Evidence>> = None;
        let mut missing = Missing::of(request, &Evidence::default());
        let mut errors = Vec::new();
        for (name, source) in &self.sources {
            let wanted = missing.wanted(request);
            if found.is_some() && wanted.is_empty() && !request.metrics.is_empty() {
                break;
            }
            let rest = Request {
                metrics: &wanted,
                ..*request
            };
            let answer = match source.ask(&rest, stop) {
                Ok(answer) => answer,
                Err(e @ (Error::Cancelled | Error::Refused(_))) => return Err(e),
                Err(e) => {
                    errors.push(e);
                    continue;
                }
            };
            let before = missing.values;
            let is_first = found.is_none() && errors.is_empty();
            let mut merged = match found.take() {
                None => answer,
                Some(above) => {
                    let mut below = Arc::unwrap_or_clone(answer);
                    lay_over(&mut below, Arc::unwrap_or_clone(above));
                    Arc::new(below)
                }
            };
            missing = Missing::of(request, &merged);
            let values = missing.values.saturating_sub(before);
            if !is_first && values > 0 {
                let filled = Filled {
                    source: name.clone(),
                    values,
                };
                let mut own = Arc::unwrap_or_clone(merged);
                own.filled.push(filled);
                merged = Arc::new(own);
            }
            found = Some(merged);
        }
        let Some(found) = found else {
            return Err(worst(errors).of_one_of(self.sources.len()));
        };
        let silent: Vec<Damage> = errors.into_iter().filter_map(damage).collect();
        if silent.is_empty() {
            return Ok(found);
        }
        let mut found = Arc::unwrap_or_clone(found);
        // A source that is silent now may answer later.
        found.final_until = None;
        found.damaged.extend(silent);
        Ok(Arc::new(found))
    }

    fn reach(&self, cluster: &str, stop: &Stop) -> Result<Reach, Error> {
        let reach = reach_of_any(self.each(), cluster, stop);
        reach.map_err(|e| e.of_one_of(self.sources.len()))
    }

    fn probe(&self, cluster: &str, but: &[&str], stop: &Stop) -> Result<(), Error> {
        let probe = probe_any(self.each(), cluster, but, stop);
        probe.map_err(|e| e.of_one_of(self.sources.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::failure::Reason;
    use crate::model::series::Scope;
    use crate::source::testing::{Fake, holding, unreadable};

    const N: f32 = f32::NAN;

    fn gone() -> Error {
        Error::Gone("it is away".into())
    }

    /// Asks sources that answer so for four minutes of `m`.
    fn ask(answers: Vec<Result<Evidence, Error>>) -> (Result<Arc<Evidence>, Error>, Vec<usize>) {
        let fakes: Vec<&'static Fake> = answers
            .into_iter()
            .map(|a| &*Box::leak(Box::new(Fake::new(move |_| a.clone()))))
            .collect();
        let named = |(k, f): (usize, &&'static Fake)| -> (String, Box<dyn Source>) {
            (format!("source {k}"), Box::new(*f))
        };
        let filling = Filling::new(fakes.iter().enumerate().map(named).collect());
        let wanted = [Wanted {
            metric: "m",
            frequency: 60,
            native: Scope::Node,
            components: &[],
        }];
        let request = Request {
            metrics: &wanted,
            ..crate::source::testing::about("h", 1000, 1240)
        };
        let answer = filling.ask(&request, &Stop::new());
        (answer, fakes.iter().map(|f| f.times()).collect())
    }

    fn values(evidence: &Evidence) -> Vec<f32> {
        let mut chains = Vec::new();
        evidence.series.chains("m", &mut chains);
        chains[0].read(Grid {
            start: 1000,
            step: 60,
            n: 4,
        })
    }

    #[test]
    fn the_first_source_counts_and_the_next_fill_what_is_empty_slot_by_slot() {
        let (answer, _) = ask(vec![
            Ok(holding(1000, &[0.0, N, 2.0])),
            Ok(holding(1000, &[10.0, 11.0, 12.0, N])),
            Ok(holding(1060, &[21.0, 22.0, 23.0])),
        ]);
        let evidence = answer.unwrap();
        assert_eq!(values(&evidence), [0.0, 11.0, 2.0, 23.0]);
        let filled: Vec<_> = evidence
            .filled
            .iter()
            .map(|f| (&*f.source, f.values))
            .collect();
        assert_eq!(filled, [("source 1", 1), ("source 2", 1)]);
    }

    #[test]
    fn a_source_is_asked_only_where_something_is_missing() {
        let full = || Ok(holding(1000, &[0.0, 1.0, 2.0, 3.0]));
        let (answer, times) = ask(vec![full(), Err(gone())]);
        assert_eq!(times, [1, 0]);
        let evidence = answer.unwrap();
        assert!(evidence.damaged.is_empty() && evidence.filled.is_empty());
        let (answer, times) = ask(vec![Ok(holding(1000, &[0.0])), full(), full()]);
        assert_eq!(times, [1, 1, 0]);
        assert_eq!(values(&answer.unwrap()), [0.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn a_source_that_is_needed_and_away_is_damage_that_is_waited_for() {
        for first in [true, false] {
            let mut answers = vec![Err(gone()), Ok(holding(1000, &[0.0, 1.0, 2.0]))];
            if !first {
                answers.reverse();
            }
            let evidence = ask(answers).0.unwrap();
            assert_eq!(evidence.damaged[0].reason, Reason::LayerGone);
            assert_eq!(evidence.final_until, None);
        }
        let evidence = ask(vec![Ok(holding(1000, &[0.0])), Err(unreadable(false))])
            .0
            .unwrap();
        assert_eq!(evidence.damaged[0].reason, Reason::SourceUnreadable);
    }

    #[test]
    fn where_none_answers_one_that_is_gone_ends_nothing_for_the_others() {
        let missing = || Error::ClusterMissing {
            subject: "c".into(),
            detail: "c is missing".into(),
        };
        let (answer, _) = ask(vec![Err(missing()), Err(gone())]);
        assert_eq!(answer.unwrap_err(), Error::LayerGone("it is away".into()));
        let (answer, _) = ask(vec![Err(missing()), Err(missing())]);
        assert_eq!(answer.unwrap_err(), missing());
        let (answer, _) = ask(vec![Err(gone())]);
        assert_eq!(answer.unwrap_err(), gone());
    }

    #[test]
    fn a_source_that_refuses_us_ends_the_question_at_once() {
        let refused = || Error::Refused("no".into());
        let (answer, times) = ask(vec![Err(refused()), Ok(holding(1000, &[0.0]))]);
        assert_eq!((answer.unwrap_err(), times), (refused(), vec![1, 0]));
    }
}
