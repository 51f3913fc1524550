//! cluster.json as it is written: keys in any case, unknown keys ignored, missing ones and null are zero
//! values (Go's encoding/json), and the checks of cc-backend's start-up.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Error;
use super::thresholds::{Peaks, Thresholds};
use super::topology::Lists;
use crate::model::series::{Scope, Unit};

/// Longest timestep (seconds) that is taken for one, 34 years: cc-backend would take any.
const LONGEST_TIMESTEP: i64 = 1 << 30;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Cluster {
    pub(super) name: String,
    #[serde(rename = "metricconfig")]
    pub(super) metric_config: Vec<Metric>,
    #[serde(rename = "subclusters")]
    pub(super) sub_clusters: Vec<SubCluster>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) unit: Unit,
    scope: String,
    pub(super) aggregation: String,
    pub(super) footprint: String,
    pub(super) energy: String,
    pub(super) timestep: i64,
    #[serde(flatten)]
    pub(super) thresholds: Thresholds,
    #[serde(rename = "subclusters")]
    pub(super) sub_clusters: Vec<Override>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Override {
    pub(super) name: String,
    pub(super) footprint: String,
    pub(super) energy: String,
    pub(super) remove: bool,
    #[serde(flatten)]
    pub(super) thresholds: Thresholds,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SubCluster {
    pub(super) name: String,
    pub(super) nodes: String,
    #[serde(deserialize_with = "lists")]
    pub(super) topology: Lists,
    #[serde(rename = "metricconfig")]
    pub(super) metric_config: Vec<Metric>,
    pub(super) footprint: Vec<String>,
    #[serde(rename = "energyfootprint")]
    pub(super) energy_footprint: Vec<String>,
    #[serde(flatten)]
    pub(super) peaks: Peaks,
}

fn lists<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Lists, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Raw {
        node: Vec<i64>,
        socket: Vec<Vec<i64>>,
        memorydomain: Vec<Vec<i64>>,
        core: Vec<Vec<i64>>,
    }
    let r = Raw::deserialize(d)?;
    Ok(Lists {
        node: r.node,
        socket: r.socket,
        memory_domain: r.memorydomain,
        core: r.core,
    })
}

/// Decodes the first JSON value of the file.
pub(super) fn parse(json: &[u8]) -> Result<Cluster, Error> {
    let text = String::from_utf8_lossy(json);
    let value = serde_json::Deserializer::from_str(&text)
        .into_iter::<Value>()
        .next()
        .ok_or(Error::Empty)?
        .map_err(Error::NoJson)?;
    serde_json::from_value(folded(value)).map_err(Error::Form)
}

/// Keys in lower case, a later spelling of a key winning; members that are null left out.
fn folded(value: Value) -> Value {
    match value {
        Value::Object(o) => Value::Object(
            o.into_iter()
                .filter(|(_, v)| !v.is_null())
                .map(|(k, v)| (k.to_lowercase(), folded(v)))
                .collect::<Map<_, _>>(),
        ),
        Value::Array(a) => Value::Array(a.into_iter().map(folded).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

impl Cluster {
    pub(super) fn validate(&self) -> Result<(), Error> {
        if self.name.is_empty() {
            return Err(Error::NoName);
        }
        let missing = |list| Error::NoList {
            cluster: self.name.clone(),
            list,
        };
        if self.metric_config.is_empty() {
            return Err(missing("metricConfig"));
        }
        if self.sub_clusters.is_empty() {
            return Err(missing("subClusters"));
        }
        for m in &self.metric_config {
            if m.name.is_empty() {
                return Err(Error::NamelessMetric(self.name.clone()));
            }
            m.check_timestep()?;
            scope_of(m)?;
        }
        let own = self.sub_clusters.iter().flat_map(|s| &s.metric_config);
        own.filter(|m| m.timestep > LONGEST_TIMESTEP)
            .try_for_each(Metric::check_timestep)
    }
}

impl Metric {
    fn check_timestep(&self) -> Result<(), Error> {
        if (1..=LONGEST_TIMESTEP).contains(&self.timestep) {
            return Ok(());
        }
        Err(Error::Timestep {
            metric: self.name.clone(),
            found: self.timestep,
            longest: LONGEST_TIMESTEP,
        })
    }
}

/// The native scope of a metric; node where the file has none.
pub(super) fn scope_of(m: &Metric) -> Result<Scope, Error> {
    if m.scope.is_empty() {
        return Ok(Scope::Node);
    }
    Scope::parse(&m.scope).ok_or_else(|| Error::Scope {
        metric: m.name.clone(),
        found: m.scope.clone(),
    })
}
