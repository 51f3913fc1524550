//! Holds meta.json against cc-backend's: equal but for the final status, energy, footprints, tags and
//! missing metadata, and with statistics that follow from data.json.

use super::case::Case;
use super::difference::Used;
use super::document::{self, Data, Series};
use super::json::{self, Json};
use super::number::{LAST_DIGIT, close, go, maximum, minimum, round, sum, whole};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;

/// What is written otherwise on purpose and held against something else.
const FINAL: [&str; 7] = [
    "monitoringStatus",
    "energy",
    "energyFootprint",
    "footprint",
    "metaData",
    "statistics",
    "tags",
];

/// Average, minimum and maximum of a metric over the job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobStatistics {
    avg: f64,
    min: f64,
    max: f64,
}

impl JobStatistics {
    pub(crate) fn of(&self, kind: &str) -> Result<f64> {
        match kind {
            "avg" => Ok(self.avg),
            "min" => Ok(self.min),
            "max" => Ok(self.max),
            _ => anyhow::bail!("no statistic is called {kind}"),
        }
    }
}

pub(crate) type ByMetric = BTreeMap<String, JobStatistics>;

/// The document and the job's statistics.
pub(crate) fn compare(case: &Case<'_>, data: &Data, used: &Used) -> Result<(Json, ByMetric)> {
    let bytes = std::fs::read(case.folder.join("meta.json"))?;
    let got = document::parse_exactly("meta.json", &bytes)?;
    let bytes = std::fs::read(case.expected.join("meta.json"))?;
    let want = json::parse(&bytes).context("expected meta.json")?;
    let no_tags = Vec::new();
    let tags = case.site.before.tags.get(&case.job.id).unwrap_or(&no_tags);
    compare_keys(&got, &want, tags)?;
    let status = got.field("monitoringStatus")?;
    ensure!(
        *status == Json::Number("3".to_owned()),
        "meta monitoringStatus {}",
        status.compact()
    );
    let statistics = compare_statistics(case, &got, &want, data, used)?;
    Ok((got, statistics))
}

fn compare_keys(got: &Json, want: &Json, tags: &[[String; 3]]) -> Result<()> {
    for (key, value) in want.pairs()? {
        let mine = got.get(key);
        ensure!(
            FINAL.contains(&key.as_str()) || mine == Some(value),
            "meta {key}: {} want {}",
            mine.map_or("absent".to_owned(), Json::compact),
            value.compact()
        );
    }
    for key in got.keys()? {
        ensure!(
            key == "tags" || want.get(key).is_some(),
            "meta has {key}, cc-backend's has not"
        );
    }
    let mut keys = want.keys()?;
    if !tags.is_empty() {
        let state = keys.iter().position(|k| *k == "jobState");
        keys.insert(state.context("no jobState")? + 1, "tags");
    }
    ensure!(
        got.keys()? == keys,
        "meta keys {:?} want {keys:?}",
        got.keys()?
    );
    compare_metadata(got, want)?;
    compare_tags(got, tags)
}

/// An object always: null where cc-backend has null crashes it later.
fn compare_metadata(got: &Json, want: &Json) -> Result<()> {
    let none = Json::Object(Vec::new());
    let right = match want.get("metaData") {
        None | Some(Json::Null) => &none,
        Some(other) => other,
    };
    let mine = got.field("metaData")?;
    ensure!(mine == right, "meta metaData {}", mine.compact());
    Ok(())
}

fn compare_tags(got: &Json, tags: &[[String; 3]]) -> Result<()> {
    let text = |s: &String| Json::Text(s.clone());
    let tag = |[kind, name, scope]: &[String; 3]| {
        let pairs = [
            ("type", text(kind)),
            ("name", text(name)),
            ("scope", text(scope)),
            ("id", Json::Number("0".to_owned())),
        ];
        Json::Object(pairs.map(|(k, v)| (k.to_owned(), v)).to_vec())
    };
    let want: Vec<Json> = tags.iter().map(tag).collect();
    let mine = got.items("tags")?;
    ensure!(mine == want, "meta tags {mine:?} want {want:?}");
    Ok(())
}

fn compare_statistics(
    case: &Case<'_>,
    got: &Json,
    want: &Json,
    data: &Data,
    used: &Used,
) -> Result<ByMetric> {
    let node = data
        .iter()
        .filter_map(|(m, scopes)| Some((m, scopes.get("node")?)));
    let node: BTreeMap<_, _> = node.collect();
    let (got, want) = (got.field("statistics")?, want.field("statistics")?);
    let metrics: Vec<&str> = node.keys().map(|m| m.as_str()).collect();
    let mine = got.keys()?;
    ensure!(
        mine == metrics,
        "meta statistics of {mine:?} want {metrics:?}"
    );
    let mut all = ByMetric::new();
    for (metric, entry) in node {
        let (mine, theirs) = (got.field(metric)?, want.get(metric));
        let unit = theirs.map_or(Ok(&entry.unit), |t| t.field("unit"))?;
        ensure!(
            mine.keys()? == ["unit", "avg", "min", "max"] && mine.field("unit")? == unit,
            "meta statistics {metric} unit or keys"
        );
        let statistics = follow(&entry.series, case.job.nodes)
            .with_context(|| format!("meta statistics {metric}: no series has a value"))?;
        let same_values = used.is_lossless() && !used.has_fewer(metric, "node");
        for kind in ["avg", "min", "max"] {
            let (mine, right) = (mine.field(kind)?, go(statistics.of(kind)?));
            let label = format!("meta statistics {metric} {kind} {}", mine.compact());
            ensure!(mine.digits()? == right, "{label}, its series say {right}");
            if let (true, Some(theirs)) = (same_values, theirs) {
                let (mine, theirs) = (mine.float()?, theirs.field(kind)?.float()?);
                ensure!(
                    close(Some(mine), Some(theirs), LAST_DIGIT),
                    "{label} want {theirs}"
                );
            }
        }
        all.insert(metric.clone(), statistics);
    }
    Ok(all)
}

/// What the series of the nodes say; those without any value count only as a node.
fn follow(series: &[Series], nodes: i64) -> Option<JobStatistics> {
    let number = |digits: &String| digits.parse().unwrap_or(f64::NAN);
    let all = || {
        series
            .iter()
            .filter(|s| s.has_value())
            .map(|s| &s.statistics)
    };
    let min: Vec<f64> = all().map(|s| number(&s.min)).collect();
    let max: Vec<f64> = all().map(|s| number(&s.max)).collect();
    Some(JobStatistics {
        avg: round(sum(all().map(|s| number(&s.avg))) / whole(nodes)),
        min: minimum(&min)?,
        max: maximum(&max)?,
    })
}
