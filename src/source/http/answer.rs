//! What a store answers, read from its JSON as it comes in: values go straight into columns of single precision.

use std::fmt;
use std::io::{BufReader, Read};

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::question::SCALE;

/// A whole answer.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    /// Per query what was found, nothing or one series.
    pub(super) results: Vec<Vec<Found>>,
    /// Hosts and metrics of the results, where the store chose them.
    #[serde(default)]
    pub(super) queries: Vec<Chosen>,
}

/// A series, or what is wrong with it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Found {
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) data: Values,
    /// Unix seconds of the first value.
    pub(super) from: i64,
    /// Unix seconds where the values end.
    pub(super) to: i64,
    /// Seconds between values.
    pub(super) resolution: i64,
}

impl Found {
    /// The metric's name is not in the store's configuration.
    pub(super) fn is_unknown_metric(&self) -> bool {
        let is_so = |e: &String| e.contains("unknown metric");
        self.error.as_ref().is_some_and(is_so)
    }

    /// What older stores say where newer ones leave the result empty.
    pub(super) fn is_nothing(&self) -> bool {
        self.error.as_deref() == Some("metric or host not found")
    }
}

/// A query that the store made up.
#[derive(Debug, Deserialize)]
pub(super) struct Chosen {
    pub(super) host: String,
}

/// The values of a series, NaN where there is none.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Values(pub(super) Vec<f32>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Numbers;

        impl<'de> Visitor<'de> for Numbers {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Values, A::Error> {
                let mut out = Vec::new();
                while let Some(value) = list.next_element::<Option<f64>>()? {
                    out.push(value.map_or(f32::NAN, unscaled));
                }
                out.shrink_to_fit();
                Ok(Values(out))
            }
        }
        d.deserialize_seq(Numbers)
    }
}

/// The value as the store has it, in the precision that files have.
#[expect(
    clippy::cast_possible_truncation,
    reason = "single precision is what files hold; what is beyond it becomes infinite, which is counted as unusable"
)]
fn unscaled(value: f64) -> f32 {
    (value / SCALE) as f32
}

/// Why an answer cannot be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// There is none.
    Empty,
    /// The connection ended or failed in the middle.
    Cut(String),
    /// It is no answer of a metric store.
    Nonsense(String),
}

/// Reads an answer to its end.
pub(super) fn read(from: impl Read) -> Result<Answer, Unread> {
    let mut counted = Counting { from, any: false };
    // The parser takes byte after byte, each of which would cost a call through all layers of the connection.
    let ahead = BufReader::with_capacity(1 << 16, &mut counted);
    let mut json = serde_json::Deserializer::from_reader(ahead);
    let answer = Answer::deserialize(&mut json).and_then(|a| json.end().map(|()| a));
    answer.map_err(|e| {
        if e.is_io() {
            Unread::Cut(e.to_string())
        } else if !counted.any {
            Unread::Empty
        } else if e.is_eof() {
            Unread::Cut("it ends in the middle".into())
        } else {
            // What was found there may be anything, so it is not quoted.
            Unread::Nonsense(format!(
                "no answer of a metric store at byte column {}",
                e.column()
            ))
        }
    })
}

/// Notes whether there was anything to read.
struct Counting<R> {
    from: R,
    any: bool,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.from.read(out)?;
        self.any |= n > 0;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were_before_they_were_scaled() {
        let scaled = |v: f64| format!("{:.3}", v * SCALE);
        let values = [1.1345, 0.1, 1e-5, 3.4e38, -7.25, 0.0];
        let data: Vec<String> = values.iter().map(|v| scaled(*v)).collect();
        let text = format!(
            r#"{{"results":[[],[{{"data":[{},null,{}],"from":1000,"to":1120,"resolution":60,"avg":null,"min":1.00,"max":2.00}}]]}}
"#,
            data.join(","),
            scaled(1e39)
        );
        let answer = read(text.as_bytes()).unwrap();
        assert!(answer.results[0].is_empty());
        let found = &answer.results[1][0];
        assert_eq!((found.from, found.to, found.resolution), (1000, 1120, 60));
        #[expect(clippy::cast_possible_truncation, reason = "as files have them")]
        let expected = values.map(|v| v as f32);
        assert_eq!(found.data.0[..6], expected);
        assert!(found.data.0[6].is_nan() && found.data.0[7].is_infinite());
    }

    #[test]
    fn nothing_and_half_of_it_and_something_else_are_told_apart() {
        let whole = r#"{"results":[[{"data":[1.000],"from":0,"to":60,"resolution":60}]]}"#;
        for at in 1..whole.len() {
            assert!(
                matches!(read(&whole.as_bytes()[..at]), Err(Unread::Cut(_))),
                "{at}"
            );
        }
        assert!(matches!(read(&b""[..]), Err(Unread::Empty)));
        for text in [
            "<html>",
            "[]",
            r#"{"results":[[{"data":["hush"],"from":0}]]}"#,
            "{}",
            &format!("{whole}x"),
        ] {
            match read(text.as_bytes()) {
                Err(Unread::Nonsense(e)) => assert!(!e.contains("hush")),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_a_store_says_of_a_series_is_understood() {
        let of = |error: &str| Found {
            error: Some(error.into()),
            ..Found::default()
        };
        assert!(of("[METRICSTORE]> unknown metric: X").is_unknown_metric());
        assert!(of("metric or host not found").is_nothing());
        assert!(!of("does not align").is_nothing());
    }
}
