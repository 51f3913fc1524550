//! data.json, metric by metric: an object metric → scope → unit, series and timestep, as cc-lib `schema/float.go`
//! and `schema/metrics.go` write it. Metrics must come in the byte order of their names.
//!
//! A metric is written in [`pieces`], each of which depends on no other: their texts one after the other are the metric's
//! text, whoever writes them and when. So a large metric can be written by several threads, and its text never needs to be
//! in memory as a whole.

use super::{fixed, text};
use crate::model::job::Resource;
use crate::model::series::{MetricData, Samples, ScopeData, Series, StatisticsSeries, Unit};

/// Series of a piece: some hundred kilobytes of text where a job takes a day.
const TOGETHER: usize = 32;

/// A part of a metric's text.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    metric: &'a MetricData,
    scope: &'a ScopeData,
    hosts: &'a [Resource],
    part: Part<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Part<'a> {
    /// What comes before the series; whether the scope begins the metric, and the metric the document.
    Head {
        begins_metric: bool,
        begins_document: bool,
    },
    /// Series; whether they are the scope's first ones.
    Series { series: &'a [Series], first: bool },
    /// What comes behind them; whether the metric ends there.
    Tail { last: bool },
}

/// The pieces of one metric; `first` says whether it begins the document.
pub fn pieces<'a>(
    m: &'a MetricData,
    first: bool,
    hosts: &'a [Resource],
) -> impl Iterator<Item = Piece<'a>> {
    m.scopes.iter().enumerate().flat_map(move |(k, scope)| {
        let piece = move |part| Piece {
            metric: m,
            scope,
            hosts,
            part,
        };
        let head = Part::Head {
            begins_metric: k == 0,
            begins_document: first,
        };
        let series = scope.series.chunks(TOGETHER).enumerate();
        let series = series.map(|(i, series)| Part::Series {
            series,
            first: i == 0,
        });
        let tail = Part::Tail {
            last: k + 1 == m.scopes.len(),
        };
        let parts = std::iter::once(head).chain(series).chain([tail]);
        parts.map(piece)
    })
}

impl Piece<'_> {
    /// The length of its text, roughly.
    pub fn length(&self) -> usize {
        const VALUE: usize = 8;
        const REST: usize = 200;
        match self.part {
            Part::Head { .. } => {
                let statistics = self.scope.statistics_series.as_ref();
                REST + 3 * VALUE * statistics.map_or(0, |s| s.min.len())
            }
            Part::Series { series, .. } => {
                let length = |s: &Series| REST + VALUE * s.data.len();
                series.iter().map(length).sum()
            }
            Part::Tail { .. } => REST,
        }
    }

    /// Appends its text.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self.part {
            Part::Head {
                begins_metric,
                begins_document,
            } => {
                if begins_metric {
                    out.push(if begins_document { b'{' } else { b',' });
                    text::key(&self.metric.name, out);
                }
                out.push(if begins_metric { b'{' } else { b',' });
                self.head(out);
            }
            Part::Series { series, first } => {
                for (k, s) in series.iter().enumerate() {
                    if k > 0 || !first {
                        out.push(b',');
                    }
                    one(s, self.hosts, out);
                }
            }
            Part::Tail { last } => {
                let end = if last { "}}" } else { "}" };
                let timestep = self.metric.timestep;
                out.extend_from_slice(format!("],\"timestep\":{timestep}{end}").as_bytes());
            }
        }
    }

    /// A scope up to its first series.
    fn head(&self, out: &mut Vec<u8>) {
        text::key(self.scope.scope.name(), out);
        out.push(b'{');
        if let Some(ss) = &self.scope.statistics_series {
            out.extend_from_slice(b"\"statisticsSeries\":");
            statistics_series(ss, out);
            out.push(b',');
        }
        out.extend_from_slice(b"\"unit\":");
        unit(&self.metric.unit, out);
        out.extend_from_slice(b",\"series\":[");
    }
}

/// Appends the end of the document; `empty` says whether it has no metric.
pub fn end(empty: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if empty { b"{}\n" } else { b"}\n" });
}

fn statistics_series(s: &StatisticsSeries, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"mean\":null");
    for (name, values) in [("median", &s.median), ("min", &s.min), ("max", &s.max)] {
        out.push(b',');
        text::key(name, out);
        out.push(b'[');
        fixed::array(values.iter().copied(), out);
        out.push(b']');
    }
    out.push(b'}');
}

/// Appends a unit, here and in meta.json.
pub(super) fn unit(u: &Unit, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"base\":");
    text::quoted(u.base.as_bytes(), out);
    if !u.prefix.is_empty() {
        out.extend_from_slice(b",\"prefix\":");
        text::quoted(u.prefix.as_bytes(), out);
    }
    out.push(b'}');
}

fn one(s: &Series, hosts: &[Resource], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"hostname\":");
    text::quoted(
        hosts.get(s.host).map_or(&[], |h| h.hostname.as_bytes()),
        out,
    );
    if let Some(id) = &s.id {
        out.extend_from_slice(b",\"id\":");
        text::quoted(id.as_bytes(), out);
    }
    out.extend_from_slice(b",\"statistics\":{\"min\":");
    fixed::fixed2(s.statistics.min, out);
    out.extend_from_slice(b",\"avg\":");
    fixed::fixed2(s.statistics.avg, out);
    out.extend_from_slice(b",\"max\":");
    fixed::fixed2(s.statistics.max, out);
    out.extend_from_slice(b"},\"data\":[");
    out.reserve(s.data.len() * 8);
    samples(&s.data, out);
    out.extend_from_slice(b"]}");
}

/// cc-backend rounds the values of a series to single precision, but not those of a statistics series.
fn samples(data: &Samples, out: &mut Vec<u8>) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to single precision is what is wanted"
    )]
    let rounded = |v: &f64| f64::from(*v as f32);
    match data {
        Samples::Single(v) => fixed::array(v.iter().copied().map(f64::from), out),
        Samples::Double(v) => fixed::array(v.iter().map(rounded), out),
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "data is rounded to single precision"
)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_to_single_precision_first_and_missing_ones_are_null() {
        let text = |data: Samples| {
            let mut out = Vec::new();
            samples(&data, &mut out);
            String::from_utf8(out).unwrap()
        };
        let all = [0.045, 0.005, 16_777_217.125, f64::NAN, -0.001];
        let want = "0.05,0.00,16777218.00,null,-0.00";
        assert_eq!(text(Samples::Double(all.to_vec())), want);
        let single = all.iter().map(|v| *v as f32).collect();
        assert_eq!(text(Samples::Single(single)), want);
    }
}
