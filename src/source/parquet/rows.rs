//! The rows of one row group, decoded a batch at a time, and compared with what the footer says of them.
//!
//! Nothing in a file is protected by a checksum. Smallest and largest value of each column stand in the footer; a column that
//! holds others is damaged. That catches a third of the flipped bits, so the rows themselves are looked at as well, where they
//! are put together.

use std::sync::Arc;

use parquet::column::reader::{
    ColumnReader, ColumnReaderImpl, get_column_reader, get_typed_column_reader,
};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int64Type};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

use super::content::Content;
use super::fault::{Fault, contained};
use super::file::{Field, LONGEST_STEP, Opened};
use crate::model::stop::Stop;
use crate::rules::timeline::Interval;

/// Rows decoded at a time.
const BATCH: usize = 1 << 14;

/// A row of a host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row<'a> {
    pub(super) metric: &'a [u8],
    pub(super) scope: &'a [u8],
    pub(super) scope_id: &'a [u8],
    /// Unix seconds.
    pub(super) time: i64,
    /// Seconds.
    pub(super) step: i64,
    pub(super) value: f32,
}

/// Which rows of a file are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    pub(super) file: &'a Opened,
    /// The number of the group.
    pub(super) group: usize,
    pub(super) host: &'a str,
    /// Times that are believed.
    pub(super) believed: Interval,
    pub(super) stop: &'a Stop,
}

impl Reading<'_> {
    /// Hands every row of the host to `each`, in the order of the file.
    ///
    /// # Errors
    /// What is wrong with the file, or what `each` says is wrong with the rows.
    pub(super) fn rows(
        &self,
        mut each: impl FnMut(Row<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.guarded(|open| {
            let mut hosts = texts(open, Field::Host)?;
            let mut metrics = texts(open, Field::Metric)?;
            let mut scopes = texts(open, Field::Scope)?;
            let mut ids = texts(open, Field::ScopeId)?;
            let mut times = numbers(open, Field::Time)?;
            let mut steps = numbers(open, Field::Frequency)?;
            let mut values = values(open)?;
            let mut left = rows_of(open.group);
            while left > 0 {
                self.go_on()?;
                let n = left.min(BATCH);
                hosts.next(n)?;
                metrics.next(n)?;
                scopes.next(n)?;
                ids.next(n)?;
                times.next(n)?;
                steps.next(n)?;
                values.next(n)?;
                left -= n;
                for k in 0..n {
                    let (time, step) = (times.batch[k], steps.batch[k]);
                    self.check(time, step)?;
                    if hosts.batch[k].data() != self.host.as_bytes() {
                        continue;
                    }
                    each(Row {
                        metric: metrics.batch[k].data(),
                        scope: scopes.batch[k].data(),
                        scope_id: ids.batch[k].data(),
                        time,
                        step,
                        value: values.batch[k],
                    })?;
                }
            }
            for column in [&hosts, &metrics, &scopes, &ids] {
                column.check()?;
            }
            times.check()?;
            steps.check()?;
            values.check()
        })
    }

    /// Hands host, time and frequency of every row of the group to `each`, whatever its host, in the order of the file.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub(super) fn times(&self, mut each: impl FnMut(&[u8], i64, i64)) -> Result<(), Fault> {
        self.guarded(|open| {
            let mut hosts = texts(open, Field::Host)?;
            let mut times = numbers(open, Field::Time)?;
            let mut steps = numbers(open, Field::Frequency)?;
            let mut left = rows_of(open.group);
            while left > 0 {
                self.go_on()?;
                let n = left.min(BATCH);
                hosts.next(n)?;
                times.next(n)?;
                steps.next(n)?;
                left -= n;
                for k in 0..n {
                    let (time, step) = (times.batch[k], steps.batch[k]);
                    self.check(time, step)?;
                    each(hosts.batch[k].data(), time, step);
                }
            }
            hosts.check()?;
            times.check()?;
            steps.check()
        })
    }

    /// Does something with the group; a panic of the library and an error of the medium are told as what they are.
    fn guarded(&self, work: impl FnOnce(&Open<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
        let group = self.file.meta.row_groups().get(self.group);
        let open = Open {
            file: self.file,
            group: group.ok_or_else(|| Fault::Content("a group of rows is missing".into()))?,
            content: Arc::new(self.file.content.anew()),
        };
        let done = contained(|| work(&open));
        let refused = open.content.refused();
        refused.map_or(done, |e| Err(Fault::Medium(e)))
    }

    fn go_on(&self) -> Result<(), Fault> {
        if self.stop.is_cancelled() {
            return Err(Fault::Cancelled);
        }
        Ok(())
    }

    fn check(&self, time: i64, step: i64) -> Result<(), Fault> {
        if self.believed.contains(time) && (1..=LONGEST_STEP).contains(&step) {
            return Ok(());
        }
        Err(Fault::Content(format!(
            "a row has the time {time} and the frequency {step}; expected seconds"
        )))
    }
}

