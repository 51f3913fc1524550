//! data.json with types, read as strictly as it must be written: key order, number format, units.
//! And where a job's documents lie.

use super::json::{self, Json};
use super::number::{Cell, is_fixed};
use anyhow::{Context, Result, bail, ensure};
use flate2::read::MultiGzDecoder;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

/// Above this many bytes data.json is compressed.
const PLAIN_UP_TO: usize = 2000;

pub(crate) type Data = BTreeMap<String, BTreeMap<String, Entry>>;

/// What identifies a series within one metric and scope.
pub(crate) type SeriesKey = (String, Option<String>);

/// One metric in one scope.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) unit: Json,
    pub(crate) timestep: String,
    pub(crate) series: Vec<Series>,
    pub(crate) spread: Option<Spread>,
}

#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) host: String,
    pub(crate) id: Option<String>,
    pub(crate) statistics: Statistics,
    pub(crate) data: Vec<Cell>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statistics {
    pub(crate) min: String,
    pub(crate) avg: String,
    pub(crate) max: String,
}

/// The statistics series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spread {
    pub(crate) median: Vec<Cell>,
    pub(crate) min: Vec<Cell>,
    pub(crate) max: Vec<Cell>,
}

impl Series {
    pub(crate) fn key(&self) -> SeriesKey {
        (self.host.clone(), self.id.clone())
    }

    pub(crate) fn has_value(&self) -> bool {
        self.data.iter().any(Option::is_some)
    }
}

impl Statistics {
    pub(crate) fn each(&self) -> [(&'static str, &str); 3] {
        [("avg", &self.avg), ("min", &self.min), ("max", &self.max)]
    }
}

impl Spread {
    pub(crate) fn each(&self) -> [(&'static str, &[Cell]); 3] {
        [
            ("min", &self.min),
            ("median", &self.median),
            ("max", &self.max),
        ]
    }
}

/// The bytes of data.json, whichever of its two forms is there; it must be the right one, alone.
pub(crate) fn data_bytes(folder: &Path) -> Result<Vec<u8>> {
    let (packed, plain) = (folder.join("data.json.gz"), folder.join("data.json"));
    if packed.exists() && plain.exists() {
        bail!("two data files");
    }
    let mut bytes = Vec::new();
    if packed.exists() {
        let file = std::fs::File::open(&packed)?;
        MultiGzDecoder::new(file)
            .read_to_end(&mut bytes)
            .context("data.json.gz does not unpack")?;
    } else {
        bytes = std::fs::read(&plain).context("no data file")?;
    }
    ensure!(
        packed.exists() == (bytes.len() > PLAIN_UP_TO),
        "data.json: wrong form for {} bytes",
        bytes.len()
    );
    Ok(bytes)
}

/// A document that must be exactly as Go's encoder writes it.
pub(crate) fn parse_exactly(name: &str, bytes: &[u8]) -> Result<Json> {
    let document = json::parse(bytes).with_context(|| name.to_owned())?;
    let mut again = document.compact();
    again.push('\n');
    ensure!(
        again.as_bytes() == bytes,
        "{name} is not written as Go writes it"
    );
    Ok(document)
}

fn ensure_sorted(names: &[&str], what: &str) -> Result<()> {
    ensure!(names.is_sorted(), "{what} out of order");
    Ok(())
}

pub(crate) fn data(document: &Json) -> Result<Data> {
    ensure_sorted(&document.keys()?, "metrics")?;
    let mut data = Data::new();
    for (metric, scopes) in document.pairs()? {
        ensure_sorted(&scopes.keys()?, &format!("{metric}: scopes"))?;
        let mut by_scope = BTreeMap::new();
        for (scope, value) in scopes.pairs()? {
            let label = format!("{metric}/{scope}");
            let entry = entry(value, &label).with_context(|| label.clone())?;
            by_scope.insert(scope.clone(), entry);
        }
        data.insert(metric.clone(), by_scope);
    }
    Ok(data)
}

/// Every statistics series has one value a step of the job.
pub(crate) fn ensure_lengths(
    data: &Data,
    steps: &HashMap<String, i64>,
    duration: i64,
) -> Result<()> {
    for (metric, scopes) in data {
        let points = points(duration, step_of(steps, metric)?);
        for (scope, entry) in scopes {
            for (name, values) in entry.spread.iter().flat_map(Spread::each) {
                ensure!(
                    values.len() == points,
                    "{metric}/{scope} statisticsSeries {name}: {} points, want {points}",
                    values.len()
                );
            }
        }
    }
    Ok(())
}

pub(crate) fn step_of(steps: &HashMap<String, i64>, metric: &str) -> Result<i64> {
    steps
        .get(metric)
        .copied()
        .with_context(|| format!("{metric} is configured nowhere"))
}

/// How many values a perfect series has.
pub(crate) fn points(duration: i64, step: i64) -> usize {
    usize::try_from(-(-duration).div_euclid(step)).unwrap_or(0)
}

fn entry(value: &Json, label: &str) -> Result<Entry> {
    let keys = value.keys()?;
    let plain = ["unit", "series", "timestep"];
    ensure!(
        keys == plain || keys.strip_prefix(&["statisticsSeries"]) == Some(&plain[..]),
        "keys {keys:?}"
    );
    let unit = value.field("unit")?;
    ensure!(
        matches!(unit.keys()?[..], ["base"] | ["base", "prefix"]),
        "unit {}",
        unit.compact()
    );
    let series = value.field("series")?.list()?.iter().map(series);
    Ok(Entry {
        unit: unit.clone(),
        timestep: value.field("timestep")?.digits()?.to_owned(),
        series: series
            .collect::<Result<_>>()
            .with_context(|| format!("{label} series"))?,
        spread: value.get("statisticsSeries").map(spread).transpose()?,
    })
}

fn spread(value: &Json) -> Result<Spread> {
    let right = matches!(value.keys()?[..], ["mean", "median", "min", "max"])
        && *value.field("mean")? == Json::Null;
    ensure!(right, "statisticsSeries keys");
    let read = |key| cells(value.field(key)?).with_context(|| format!("statisticsSeries {key}"));
    Ok(Spread {
        median: read("median")?,
        min: read("min")?,
        max: read("max")?,
    })
}

fn series(value: &Json) -> Result<Series> {
    let keys = value.keys()?;
    ensure!(
        matches!(
            keys[..],
            ["hostname", "statistics", "data"] | ["hostname", "id", "statistics", "data"]
        ),
        "keys {keys:?}"
    );
    let statistics = value.field("statistics")?;
    ensure!(
        statistics.keys()? == ["min", "avg", "max"],
        "statistics keys"
    );
    let number =
        |key| cell(statistics.field(key)?)?.with_context(|| format!("statistics {key} is null"));
    Ok(Series {
        host: value.field("hostname")?.text()?.to_owned(),
        id: match value.get("id") {
            Some(id) => Some(id.text()?.to_owned()),
            None => None,
        },
        statistics: Statistics {
            min: number("min")?,
            avg: number("avg")?,
            max: number("max")?,
        },
        data: cells(value.field("data")?)?,
    })
}

fn cells(value: &Json) -> Result<Vec<Cell>> {
    value.list()?.iter().map(cell).collect()
}

fn cell(value: &Json) -> Result<Cell> {
    if *value == Json::Null {
        return Ok(None);
    }
    let digits = value.digits().context("number format")?;
    ensure!(is_fixed(digits), "number format of {digits}");
    Ok(Some(digits.to_owned()))
}
