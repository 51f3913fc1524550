//! What an archived job holds, counted: enough to see whether another archive of it would be poorer.

use std::fmt;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::job::Resource;
use crate::model::series::MetricData;
use crate::model::stored::{Form, Values};

/// Counts the values of a stored data file into `values`: of a torn one, those before the tear.
///
/// # Errors
/// When it is no such document.
pub fn count(stored: impl Read, form: Form, values: &mut Values) -> Result<(), String> {
    let reader: Box<dyn Read + '_> = match form {
        Form::Plain => Box::new(stored),
        Form::Gzip => Box::new(MultiGzDecoder::new(stored)),
    };
    let mut d =
        serde_json::Deserializer::from_reader(std::io::BufReader::with_capacity(1 << 16, reader));
    let root = Node {
        depth: 0,
        names: &mut Vec::new(),
        values,
    };
    root.deserialize(&mut d)
        .map_err(|e| format!("it is no archive's data: {e}"))
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
            let held = s.data.iter().filter(|v| !v.is_nan()).count();
            values
                .entry(key)
                .or_default()
                .add(held as u64, s.data.len() as u64);
        }
    }
}

/// metric → scope → job metric.
struct Node<'a> {
    depth: usize,
    names: &'a mut Vec<String>,
    values: &'a mut Values,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of metrics, scopes and series")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if self.depth == 2 {
                if name == "series" {
                    map.next_value_seed(AllSeries {
                        names: self.names,
                        values: self.values,
                    })?;
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
                continue;
            }
            self.names.push(name);
            map.next_value_seed(Node {
                depth: self.depth + 1,
                names: self.names,
                values: self.values,
            })?;
            self.names.pop();
        }
        Ok(())
    }
}

struct AllSeries<'a> {
    names: &'a [String],
    values: &'a mut Values,
}

impl<'de> DeserializeSeed<'de> for AllSeries<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AllSeries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of series")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        #[derive(serde::Deserialize)]
        struct One {
            hostname: String,
            data: Option<Count>,
        }
        while let Some(one) = seq.next_element::<One>()? {
            let name = |k: usize| self.names.get(k).cloned().unwrap_or_default();
            let Count { values, length } = one.data.unwrap_or_default();
            self.values
                .entry((name(0), name(1), one.hostname))
                .or_default()
                .add(values, length);
        }
        Ok(())
    }
}

/// The elements of a list.
#[derive(Default)]
struct Count {
    /// Those that are not null.
    values: u64,
    length: u64,
}

impl<'de> serde::Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers and nulls")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
                let mut n = Count::default();
                while let Some(v) = seq.next_element::<Option<f64>>()? {
                    n.values += u64::from(v.is_some());
                    n.length += 1;
                }
                Ok(n)
            }
        }
        d.deserialize_seq(V)
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