/// A group while it is read.
struct Open<'a> {
    file: &'a Opened,
    group: &'a RowGroupMetaData,
    content: Arc<Content>,
}

fn rows_of(group: &RowGroupMetaData) -> usize {
    usize::try_from(group.num_rows()).unwrap_or(0)
}

/// A column while it is decoded.
struct Column<T: DataType> {
    name: &'static str,
    reader: ColumnReaderImpl<T>,
    batch: Vec<T::T>,
    /// Smallest and largest value, as the footer says; none where it does not.
    told: Option<(T::T, T::T)>,
    /// As they were met.
    met: Option<(T::T, T::T)>,
}

impl<T: DataType> Column<T>
where
    T::T: PartialOrd,
{
    fn new(open: &Open<'_>, field: Field, told: Option<(T::T, T::T)>) -> Result<Self, Fault> {
        let column = open.group.column(open.file.place(field));
        let content = Arc::clone(&open.content);
        let pages = SerializedPageReader::new(content, column, rows_of(open.group), None)?;
        let reader: ColumnReader = get_column_reader(column.column_descr_ptr(), Box::new(pages));
        Ok(Self {
            name: field.name(),
            reader: get_typed_column_reader(reader),
            batch: Vec::new(),
            told,
            met: None,
        })
    }

    /// Decodes the next `n` values.
    fn next(&mut self, n: usize) -> Result<(), Fault> {
        self.batch.clear();
        while self.batch.len() < n {
            let missing = n - self.batch.len();
            let (_, read, _) = self
                .reader
                .read_records(missing, None, None, &mut self.batch)?;
            if read == 0 || self.batch.len() > n {
                return Err(Fault::Content(format!(
                    "its column `{}` has another number of values than the footer counts",
                    self.name
                )));
            }
        }
        let mut values = self.batch.iter();
        let Some(first) = values.next() else {
            return Ok(());
        };
        let (mut least, mut most) = (first, first);
        for value in values {
            if value < least {
                least = value;
            } else if value > most {
                most = value;
            }
        }
        match &mut self.met {
            Some((low, high)) => {
                if least < low {
                    *low = least.clone();
                }
                if most > high {
                    *high = most.clone();
                }
            }
            none => *none = Some((least.clone(), most.clone())),
        }
        Ok(())
    }

    /// Compares what was met with what the footer says.
    fn check(&self) -> Result<(), Fault> {
        match (&self.told, &self.met) {
            (Some(told), Some(met)) if told != met => Err(Fault::Content(format!(
                "its column `{}` holds other values than the footer says",
                self.name
            ))),
            _ => Ok(()),
        }
    }
}

/// A column of texts.
fn texts(open: &Open<'_>, field: Field) -> Result<Column<ByteArrayType>, Fault> {
    let told = open.file.texts(open.group, field);
    let told = told.map(|(first, last)| (ByteArray::from(&*first), ByteArray::from(&*last)));
    Column::new(open, field, told)
}

/// A column of whole numbers.
fn numbers(open: &Open<'_>, field: Field) -> Result<Column<Int64Type>, Fault> {
    Column::new(open, field, open.file.numbers(open.group, field))
}

/// The column of values.
fn values(open: &Open<'_>) -> Result<Column<FloatType>, Fault> {
    Column::new(open, Field::Value, open.file.values(open.group))
}
