//! A job on its way into the bucket.
//!
//! The order is data, then the other form of the data goes, then meta.json: whoever sees meta.json of a job that was not
//! archived before sees the right data. A replacement cannot be made in one step on this medium: between its data and its
//! meta.json, some milliseconds, a reader finds the new data with the statistics of the old. So that a kill in between
//! does not leave it so, the new meta.json is first put beside the old one under a name that says what data it belongs
//! to; from that the next sweep ends the replacement or sees that it did not begin.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::client::{Client, Load};
use super::object;
use super::place::{Note, There, folder, other};
use super::signing::hex;
use crate::model::job::JobKey;
use crate::model::stored::{Files, Form, Sum};
use crate::target::names::{META, data_name};
use crate::target::spool::Spool;
use crate::target::sum::Summing;
use crate::target::{Draft, Error};

/// Bytes of a job that are held in memory; more go to a file.
const IN_MEMORY: usize = 1 << 20;

pub(super) struct Writing<'a> {
    client: &'a Client,
    /// The folder where what does not fit into memory is held back.
    held_in: &'a Path,
    key: JobKey,
    data: Spool,
    sum: Summing,
    hash: Sha256,
    form: Form,
    meta: Vec<u8>,
}

impl<'a> Writing<'a> {
    pub(super) fn new(client: &'a Client, held_in: &'a Path, key: JobKey) -> Self {
        Self {
            data: Spool::holding(IN_MEMORY, held_in),
            client,
            held_in,
            key,
            sum: Summing::default(),
            hash: Sha256::new(),
            form: Form::Plain,
            meta: Vec::new(),
        }
    }
}

impl Draft for Writing<'_> {
    fn write(&mut self, data: &[u8]) -> Result<(), Error> {
        self.sum.add(data);
        self.hash.update(data);
        self.data.write(data).map_err(|e| {
            let subject = self.held_in.display().to_string();
            let detail = format!(
                "cannot hold a large job back in {subject}: {e}; TMPDIR names another folder"
            );
            Error::Place { subject, detail }
        })
    }

    fn complete(&mut self, form: Form, meta: &[u8]) -> Result<Files, Error> {
        self.form = form;
        self.meta = meta.to_vec();
        Ok(Files {
            meta: Sum::of(meta),
            data: self.sum.sum(),
            form,
        })
    }

    fn publish(self: Box<Self>) -> Result<(), Error> {
        let mut job = *self;
        let client = job.client;
        let there = There::of(client, &job.key)?;
        let name = |name: &str| format!("{}{name}", folder(&job.key));
        let note = Note {
            form: job.form,
            data: job.sum.sum(),
        };
        let size = job.meta.len() as u64;
        let replaces = there.has(META);
        if replaces {
            let load = Load::Bytes(&job.meta);
            object::write(client, &name(&note.name()), load, size, false)?;
        }
        let hash = hex(&job.hash.finalize());
        let load = Load::Spool(&mut job.data, &hash);
        object::write(
            client,
            &name(data_name(job.form)),
            load,
            note.data.size,
            false,
        )?;
        // From here on the job is brought to its end if that can be done, whatever the sweep is told.
        let other = data_name(other(job.form));
        if there.has(other) {
            object::remove(client, &name(other), true)?;
        }
        object::write(client, &name(META), Load::Bytes(&job.meta), size, true)?;
        if replaces {
            object::remove(client, &name(&note.name()), true)?;
        }
        Ok(())
    }
}
