//! What one job should have come to, and whether it has.

use super::case::Case;
use super::difference::{Difference, Outcome, Used};
use super::document::{self, Data};
use super::json::Json;
use super::row::ensure_unchanged;
use super::{entry, expected, meta, row};
use anyhow::{Result, ensure};
use std::path::Path;

/// The outcome, and in `used` what had to be forgiven; an error says what is wrong.
pub(crate) fn compare(case: &Case<'_>, used: &mut Used) -> Result<Outcome> {
    let job = case.job;
    let there = case.folder.is_dir();
    let at_rest = matches!(job.state.as_str(), "running" | "pending" | "suspended");
    if at_rest || !matches!(job.status, 1 | 2) {
        ensure!(!there, "archived though not selected");
        ensure_unchanged(case, &[])?;
        return Ok(Outcome::NotSelected);
    }
    if job.status == 2 && job.duration == 0 {
        ensure!(!there, "unknown end, yet archived");
        ensure_unchanged(case, &[])?;
        return Ok(Outcome::UnknownEnd);
    }
    let three = Json::Number("3".to_owned());
    let status = case
        .site
        .rows
        .get(&job.id)
        .map(|r| r.field("monitoring_status"));
    if !case.expected.is_dir() || status.transpose()? != Some(&three) {
        ensure!(!there, "archived, cc-backend could not");
        ensure_failed(case)?;
        return Ok(Outcome::Failed);
    }
    let want = expected::data(case, used)?;
    if let Some(outcome) = without_data(case, &want, used)? {
        return Ok(outcome);
    }
    ensure!(there, "no archive; status {}", case.after.status);
    ensure_documents(&case.folder)?;
    let got = read_data(case)?;
    entry::compare_all(case, &got, &want, used)?;
    let (meta, statistics) = meta::compare(case, &got, used)?;
    row::compare(case, &meta, &statistics, used)?;
    Ok(Outcome::Archived)
}

/// Status 2 and nothing else changed.
fn ensure_failed(case: &Case<'_>) -> Result<()> {
    ensure!(
        case.after.status == 2,
        "status {}, want 2 (failed)",
        case.after.status
    );
    ensure_unchanged(case, &["monitoring_status"])
}

/// Jobs for which no file holds a value.
fn without_data(case: &Case<'_>, want: &Data, used: &mut Used) -> Result<Option<Outcome>> {
    let there = case.folder.is_dir();
    if case.job.duration == 0 {
        return Ok(None);
    }
    if want.is_empty() {
        let mut some = false;
        for (metric, _, host) in &used.late {
            some |= case.held(metric, host)?;
        }
        if there && some {
            return Ok(None);
        }
        ensure!(!there, "no data, yet archived");
        ensure_failed(case)?;
        return Ok(Some(Outcome::NoData));
    }
    if there {
        return Ok(None);
    }
    for metric in want.keys() {
        for resource in &case.resources {
            if case.held(metric, &resource.host)? {
                return Ok(None);
            }
        }
    }
    used.note(Difference::NoFile);
    ensure_failed(case)?;
    Ok(Some(Outcome::NoData))
}

fn ensure_documents(folder: &Path) -> Result<()> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let known = |name: &String| matches!(name.as_str(), "meta.json" | "data.json" | "data.json.gz");
    ensure!(
        names.iter().all(known) && names.iter().any(|n| n == "meta.json"),
        "files {names:?}"
    );
    Ok(())
}

fn read_data(case: &Case<'_>) -> Result<Data> {
    let bytes = document::data_bytes(&case.folder)?;
    let data = document::data(&document::parse_exactly("data.json", &bytes)?)?;
    document::ensure_lengths(&data, &case.site.steps, case.job.duration)?;
    Ok(data)
}
