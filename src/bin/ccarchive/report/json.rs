//! The objects of `--json`: documented in the man page, additive only.

use ccarchive::model::job::Shown;
use ccarchive::site::Site;
use ccarchive::sweep::monitor::Report;
use ccarchive::sweep::{Abort, Behind, Exit, Failures, Group, Settings, Summary};
use serde_json::{Map, Value, json};

use super::advice::advice;

/// An object on one line. Serde escapes control characters of ASCII; a terminal obeys others as well.
pub(super) fn line(value: &Value) -> String {
    let text = value.to_string();
    if text.is_ascii() && !text.contains('\u{7f}') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Outside of texts JSON has no such characters, so that an escape says the same.
        if c == '\u{7f}' || !c.is_ascii() && Shown(c.encode_utf8(&mut [0; 4])).to_string().len() > 4
        {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

pub(super) fn start(site: &Site, settings: &Settings, dry_run: bool) -> Value {
    json!({
        "type": "start",
        "version": env!("CARGO_PKG_VERSION"),
        "db": site.database.value.display().to_string(),
        "archive": site.archive.value.to_string(),
        "sources": site.source_names(),
        "ledger": site.ledger.value.display().to_string(),
        "workers": settings.workers,
        "dryRun": dry_run,
    })
}

pub(super) fn job(r: &Report<'_>) -> Value {
    let key = &r.head.key;
    let mut v = json!({
        "type": "job",
        "id": r.head.id,
        "jobId": key.job_id,
        "cluster": key.cluster,
        "startTime": key.start_time,
        "outcome": r.outcome.name(),
        "expected": r.coverage.points.expected,
        "received": r.coverage.points.received,
        "rawBytes": r.raw_bytes,
        "storedBytes": r.stored_bytes,
        // The older name of rawBytes.
        "bytes": r.raw_bytes,
    });
    if !r.coverage.filled.is_empty() {
        let filled = r.coverage.filled.iter();
        v["filled"] = filled
            .map(|f| (f.source.clone(), f.values.into()))
            .collect::<Map<_, _>>()
            .into();
    }
    if r.coverage.phase_guessed {
        v["phaseGuessed"] = true.into();
    }
    if let Some(f) = r.outcome.failure() {
        v["stage"] = f.stage.name().into();
        v["reason"] = f.reason.code().into();
        v["detail"] = f.detail.as_str().into();
    }
    if r.unchanged {
        v["unchanged"] = true.into();
    }
    if let Some(note) = r.note {
        v["note"] = note.into();
    }
    v
}

/// Also the figures of a run in the ledger.
pub(crate) fn summary(s: &Summary, exit: Exit) -> Value {
    let standing = s.standing();
    let outcomes: Map<String, Value> = s
        .outcomes
        .iter()
        .map(|(kind, n)| (kind.name().to_owned(), (*n).into()))
        .collect();
    let mut v = json!({
        "type": "summary",
        "exit": exit as u8,
        "jobs": s.total(),
        "archived": s.archived(),
        "remaining": s.left,
        "sawAll": s.saw_all,
        "limitReached": s.limited,
        "outcomes": outcomes,
        "failures": failures(s),
        "waiting": standing.waiting,
        "nextTry": standing.next_try,
        "quarantined": standing.quarantined,
        "lost": standing.lost,
        "notTried": s.not_due.waiting + s.not_due.quarantined + s.not_due.lost,
        "expected": s.points.expected,
        "received": s.points.received,
        "belowWarnCoverage": s.thin,
        "rawBytes": s.raw_bytes,
        "storedBytes": s.stored_bytes,
        "unusableSamples": s.unusable,
        "hooksRun": s.hooks_run,
        "hooksFailed": s.hooks_failed,
        "seconds": s.seconds,
        "aborted": s.aborted.as_ref().map(abort),
        "outages": s.outages.iter().map(abort).collect::<Vec<_>>(),
        "unproved": s.unproved,
        "silent": s.silent,
        "behind": behind(s),
        "provisionalUnchanged": s.unchanged,
        "rowsArchived": s.rows_archived,
        "rowsFailed": s.rows_failed,
        "interrupted": s.interrupted,
        "timeBox": s.time_box,
        "dryRun": s.dry_run,
    });
    let worst = s.worst.iter().map(|t| {
        json!({
            "jobId": t.key.job_id, "cluster": t.key.cluster, "startTime": t.key.start_time,
            "expected": t.points.expected, "received": t.points.received,
        })
    });
    v["worst"] = worst.collect();
    let seconds = s
        .work_by_stage()
        .map(|(name, d)| (name.to_owned(), json!(d.as_secs_f64())));
    v["stageSeconds"] = Map::from_iter(seconds).into();
    let p = s.passed_over;
    v["passedOver"] = json!({
        "tooYoung": p.too_young, "inFuture": p.in_future, "startInFuture": p.start_in_future, "notSelected": p.not_selected,
        "external": p.external, "switchedOff": p.switched_off, "unknownEnd": p.unknown_end,
    });
    v
}

fn behind(s: &Summary) -> Map<String, Value> {
    let of = |(cluster, b): (&String, &Behind)| {
        let value = json!({"jobs": b.jobs, "newest": b.newest});
        (cluster.clone(), value)
    };
    s.behind.iter().map(of).collect()
}

fn failures(s: &Summary) -> Vec<Value> {
    let group = |(g, f): (&Group, &Failures)| {
        json!({
            "stage": g.stage.name(), "reason": g.reason.code(), "cause": g.cause.replace('…', "..."), "count": f.count,
            "firstJob": f.first_job.to_string(), "firstDetail": f.first_detail, "advice": advice(g.reason),
        })
    };
    s.failures.iter().map(group).collect()
}

fn abort(a: &Abort) -> Value {
    json!({
        "reason": a.reason.code(), "detail": a.detail, "advice": advice(a.reason),
        "cluster": a.cluster, "unmarked": a.unmarked,
    })
}

/// The summary of a sweep that did not begin: every key of a summary, and why.
pub(super) fn stopped(exit: Exit, message: &str) -> Value {
    let mut v = summary(&Summary::default(), exit);
    v["aborted"] = json!({"reason": "not_started", "detail": message, "advice": "", "cluster": null, "unmarked": 0});
    v
}
