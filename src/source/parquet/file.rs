//! A file of the store's archive, opened: its footer, checked, and what the statistics of its row groups tell.
//!
//! The footer says where the columns of a group are and which hosts and times it holds; a group is chosen by that and by
//! nothing else, since the number and the order of groups differ between versions of the store.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Repetition, Type};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::content::Content;
use super::fault::{Fault, contained};
use crate::model::job::Shown;
use crate::opening::regular;
use crate::rules::timeline::{Interval, sane};

/// What every complete file ends with.
const MAGIC: &[u8; 4] = b"PAR1";
/// The longest time between two samples (seconds) that is believed.
pub(super) const LONGEST_STEP: i64 = 86_400;
/// Rows that a group has at most: more than any host writes between two clean-ups.
const MOST_ROWS: i64 = 1 << 30;

/// The columns, by name and type.
const COLUMNS: [(&str, Type); 8] = [
    ("cluster", Type::BYTE_ARRAY),
    ("hostname", Type::BYTE_ARRAY),
    ("metric", Type::BYTE_ARRAY),
    ("scope", Type::BYTE_ARRAY),
    ("scope_id", Type::BYTE_ARRAY),
    ("timestamp", Type::INT64),
    ("frequency", Type::INT64),
    ("value", Type::FLOAT),
];

/// A column of the file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    Cluster,
    Host,
    Metric,
    Scope,
    ScopeId,
    Time,
    Frequency,
    Value,
}

impl Field {
    /// The column's name.
    pub(super) const fn name(self) -> &'static str {
        COLUMNS[self as usize].0
    }
}

/// An open file whose footer is sound.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) content: Content,
    pub(super) meta: ParquetMetaData,
    /// Where each of [`COLUMNS`] stands in the file.
    places: [usize; 8],
}

/// Names of hosts, each once: a year's files of a large cluster name each of its hosts hundreds of times.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<Arc<str>>);

