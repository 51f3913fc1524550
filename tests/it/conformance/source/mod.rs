//! What every source of samples promises, whatever it reads, and what stands before it: the same question has the same answer.
//! A medium joins by naming how one is made (`media`) and how it can fail (`faults`).

mod faults;
mod media;

use std::ops::Range;
use std::sync::Arc;

use ccarchive::model::stop::Stop;
use ccarchive::rules::evidence::{Damage, Evidence};
use ccarchive::rules::timeline::Grid;
use ccarchive::source::{Error, Source};

use crate::support::question::ask_about;
use crate::support::site::{CLUSTER, HOUR, T0};
use crate::support::snapshots::{METRICS, STEP, times, value};

/// What every medium holds: both hosts report once a minute from `T0` on.
const HELD: [(&str, Range<i64>); 2] = [("n1", T0..T0 + 2 * HOUR), ("n2", T0..T0 + 3 * HOUR / 2)];
/// When it is asked, Unix seconds.
const NOW: i64 = T0 + 2 * HOUR + 300;

/// A source of the samples of one cluster.
trait Medium {
    /// Opens it, as another sweep would.
    fn open(&self) -> Box<dyn Source>;
    /// Damages what it holds of host n1, and nothing else.
    fn damage(&self);
}

/// Asks about metrics of a host that the host itself measures.
fn ask_for(
    source: &dyn Source,
    host: &str,
    metrics: &[&str],
    window: &Range<i64>,
) -> Result<Arc<Evidence>, Error> {
    ask_about(source, CLUSTER, host, metrics, window, &Stop::new())
}

fn ask(source: &dyn Source, host: &str, window: &Range<i64>) -> Result<Arc<Evidence>, Error> {
    ask_for(source, host, &METRICS, window)
}

/// The values of a metric, minute by minute of a window.
fn values(evidence: &Evidence, metric: &str, window: &Range<i64>) -> Vec<Option<f32>> {
    let mut chains = Vec::new();
    evidence.series.chains(metric, &mut chains);
    let grid = Grid::of_job(window.start, window.end - window.start, STEP);
    let read = chains
        .first()
        .map_or_else(|| vec![f32::NAN; grid.n], |c| c.read(grid));
    let there = |v: f32| (!v.is_nan()).then_some(v);
    read.into_iter().map(there).collect()
}

/// What they should be.
fn right(host: &str, metric: &str, window: &Range<i64>) -> Vec<Option<f32>> {
    let held = HELD.iter().find(|(name, _)| *name == host);
    let there = |t: &i64| held.is_some_and(|(_, held)| held.contains(t));
    let one = |t: i64| there(&t).then(|| value(host, metric, t));
    times(window).map(one).collect()
}

/// Whether everything that a host has of a window is there.
#[track_caller]
fn check(evidence: &Evidence, host: &str, window: &Range<i64>) {
    for metric in METRICS {
        let found = values(evidence, metric, window);
        assert_eq!(found, right(host, metric, window), "{metric} of {host}");
    }
    assert_eq!(evidence.damaged, []);
    assert!(evidence.read_at >= NOW);
    assert!(evidence.final_until.is_none_or(|t| t <= evidence.read_at));
}

/// Whether the values that are there are right, and how many there are.
fn rightly_held(evidence: &Evidence, host: &str, window: &Range<i64>) -> usize {
    let of = |metric| {
        values(evidence, metric, window)
            .into_iter()
            .zip(right(host, metric, window))
    };
    let there = METRICS
        .into_iter()
        .flat_map(of)
        .filter(|(found, _)| found.is_some());
    there
        .inspect(|(found, right)| assert_eq!(found, right))
        .count()
}

fn a_host_has_its_values_in_their_places(m: &dyn Medium) {
    let source = m.open();
    for (host, held) in HELD {
        let evidence = ask(&*source, host, &held).unwrap();
        check(&evidence, host, &held);
        let last = held.end - STEP;
        let newest = evidence.newest.unwrap();
        assert!((newest - last).abs() < STEP, "{newest}, not {last}");
    }
    // Data that goes on tells that all has come; a log alone does not.
    let hour = T0..T0 + HOUR;
    let until = ask(&*source, "n1", &hour).unwrap().final_until;
    assert!(until.is_none_or(|t| t >= T0 + HOUR), "{until:?}");
}

fn a_window_is_a_part_of_the_whole(m: &dyn Medium) {
    let source = m.open();
    for from in [T0, T0 + STEP, T0 + HOUR - 600, T0 + 2 * HOUR - 600] {
        let window = from..from + 600;
        let evidence = ask(&*m.open(), "n1", &window).unwrap();
        check(&evidence, "n1", &window);
        // Also by a source that was asked before.
        check(&ask(&*source, "n1", &window).unwrap(), "n1", &window);
    }
}

fn beyond_its_data_a_host_has_none(m: &dyn Medium) {
    let source = m.open();
    for window in [
        T0 - HOUR..T0 + 600,
        T0 + HOUR - 600..T0 + 2 * HOUR,
        T0 - 2 * HOUR..T0 - HOUR,
        T0 + 3 * HOUR / 2..T0 + 2 * HOUR,
    ] {
        check(&ask(&*source, "n2", &window).unwrap(), "n2", &window);
    }
}

