//! Several sources as one: a copy of an older store under a newer one, or two stores that saw the same hosts.
//!
//! Each layer is asked, and the series are laid over each other; where several have a sample, the first layer has priority.
//! A layer that does not answer must not cost the jobs that are whole without it, and must not be forgotten for those that
//! are not: its failure is damage that may have held anything. A cluster that some layers lack is no failure; one that all
//! of them lack is.

use std::fmt;
use std::sync::Arc;

use super::several::{damage, probes, reaches, worst};
use super::{Error, Reach, Request, Source};
use crate::model::stop::Stop;
use crate::rules::evidence::{Covers, Damage, Evidence};
use crate::rules::timeline::Interval;

/// Sources laid over each other.
pub struct Layered {
    layers: Vec<Box<dyn Source>>,
}

impl fmt::Debug for Layered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Layered({} layers)", self.layers.len())
    }
}

impl Layered {
    /// The first of the layers has priority.
    pub fn new(layers: Vec<Box<dyn Source>>) -> Self {
        Self { layers }
    }

    /// The answers of all layers, the first layer's first.
    ///
    /// # Errors
    /// When the sweep is cancelled.
    fn all<T>(
        &self,
        ask: impl Fn(&dyn Source) -> Result<T, Error>,
    ) -> Result<Vec<Result<T, Error>>, Error> {
        let mut answers = Vec::new();
        for layer in &self.layers {
            match ask(&**layer) {
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                answer => answers.push(answer),
            }
        }
        Ok(answers)
    }
}

/// Lays one answer over another.
pub(super) fn lay_over(below: &mut Evidence, over: Evidence) {
    below.series.lay_over(over.series);
    below.damaged.splice(0..0, over.damaged);
    below.passed_over.splice(0..0, over.passed_over);
    // A hole stays one only if no layer can fill it any more: none is less than any time.
    below.final_until = below.final_until.min(over.final_until);
    below.newest = below.newest.max(over.newest);
    below.read_at = below.read_at.min(over.read_at);
    below.covers = Covers {
        window: match (below.covers.window, over.covers.window) {
            (Some(a), Some(b)) => Some(Interval {
                from: a.from.max(b.from),
                to: a.to.min(b.to),
            }),
            _ => None,
        },
        all_metrics: below.covers.all_metrics && over.covers.all_metrics,
    };
    let of_lower = std::mem::take(&mut below.phases);
    below.phases = over.phases;
    for phase in of_lower {
        if below.phases.iter().all(|p| p.frequency != phase.frequency) {
            below.phases.push(phase);
        }
    }
    below.phase_guessed |= over.phase_guessed;
    below.filled.extend(over.filled);
}

impl Source for Layered {
    fn ask(&self, request: &Request<'_>, stop: &Stop) -> Result<Arc<Evidence>, Error> {
        let answers = self.all(|layer| layer.ask(request, stop))?;
        let mut out: Option<Evidence> = None;
        let mut errors = Vec::new();
        for answer in answers.into_iter().rev() {
            match answer {
                Ok(evidence) => {
                    let over = Arc::unwrap_or_clone(evidence);
                    match &mut out {
                        Some(below) => lay_over(below, over),
                        None => out = Some(over),
                    }
                }
                Err(e) => errors.insert(0, e),
            }
        }
        let Some(mut out) = out else {
            return Err(worst(errors));
        };
        let silent: Vec<Damage> = errors.into_iter().filter_map(damage).collect();
        if !silent.is_empty() {
            // A layer that is silent now may answer later.
            out.final_until = None;
        }
        out.damaged.extend(silent);
        Ok(Arc::new(out))
    }

    fn reach(&self, cluster: &str, stop: &Stop) -> Result<Reach, Error> {
        reaches(self.all(|layer| layer.reach(cluster, stop))?)
    }

