//! What cc-backend wrote for a job, after those intended changes that concern which series there are:
//! empty ones left out, failed aggregates added, roofline pairs made whole.

use super::case::Case;
use super::difference::{Difference, Used};
use super::document::{self, Data, Entry, Series, Statistics};
use super::json::{self, Json};
use super::number::{self, fixed, round, single, sum};
use super::site::Read;
use anyhow::{Context, Result};
use std::collections::BTreeSet;

pub(crate) fn data(case: &Case<'_>, used: &mut Used) -> Result<Data> {
    let bytes = document::data_bytes(&case.expected)?;
    let mut data = document::data(&json::parse(&bytes)?).context("expected data.json")?;
    leave_out_empty_series(&mut data, used);
    for read in case.site.reads(case.job.id) {
        if read.error.contains("align") {
            used.note(Difference::Unaligned);
            used.fewer.insert((read.metric.clone(), read.scope.clone()));
            add_aggregate(&mut data, case, read)?;
        }
    }
    complete_roofline_pairs(&mut data, case, used)?;
    Ok(data)
}

fn leave_out_empty_series(data: &mut Data, used: &mut Used) {
    for (metric, scopes) in &mut *data {
        for (scope, entry) in &mut *scopes {
            if entry.series.iter().all(Series::has_value) {
                continue;
            }
            used.note(Difference::LeftOut);
            used.fewer.insert((metric.clone(), scope.clone()));
            for series in entry.series.iter().filter(|s| s.data.is_empty()) {
                let late = (metric.clone(), scope.clone(), series.host.clone());
                used.late.insert(late);
            }
            entry.series.retain(Series::has_value);
        }
        scopes.retain(|_, entry| !entry.series.is_empty());
    }
    data.retain(|_, scopes| !scopes.is_empty());
}

/// The values of an aggregate on the job's grid: null where one of its parts has none. Parts without any
/// value do not count.
fn aggregate(case: &Case<'_>, read: &Read, average: bool) -> Result<Vec<Option<f64>>> {
    let lines = case.lines(&read.metric, &read.host)?;
    let mut ids = read.ids.clone();
    if matches!(read.kind.as_str(), "core" | "socket" | "memoryDomain") {
        ids.sort_by_key(|id| id.parse::<i64>().unwrap_or(i64::MAX));
    }
    let of = |id: &String| {
        let place = format!("{}{id}", read.kind);
        lines
            .iter()
            .find(|line| line.has_value() && line.place == [place.as_str()])
    };
    let parts: Vec<_> = ids.iter().filter_map(of).collect();
    let Some(first) = parts.first() else {
        return Ok(Vec::new());
    };
    let factor = if average && parts.len() > 1 {
        1.0 / number::count(parts.len())
    } else {
        1.0
    };
    let at = |i: usize| {
        let mut values = parts.iter().map(|p| p.values.get(i).copied().flatten());
        let first = values.next()??;
        let total = values.try_fold(first, |total, v| Some(total + v?))?;
        Some(total * factor).filter(|v| !v.is_nan())
    };
    Ok((0..first.values.len()).map(at).collect())
}

fn add_aggregate(data: &mut Data, case: &Case<'_>, read: &Read) -> Result<()> {
    let config = case.site.metric(&case.job.cluster, &read.metric)?;
    let average = config.text_or_empty("aggregation")? == "avg";
    let values = aggregate(case, read, average)?;
    let there: Vec<f64> = values.iter().copied().flatten().collect();
    let (Some(min), Some(max)) = (number::minimum(&there), number::maximum(&there)) else {
        return Ok(());
    };
    let avg = sum(there.iter().copied()) / number::count(there.len());
    let series = Series {
        host: read.host.clone(),
        id: read.ids.first().cloned(),
        statistics: Statistics {
            min: fixed(round(min)),
            avg: fixed(round(avg)),
            max: fixed(round(max)),
        },
        data: values.iter().map(|v| v.map(|v| fixed(single(v)))).collect(),
    };
    let unit = config.field("unit")?;
    let unit = ["base", "prefix"]
        .iter()
        .filter_map(|k| Some(((*k).to_owned(), unit.get(k)?.clone())));
    let scopes = data.entry(read.metric.clone()).or_default();
    let entry = scopes.entry(read.scope.clone()).or_insert(Entry {
        unit: Json::Object(unit.collect()),
        timestep: config.field("timestep")?.digits()?.to_owned(),
        series: Vec::new(),
        spread: None,
    });
    entry.series.push(series);
    Ok(())
}

fn node_hosts(data: &Data, metric: &str) -> Option<BTreeSet<String>> {
    let entry = data.get(metric)?.get("node")?;
    Some(entry.series.iter().map(|s| s.host.clone()).collect())
}

fn complete_roofline_pairs(data: &mut Data, case: &Case<'_>, used: &mut Used) -> Result<()> {
    let pair = ["flops_any", "mem_bw"];
    let [Some(flops), Some(bandwidth)] = pair.map(|metric| node_hosts(data, metric)) else {
        return Ok(());
    };
    for (metric, mine, other) in [(pair[0], &flops, &bandwidth), (pair[1], &bandwidth, &flops)] {
        for host in other.difference(mine) {
            used.note(Difference::RooflineNulls);
            used.fewer.insert((metric.to_owned(), "node".to_owned()));
            let native = case.native(metric)?;
            let id = (native != "node").then(|| case.first_id(native, host));
            let series = Series {
                host: host.clone(),
                id: id.transpose()?,
                statistics: Statistics {
                    min: fixed(0.0),
                    avg: fixed(0.0),
                    max: fixed(0.0),
                },
                data: vec![None; case.points(metric)?],
            };
            let entry = data
                .get_mut(metric)
                .and_then(|scopes| scopes.get_mut("node"));
            entry.context("node scope")?.series.push(series);
        }
    }
    Ok(())
}