impl Names {
    fn shared(&mut self, name: Box<str>) -> Arc<str> {
        if let Some(known) = self.0.get(&*name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

/// What the statistics of a group tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The first and the last of its hosts by name, the same where it holds one. None where that is not told.
    pub(super) hosts: Option<(Arc<str>, Arc<str>)>,
    /// From its first timestamp to just after its last.
    pub(super) times: Interval,
    /// The longest time between two samples, seconds.
    pub(super) longest_step: i64,
}

impl Group {
    /// Whether it may hold something of a host.
    pub(super) fn may_hold(&self, host: &str) -> bool {
        self.hosts
            .as_ref()
            .is_none_or(|(first, last)| **first <= *host && *host <= **last)
    }

    /// The time of which it may hold something: a sample may fill a slot that begins or ends a step away.
    pub(super) const fn span(&self) -> Interval {
        self.times.widened(self.longest_step)
    }
}

/// Opens a file and reads its footer.
///
/// # Errors
/// [`Fault::NoFooter`], [`Fault::Foreign`] where it has other columns than the store's files, or what is wrong with it.
pub(super) fn open(path: &Path) -> Result<Opened, Fault> {
    let file = regular::open(path)?;
    let length = file.metadata()?.len();
    if !has_footer(&file, length)? {
        return Err(Fault::NoFooter);
    }
    let content = Content::new(file, length);
    let meta = contained(|| {
        ParquetMetaDataReader::new()
            .parse_and_finish(&content)
            .map_err(Fault::from)
    });
    if let Some(e) = content.refused() {
        return Err(Fault::Medium(e));
    }
    let meta = meta.map_err(|e| {
        if let Fault::Content(words) = e {
            Fault::Content(format!("its footer is damaged ({words})"))
        } else {
            e
        }
    })?;
    let places = places(&meta)?;
    Ok(Opened {
        content,
        meta,
        places,
    })
}

fn has_footer(file: &File, length: u64) -> Result<bool, Fault> {
    use std::os::unix::fs::FileExt;
    let mut end = [0; 4];
    let Some(at) = length.checked_sub(4) else {
        return Ok(false);
    };
    // A file that begins and ends with the same four bytes is not a file.
    if at < 8 {
        return Ok(false);
    }
    file.read_exact_at(&mut end, at)?;
    Ok(end == *MAGIC)
}

/// Where the columns of the store stand in a file.
fn places(meta: &ParquetMetaData) -> Result<[usize; 8], Fault> {
    let schema = meta.file_metadata().schema_descr();
    let foreign = || {
        let names: Vec<&str> = COLUMNS.iter().map(|c| c.0).collect();
        Fault::Foreign(format!(
            "it is no file of the metric store: expected the columns {}",
            names.join(", ")
        ))
    };
    if schema.num_columns() != COLUMNS.len() {
        return Err(foreign());
    }
    let mut out = [0; 8];
    for (place, (name, kind)) in out.iter_mut().zip(COLUMNS) {
        let is_it = |k: &usize| {
            let column = schema.column(*k);
            column.path().string() == name
                && column.physical_type() == kind
                && column.self_type().get_basic_info().repetition() == Repetition::REQUIRED
        };
        *place = (0..COLUMNS.len()).find(is_it).ok_or_else(foreign)?;
    }
    Ok(out)
}

impl Opened {
    /// Where a column stands.
    pub(super) const fn place(&self, field: Field) -> usize {
        self.places[field as usize]
    }

    /// What the groups tell of themselves. The names of their hosts are those of other files, where these have them too.
    ///
    /// # Errors
    /// Where the file is one of another cluster, or tells what cannot be.
    pub(super) fn groups(&self, cluster: &str, names: &mut Names) -> Result<Vec<Group>, Fault> {
        contained(|| {
            let groups = self.meta.row_groups().iter();
            groups.map(|g| self.group(g, cluster, names)).collect()
        })
    }

    fn group(
        &self,
        group: &RowGroupMetaData,
        cluster: &str,
        names: &mut Names,
    ) -> Result<Group, Fault> {
        let content = |words: String| Fault::Content(words);
        if !(0..=MOST_ROWS).contains(&group.num_rows()) {
            return Err(content(format!(
                "its footer counts {} rows for one host",
                group.num_rows()
            )));
        }
        if let Some((first, last)) = self.texts(group, Field::Cluster)
            && (*first != *cluster || *last != *cluster)
        {
            return Err(content(format!(
                "it holds samples of cluster `{}`, and not of `{}` as its folder says",
                Shown(&first),
                Shown(cluster)
            )));
        }
        let steps = self
            .numbers(group, Field::Frequency)
            .unwrap_or((1, LONGEST_STEP));
        if steps.0 < 1 || steps.1 > LONGEST_STEP {
            return Err(content(format!(
                "its footer tells frequencies from {} to {} seconds",
                steps.0, steps.1
            )));
        }
        let times = match self.numbers(group, Field::Time) {
            Some((from, last)) if from <= last && sane(from) && sane(last) => {
                Interval { from, to: last + 1 }
            }
            Some((from, last)) => {
                return Err(content(format!(
                    "its footer tells times from {from} to {last}"
                )));
            }
            None => Interval::ALL,
        };
        Ok(Group {
            hosts: self
                .texts(group, Field::Host)
                .map(|(first, last)| (names.shared(first), names.shared(last))),
            times,
            longest_step: steps.1,
        })
    }

    /// The statistics of a column of numbers.
    pub(super) fn numbers(&self, group: &RowGroupMetaData, field: Field) -> Option<(i64, i64)> {
        if let Statistics::Int64(s) = group.column(self.place(field)).statistics()? {
            Some((*s.min_opt()?, *s.max_opt()?))
        } else {
            None
        }
    }

    /// The statistics of the column of values.
    pub(super) fn values(&self, group: &RowGroupMetaData) -> Option<(f32, f32)> {
        if let Statistics::Float(s) = group.column(self.place(Field::Value)).statistics()? {
            Some((*s.min_opt()?, *s.max_opt()?))
        } else {
            None
        }
    }

    /// The statistics of a column of texts, where they are whole and ordered by their bytes.
    pub(super) fn texts(
        &self,
        group: &RowGroupMetaData,
        field: Field,
    ) -> Option<(Box<str>, Box<str>)> {
        let statistics = group.column(self.place(field)).statistics()?;
        if statistics.is_min_max_deprecated() {
            return None;
        }
        let text = |bytes: Option<&[u8]>| Some(std::str::from_utf8(bytes?).ok()?.into());
        Some((
            text(statistics.min_bytes_opt())?,
            text(statistics.max_bytes_opt())?,
        ))
    }
}
