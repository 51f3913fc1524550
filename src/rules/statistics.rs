//! Statistics, footprint and energy: pure, in the order of operations that cc-backend has, since the last digit
//! depends on it. Sums run in series order over f64; rounding is half away from zero (Go's `math.Round`).

use std::collections::BTreeMap;

use crate::model::cluster::{Clusters, Subcluster};
use crate::model::series::{MetricData, Scope, ScopeData, Series, Statistics, fits_f32};

/// Go's `math.MaxFloat32`, where minima begin and maxima (negated) too.
const MAX_F32: f64 = f32::MAX as f64;

/// Two decimals.
pub fn round2(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

/// Over the values that exist, not rounded; none without one.
pub fn of_values(data: &[f64]) -> Option<Statistics> {
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

/// Node scope out of a finer one, for a metric that has none: per host the sum of the values (missing where one is
/// missing) with the mean of the averages (cc-lib `schema/metrics.go`, `AddNodeScope`).
pub fn derive_node_scope(finer: &ScopeData) -> ScopeData {
    let mut series: Vec<Series> = Vec::new();
    for part in finer.series.chunk_by(|a, b| a.host == b.host) {
        let n = part.iter().map(|s| s.data.len()).max().unwrap_or(0);
        let data = (0..n)
            .map(|k| {
                let sum = part.iter().fold(0.0, |sum, s| {
                    sum + s.data.get(k).copied().unwrap_or(f64::NAN)
                });
                if fits_f32(sum) { sum } else { f64::NAN }
            })
            .collect();
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
            data,
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
) -> Result<Footprint, String> {
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
        let statistics = of_values(data).unwrap_or_default();
        Series {
            host,
            id: None,
            statistics,
            data: data.to_vec(),
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
        let s = of_values(&[N, 1.0, 2.0, N]).unwrap();
        assert_eq!((s.avg, s.min, s.max), (1.5, 1.0, 2.0));
        assert!(of_values(&[N]).is_none());
        let z = of_values(&[0.0, -0.0]).unwrap();
        assert!(z.min.is_sign_negative() && z.max.is_sign_positive());
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
        assert_eq!(
            (s.data[0], s.data[1].is_nan(), s.data[2].is_nan()),
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
