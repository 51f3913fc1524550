//! Where a run that ended early goes on, as it is said and read back.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::target::Part;

/// How far a run came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// The rows up to this id.
    Row(i64),
    /// All rows, and the parts of the archive up to this one.
    Part {
        /// The cluster.
        cluster: String,
        /// Its jobs' numbers divided by 1000.
        thousands: i64,
    },
}

impl Mark {
    /// The id of the last row that was looked at; none where all were.
    pub const fn row(&self) -> Option<i64> {
        match self {
            Self::Row(id) => Some(*id),
            Self::Part { .. } => None,
        }
    }

    pub(super) fn of(part: &Part) -> Self {
        Self::Part {
            cluster: part.cluster.clone(),
            thousands: part.thousands,
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(id) => id.fmt(f),
            Self::Part { cluster, thousands } => write!(f, "{cluster}/{thousands}"),
        }
    }
}

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Mark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let Some((cluster, thousands)) = text.rsplit_once('/') else {
            return text.parse().map(Self::Row).map_err(drop);
        };
        Ok(Self::Part {
            cluster: cluster.to_owned(),
            thousands: thousands.parse().map_err(drop)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_and_parts_come_in_the_order_of_their_numbers() {
        let part = |cluster: &str, thousands| Mark::Part {
            cluster: cluster.into(),
            thousands,
        };
        for mark in [Mark::Row(17), part("fritz", 1234), part("a/b", 0)] {
            assert_eq!(mark.to_string().parse(), Ok(mark));
        }
        assert!(part("fritz", 9) < part("fritz", 10));
        assert!(Mark::Row(i64::MAX) < part("a", 0));
        assert_eq!("fritz/x".parse::<Mark>(), Err(()));
    }
}
