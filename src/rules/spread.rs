//! Minimum, median and maximum over the series of a scope, value by value.
//!
//! Most of a large job's time outside compression went into its medians. Where all values are there, eight times are sorted
//! side by side by a network of comparisons that does not depend on the values, so that the processor does several at
//! once: a fifth of the time of selecting them one by one (16 series, 7.3 to 1.5 ns a value). Both ways give the same bytes.

use crate::model::series::{Samples, Series, StatisticsSeries};

/// From this number of series up a scope gets a statistics series (cc-backend `internal/metricdispatch/dataLoader.go`).
const STATISTICS_SERIES_FROM: usize = 8;
/// Fewer values than this have no minimum, median and maximum (cc-lib `schema/metrics.go`).
const FEWEST_VALUES: usize = 3;
/// Go's `math.MaxFloat32`, where minima begin and maxima (negated) too.
const MAX_F32: f64 = f32::MAX as f64;
/// Times that are sorted side by side.
const LANES: usize = 8;
/// More series than this are selected from: a network grows faster than their number (6 ns a value for selecting; the
/// network takes 2.7 for 128 series, 4.7 for 576, and as much for 1,024).
const NETWORK_UP_TO: usize = 512;
/// A network of more series than this must serve at least so many times as there are series: making it takes a while, too.
const QUICKLY_MADE: usize = 128;

/// The statistics series of a scope, from eight series up. The median is that of the values that exist.
pub fn statistics_series(series: &[Series]) -> Option<StatisticsSeries> {
    if series.len() < STATISTICS_SERIES_FROM {
        return None;
    }
    let singles = series.iter().map(|s| match &s.data {
        Samples::Single(values) => Some(values.as_slice()),
        Samples::Double(_) => None,
    });
    if let Some(rows) = singles.collect::<Option<Vec<&[f32]>>>() {
        return Some(of_rows(&rows));
    }
    let doubles: Vec<_> = series.iter().map(|s| s.data.to_doubles()).collect();
    let rows: Vec<&[f64]> = doubles.iter().map(|d| &**d).collect();
    Some(of_rows(&rows))
}

/// A value as a series holds it.
trait Value: Copy + Default + PartialOrd + Into<f64> {
    /// Whether it is missing, or a negative zero, which comparisons do not tell from the other one.
    fn is_odd(self) -> bool;
}

impl Value for f32 {
    fn is_odd(self) -> bool {
        self.is_nan() || self.to_bits() == 1 << 31
    }
}

impl Value for f64 {
    fn is_odd(self) -> bool {
        self.is_nan() || self.to_bits() == 1 << 63
    }
}

fn of_rows<V: Value>(rows: &[&[V]]) -> StatisticsSeries {
    let n = rows.iter().map(|r| r.len()).max().unwrap_or(0);
    let network = if rows.len() <= NETWORK_UP_TO.min(n.max(QUICKLY_MADE)) {
        needed(&network(rows.len()), rows.len())
    } else {
        Vec::new()
    };
    let mut out = StatisticsSeries {
        median: Vec::with_capacity(n),
        min: Vec::with_capacity(n),
        max: Vec::with_capacity(n),
    };
    let mut tile = vec![[V::default(); LANES]; rows.len()];
    let mut values = Vec::with_capacity(rows.len());
    for k in (0..n).step_by(LANES) {
        // The last eight times overlap those before.
        let first = k.min(n.saturating_sub(LANES));
        let filled = (!network.is_empty()).then(|| fill(&mut tile, rows, first));
        if let Some(Some(odd)) = filled {
            sort(&mut tile, &network);
            push_tile(&tile, k - first, &mut out);
            let odd = odd.into_iter().enumerate().skip(k - first);
            for (lane, _) in odd.filter(|(_, odd)| *odd) {
                put(rows, first + lane, &mut values, &mut out);
            }
        } else {
            for k in k..n.min(k + LANES) {
                let none = [f64::NAN];
                out.min.extend(none);
                out.median.extend(none);
                out.max.extend(none);
                put(rows, k, &mut values, &mut out);
            }
        }
    }
    out
}

/// Replaces what stands at a time by what selecting finds.
fn put<V: Value>(rows: &[&[V]], k: usize, values: &mut Vec<f64>, out: &mut StatisticsSeries) {
    values.clear();
    let at_k = rows.iter().filter_map(|r| r.get(k)).copied();
    values.extend(at_k.map(Into::into).filter(|v: &f64| !v.is_nan()));
    (out.min[k], out.median[k], out.max[k]) = select(values);
}

/// Takes the values of eight times from `k` on, and says which times have an odd one; none where a row is shorter.
fn fill<V: Value>(tile: &mut [[V; LANES]], rows: &[&[V]], k: usize) -> Option<[bool; LANES]> {
    let mut odd = [false; LANES];
    for (to, row) in tile.iter_mut().zip(rows) {
        let values = row.get(k..)?.first_chunk::<LANES>()?;
        for (odd, v) in odd.iter_mut().zip(values) {
            *odd |= v.is_odd();
        }
        *to = *values;
    }
    Some(odd)
}

/// Sorts each of the eight columns.
fn sort<V: Value>(tile: &mut [[V; LANES]], network: &[(usize, usize)]) {
    for &(a, b) in network {
        let (low, high) = (tile[a], tile[b]);
        for lane in 0..LANES {
            let (x, y) = (low[lane], high[lane]);
            tile[a][lane] = if y < x { y } else { x };
            tile[b][lane] = if y < x { x } else { y };
        }
    }
}

