//! JSON snapshots (`<from>.json`): one object, keys in any case, unknown keys ignored, what follows it not looked at.
//!
//! Numbers are rounded to f32 as they are read, so that a snapshot costs four bytes a value, not a parsed document.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Snapshot, SnapshotSeries, check_interval, check_series};
use crate::rules::timeline::{Column, Path};

/// Reads a whole snapshot.
///
/// # Errors
/// What was expected, with line and column.
pub fn parse(bytes: &[u8]) -> Result<Snapshot, String> {
    let mut series = Vec::new();
    let mut d = serde_json::Deserializer::from_slice(bytes);
    let (from, to) = Level {
        path: &mut Vec::new(),
        out: &mut series,
    }
    .deserialize(&mut d)
    .map_err(|e| format!("it is no JSON snapshot: {e}"))?;
    for s in &series {
        let c = &s.column;
        check_series(&s.metric, c.step, c.start, c.values.len())?;
    }
    Ok(Snapshot {
        interval: check_interval(from, to)?,
        series,
    })
}

/// A level of the tree; yields its `from` and `to`.
struct Level<'a> {
    path: &'a mut Path,
    out: &'a mut Vec<SnapshotSeries>,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = (i64, i64);
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = (i64, i64);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a level of a snapshot (an object with metrics, children, from, to)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut from, mut to) = (0, 0);
        while let Some(key) = map.next_key::<String>()? {
            match key.to_lowercase().as_str() {
                "metrics" => map.next_value_seed(Entries {
                    path: self.path,
                    out: self.out,
                    children: false,
                })?,
                "children" => map.next_value_seed(Entries {
                    path: self.path,
                    out: self.out,
                    children: true,
                })?,
                "from" => from = map.next_value::<Option<i64>>()?.unwrap_or_default(),
                "to" => to = map.next_value::<Option<i64>>()?.unwrap_or_default(),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok((from, to))
    }
}

/// The object under `metrics` or `children`; null is an empty one.
struct Entries<'a> {
    path: &'a mut Path,
    out: &'a mut Vec<SnapshotSeries>,
    children: bool,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of metrics or children")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if self.children {
                self.path.push(name.into());
                map.next_value_seed(Level {
                    path: self.path,
                    out: self.out,
                })?;
                self.path.pop();
            } else {
                let column = map.next_value_seed(Series)?;
                self.out.push(SnapshotSeries {
                    path: self.path.clone(),
                    metric: name.into(),
                    column,
                });
            }
        }
        Ok(())
    }
}

struct Series;

impl<'de> DeserializeSeed<'de> for Series {
    type Value = Column;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Column, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Series {
    type Value = Column;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a series (an object with frequency, start, data)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Column, A::Error> {
        let mut c = Column {
            step: 0,
            start: 0,
            values: Vec::new(),
        };
        while let Some(key) = map.next_key::<String>()? {
            match key.to_lowercase().as_str() {
                "frequency" => c.step = map.next_value::<Option<i64>>()?.unwrap_or_default(),
                "start" => c.start = map.next_value::<Option<i64>>()?.unwrap_or_default(),
                "data" => c.values = map.next_value::<Option<Values>>()?.unwrap_or_default().0,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(c)
    }
}

/// Numbers rounded to f32, null as NaN.
#[derive(Default)]
struct Values(Vec<f32>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Values;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of numbers and nulls")
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the store's files hold single precision"
            )]
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Values, A::Error> {
                let mut out = Vec::new();
                while let Some(v) = seq.next_element::<Option<f64>>()? {
                    out.push(v.map_or(f32::NAN, |v| v as f32));
                }
                Ok(Values(out))
            }
        }
        d.deserialize_seq(V)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"metrics":{"cpu_load":{"frequency":60,"start":1000,"data":[1.5,null,2.2]}},"children":{"socket0":{"metrics":{"mem_bw":{"frequency":60,"start":1000,"data":[123456792.0,-0.0]}},"children":{},"from":941,"to":1200}},"from":940,"to":1200}"#;

    #[test]
    fn a_snapshot_gives_back_its_series_rounded_to_f32() {
        let s = parse(FILE.as_bytes()).unwrap();
        assert_eq!(
            (s.interval.from, s.interval.to, s.series.len()),
            (940, 1200, 2)
        );
        assert_eq!(s.series[0].column.values[2], 2.2_f32);
        assert!(s.series[0].column.values[1].is_nan());
        assert_eq!(
            (&*s.series[1].path[0], s.series[1].column.values[0]),
            ("socket0", 123_456_792.0)
        );
        assert!(parse(format!("{FILE}\ntrailing").as_bytes()).is_ok());
        let odd = r#"{"METRICS":{"a":{"Frequency":1,"start":0,"data":null,"more":{}}},"children":null,"to":5,"x":[1]}"#;
        assert_eq!(parse(odd.as_bytes()).unwrap().series.len(), 1);
    }

    #[test]
    fn a_file_cut_at_any_byte_is_refused_and_a_flipped_one_never_panics() {
        for n in 0..FILE.len() {
            assert!(parse(&FILE.as_bytes()[..n]).is_err(), "cut at {n}");
        }
        for i in 0..FILE.len() {
            for bit in 0..8 {
                let mut f = FILE.as_bytes().to_vec();
                f[i] ^= 1 << bit;
                drop(parse(&f));
            }
        }
    }

    #[test]
    fn wrong_types_and_absurd_numbers_are_refused_by_name() {
        for (bad, want) in [
            (r#"{"metrics":{"a":null},"from":1,"to":2}"#, "series"),
            (
                r#"{"metrics":{"a":{"frequency":0,"start":1,"data":[]}},"from":1,"to":2}"#,
                "`a`",
            ),
            (
                r#"{"metrics":{"a":{"frequency":60,"start":99999999999999999,"data":[]}},"from":1,"to":2}"#,
                "`a`",
            ),
            (r#"{"metrics":[],"from":1,"to":2}"#, "object"),
            (
                r#"{"metrics":{"a":{"frequency":60,"start":1,"data":["x"]}},"from":1,"to":2}"#,
                "line 1",
            ),
            (r#"{"from":1e400}"#, "line 1"),
        ] {
            let e = parse(bad.as_bytes()).unwrap_err();
            assert!(e.contains(want), "{bad}: {e}");
        }
        let deep = "{\"children\":{\"a\":".repeat(100_000);
        assert!(parse(deep.as_bytes()).is_err(), "nesting is bounded");
    }
}
