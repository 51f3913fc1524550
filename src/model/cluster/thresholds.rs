//! Thresholds of metrics and peak performance of nodes, for people who look at a job.
//!
//! No archive depends on these numbers, so anything in cluster.json that is not a number is ignored here.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Thresholds of a metric on one node; 0 where cluster.json names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Thresholds {
    /// The most that is possible.
    #[serde(deserialize_with = "number")]
    pub peak: f64,
    /// What a good job has.
    #[serde(deserialize_with = "number")]
    pub normal: f64,
    /// Where it becomes questionable.
    #[serde(deserialize_with = "number")]
    pub caution: f64,
    /// Where somebody should look.
    #[serde(deserialize_with = "number")]
    pub alert: f64,
    /// Whether less of it is better.
    #[serde(
        rename(deserialize = "lowerisbetter", serialize = "lowerIsBetter"),
        deserialize_with = "flag"
    )]
    pub lower_is_better: bool,
}

/// How a value stands against [`Thresholds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    /// Somebody should look.
    Alert,
    /// Questionable.
    Caution,
    /// Less than a good job has.
    BelowNormal,
    /// As it should be.
    Normal,
    /// More than is possible.
    AbovePeak,
}

impl Thresholds {
    /// How a value stands; none if there are no thresholds.
    pub fn rating(&self, value: f64) -> Option<Rating> {
        let told = [self.peak, self.normal, self.caution, self.alert];
        if told.iter().all(|t| *t == 0.0) {
            return None;
        }
        // Many sites forget the flag; then the order of the numbers decides.
        let less = self.lower_is_better
            || (self.alert > self.caution && self.caution > self.normal && self.normal > 0.0);
        Some(if less {
            match value {
                v if v >= self.alert => Rating::Alert,
                v if v >= self.caution => Rating::Caution,
                _ => Rating::Normal,
            }
        } else {
            match value {
                v if v <= self.alert => Rating::Alert,
                v if v <= self.caution => Rating::Caution,
                v if v < self.normal => Rating::BelowNormal,
                v if v <= self.peak || self.peak == 0.0 => Rating::Normal,
                _ => Rating::AbovePeak,
            }
        })
    }
}

/// Peak performance of a node, without unit prefixes; 0 where cluster.json names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Peaks {
    /// Floating-point operations a second, with vectors.
    #[serde(rename = "flopratesimd", deserialize_with = "measured")]
    pub flops_simd: f64,
    /// Bytes a second from memory.
    #[serde(rename = "memorybandwidth", deserialize_with = "measured")]
    pub bandwidth: f64,
}

/// The factor of a unit's prefix.
pub fn prefix_factor(prefix: &str) -> f64 {
    match prefix {
        "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        _ => 1.0,
    }
}

fn number<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
    Ok(Value::deserialize(d)?.as_f64().unwrap_or(0.0))
}

fn flag<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(d)?.as_bool().unwrap_or(false))
}

/// An object of a value and a unit.
fn measured<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
    let v = Value::deserialize(d)?;
    let factor = prefix_factor(v["unit"]["prefix"].as_str().unwrap_or(""));
    Ok(v["value"].as_f64().unwrap_or(0.0) * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_against_thresholds_in_both_directions() {
        let t = Thresholds {
            peak: 100.0,
            normal: 50.0,
            caution: 10.0,
            alert: 5.0,
            lower_is_better: false,
        };
        for (value, level) in [
            (0.0, Rating::Alert),
            (7.0, Rating::Caution),
            (30.0, Rating::BelowNormal),
            (60.0, Rating::Normal),
            (101.0, Rating::AbovePeak),
        ] {
            assert_eq!(t.rating(value), Some(level), "{value}");
        }
        let less = Thresholds {
            alert: 90.0,
            caution: 80.0,
            lower_is_better: true,
            ..t
        };
        assert_eq!(less.rating(95.0), Some(Rating::Alert));
        assert_eq!(less.rating(85.0), Some(Rating::Caution));
        assert_eq!(less.rating(20.0), Some(Rating::Normal));
        assert_eq!(Thresholds::default().rating(1.0), None);
    }

    #[test]
    fn numbers_that_are_none_are_passed_over() {
        let t: Thresholds = serde_json::from_str(r#"{"peak":"much","normal":5}"#).unwrap();
        assert_eq!((t.peak, t.normal), (0.0, 5.0));
        let p: Peaks = serde_json::from_str(
            r#"{"flopratesimd":{"unit":{"base":"F/s","prefix":"G"},"value":2}}"#,
        )
        .unwrap();
        assert_eq!((p.flops_simd, p.bandwidth), (2e9, 0.0));
    }
}
