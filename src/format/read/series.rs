//! One series of data.json: host, id, statistics and values.

use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor as Visit,
};

use crate::model::job::{LONGEST_JOB, null_is_default};
use crate::model::series::Statistics;

/// A series; its room is used again for the next.
#[derive(Default)]
pub(super) struct One {
    pub(super) host: Option<String>,
    pub(super) id: Option<String>,
    pub(super) statistics: Statistics,
    pub(super) values: Vec<f32>,
}

/// Reads the next series into it.
pub(super) struct OneSeries<'a>(pub(super) &'a mut One);

impl<'de> DeserializeSeed<'de> for OneSeries<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visit<'de> for OneSeries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with hostname, statistics and data")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        #[derive(Deserialize)]
        struct Raw {
            #[serde(default, deserialize_with = "null_is_default")]
            min: f64,
            #[serde(default, deserialize_with = "null_is_default")]
            avg: f64,
            #[serde(default, deserialize_with = "null_is_default")]
            max: f64,
        }
        let one = self.0;
        one.host = None;
        one.id = None;
        one.statistics = Statistics::default();
        one.values.clear();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "hostname" => one.host = Some(map.next_value::<Option<_>>()?.unwrap_or_default()),
                "id" => one.id = map.next_value::<Option<Id>>()?.map(|i| i.0),
                "statistics" => {
                    if let Some(Raw { min, avg, max }) = map.next_value()? {
                        one.statistics = Statistics { avg, min, max };
                    }
                }
                "data" => map.next_value_seed(Samples(&mut one.values))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A text, or a number as older releases wrote it.
struct Id(String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "an id, a text or a number")]
        enum Either {
            Text(String),
            Number(i64),
        }
        Ok(Self(match Either::deserialize(d)? {
            Either::Text(t) => t,
            Either::Number(n) => n.to_string(),
        }))
    }
}

/// The values of a series.
struct Samples<'a>(&'a mut Vec<f32>);

impl<'de> DeserializeSeed<'de> for Samples<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        let values = self.0;
        d.deserialize_any(Numbers(|v: Option<f64>| {
            #[expect(clippy::cast_possible_truncation, reason = "what is stored was an f32")]
            values.push(v.map_or(f32::NAN, |v| v as f32));
            (values.len() as u64) <= LONGEST_JOB.unsigned_abs()
        }))
    }
}

/// A list of numbers and nulls, or null; each is given to a function that says whether there may be more.
pub(super) struct Numbers<F>(pub(super) F);

impl<'de, F: FnMut(Option<f64>) -> bool> Visit<'de> for Numbers<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers and nulls")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(v) = seq.next_element::<Option<f64>>()? {
            if !(self.0)(v) {
                return Err(A::Error::custom(
                    "a series holds more values than the longest job has seconds",
                ));
            }
        }
        Ok(())
    }
}