    fn probe(&self, cluster: &str, but: &[&str], stop: &Stop) -> Result<(), Error> {
        probes(self.all(|layer| layer.probe(cluster, but, stop))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::failure::Reason;
    use crate::rules::timeline::{Grid, Phase};
    use crate::source::testing::{Fake, about, holding, unreadable};

    fn gone() -> Error {
        Error::Gone("the folder is empty".into())
    }

    fn missing() -> Error {
        Error::ClusterMissing {
            subject: "c".into(),
            detail: "c is missing".into(),
        }
    }

    /// A layer that answers everything the same.
    fn layer(answer: Result<Evidence, Error>) -> Fake {
        let of_cluster = answer.as_ref().map_or_else(
            |e| Err(e.clone()),
            |e| {
                Ok(Reach {
                    newest: e.newest.unwrap_or_default(),
                    oldest: e.read_at,
                })
            },
        );
        let probe = of_cluster
            .as_ref()
            .map_or_else(|e| Err(e.clone()), |_| Ok(()));
        let mut fake = Fake::new(move |_| answer.clone());
        fake.reach = Box::new(move || of_cluster.clone());
        fake.probe = probe;
        fake
    }

    fn layered(answers: impl IntoIterator<Item = Result<Evidence, Error>>) -> Layered {
        let boxed = |a| -> Box<dyn Source> { Box::new(layer(a)) };
        Layered::new(answers.into_iter().map(boxed).collect())
    }

    fn ask(
        answers: impl IntoIterator<Item = Result<Evidence, Error>>,
    ) -> Result<Arc<Evidence>, Error> {
        layered(answers).ask(&about("h", 0, 1000), &Stop::new())
    }

    fn broken(subject: &str) -> Damage {
        Damage {
            interval: Interval { from: 0, to: 1 },
            subject: subject.into(),
            detail: "broken".into(),
            reason: Reason::SnapshotBroken,
        }
    }

    #[test]
    fn series_are_laid_over_each_other_and_the_first_layer_wins() {
        let host = ask([
            Ok(holding(1060, &[11.0, f32::NAN, 13.0])),
            Ok(holding(1000, &[0.0, 1.0, 2.0])),
        ]);
        let mut chains = Vec::new();
        let host = host.unwrap();
        host.series.chains("m", &mut chains);
        let grid = Grid {
            start: 1000,
            step: 60,
            n: 4,
        };
        assert_eq!(chains[0].read(grid), [0.0, 11.0, 2.0, 13.0]);
    }

    #[test]
    fn what_all_layers_say_is_combined_so_that_it_holds_for_all() {
        let (mut a, mut b) = (holding(1000, &[1.0]), holding(4000, &[1.0]));
        let (newest, oldest_reading) = (b.newest, a.read_at);
        a.damaged.push(broken("a"));
        b.damaged.push(broken("b"));
        a.passed_over.push(broken("c"));
        b.passed_over.push(broken("d"));
        let phase = |frequency, phase| Phase { frequency, phase };
        a.phases = vec![phase(60, 1)];
        b.phases = vec![phase(60, 2), phase(30, 3)];
        b.phase_guessed = true;
        let until = a.final_until;
        for (first, second) in [(a.clone(), b.clone()), (b, a)] {
            let sixty = first.phases[0].phase;
            let both = ask([Ok(first), Ok(second)]).unwrap();
            assert_eq!(both.final_until, until, "final when it is for both");
            assert_eq!((both.newest, both.read_at), (newest, oldest_reading));
            assert_eq!((both.damaged.len(), both.passed_over.len()), (2, 2));
            assert!(both.phases.contains(&phase(60, sixty)) && both.phases.len() == 2);
            assert!(both.phase_guessed);
        }
        let never = Evidence {
            read_at: 5000,
            ..Evidence::default()
        };
        let both = ask([Ok(holding(1000, &[1.0])), Ok(never)]).unwrap();
        assert_eq!(both.final_until, None, "the other may still hear of it");
    }

    #[test]
    fn a_layer_that_does_not_answer_is_damage_that_may_have_held_anything() {
        for (error, reason) in [
            (gone(), Reason::LayerGone),
            (unreadable(false), Reason::SourceUnreadable),
        ] {
            for silent_first in [true, false] {
                let mut answers = vec![Ok(holding(1000, &[1.0])), Err(error.clone())];
                if silent_first {
                    answers.reverse();
                }
                let host = ask(answers.clone()).unwrap();
                assert_eq!(host.damaged.len(), 1);
                let damage = &host.damaged[0];
                assert_eq!((damage.reason, damage.interval), (reason, Interval::ALL));
                assert_eq!(host.final_until, None);
                assert!(host.newest.is_some());
                println!("{}", damage.failure());
                let source = layered(answers);
                assert_eq!(source.reach("c", &Stop::new()).unwrap().oldest, i64::MIN);
                let probe = source.probe("c", &[], &Stop::new());
                assert_eq!(probe.is_ok(), reason == Reason::LayerGone);
            }
        }
    }

    #[test]
    fn a_cluster_that_one_layer_lacks_is_no_outage_and_one_that_all_lack_is() {
        for answers in [
            [Ok(holding(1000, &[1.0])), Err(missing())],
            [Err(missing()), Ok(holding(1000, &[1.0]))],
        ] {
            let host = ask(answers.clone()).unwrap();
            assert!(host.damaged.is_empty() && host.final_until == Some(1060));
            let source = layered(answers);
            let reach = Reach {
                newest: 1000 - 30,
                oldest: 1060,
            };
            assert_eq!(source.reach("c", &Stop::new()), Ok(reach));
            assert_eq!(source.probe("c", &[], &Stop::new()), Ok(()));
        }
        assert_eq!(
            ask([Err(missing()), Err(missing())]).unwrap_err(),
            missing()
        );
        let source = layered([Err(missing()), Err(missing())]);
        assert_eq!(source.reach("c", &Stop::new()), Err(missing()));
        assert_eq!(source.probe("c", &[], &Stop::new()), Err(missing()));
        // The layer that is gone may have the cluster.
        assert_eq!(ask([Err(missing()), Err(gone())]).unwrap_err(), gone());
        let cancelled = ask([Ok(holding(1000, &[1.0])), Err(Error::Cancelled)]);
        assert_eq!(cancelled.unwrap_err(), Error::Cancelled);
    }

    #[test]
    fn the_reach_is_that_of_all_layers() {
        let source = layered([Ok(holding(1000, &[1.0])), Ok(holding(4000, &[1.0]))]);
        let reach = Reach {
            newest: 3970,
            oldest: 1060,
        };
        assert_eq!(source.reach("c", &Stop::new()), Ok(reach));
    }
}
