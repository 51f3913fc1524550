//! The objects of `--json`: documented in the man page, additive only.

use ccarchive::model::job::Shown;
use ccarchive::site::Site;
use ccarchive::sweep::monitor::Report;
use ccarchive::sweep::{Exit, Group, Settings, Summary};
use serde_json::{Map, Value, json};

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
    let sources: Vec<_> = site
        .checkpoints
        .iter()
        .map(|c| c.value.display().to_string())
        .collect();
    json!({
        "type": "start",
        "version": env!("CARGO_PKG_VERSION"),
        "db": site.database.value.display().to_string(),
        "archive": site.archive.value.display().to_string(),
        "sources": sources,
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
        "bytes": r.raw_bytes,
    });
    if let Some(f) = r.outcome.failure() {
        v["stage"] = f.stage.name().into();
        v["reason"] = f.reason.code().into();
        v["detail"] = f.detail.as_str().into();
    }
    if let Some(note) = r.note {
        v["note"] = note.into();
    }
    v
}

/// Also the figures of a run in the ledger.
pub(crate) fn summary(s: &Summary, exit: Exit) -> Value {
    let failures: Vec<Value> = s
        .failures
        .iter()
        .map(|(Group { stage, reason, .. }, f)| {
            json!({
                "stage": stage.name(), "reason": reason.code(), "count": f.count,
                "firstJob": f.first_job.to_string(), "firstDetail": f.first_detail, "advice": reason.advice(),
            })
        })
        .collect();
    let seconds = s
        .work_by_stage()
        .map(|(name, d)| (name.to_owned(), json!(d.as_secs_f64())));
    let standing = s.standing();
    json!({
        "type": "summary",
        "exit": exit as u8,
        "jobs": s.total(),
        "archived": s.archived(),
        "outcomes": s.outcomes,
        "failures": failures,
        "waiting": standing.waiting,
        "quarantined": standing.quarantined,
        "lost": standing.lost,
        "remaining": s.left,
        "notTried": s.not_due.waiting + s.not_due.quarantined + s.not_due.lost,
        "rawBytes": s.raw_bytes,
        "storedBytes": s.stored_bytes,
        "unusableSamples": s.unusable,
        "hooksFailed": s.hooks_failed,
        "seconds": s.seconds,
        "stageSeconds": Map::from_iter(seconds),
        "aborted": s.aborted.as_ref().map(|a| json!({"reason": a.reason.code(), "detail": a.detail, "advice": a.reason.advice()})),
        "interrupted": s.interrupted,
        "timeBox": s.time_box,
        "dryRun": s.dry_run,
    })
}

/// The summary of a sweep that did not begin.
pub(super) fn stopped(exit: Exit, message: &str) -> Value {
    json!({
        "type": "summary", "exit": exit as u8, "jobs": 0, "archived": 0,
        "aborted": {"reason": "not_started", "detail": message, "advice": ""},
    })
}
