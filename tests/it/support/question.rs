//! A question to a source, as a sweep asks it.

use std::ops::Range;
use std::sync::Arc;

use ccarchive::model::series::Scope;
use ccarchive::model::stop::Stop;
use ccarchive::rules::evidence::Evidence;
use ccarchive::rules::timeline::Interval;
use ccarchive::source::{Error, Request, Source, Wanted};

use super::snapshots::STEP;

/// Asks about metrics of a host that the host itself measures.
pub(crate) fn ask_about(
    source: &dyn Source,
    cluster: &str,
    host: &str,
    metrics: &[&str],
    window: &Range<i64>,
    stop: &Stop,
) -> Result<Arc<Evidence>, Error> {
    let wanted: Vec<Wanted<'_>> = metrics
        .iter()
        .map(|metric| Wanted {
            metric,
            frequency: STEP,
            native: Scope::Node,
            components: &[],
        })
        .collect();
    let request = Request {
        cluster,
        subcluster: "main",
        host,
        metrics: &wanted,
        window: Interval {
            from: window.start,
            to: window.end,
        },
    };
    source.ask(&request, stop)
}
