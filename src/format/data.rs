//! data.json, metric by metric: an object metric → scope → unit, series and timestep, as cc-lib `schema/float.go`
//! and `schema/metrics.go` write it. Metrics must come in the byte order of their names.

use super::{number, text};
use crate::model::job::Resource;
use crate::model::series::{MetricData, ScopeData, Series, StatisticsSeries, Unit};

/// Appends one metric; `first` says whether it begins the document.
pub fn metric(m: &MetricData, first: bool, hosts: &[Resource], out: &mut Vec<u8>) {
    out.push(if first { b'{' } else { b',' });
    text::key(&m.name, out);
    out.push(b'{');
    for (k, s) in m.scopes.iter().enumerate() {
        if k > 0 {
            out.push(b',');
        }
        text::key(s.scope.name(), out);
        scope(m, s, hosts, out);
    }
    out.push(b'}');
}

/// Appends the end of the document; `empty` says whether it has no metric.
pub fn end(empty: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if empty { b"{}\n" } else { b"}\n" });
}

fn scope(m: &MetricData, s: &ScopeData, hosts: &[Resource], out: &mut Vec<u8>) {
    out.push(b'{');
    if let Some(ss) = &s.statistics_series {
        out.extend_from_slice(b"\"statisticsSeries\":");
        statistics_series(ss, out);
        out.push(b',');
    }
    out.extend_from_slice(b"\"unit\":");
    unit(&m.unit, out);
    out.extend_from_slice(b",\"series\":");
    text::array(&s.series, out, |one, out| series(one, hosts, out));
    out.extend_from_slice(format!(",\"timestep\":{}}}", m.timestep).as_bytes());
}

fn statistics_series(s: &StatisticsSeries, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"mean\":null");
    for (name, values) in [("median", &s.median), ("min", &s.min), ("max", &s.max)] {
        out.push(b',');
        text::key(name, out);
        text::array(values, out, |v, out| {
            if v.is_nan() {
                out.extend_from_slice(b"null");
            } else {
                number::fixed2(*v, out);
            }
        });
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

fn series(s: &Series, hosts: &[Resource], out: &mut Vec<u8>) {
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
    number::fixed2(s.statistics.min, out);
    out.extend_from_slice(b",\"avg\":");
    number::fixed2(s.statistics.avg, out);
    out.extend_from_slice(b",\"max\":");
    number::fixed2(s.statistics.max, out);
    out.extend_from_slice(b"},\"data\":[");
    out.reserve(s.data.len() * 8);
    number::array(&s.data, out);
    out.extend_from_slice(b"]}");
}