/// Takes what the sorted columns tell, but for the first ones, which were taken before.
fn push_tile<V: Value>(tile: &[[V; LANES]], before: usize, out: &mut StatisticsSeries) {
    let n = tile.len();
    let (lower, upper) = (tile[(n - 1) / 2], tile[n / 2]);
    let new = |row: [V; LANES]| row.into_iter().skip(before);
    // Values beyond f32 do not come here, so that the first and the last one are what cc-backend's loops find.
    out.min.extend(new(tile[0]).map(Into::into));
    out.max.extend(new(tile[n - 1]).map(Into::into));
    // Of an odd number both are the same one.
    let medians = new(lower).zip(new(upper));
    out.median
        .extend(medians.map(|(a, b)| f64::midpoint(a.into(), b.into())));
}

/// Batcher's odd-even merge sort for `n` values: pairs to be compared, in this order.
fn network(n: usize) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut p = 1;
    while p < n {
        let mut k = p;
        while k >= 1 {
            for j in (k % p..n.saturating_sub(k)).step_by(2 * k) {
                for i in j..(j + k).min(n - k) {
                    if i / (2 * p) == (i + k) / (2 * p) {
                        out.push((i, i + k));
                    }
                }
            }
            k /= 2;
        }
        p *= 2;
    }
    out
}

/// What the first, the middle and the last of `n` sorted values depend on: those between them need no order, which spares
/// a sixth of a sorting network.
fn needed(network: &[(usize, usize)], n: usize) -> Vec<(usize, usize)> {
    let mut wanted = vec![false; n];
    for k in [0, (n - 1) / 2, n / 2, n - 1] {
        wanted[k] = true;
    }
    let mut out = Vec::with_capacity(network.len());
    for &(a, b) in network.iter().rev() {
        if wanted[a] || wanted[b] {
            (wanted[a], wanted[b]) = (true, true);
            out.push((a, b));
        }
    }
    out.reverse();
    out
}

/// Minimum, median and maximum of the values of one time, as cc-lib computes them; NaN for too few.
fn select(values: &mut [f64]) -> (f64, f64, f64) {
    if values.len() < FEWEST_VALUES {
        return (f64::NAN, f64::NAN, f64::NAN);
    }
    let (mut min, mut max) = (MAX_F32, -MAX_F32);
    for &v in &*values {
        min = if v < min { v } else { min };
        max = if v >= max { v } else { max };
    }
    // A sum of f32 values stays finite, so the order is total; −0 and 0 are equal in Go's sort as well.
    let order = |a: &f64, b: &f64| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal);
    let is_even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(values.len() / 2, order);
    let median = if is_even {
        let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        f64::midpoint(lower, *upper)
    } else {
        *upper
    };
    (min, median, max)
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole numbers of two digits"
)]
mod tests {
    use super::*;
    use crate::model::series::Statistics;

    const N: f64 = f64::NAN;

    fn series(host: usize, data: &[f64]) -> Series {
        Series {
            host,
            id: None,
            statistics: Statistics::default(),
            data: Samples::Double(data.to_vec()),
            filler: false,
        }
    }

    #[test]
    fn the_median_is_that_of_the_values_that_exist() {
        let mut all: Vec<Series> = [10.0, 20.0, 30.0]
            .iter()
            .map(|v| series(0, &[*v, *v]))
            .collect();
        assert!(statistics_series(&all).is_none(), "under eight series");
        all.extend((0..5).map(|_| series(0, &[N, 1.0])));
        let s = statistics_series(&all).unwrap();
        assert_eq!((s.min[0], s.median[0], s.max[0]), (10.0, 20.0, 30.0));
        assert_eq!(s.median[1], 1.0);
        all.truncate(2);
        all.extend((0..6).map(|_| series(0, &[N, N])));
        let s = statistics_series(&all).unwrap();
        assert!(
            s.min[0].is_nan() && s.median[0].is_nan() && s.max[0].is_nan(),
            "two values are too few"
        );
    }

    #[test]
    fn the_network_and_the_selection_agree_to_the_bit_for_any_number_of_series() {
        let mut seed = 88_172_645_463_325_252_u64;
        for n in (8..40).chain([63, 64, 65, 100, 127, 128, 129, 200]) {
            // Many series have a network only where there are many times.
            let times = if n < 200 { 45 } else { 205 };
            let mut all: Vec<Series> = (0..n)
                .map(|host| {
                    let data: Vec<f64> = (0..times)
                        .map(|_| {
                            seed ^= seed << 13;
                            seed ^= seed >> 7;
                            seed ^= seed << 17;
                            f64::from(u16::try_from(seed % 97).unwrap()) - 48.0
                        })
                        .collect();
                    series(host, &data)
                })
                .collect();
            agrees(&all, times);
            for one in &mut all {
                let values = one.data.to_doubles().iter().map(|v| *v as f32).collect();
                one.data = Samples::Single(values);
            }
            agrees(&all, times);
        }
    }

    fn agrees(all: &[Series], times: usize) {
        let got = statistics_series(all).unwrap();
        assert_eq!(got.min.len(), times);
        for k in 0..times {
            let mut values: Vec<f64> = all.iter().map(|s| s.data.to_doubles()[k]).collect();
            let want = select(&mut values);
            let bits = |t: (f64, f64, f64)| [t.0.to_bits(), t.1.to_bits(), t.2.to_bits()];
            let got = (got.min[k], got.median[k], got.max[k]);
            assert_eq!(bits(got), bits(want), "{} series, value {k}", all.len());
        }
    }
}
