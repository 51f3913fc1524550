//! Statistics, footprint and energy: pure, in the order of operations that cc-backend has, since the last digit
//! depends on it. Sums run in series order over f64; rounding is half away from zero (Go's `math.Round`).

use std::collections::BTreeMap;

use crate::model::cluster::{self, Clusters, Subcluster};
use crate::model::series::{MetricData, Samples, Scope, ScopeData, Series, Statistics, fits_f32};

/// Go's `math.MaxFloat32`, where minima begin and maxima (negated) too.
const MAX_F32: f64 = f32::MAX as f64;

/// Two decimals.
pub fn round2(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

/// Values that are looked at side by side.
const LANES: usize = 8;

/// Over the values that exist, not rounded; none without one.
pub fn of_values(data: &Samples) -> Option<Statistics> {
    match data {
        Samples::Single(values) => of_singles(values),
        Samples::Double(values) => of_doubles(values),
    }
}

fn of_doubles(data: &[f64]) -> Option<Statistics> {
    let (mut n, mut sum, mut min, mut max) = (0_u32, 0.0, f64::INFINITY, f64::NEG_INFINITY);
    for &v in data.iter().filter(|v| !v.is_nan()) {
        n += 1;
        sum += v;
        min = if v < min { v } else { min };
        max = if v > max { v } else { max };
    }
    // Comparisons do not tell the two zeros apart, Go's `min` and `max` do: looked at once, and not for each value.
    if min == 0.0 || max == 0.0 {
        let has = |sign: bool| {
            data.iter()
                .any(|v| *v == 0.0 && v.is_sign_negative() == sign)
        };
        min = if min == 0.0 && has(true) { -0.0 } else { min };
        max = if max == 0.0 && has(false) { 0.0 } else { max };
    }
    (n > 0).then(|| Statistics {
        avg: sum / f64::from(n),
        min,
        max,
    })
}

/// Eight columns of values, each looked at for itself.
#[derive(Clone, Copy)]
struct Columns {
    count: [u32; LANES],
    sum: [f64; LANES],
    min: [f32; LANES],
    max: [f32; LANES],
    /// Of the magnitudes above zero.
    least: [f32; LANES],
}

impl Columns {
    const EMPTY: Self = Self {
        count: [0; LANES],
        sum: [0.0; LANES],
        min: [f32::INFINITY; LANES],
        max: [f32::NEG_INFINITY; LANES],
        least: [f32::INFINITY; LANES],
    };

    fn add(&mut self, row: [f32; LANES]) {
        for (k, v) in row.into_iter().enumerate() {
            let there = !v.is_nan();
            self.count[k] += u32::from(there);
            self.sum[k] += f64::from(if there { v } else { 0.0 });
            self.min[k] = if v < self.min[k] { v } else { self.min[k] };
            self.max[k] = if v > self.max[k] { v } else { self.max[k] };
            let size = if v == 0.0 { f32::INFINITY } else { v.abs() };
            self.least[k] = if size < self.least[k] {
                size
            } else {
                self.least[k]
            };
        }
    }

    fn min(&self) -> f32 {
        self.min.into_iter().fold(f32::INFINITY, f32::min)
    }

    fn max(&self) -> f32 {
        self.max.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    /// The sum, where the order of adding cannot matter: every value is a multiple of the last binary place of the smallest
    /// one, which has 24 places, so that all sums are exact as long as they stay within 53 places of it.
    fn exact_sum(&self, count: u32) -> Option<f64> {
        const SPARE: f64 = (1_u64 << (53 - 24)) as f64;
        let largest = f64::from(self.max().max(-self.min()));
        let least = f64::from(self.least.into_iter().fold(f32::INFINITY, f32::min));
        (largest * f64::from(count) <= least * SPARE).then(|| self.sum.iter().sum())
    }
}

/// Over the values that exist, not rounded; none without one.
///
/// Eight values at a time, since adding one after the other waits for each sum: 0.5 ns a value instead of 1.9. cc-backend adds
/// them in their order, which gives the same sum as any other order where no sum is rounded; elsewhere its order is kept.
pub fn of_singles(data: &[f32]) -> Option<Statistics> {
    let mut columns = Columns::EMPTY;
    let (rows, rest) = data.as_chunks::<LANES>();
    for row in rows {
        columns.add(*row);
    }
    let mut last = [f32::NAN; LANES];
    last[..rest.len()].copy_from_slice(rest);
    columns.add(last);
    let count: u32 = columns.count.iter().sum();
    if count == 0 {
        return None;
    }
    let (min, max) = (columns.min(), columns.max());
    let has = |zero: f32| data.iter().any(|v| v.to_bits() == zero.to_bits());
    let in_order = || {
        let there = data.iter().filter(|v| !v.is_nan());
        there.fold(0.0, |sum, v| sum + f64::from(*v))
    };
    Some(Statistics {
        avg: columns.exact_sum(count).unwrap_or_else(in_order) / f64::from(count),
        // Comparisons do not tell the two zeros apart, Go's `min` and `max` do.
        min: f64::from(if min == 0.0 && has(-0.0) { -0.0 } else { min }),
        max: f64::from(if max == 0.0 && has(0.0) { 0.0 } else { max }),
    })
}

/// Go's `min`: −0 is less than 0.
fn go_min(a: f64, b: f64) -> f64 {
    if b < a || (b == a && b.is_sign_negative()) {
        b
    } else {
        a
    }
}

/// Go's `max`: 0 is more than −0.
fn go_max(a: f64, b: f64) -> f64 {
    if b > a || (b == a && b.is_sign_positive()) {
        b
    } else {
        a
    }
}

/// Adds values to sums; missing where one of them is.
fn add(sums: &mut [f64], data: &Samples) {
    match data {
        Samples::Single(v) => sums
            .iter_mut()
            .zip(v)
            .for_each(|(s, v)| *s += f64::from(*v)),
        Samples::Double(v) => sums.iter_mut().zip(v).for_each(|(s, v)| *s += v),
    }
    sums[data.len()..].fill(f64::NAN);
}

/// Node scope out of a finer one, for a metric that has none: per host the sum of the values (missing where one is
/// missing) with the mean of the averages (cc-lib `schema/metrics.go`, `AddNodeScope`).
pub fn derive_node_scope(finer: &ScopeData) -> ScopeData {
    let mut series: Vec<Series> = Vec::new();
    for part in finer.series.chunk_by(|a, b| a.host == b.host) {
        let n = part.iter().map(|s| s.data.len()).max().unwrap_or(0);
        let mut data = vec![0.0; n];
        for s in part {
            add(&mut data, &s.data);
        }
        for sum in &mut data {
            *sum = if fits_f32(*sum) { *sum } else { f64::NAN };
        }
        let mut st = Statistics {
            avg: 0.0,
            min: MAX_F32,
            max: -MAX_F32,
        };
        for s in part {
            st.avg += s.statistics.avg;
            st.min = go_min(st.min, s.statistics.min);
            st.max = go_max(st.max, s.statistics.max);
        }
        st.avg /= part.len() as f64;
        series.push(Series {
            host: part[0].host,
            id: None,
            statistics: st,
            data: Samples::Double(data),
            filler: false,
        });
    }
    ScopeData {
        scope: Scope::Node,
        statistics_series: None,
        series,
    }
}

/// The job's statistics of a metric, from its node scope; none without one (cc-backend
/// `internal/archiver/archiver.go`). Averages are divided by the job's number of nodes, whatever reported.
pub fn of_job(metric: &MetricData, num_nodes: i64) -> Option<Statistics> {
    let node = metric.scope(Scope::Node)?;
    let (mut avg, mut min, mut max) = (0.0, MAX_F32, -MAX_F32);
    for s in node.series.iter().filter(|s| !s.filler) {
        avg += s.statistics.avg;
        min = go_min(min, s.statistics.min);
        max = go_max(max, s.statistics.max);
    }
    Some(Statistics {
        avg: round2(avg / num_nodes as f64),
        min,
        max,
    })
}

/// Footprint and energy of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Footprint {
    /// `<metric>_<stat>` → value.
    pub footprint: BTreeMap<String, f64>,
    /// Metric → kWh.
    pub energy_footprint: BTreeMap<String, f64>,
    /// kWh.
    pub energy: f64,
}

/// Footprint and energy columns (cc-backend `internal/repository/job.go`, `UpdateFootprint` and `UpdateEnergy`).
/// Every configured name is there; one without statistics is 0. `duration` is in seconds.
///
/// # Errors
/// One sentence when the configuration gives no kind of footprint.
pub fn footprint(
    clusters: &Clusters,
    sub: &Subcluster,
    statistics: &BTreeMap<String, Statistics>,
    num_nodes: i64,
    duration: i64,
) -> Result<Footprint, cluster::Error> {
    let mut out = Footprint::default();
    for (metric, kind) in clusters.footprint_of(sub)? {
        let s = statistics.get(metric).copied().unwrap_or_default();
        let value = match kind {
            "avg" => s.avg,
            "min" => s.min,
            "max" => s.max,
            _ => 0.0,
        };
        out.footprint.insert(format!("{metric}_{kind}"), value);
    }
    let mut total = 0.0;
    for metric in &sub.energy_footprint {
        let avg = statistics.get(metric).copied().unwrap_or_default().avg;
        let kwh = if sub.energy_kind(metric) == Some("power") {
            round2(((avg * num_nodes as f64) * (duration as f64 / 3600.0)) / 1000.0)
        } else {
            0.0
        };
        total += kwh;
        out.energy_footprint.insert(metric.clone(), kwh);
    }
    out.energy = round2(total);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: f64 = f64::NAN;

    fn series(host: usize, data: &[f64]) -> Series {
        let data = Samples::Double(data.to_vec());
        Series {
            host,
            id: None,
            statistics: of_values(&data).unwrap_or_default(),
            data,
            filler: false,
        }
    }

    #[test]
    fn rounding_is_half_away_from_zero_after_the_multiplication() {
        for (x, want) in [
            (0.005, 0.01),
            (-0.125, -0.13),
            (85.345, 85.35),
            (0.285, 0.28),
            (-0.001, -0.0),
        ] {
            assert_eq!(round2(x).to_bits(), f64::to_bits(want), "{x}");
        }
    }

    #[test]
    fn statistics_skip_missing_values_and_order_signed_zeros() {
        let s = of_doubles(&[N, 1.0, 2.0, N]).unwrap();
        assert_eq!((s.avg, s.min, s.max), (1.5, 1.0, 2.0));
        assert!(of_doubles(&[N]).is_none());
        let z = of_doubles(&[0.0, -0.0]).unwrap();
        assert!(z.min.is_sign_negative() && z.max.is_sign_positive());
    }

    /// Numbers that look like nothing else, by their place in a row.
    fn scattered(k: u64) -> u64 {
        let x = (k ^ k >> 31).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        x ^ x >> 29
    }

    #[test]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bits and rounded values are what is wanted"
    )]
    fn singles_have_the_statistics_of_the_same_doubles_to_the_bit() {
        let kinds: [fn(u64) -> f32; 6] = [
            |r| f32::from_bits(r as u32),
            |r| (r % 2_000_001) as f32 / 800.0 - 1000.0,
            |r| [0.0, -0.0, f32::NAN, 1.0][(r % 4) as usize],
            |r| [0.0, -0.0, -1.0, -1e-38][(r % 4) as usize],
            |r| (r % 1000) as f32 * 10_f32.powi((r >> 32) as i32 % 12 - 6),
            |_| f32::NAN,
        ];
        for (k, kind) in (0_u64..).zip(kinds) {
            for n in (0..40).chain([777, 4096]) {
                let values: Vec<f32> = (0..n)
                    .map(|i| kind(scattered(n << 20 | k << 16 | i)))
                    .collect();
                let values: Vec<f32> = values.into_iter().filter(|v| !v.is_infinite()).collect();
                let doubles: Vec<f64> = values.iter().copied().map(f64::from).collect();
                let bits = |s: Statistics| [s.avg.to_bits(), s.min.to_bits(), s.max.to_bits()];
                let (got, want) = (of_singles(&values), of_doubles(&doubles));
                assert_eq!(
                    got.map(bits),
                    want.map(bits),
                    "kind {k}, {n} values: {got:?} {want:?}"
                );
            }
        }
    }

    #[test]
    fn a_derived_node_scope_adds_values_and_averages_averages() {
        let finer = ScopeData {
            scope: Scope::Core,
            statistics_series: None,
            series: vec![
                series(0, &[1.0, 2.0, 3.0]),
                series(0, &[1.0, N, N]),
                series(1, &[5.0, 5.0, 5.0]),
            ],
        };
        let node = derive_node_scope(&finer);
        assert_eq!(node.series.len(), 2);
        let s = &node.series[0];
        let data = s.data.to_doubles();
        assert_eq!(
            (data[0], data[1].is_nan(), data[2].is_nan()),
            (2.0, true, true)
        );
        assert_eq!(
            s.statistics,
            Statistics {
                avg: 1.5,
                min: 1.0,
                max: 3.0
            }
        );
    }
}
