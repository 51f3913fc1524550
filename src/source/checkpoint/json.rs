//! JSON snapshots (`<from>.json`): one object, keys in any case, unknown keys ignored, what follows it not looked at.
//!
//! Numbers are rounded to f32 as they are read, and kept only as far as they are asked for, so that a snapshot costs four
//! bytes for every such value, and no parsed document.

use std::fmt;
use std::io::{BufReader, Read};

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::snapshot::{Fault, Snapshot, SnapshotSeries, Wish, check_interval, check_series};
use crate::model::job::Shown;
use crate::rules::timeline::{Column, Interval, Path};

/// A file of more bytes is parsed as it is read: slower, but the text is never in memory as a whole.
const STREAMED: u64 = 16 << 20;
/// Values after which the stop token is asked again.
const OFTEN: usize = 1 << 14;

/// Reads a whole snapshot of `length` bytes.
///
/// # Errors
/// What was expected, with line and column, or why it could not be read.
pub fn read(mut file: impl Read, length: u64, wish: &Wish<'_>) -> Result<Snapshot, Fault> {
    if length > STREAMED {
        let file = BufReader::with_capacity(1 << 18, file);
        return parse(serde_json::Deserializer::from_reader(file), wish);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1));
    file.read_to_end(&mut bytes).map_err(Fault::Medium)?;
    parse(serde_json::Deserializer::from_slice(&bytes), wish)
}

fn parse<'de, R: serde_json::de::Read<'de>>(
    mut json: serde_json::Deserializer<R>,
    wish: &Wish<'_>,
) -> Result<Snapshot, Fault> {
    let mut reading = Reading {
        wish: *wish,
        path: Vec::new(),
        out: Vec::new(),
        kept: 0,
        stopped: None,
    };
    let read = LevelReader(&mut reading).deserialize(&mut json);
    if let Some(fault) = reading.stopped {
        return Err(fault);
    }
    let (from, to) = read.map_err(|e| {
        if e.is_io() {
            Fault::Medium(e.into())
        } else {
            Fault::Content(format!("it is not a JSON snapshot: {e}"))
        }
    })?;
    Ok(Snapshot {
        interval: check_interval(from, to)?,
        series: reading.out,
        bytes: reading.kept,
    })
}

/// What was read so far.
struct Reading<'a> {
    wish: Wish<'a>,
    /// Where the reader is below the host.
    path: Path,
    out: Vec<SnapshotSeries>,
    /// Bytes that `out` takes.
    kept: usize,
    /// Why the rest is not read, though it may be sound.
    stopped: Option<Fault>,
}

impl Reading<'_> {
    /// Makes sure that the sweep goes on, and that there is room for a series of so many bytes.
    fn check<E: serde::de::Error>(&mut self, series: usize) -> Result<(), E> {
        let room = self.wish.check_room(self.kept.saturating_add(series));
        self.wish.check().and(room).map_err(|fault| {
            let e = E::custom(&fault);
            self.stopped = Some(fault);
            e
        })
    }
}

/// A level of the tree; yields its `from` and `to`.
struct LevelReader<'a, 'w>(&'a mut Reading<'w>);

