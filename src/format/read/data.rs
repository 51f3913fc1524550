//! data.json and data.json.gz, read series by series.
//!
//! The document may be of any size: memory is that of its longest series, and no series may hold more values than the
//! longest job has seconds.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, BufReader, ErrorKind, Read};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor as Visit,
};

use super::Error;
use super::series::{Numbers, One, OneSeries};
use crate::model::series::{Statistics, Unit};
use crate::model::stored::Form;

/// A series as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct SeriesRead<'a> {
    /// The metric's name.
    pub metric: &'a str,
    /// The scope's name, which may be one that this program does not know.
    pub scope: &'a str,
    /// The host's name.
    pub host: &'a str,
    /// Id within the node; none for series of a whole node.
    pub id: Option<&'a str>,
    /// As stored.
    pub statistics: Statistics,
    /// One value per timestep; NaN where there is none.
    pub values: &'a [f32],
}

/// What all series of a metric and scope have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Data {
    /// The metric's unit.
    pub unit: Unit,
    /// Seconds between two values.
    pub timestep: i64,
    /// Length of the statistics series; none where there is no such series.
    pub statistics_series: Option<u64>,
}

/// Is told what a document holds, in its order.
pub trait Visitor {
    /// A series.
    fn series(&mut self, series: &SeriesRead<'_>);

    /// The end of a metric's scope, after its series.
    fn scope(&mut self, metric: &str, scope: &str, data: &Data) {
        let _: (&str, &str, &Data) = (metric, scope, data);
    }
}

/// Reads a stored data file to its end. Of a torn one, the visitor is told what comes before the tear.
///
/// # Errors
/// When it is no such document, its compressed form is damaged anywhere, or the medium refuses it.
pub fn data(stored: impl Read, form: Form, visitor: &mut dyn Visitor) -> Result<(), Error> {
    let refused = RefCell::new(None);
    let stored = Watched {
        stored,
        refused: &refused,
    };
    let read = decode(stored, form, visitor);
    let document = match form {
        Form::Plain => "data.json",
        Form::Gzip => "data.json.gz",
    };
    read.map_err(|detail| match refused.take() {
        Some(detail) => Error::Refused { document, detail },
        None => Error::Damaged { document, detail },
    })
}

/// Notes what the medium refuses: those who decode make words of it, and damaged bytes must be told from a sick disk.
struct Watched<'a, R> {
    stored: R,
    refused: &'a RefCell<Option<String>>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.stored.read(out);
        if let Err(e) = &read
            && e.kind() != ErrorKind::Interrupted
        {
            self.refused.borrow_mut().get_or_insert(e.to_string());
        }
        read
    }
}

fn decode(stored: impl Read, form: Form, visitor: &mut dyn Visitor) -> Result<(), String> {
    let reader: Box<dyn Read + '_> = match form {
        Form::Plain => Box::new(stored),
        Form::Gzip => Box::new(MultiGzDecoder::new(stored)),
    };
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    let mut d = serde_json::Deserializer::from_reader(&mut reader);
    let mut reading = Reading {
        visitor,
        names: Vec::new(),
        one: One::default(),
    };
    Nested(&mut reading)
        .deserialize(&mut d)
        .map_err(|e| e.to_string())?;
    // What follows is of no interest, but the checksum of the compressed form stands at its end.
    io::copy(&mut reader, &mut io::sink()).map_err(|e| e.to_string())?;
    Ok(())
}

/// Where in the document the reader is.
struct Reading<'a> {
    visitor: &'a mut dyn Visitor,
    /// Metric and scope, as far as they are known.
    names: Vec<String>,
    /// The series being read; its room is used again for the next.
    one: One,
}

/// An object of metrics or of scopes, or null.
struct Nested<'a, 'v>(&'a mut Reading<'v>);

impl<'de> DeserializeSeed<'de> for Nested<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visit<'de> for Nested<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of metrics, scopes and series")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            self.0.names.push(name);
            if self.0.names.len() < 2 {
                map.next_value_seed(Nested(self.0))?;
            } else {
                map.next_value_seed(JobMetric(self.0))?;
            }
            self.0.names.pop();
        }
        Ok(())
    }
}

/// Unit, timestep and series of a metric's scope, or null.
struct JobMetric<'a, 'v>(&'a mut Reading<'v>);

impl<'de> DeserializeSeed<'de> for JobMetric<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visit<'de> for JobMetric<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with unit, series and timestep")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut data = Data::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "series" => map.next_value_seed(AllSeries(self.0))?,
                "unit" => data.unit = map.next_value::<Option<Unit>>()?.unwrap_or_default(),
                "timestep" => data.timestep = map.next_value::<Option<i64>>()?.unwrap_or_default(),
                "statisticsSeries" => {
                    data.statistics_series = map.next_value::<Option<Length>>()?.map(|l| l.max.0);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let Reading { visitor, names, .. } = self.0;
        if let [metric, scope] = &names[..] {
            visitor.scope(metric, scope, &data);
        }
        Ok(())
    }
}

/// How long a statistics series is.
#[derive(Deserialize)]
struct Length {
    #[serde(default)]
    max: Count,
}

#[derive(Default)]
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut n = 0;
        d.deserialize_any(Numbers(|_| {
            n += 1;
            true
        }))?;
        Ok(Self(n))
    }
}

/// A list of series, or null.
struct AllSeries<'a, 'v>(&'a mut Reading<'v>);

