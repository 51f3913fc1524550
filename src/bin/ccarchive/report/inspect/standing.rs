//! How a site stands, in sentences that the terminal and the page share: the worst thing there is, the time that is left, and
//! the jobs that are not done.

use std::collections::HashSet;

use ccarchive::inspect::status::Status;

use super::paper::Tone;
use super::{count, job, span, time};
use crate::report::words::form;

/// Data that is older than this (seconds) and still behind a checkpoint interval says that nothing reports any more.
pub(crate) const SILENT: i64 = 24 * 3600;

/// A sentence and how it is meant.
pub(crate) type Line = (Tone, String);

/// The worst thing there is to say, in a few words without a full stop.
pub(crate) fn verdict(s: &Status) -> Line {
    let r = &s.risk;
    let silent = s.reach.iter().filter(|r| r.error.is_some());
    let silent = silent.map(|r| &r.source).collect::<HashSet<_>>().len() as u64;
    let groups = s.backlog.iter().filter(|g| g.place.can_be_saved());
    let savable: u64 = groups.map(|g| g.jobs).sum();
    let alarm = if r.begun > 0 {
        format!("{} may be losing data now", count(r.begun, "job"))
    } else if r.within_6h > 0 {
        format!("{} may lose data within 6 hours", count(r.within_6h, "job"))
    } else if silent > 0 {
        format!("{} cannot be read", count(silent, "source"))
    } else if s.standing.quarantined > 0 {
        format!("{} quarantined", count(s.standing.quarantined, "job"))
    } else if s.table.unarchived == 0 {
        return (Tone::Good, "nothing waits".into());
    } else if r.retention.is_none() && savable > 0 {
        let (wait, their) = (
            form(savable, "waits", "wait"),
            form(savable, "its", "their"),
        );
        let jobs = count(savable, "job");
        let text =
            format!("{jobs} {wait}, and how long the source keeps {their} data is not known");
        return (Tone::Plain, text);
    } else {
        return (Tone::Good, "nothing needs a person".into());
    };
    (Tone::Bad, alarm)
}

/// How much time is left.
pub(crate) fn time_left(s: &Status) -> Vec<Line> {
    let r = &s.risk;
    let Some(retention) = r.retention else {
        let text = "Not known: metric-store.retention-in-memory of cc-backend's config.json (--config) says how long the source remembers, \
            unless the store keeps what it removes as Parquet files.";
        return vec![(Tone::Plain, text.into())];
    };
    let mut lines = Vec::new();
    if r.begun > 0 {
        let their = form(r.begun, "its", "their");
        let text = format!(
            "{} started more than {} ago, which is how long the source remembers: it may have forgotten {their} first samples. Run a sweep now.",
            count(r.begun, "job"),
            span(retention),
        );
        lines.push((Tone::Bad, text));
    }
    match (&r.job, r.next_loss) {
        (Some(first), Some(at)) => {
            let tone = if r.within_6h > 0 {
                Tone::Bad
            } else {
                Tone::Plain
            };
            let text = format!(
                "The source remembers {} and may begin to forget {} in {} ({}). At risk within 6 h: {}, within 24 h: {}.",
                span(retention),
                job(&first.key),
                span(at.saturating_sub(s.now)),
                time(at),
                r.within_6h,
                r.within_24h
            );
            lines.push((tone, text));
        }
        _ if r.begun == 0 => {
            let text = format!(
                "The source remembers {}; no data waits for a sweep.",
                span(retention)
            );
            lines.push((Tone::Good, text));
        }
        _ => {}
    }
    lines
}

fn waiting(s: &Status) -> String {
    let n = s.standing.waiting;
    let next = s.standing.next_try.map_or(String::new(), |t| {
        let first = form(n, "", ", the first of them");
        format!("{first} in {} ({})", span(t.saturating_sub(s.now)), time(t))
    });
    format!("waiting for {} next try{next}", form(n, "its", "their"))
}

/// Jobs that are not archived for good, and what to do about them; with the word that lists them, if they can be listed.
pub(crate) fn standings(s: &Status, thin: f64) -> Vec<(Option<&'static str>, Line)> {
    let st = &s.standing;
    let lines = [
        (
            Tone::Bad,
            st.quarantined,
            Some("quarantined"),
            "quarantined after repeated failures: explain JOB says why; then run --retry-now"
                .to_owned(),
        ),
        (
            Tone::Warn,
            st.lost,
            Some("lost"),
            format!(
                "lost: the source cannot have {} data any more; another --source may",
                form(st.lost, "its", "their")
            ),
        ),
        (
            Tone::Warn,
            st.unknown_end,
            None,
            format!(
                "of unknown end: length 0, as cc-backend's walltime check leaves {}; run --zero-duration walltime archives what there is",
                form(st.unknown_end, "it", "them")
            ),
        ),
        (Tone::Plain, st.waiting, Some("waiting"), waiting(s)),
        (
            Tone::Plain,
            st.provisional,
            Some("provisional"),
            "provisional: archived with what there was; later sweeps add what comes".to_owned(),
        ),
        (
            Tone::Plain,
            st.thin,
            Some("thin"),
            format!(
                "thin: archived with less than {:.0} % of {} samples",
                thin * 100.0,
                form(st.thin, "its", "their")
            ),
        ),
    ];
    let said = lines.into_iter().filter(|l| l.1 > 0);
    said.map(|(tone, n, list, what)| (list, (tone, format!("{n} {what}."))))
        .collect()
}
