//! Words for series: scope, unit, the series of one metric and scope, and what a missing sample is.
//!
//! A missing sample is NaN throughout. A job's series hold f64 values that single precision can hold, and NaN.

use std::borrow::Cow;

use serde::Deserialize;

use crate::model::job::null_is_default;

/// Where in a node a metric is measured, or a series stands (cc-lib `schema/metrics.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The whole node.
    Node,
    /// A CPU socket.
    Socket,
    /// A NUMA domain.
    MemoryDomain,
    /// A core.
    Core,
    /// A hardware thread.
    HwThread,
    /// An accelerator, such as a GPU.
    Accelerator,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 6] = [
        Self::Node,
        Self::Socket,
        Self::MemoryDomain,
        Self::Core,
        Self::HwThread,
        Self::Accelerator,
    ];

    /// The name in cluster.json, data.json and as prefix of a level's name in the metric store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Socket => "socket",
            Self::MemoryDomain => "memoryDomain",
            Self::Core => "core",
            Self::HwThread => "hwthread",
            Self::Accelerator => "accelerator",
        }
    }

    /// The scope of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// cc-lib's ranking: the coarser of two scopes has the higher rank.
    const fn rank(self) -> u8 {
        match self {
            Self::Node => 10,
            Self::Socket => 5,
            Self::MemoryDomain => 4,
            Self::Core => 3,
            Self::HwThread => 2,
            Self::Accelerator => 1,
        }
    }

    /// The coarser of two scopes.
    #[must_use]
    pub const fn coarser(self, other: Self) -> Self {
        if self.rank() >= other.rank() {
            self
        } else {
            other
        }
    }
}

/// A metric's unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Unit {
    /// For example `F/s`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub base: String,
    /// For example `G`; empty for none.
    #[serde(default, deserialize_with = "null_is_default")]
    pub prefix: String,
}

/// Smallest, average and largest value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Arithmetic mean.
    pub avg: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

/// The values of a series, NaN where there is none.
///
/// What one component measured stays in single precision from the source's file to the text: half the memory, and four values
/// at a time where doubles allow two. Sums and averages are doubles until they are written.
#[derive(Clone, Debug)]
pub enum Samples {
    /// As the source holds them, but without infinite ones.
    Single(Vec<f32>),
    /// Made of several series; single precision can hold each.
    Double(Vec<f64>),
}

impl Samples {
    /// So many times no value.
    pub fn none(n: usize) -> Self {
        Self::Single(vec![f32::NAN; n])
    }

    /// The number of values, missing ones counted.
    pub const fn len(&self) -> usize {
        match self {
            Self::Single(v) => v.len(),
            Self::Double(v) => v.len(),
        }
    }

    /// Whether there is not even a missing value.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of values that are there.
    pub fn held(&self) -> usize {
        match self {
            Self::Single(v) => v.iter().filter(|v| !v.is_nan()).count(),
            Self::Double(v) => v.iter().filter(|v| !v.is_nan()).count(),
        }
    }

    /// All values as doubles, which changes none.
    pub fn to_doubles(&self) -> Cow<'_, [f64]> {
        match self {
            Self::Single(v) => v.iter().copied().map(f64::from).collect(),
            Self::Double(v) => Cow::Borrowed(v),
        }
    }
}

/// One series of a job on the job's grid: value k stands for `start + k·timestep`.
#[derive(Clone, Debug)]
pub struct Series {
    /// Index into the job's resources.
    pub host: usize,
    /// Id within the node; none for series of a whole node.
    pub id: Option<String>,
    /// Over the values that exist, rounded to two decimals.
    pub statistics: Statistics,
    /// One value per timestep.
    pub data: Samples,
    /// Set on a series of nulls that exists only so that roofline plots find a pair for every host. It counts in no
    /// statistics.
    pub filler: bool,
}

/// Minimum, median and maximum over the series of a scope, value by value; NaN under three values.
#[derive(Clone, Debug, Default)]
pub struct StatisticsSeries {
    /// Medians.
    pub median: Vec<f64>,
    /// Minima.
    pub min: Vec<f64>,
    /// Maxima.
    pub max: Vec<f64>,
}

/// The series of one metric and scope.
#[derive(Clone, Debug)]
pub struct ScopeData {
    /// Where the series stand.
    pub scope: Scope,
    /// From eight series up.
    pub statistics_series: Option<StatisticsSeries>,
    /// Hosts in the order of the resources, ids ascending or in the resource's order.
    pub series: Vec<Series>,
}

/// All scopes of one metric of a job, in the order of their names.
#[derive(Clone, Debug)]
pub struct MetricData {
    /// The metric's name.
    pub name: String,
    /// From the cluster's configuration.
    pub unit: Unit,
    /// Seconds: the store's frequency of the metric.
    pub timestep: i64,
    /// The scopes that hold a series, by name in byte order.
    pub scopes: Vec<ScopeData>,
}

impl MetricData {
    /// The series of a scope.
    pub fn scope(&self, scope: Scope) -> Option<&ScopeData> {
        self.scopes.iter().find(|s| s.scope == scope)
    }
}

/// Whether a value is finite in single precision; data.json cannot hold others.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the question is what single precision makes of it"
)]
pub fn fits_f32(x: f64) -> bool {
    (x as f32).is_finite()
}