impl<'de> DeserializeSeed<'de> for AllSeries<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visit<'de> for AllSeries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of series")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(OneSeries(&mut self.0.one))?.is_some() {
            let Reading {
                visitor,
                names,
                one,
            } = &mut *self.0;
            let (Some(host), [metric, scope]) = (&one.host, &names[..]) else {
                return Err(A::Error::custom("a series does not name its host"));
            };
            visitor.series(&SeriesRead {
                metric,
                scope,
                host,
                id: one.id.as_deref(),
                statistics: one.statistics,
                values: &one.values,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes down what it is told.
    #[derive(Default)]
    struct Notes(Vec<String>);

    impl Visitor for Notes {
        fn series(&mut self, s: &SeriesRead<'_>) {
            let (st, values) = (s.statistics, s.values);
            self.0.push(format!(
                "{} {} {} {:?} {}/{}/{} {values:?}",
                s.metric, s.scope, s.host, s.id, st.min, st.avg, st.max
            ));
        }

        fn scope(&mut self, metric: &str, scope: &str, d: &Data) {
            let unit = format!("{}{}", d.unit.prefix, d.unit.base);
            self.0.push(format!(
                "{metric} {scope}: {unit} {} {:?}",
                d.timestep, d.statistics_series
            ));
        }
    }

    /// A medium that refuses what follows its bytes.
    struct Sick<'a>(&'a [u8]);

    impl Read for Sick<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            match self.0.read(out) {
                Ok(0) => Err(io::Error::other("the disk is sick")),
                read => read,
            }
        }
    }

    #[test]
    fn a_medium_that_refuses_is_told_from_a_torn_document() {
        let json = br#"{"cpu_load":{"node":{"unit":{"base":""},"series":["#.as_slice();
        for form in [Form::Plain, Form::Gzip] {
            let torn = data(json, form, &mut Notes::default());
            assert!(matches!(torn, Err(Error::Damaged { .. })), "{torn:?}");
        }
        let refused = data(Sick(json), Form::Plain, &mut Notes::default());
        let Err(Error::Refused { detail, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(detail, "the disk is sick");
        // Nothing of it can be told, not even that it is no gzip.
        let refused = data(Sick(&[0x1f, 0x8b]), Form::Gzip, &mut Notes::default());
        assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    }

    fn notes(json: &str) -> Result<Vec<String>, String> {
        let mut notes = Notes::default();
        data(json.as_bytes(), Form::Plain, &mut notes).map_err(|e| e.to_string())?;
        Ok(notes.0)
    }

    #[test]
    fn a_document_is_told_series_by_series() {
        let json = r#"{"cpu_load":{"node":{"unit":{"base":""},"series":[{"hostname":"n01","statistics":{"min":1.00,"avg":1.25,"max":1.50},"data":[1.00,null,1.50]}],"timestep":60}},"flops_any":{"core":{"statisticsSeries":{"mean":null,"median":[1.00],"min":[0.00],"max":[3.00]},"unit":{"base":"F/s","prefix":"G"},"series":[{"hostname":"n01","id":"0","statistics":{"min":0.00,"avg":0.00,"max":0.00},"data":[]}],"timestep":60},"node":null}}
"#;
        let want = [
            "cpu_load node n01 None 1/1.25/1.5 [1.0, NaN, 1.5]",
            "cpu_load node:  60 None",
            "flops_any core n01 Some(\"0\") 0/0/0 []",
            "flops_any core: GF/s 60 Some(1)",
        ];
        assert_eq!(notes(json).unwrap(), want);
    }

    #[test]
    fn null_is_nothing_at_every_level() {
        for json in [
            "null",
            "{}",
            "{}\n",
            r#"{"m":null}"#,
            r#"{"m":{"node":null}}"#,
        ] {
            assert!(notes(json).unwrap().is_empty(), "{json}");
        }
        let json = r#"{"m":{"new scope":{"series":null,"unit":null,"timestep":null,"statisticsSeries":null},
            "core":{"series":[{"hostname":"n","id":7,"data":null,"statistics":{"min":null}}]}}}"#;
        assert_eq!(notes(json).unwrap()[1], "m core n Some(\"7\") 0/0/0 []");
        let json = r#"{"m":{"node":{"series":[{"hostname":null}]}}}"#;
        assert_eq!(notes(json).unwrap()[0], "m node  None 0/0/0 []");
    }

    #[test]
    fn what_is_no_such_document_is_refused_in_one_sentence() {
        for json in [
            "",
            "[]",
            r#"{"m":[]}"#,
            r#"{"m":{"node":{"series":[{"data":[]}]}}}"#,
            r#"{"m":{"node":{"series":[{"hostname":1}]}}}"#,
            r#"{"m":{"node":{"series":[{"hostname":"n","data":["1"]}]}}}"#,
            r#"{"m":{"node":{"series":[{"hostname":"n","data":[1"#,
        ] {
            let why = notes(json).unwrap_err();
            assert!(
                why.starts_with("data.json is damaged: ") && !why.contains('\n'),
                "{why}"
            );
        }
    }

    #[test]
    fn a_wrong_checksum_behind_the_document_is_noticed() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut gz, br#"{"m":null}"#).unwrap();
        let mut gz = gz.finish().unwrap();
        let read = |gz: &[u8]| data(gz, Form::Gzip, &mut Notes::default());
        assert_eq!(read(&gz), Ok(()));
        assert!(read(&gz[..gz.len() - 1]).is_err());
        let checksum = gz.len() - 8;
        gz[checksum] ^= 1;
        assert!(read(&gz).is_err());
    }
}
