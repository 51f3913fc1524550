//! What an archived job holds, counted: enough to see whether another archive of it would be poorer.

use std::io::Read;

use super::Error;
use super::data::{SeriesRead, Visitor, data};
use crate::model::job::Resource;
use crate::model::series::MetricData;
use crate::model::stored::{Form, Values};

/// Counts what it is told.
#[derive(Debug, Default)]
pub struct Counting(pub Values);

impl Visitor for Counting {
    fn series(&mut self, s: &SeriesRead<'_>) {
        let held = s.values.iter().filter(|v| !v.is_nan()).count();
        let key = (s.metric.to_owned(), s.scope.to_owned(), s.host.to_owned());
        self.0
            .entry(key)
            .or_default()
            .add(held as u64, s.values.len() as u64);
    }
}

/// Counts the values of a stored data file into `values`: of a torn one, those before the tear.
///
/// # Errors
/// When it is no such document.
pub fn count(stored: impl Read, form: Form, values: &mut Values) -> Result<(), Error> {
    let mut counting = Counting(std::mem::take(values));
    let read = data(stored, form, &mut counting);
    *values = counting.0;
    read
}

/// Adds the values of a metric that is about to be stored.
pub fn add(values: &mut Values, metric: &MetricData, hosts: &[Resource]) {
    for scope in &metric.scopes {
        for s in &scope.series {
            let host = hosts
                .get(s.host)
                .map(|h| h.hostname.clone())
                .unwrap_or_default();
            let key = (metric.name.clone(), scope.scope.name().to_owned(), host);
            let held = s.data.held();
            values
                .entry(key)
                .or_default()
                .add(held as u64, s.data.len() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_by_metric_scope_and_host_over_all_ids() {
        let doc = br#"{"m":{"core":{"statisticsSeries":{"mean":null},"unit":{},"series":[
            {"hostname":"a","id":"0","statistics":{},"data":[1.00,null]},{"hostname":"a","id":"1","data":[2.00,3.00]},
            {"hostname":"b","data":[]}],"timestep":60}}}"#;
        let counted = |doc: &[u8]| {
            let mut values = Values::new();
            count(doc, Form::Plain, &mut values).map(|()| values)
        };
        let v = counted(doc).unwrap();
        let key = |h: &str| ("m".to_owned(), "core".to_owned(), h.to_owned());
        assert_eq!((v[&key("a")].values, v[&key("b")].values), (3, 0));
        assert_eq!((v[&key("a")].series, v[&key("a")].longest), (2, 2));
        assert!(counted(&doc[..40]).is_err());
        assert!(counted(b"{}").unwrap().is_empty());
        let mut torn = Values::new();
        assert!(count(&doc[..doc.len() - 18], Form::Plain, &mut torn).is_err());
        assert_eq!(torn, v);
    }
}
