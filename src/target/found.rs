//! What an archive holds for a job, told in the same way for every medium.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::sum::SummingReader;
use crate::format::read;
use crate::model::job::{JobKey, Tag};
use crate::model::series::Statistics;
use crate::model::stored::{Files, Form, Sum, Values};

/// What an archive holds for a job.
#[derive(Debug)]
pub struct Found {
    /// Size and checksum, where there is a meta.json and exactly one form of the data.
    pub files: Option<Files>,
    /// What the data holds, as far as it can be read; the more where both forms are there.
    pub values: Values,
    /// Set where it is a whole archive of this very job: one form of the data, both documents decode, and meta.json names
    /// this job.
    pub whole: Option<Whole>,
}

/// A whole archive of a job, as its meta.json describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// Seconds.
    pub duration: i64,
    /// The job's statistics by metric: what its footprint and energy are computed from, since those that stand beside them
    /// may be of the time when the job stopped.
    pub statistics: BTreeMap<String, Statistics>,
    /// Bytes of both documents as stored.
    pub stored_bytes: u64,
    /// The tags of the job when it was archived.
    pub tags: Vec<Tag>,
    /// What stood in `meta_data` then.
    pub meta_data: BTreeMap<String, String>,
}

/// One form of the data, read to its end.
pub(super) struct Data {
    pub(super) form: Form,
    pub(super) sum: Sum,
    values: Values,
    decodes: bool,
}

impl Data {
    /// Reads the data. What cannot be decoded is summed all the same; what the medium refuses says nothing of the data, also
    /// where it answers again a moment later.
    pub(super) fn read(from: impl Read, form: Form) -> io::Result<Self> {
        let mut from = SummingReader::new(from);
        let mut values = Values::new();
        let decodes = match read::count(&mut from, form, &mut values) {
            Ok(()) => true,
            Err(read::Error::Damaged { .. }) => false,
            Err(read::Error::Refused { detail, .. }) => return Err(io::Error::other(detail)),
        };
        Ok(Self {
            form,
            sum: from.finish()?,
            values,
            decodes,
        })
    }
}

impl Found {
    /// What a job's meta.json and the forms of its data make; none where there is neither. `is_settled` tells whether they
    /// belong to one archive, which they may not while a replacement is not ended; it is asked only where both are there.
    pub(super) fn of<E>(
        key: &JobKey,
        meta: Option<&[u8]>,
        data: Vec<Data>,
        is_settled: impl FnOnce() -> Result<bool, E>,
    ) -> Result<Option<Self>, E> {
        if meta.is_none() && data.is_empty() {
            return Ok(None);
        }
        let mut found = Self {
            files: None,
            values: Values::new(),
            whole: None,
        };
        if let (Some(meta), [data]) = (meta, &data[..])
            && is_settled()?
        {
            let files = Files {
                meta: Sum::of(meta),
                data: data.sum,
                form: data.form,
            };
            found.files = Some(files);
            found.whole = Whole::of(meta, key, &files).filter(|_| data.decodes);
        }
        for (key, n) in data.into_iter().flat_map(|one| one.values) {
            // What damaged data holds counts as well: it must not be replaced by less.
            let most = found.values.entry(key).or_default();
            if n.values >= most.values {
                *most = n;
            }
        }
        Ok(Some(found))
    }
}

impl Whole {
    /// What meta.json says, where it names this job.
    fn of(meta: &[u8], key: &JobKey, files: &Files) -> Option<Self> {
        let meta = read::meta(meta).ok()?;
        (meta.job.head.key == *key).then(|| Self {
            duration: meta.job.head.duration,
            statistics: meta.plain_statistics(),
            stored_bytes: files.meta.size + files.data.size,
            tags: meta.job.tags,
            meta_data: meta.job.meta_data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Refuses once, then answers as if nothing had been.
    struct Once<'a>(bool, &'a [u8]);

    impl Read for Once<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, false) {
                return Err(io::Error::other("timed out"));
            }
            self.1.read(out)
        }
    }

    #[test]
    fn a_medium_that_refuses_once_is_no_archive_that_holds_little() {
        let json = br#"{"m":{"node":{"series":[{"hostname":"n","data":[1]}]}}}"#.as_slice();
        let whole = Data::read(Once(false, json), Form::Plain).unwrap();
        assert!(whole.decodes && whole.values.len() == 1);
        let torn = Data::read(Once(false, &json[..20]), Form::Plain).unwrap();
        assert!(!torn.decodes);
        let refused = Data::read(Once(true, json), Form::Plain);
        assert_eq!(
            refused.err().map(|e| e.to_string()).as_deref(),
            Some("timed out")
        );
    }
}
