//! Where a job stands in the bucket, and what is there: the names are those of the file tree.

use super::client::Client;
use super::fault::Fault;
use super::listing::{Listing, Object};
use crate::model::job::JobKey;
use crate::model::stored::{Form, Sum};
use crate::target::names::levels;

pub(super) const CLUSTER: &str = "cluster.json";
/// What the note of a replacement is called, with form, size and checksum of the new data behind it.
const NOTE: &str = ".ccarchive-replace-";

pub(super) const fn other(form: Form) -> Form {
    match form {
        Form::Plain => Form::Gzip,
        Form::Gzip => Form::Plain,
    }
}

/// What all objects of a job begin with.
pub(super) fn folder(key: &JobKey) -> String {
    let [thousands, rest, start] = levels(key);
    format!("{}/{thousands}/{rest}/{start}/", key.cluster)
}

/// What is there of a job.
#[derive(Debug)]
pub(super) struct There {
    folder: String,
    objects: Vec<Object>,
}

impl There {
    pub(super) fn of(client: &Client, key: &JobKey) -> Result<Self, Fault> {
        let folder = folder(key);
        let objects = Listing::of(client, &folder, false)?.objects;
        Ok(Self { folder, objects })
    }

    pub(super) fn get(&self, name: &str) -> Option<&Object> {
        let mut objects = self.objects.iter();
        objects.find(|o| o.name.strip_prefix(&self.folder) == Some(name))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The notes of replacements that were begun and not ended.
    pub(super) fn notes(&self) -> impl Iterator<Item = (&Object, Note)> {
        self.objects.iter().filter_map(|o| {
            let name = o.name.strip_prefix(&self.folder)?;
            Some((o, Note::named(name)?))
        })
    }
}

/// A replacement: the object of this name holds the new meta.json until the replacement is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) form: Form,
    /// Of the new data.
    pub(super) data: Sum,
}

impl Note {
    pub(super) fn name(self) -> String {
        let form = match self.form {
            Form::Plain => "plain",
            Form::Gzip => "gzip",
        };
        format!("{NOTE}{form}-{}-{:08x}.tmp", self.data.size, self.data.crc)
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(NOTE)?.strip_suffix(".tmp")?;
        let mut parts = rest.split('-');
        let form = match parts.next()? {
            "plain" => Form::Plain,
            "gzip" => Form::Gzip,
            _ => return None,
        };
        let size = parts.next()?.parse().ok()?;
        let crc = u32::from_str_radix(parts.next()?, 16).ok()?;
        Some(Self {
            form,
            data: Sum { size, crc },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_back_from_its_name() {
        for form in [Form::Plain, Form::Gzip] {
            let data = Sum {
                size: 12,
                crc: 0xab,
            };
            let note = Note { form, data };
            assert_eq!(Note::named(&note.name()), Some(note));
        }
        for name in [
            "meta.json",
            ".ccarchive-replace-x-1-2.tmp",
            ".ccarchive-replace-gzip-1.tmp",
        ] {
            assert_eq!(Note::named(name), None, "{name}");
        }
    }
}