impl<'de> DeserializeSeed<'de> for LevelReader<'_, '_> {
    type Value = (i64, i64);
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LevelReader<'_, '_> {
    type Value = (i64, i64);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a level of a snapshot (an object with metrics, children, from, to)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut from, mut to) = (0, 0);
        while let Some(key) = map.next_key::<String>()? {
            match key.to_lowercase().as_str() {
                "metrics" => map.next_value_seed(Entries {
                    reading: self.0,
                    children: false,
                })?,
                "children" => map.next_value_seed(Entries {
                    reading: self.0,
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
struct Entries<'a, 'w> {
    reading: &'a mut Reading<'w>,
    children: bool,
}

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of metrics or children")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let reading = &mut *self.reading;
            if self.children {
                reading.path.push(name.into());
                map.next_value_seed(LevelReader(reading))?;
                self.reading.path.pop();
            } else {
                reading.check(0)?;
                let window = reading.wish.window_of(&name);
                let parts = map.next_value_seed(Series { reading, window })?;
                let column = parts.column(&name, window).map_err(A::Error::custom)?;
                self.reading.kept = self.reading.kept.saturating_add(column.bytes());
                self.reading.out.push(SnapshotSeries {
                    path: self.reading.path.clone(),
                    metric: name.into(),
                    column,
                });
            }
        }
        Ok(())
    }
}

struct Series<'a, 'w> {
    reading: &'a mut Reading<'w>,
    /// Where its values are asked for.
    window: Interval,
}

/// What was read of a series.
#[derive(Default)]
struct Parts {
    step: Option<i64>,
    start: Option<i64>,
    data: Data,
}

#[derive(Default)]
enum Data {
    #[default]
    None,
    /// Step and start came before the values, as the store writes them.
    Placed(Column),
    /// All values are kept until it is known where they stand.
    Loose(Vec<f32>),
}

impl<'de> DeserializeSeed<'de> for Series<'_, '_> {
    type Value = Parts;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Parts, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Series<'_, '_> {
    type Value = Parts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a series (an object with frequency, start, data)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts, A::Error> {
        let mut parts = Parts::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.to_lowercase().as_str() {
                "frequency" => parts.step = map.next_value::<Option<i64>>()?,
                "start" => parts.start = map.next_value::<Option<i64>>()?,
                "data" => {
                    let column = parts.step.zip(parts.start);
                    let column = column.map(|(step, start)| Column::new(step, start, self.window));
                    parts.data = data(self.reading, &mut map, column)?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(parts)
    }
}

/// Reads the values into a column, where it is known when they were measured.
fn data<'de, A: MapAccess<'de>>(
    reading: &mut Reading<'_>,
    map: &mut A,
    column: Option<Column>,
) -> Result<Data, A::Error> {
    if let Some(mut column) = column {
        map.next_value_seed(Values {
            reading,
            out: &mut column,
        })?;
        return Ok(Data::Placed(column));
    }
    let mut values = Vec::new();
    map.next_value_seed(Values {
        reading,
        out: &mut values,
    })?;
    Ok(Data::Loose(values))
}

impl Parts {
    /// The series as a column.
    fn column(self, metric: &str, window: Interval) -> Result<Column, String> {
        let (step, start) = (
            self.step.unwrap_or_default(),
            self.start.unwrap_or_default(),
        );
        let mut column = match self.data {
            // Only a key that comes twice can have moved it.
            Data::Placed(c) if c.start == start && c.step == step.max(1) => c,
            Data::Placed(_) => {
                let name = Shown(metric);
                return Err(format!(
                    "metric `{name}` has frequency or start more than once"
                ));
            }
            Data::None => Column::new(step, start, window),
            Data::Loose(values) => {
                let mut c = Column::new(step, start, window);
                for v in values {
                    c.push(v);
                }
                c
            }
        };
        check_series(metric, step, start, column.len())?;
        column.close();
        Ok(column)
    }
}

/// What takes the values of a series.
trait Taking {
    fn take(&mut self, value: f32);
    /// Bytes that it takes itself.
    fn bytes(&self) -> usize;
}

impl Taking for Column {
    fn take(&mut self, value: f32) {
        self.push(value);
    }
    fn bytes(&self) -> usize {
        Self::bytes(self)
    }
}

impl Taking for Vec<f32> {
    fn take(&mut self, value: f32) {
        self.push(value);
    }
    fn bytes(&self) -> usize {
        size_of_val(self.as_slice())
    }
}

/// Numbers rounded to f32, null as NaN.
struct Values<'a, 'w, T> {
    reading: &'a mut Reading<'w>,
    out: &'a mut T,
}

impl<'de, T: Taking> DeserializeSeed<'de> for Values<'_, '_, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_option(self)
    }
}

impl<'de, T: Taking> Visitor<'de> for Values<'_, '_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers and nulls")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_seq(self)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the store's files hold single precision"
    )]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut count = 0_usize;
        while let Some(v) = seq.next_element::<Option<f64>>()? {
            self.out.take(v.map_or(f32::NAN, |v| v as f32));
            count = count.wrapping_add(1);
            if count.is_multiple_of(OFTEN) {
                self.reading.check(self.out.bytes())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::stop::Stop;

    fn parse(bytes: &[u8]) -> Result<Snapshot, String> {
        let stop = Stop::new();
        let wish = Wish::everything(&stop);
        let whole = read(bytes, bytes.len() as u64, &wish).map_err(|e| e.to_string());
        // A large file is read in another way, with the same result.
        let streamed = super::parse(serde_json::Deserializer::from_reader(bytes), &wish);
        let shape = |s: &Snapshot| s.series.iter().map(|s| s.column.len()).collect::<Vec<_>>();
        assert_eq!(
            whole.as_ref().ok().map(shape),
            streamed.as_ref().ok().map(shape)
        );
        whole
    }

    const FILE: &str = r#"{"metrics":{"cpu_load":{"frequency":60,"start":1000,"data":[1.5,null,2.2]}},"children":{"socket0":{"metrics":{"mem_bw":{"frequency":60,"start":1000,"data":[123456792.0,-0.0]}},"children":{},"from":941,"to":1200}},"from":940,"to":1200}"#;

    #[test]
    fn a_snapshot_gives_back_its_series_rounded_to_f32() {
        let s = parse(FILE.as_bytes()).unwrap();
        assert_eq!(
            (s.interval.from, s.interval.to, s.series.len()),
            (940, 1200, 2)
        );
        assert_eq!(s.series[0].column.value(2), Some(2.2_f32));
        assert!(s.series[0].column.value(1).unwrap().is_nan());
        assert_eq!(
            (&*s.series[1].path[0], s.series[1].column.value(0)),
            ("socket0", Some(123_456_792.0))
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