fn a_host_that_never_reported_has_nothing_and_is_no_error(m: &dyn Medium) {
    let evidence = ask(&*m.open(), "n9", &(T0..T0 + HOUR)).unwrap();
    check(&evidence, "n9", &(T0..T0 + HOUR));
    assert_eq!((evidence.newest, evidence.passed_over.len()), (None, 0));
}

fn a_metric_that_is_not_there_costs_no_other(m: &dyn Medium) {
    let window = T0..T0 + HOUR;
    let [one, two] = METRICS;
    let evidence = ask_for(&*m.open(), "n1", &[one, "nothing", two], &window).unwrap();
    check(&evidence, "n1", &window);
    assert!(
        values(&evidence, "nothing", &window)
            .iter()
            .all(Option::is_none)
    );
}

fn the_same_question_has_the_same_answer(m: &dyn Medium) {
    let (source, window) = (m.open(), T0..T0 + 2 * HOUR);
    for source in [&source, &source, &m.open()] {
        check(&ask(&**source, "n1", &window).unwrap(), "n1", &window);
    }
}

fn a_cluster_that_is_not_there_is_an_error_and_never_no_data(m: &dyn Medium) {
    let (source, stop) = (m.open(), Stop::new());
    let window = T0..T0 + HOUR;
    let asked = ask_about(&*source, "beta", "n1", &METRICS, &window, &stop);
    let reach = source.reach("beta", &stop);
    for error in [asked.map(drop).unwrap_err(), reach.map(drop).unwrap_err()] {
        let Error::ClusterMissing { detail, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(
            detail.contains("beta") && !detail.ends_with('.'),
            "{detail}"
        );
        assert!(error.failure().is_some());
    }
    check(&ask(&*source, "n1", &window).unwrap(), "n1", &window);
}

fn a_cluster_reaches_to_its_newest_data(m: &dyn Medium) {
    let reach = m.open().reach(CLUSTER, &Stop::new()).unwrap();
    let end = T0 + 2 * HOUR;
    assert!((end - 2 * STEP..=end).contains(&reach.newest), "{reach:?}");
    assert!(reach.oldest <= T0, "{reach:?}");
}

fn a_well_medium_passes_its_probe(m: &dyn Medium) {
    let source = m.open();
    for but in [&[][..], &["n1"]] {
        source.probe(CLUSTER, but, &Stop::new()).unwrap();
    }
}

fn a_sweep_that_is_cancelled_gets_no_answer(m: &dyn Medium) {
    let stop = Stop::new();
    stop.cancel();
    let window = T0..T0 + HOUR;
    for host in ["n1", "n2"] {
        let asked = ask_about(&*m.open(), CLUSTER, host, &METRICS, &window, &stop);
        assert_eq!(asked.unwrap_err(), Error::Cancelled);
    }
}

fn damage_is_said_with_its_time_and_concerns_no_other_host(m: &dyn Medium) {
    m.damage();
    let (source, window) = (m.open(), T0..T0 + 2 * HOUR);
    let evidence = ask(&*source, "n1", &window).unwrap();
    let said: Vec<&Damage> = evidence
        .damaged
        .iter()
        .chain(&evidence.passed_over)
        .collect();
    assert!(!said.is_empty());
    for damage in said {
        assert!(damage.concerns(T0, T0 + 2 * HOUR), "{damage:?}");
        assert!(!damage.subject.is_empty() && !damage.detail.is_empty());
        let failure = damage.failure();
        assert!(failure.detail.contains(&damage.subject), "{failure:?}");
    }
    // What is lost is lost, what is there is right.
    assert!(rightly_held(&evidence, "n1", &window) < METRICS.len() * 120);
    check(&ask(&*source, "n2", &window).unwrap(), "n2", &window);
    source.probe(CLUSTER, &["n1"], &Stop::new()).unwrap();
}

/// Runs every fact over a medium, each on one of its own.
macro_rules! conformance {
    ($name:ident, $medium:expr) => {
        facts_of! {
            $name, $medium;
            a_host_has_its_values_in_their_places
            a_window_is_a_part_of_the_whole
            beyond_its_data_a_host_has_none
            a_host_that_never_reported_has_nothing_and_is_no_error
            a_metric_that_is_not_there_costs_no_other
            the_same_question_has_the_same_answer
            a_cluster_that_is_not_there_is_an_error_and_never_no_data
            a_cluster_reaches_to_its_newest_data
            a_well_medium_passes_its_probe
            a_sweep_that_is_cancelled_gets_no_answer
            damage_is_said_with_its_time_and_concerns_no_other_host
        }
    };
}

conformance!(binary_snapshots, super::media::Files::new(&["bin"]));
conformance!(json_snapshots, super::media::Files::new(&["json"]));
conformance!(log, super::media::Files::new(&["log"]));
conformance!(
    snapshots_and_log,
    super::media::Files::new(&["json", "log"])
);
conformance!(
    cached,
    super::media::Cached(super::media::Files::new(&["bin"]))
);
conformance!(layered, super::media::Layers::new());
#[cfg(feature = "http")]
conformance!(http, super::media::Http::new());
#[cfg(feature = "http")]
conformance!(files_then_http, super::media::Filled::new());
#[cfg(feature = "parquet")]
conformance!(parquet, super::media::Parquet::new());
#[cfg(feature = "parquet")]
conformance!(parquet_then_snapshots, super::media::Older::new());
