//! The one list of differences from cc-backend's own archive that are allowed. Each has its reason; the
//! code that allows one must name it here, so nothing is forgiven silently. What a job came to is here too.

use std::collections::BTreeSet;
use std::fmt;

macro_rules! differences {
    ($($name:ident $text:literal because $reason:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Difference { $(#[doc = $reason] $name),* }

        impl Difference {
            pub(crate) fn text(self) -> &'static str {
                match self { $(Difference::$name => $text),* }
            }
        }
    };
}

differences! {
    OrderOfSeries "order of series"
        because "cc-backend lists cores, sockets and domains as its maps come; we list hosts as the job does and ids ascending";
    FirstId "first id of an aggregated series"
        because "cc-backend takes the first of a list in random order; we take the first of the ordered one";
    LastDigit "last digit of a sum in random order"
        because "sums of floats depend on their order, and cc-backend's is random for cores, sockets and domains";
    RightIds "right ids"
        because "cc-backend numbers the series that have data and so shifts ids; we keep each its own";
    Unaligned "aggregates that cc-backend could not align"
        because "cc-backend leaves out a sum whose parts begin at different times; we sum on the job's grid";
    Padded "padded to the job's grid"
        because "cc-backend drops the offset of a late series; ours has one value a step of the job";
    FirstSlot "first slot of a late series"
        because "cc-backend has nothing for a series that begins within half a step after the last grid time; the slot rule has one value";
    LeftOut "series without samples left out"
        because "cc-backend writes statistics of 0 for a host whose samples lie outside the job, though nobody measured a 0";
    RooflineNulls "series of nulls so that roofline pairs match"
        because "cc-backend's roofline pairs the node series of its two metrics by position and panics when one is missing";
    OverGaps "statistics over gaps"
        because "cc-backend's median counts missing values as 0; ours is of the values that exist";
    NoFile "value that is in no file"
        because "late samples, the slot open at a stop and the newest border are in the store's memory only";
    NoPhase "phase that no file tells"
        because "a stretch without a first sample or a log may be read a slot off, and jitter falls either side of a border";
}

/// What a job came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Archived,
    NotSelected,
    UnknownEnd,
    NoData,
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Archived => "archived",
            Outcome::NotSelected => "not selected",
            Outcome::UnknownEnd => "unknown end",
            Outcome::NoData => "no data",
            Outcome::Failed => "failed",
        })
    }
}

/// What was forgiven in one job, and what follows from it for the documents that depend on it.
#[derive(Debug, Default)]
pub(crate) struct Used {
    pub(crate) differences: BTreeSet<Difference>,
    /// Metric and scope whose set of series is not cc-backend's.
    pub(crate) fewer: BTreeSet<(String, String)>,
    /// Metric, scope and host of series that cc-backend left empty.
    pub(crate) late: BTreeSet<(String, String, String)>,
    /// A series is there that cc-backend had nothing for.
    pub(crate) lossy: bool,
}

impl Used {
    pub(crate) fn note(&mut self, difference: Difference) {
        self.differences.insert(difference);
    }

    pub(crate) fn has_fewer(&self, metric: &str, scope: &str) -> bool {
        self.fewer.contains(&(metric.to_owned(), scope.to_owned()))
    }

    pub(crate) fn is_late(&self, metric: &str, scope: &str, host: &str) -> bool {
        let key = (metric.to_owned(), scope.to_owned(), host.to_owned());
        self.late.contains(&key)
    }

    /// The values are cc-backend's, so whatever is computed from them must be as well.
    pub(crate) fn is_lossless(&self) -> bool {
        ![Difference::NoFile, Difference::NoPhase, Difference::Padded]
            .iter()
            .any(|d| self.differences.contains(d))
    }
}
