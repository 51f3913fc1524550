//! Holds the row of an archived job against what its meta.json says, and against cc-backend's row.

use super::case::Case;
use super::difference::Used;
use super::json::{self, Json, write_text};
use super::meta::ByMetric;
use super::number::{LAST_DIGIT, close, go, round, sum, whole};
use anyhow::{Context, Result, ensure};
use rusqlite::types::Value;
use std::collections::BTreeMap;

/// The columns that archiving a job writes.
const WRITTEN: [&str; 4] = [
    "monitoring_status",
    "footprint",
    "energy",
    "energy_footprint",
];

pub(crate) fn compare(
    case: &Case<'_>,
    meta: &Json,
    statistics: &ByMetric,
    used: &Used,
) -> Result<()> {
    let after = case.after;
    ensure!(after.status == 3, "status {}, want 3", after.status);
    ensure_unchanged(case, &WRITTEN)?;
    // No value and no series differs from cc-backend's, so the row must not either.
    let plain = used.is_lossless() && used.fewer.is_empty() && !used.lossy;
    let row = case
        .site
        .rows
        .get(&case.job.id)
        .context("no expected row")?;
    let old = json::parse(row.field("footprint")?.text()?.as_bytes())?;
    let mut footprint = BTreeMap::new();
    for name in old.keys()? {
        let (metric, kind) = name.rsplit_once('_').context("footprint name")?;
        let value = statistics.get(metric).map_or(Ok(0.0), |s| s.of(kind))?;
        footprint.insert(name.to_owned(), value);
    }
    column(case, "footprint", &footprint, meta.field("footprint")?)?;
    let before = json::parse(row.field("energy_footprint")?.text()?.as_bytes())?;
    let energy = energy(case, &before, statistics)?;
    column(
        case,
        "energy_footprint",
        &energy,
        meta.field("energyFootprint")?,
    )?;
    if plain {
        ensure_close("footprint", &footprint, &old)?;
        ensure_close("energy_footprint", &energy, &before)?;
    }
    let total = round(sum(energy.values().copied()));
    let (mine, in_meta) = (after.value("energy")?, meta.field("energy")?);
    ensure!(
        *mine == Value::Real(total) && in_meta.digits()? == go(total),
        "energy {mine:?} and in meta {} want {}",
        in_meta.compact(),
        go(total)
    );
    Ok(())
}

/// Nothing in the row has changed but what `except` names.
pub(crate) fn ensure_unchanged(case: &Case<'_>, except: &[&str]) -> Result<()> {
    let changed = case.job.changed(case.after, except);
    ensure!(changed.is_empty(), "row: {} changed", changed.join(", "));
    Ok(())
}

/// Energy of every metric that measures power, in the order of operations that cc-backend has.
fn energy(case: &Case<'_>, names: &Json, statistics: &ByMetric) -> Result<BTreeMap<String, f64>> {
    let job = case.job;
    let mut energy = BTreeMap::new();
    for name in names.keys()? {
        let config = case.site.metric(&job.cluster, name)?;
        let mut value = 0.0;
        if config.text_or_empty("energy")? == "power" {
            let avg = statistics.get(name).map_or(Ok(0.0), |s| s.of("avg"))?;
            let hours = whole(job.duration) / 3600.0;
            value = round(avg * whole(job.nodes) * hours / 1000.0);
        }
        energy.insert(name.to_owned(), value);
    }
    Ok(energy)
}

fn numbers(values: &BTreeMap<String, f64>) -> String {
    let mut out = String::from("{");
    for (name, value) in values {
        if out.len() > 1 {
            out.push(',');
        }
        write_text(name, &mut out);
        out.push(':');
        out.push_str(&go(*value));
    }
    out.push('}');
    out
}

fn column(
    case: &Case<'_>,
    name: &str,
    values: &BTreeMap<String, f64>,
    in_meta: &Json,
) -> Result<()> {
    let want = numbers(values);
    let mine = case
        .after
        .text(name)
        .with_context(|| format!("row {name}"))?;
    ensure!(mine == want, "row {name} {mine} want {want}");
    let in_meta = in_meta.compact();
    ensure!(in_meta == mine, "meta {name} {in_meta} is not the row's");
    ensure!(
        matches!(case.after.value(name)?, Value::Text(_)),
        "row {name} is stored as a blob"
    );
    Ok(())
}

fn ensure_close(name: &str, mine: &BTreeMap<String, f64>, theirs: &Json) -> Result<()> {
    for (key, value) in theirs.pairs()? {
        let mine = mine.get(key).copied();
        ensure!(
            close(mine, Some(value.float()?), LAST_DIGIT),
            "row {name} {key} {mine:?} want {}",
            value.compact()
        );
    }
    Ok(())
}
