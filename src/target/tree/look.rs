//! What a job's folder holds.
//!
//! Files are read from the disk, not from memory: after a failed write the kernel keeps the pages and calls them clean, so
//! that a file reads well until it is forgotten. What is found may be recorded in the database, and must be there then: so
//! what is not on the disk yet is written before. Whoever only reads makes nothing be written.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use rustix::fs::{Advice, fadvise};

use super::temporary::is_being_replaced;
use crate::format::read;
use crate::model::job::JobKey;
use crate::model::stored::Form;
use crate::opening::regular;
use crate::target::found::Data;
use crate::target::names::{GZIP, META, PLAIN, data_name};
use crate::target::{Found, Stored};

/// What is there for a job; none where its folder has none of its files.
pub(super) fn find(folder: &Path, key: &JobKey) -> io::Result<Option<Found>> {
    let meta = open_durable(folder, META)?.map(meta_of).transpose()?;
    let mut data = Vec::new();
    for form in [Form::Plain, Form::Gzip] {
        if let Some(file) = open_durable(folder, data_name(form))? {
            data.push(Data::read(file, form)?);
        }
    }
    let is_settled = || is_being_replaced(folder).map(|replaced| !replaced);
    Found::of(key, meta.as_deref(), data, is_settled)
}

/// What a reader of the archive gets: like cc-backend, the compressed form where both are there.
pub(super) fn read(folder: &Path) -> io::Result<Option<Stored>> {
    Ok(match read_form(folder, Form::Gzip)? {
        Some(stored) => Some(stored),
        None => read_form(folder, Form::Plain)?,
    })
}

/// What a reader of one form gets.
pub(super) fn read_form(folder: &Path, form: Form) -> io::Result<Option<Stored>> {
    // Looked for first: of most jobs one of the two forms is not there.
    let Some(data) = open(folder, data_name(form))? else {
        return Ok(None);
    };
    let meta = open(folder, META)?.map(meta_of).transpose()?;
    Ok(meta.map(|meta| Stored {
        meta,
        form,
        data: Box::new(data),
    }))
}

fn meta_of(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(read::LARGEST_META + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > read::LARGEST_META {
        return Err(io::Error::other("meta.json is larger than any job's"));
    }
    Ok(bytes)
}

fn of_file(name: &str, e: &io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("{name}: {e}"))
}

/// Opens one of the job's files as any reader does; none where there is none.
fn open(folder: &Path, name: &str) -> io::Result<Option<File>> {
    match regular::open(&folder.join(name)) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(of_file(name, &e)),
    }
}

/// The same to be read from the disk, once all of it is there.
fn open_durable(folder: &Path, name: &str) -> io::Result<Option<File>> {
    let Some(file) = open(folder, name)? else {
        return Ok(None);
    };
    match file.sync_all() {
        // What cannot be written holds nothing that is not written yet.
        Err(e)
            if !matches!(
                e.kind(),
                ErrorKind::ReadOnlyFilesystem | ErrorKind::InvalidInput
            ) =>
        {
            return Err(of_file(name, &e));
        }
        Ok(()) | Err(_) => {}
    }
    // Where pages cannot be dropped, there is no disk behind them.
    fadvise(&file, 0, None, Advice::DontNeed).ok();
    Ok(Some(file))
}

/// The names of a job's files that are there.
pub(super) fn names(folder: &Path) -> impl Iterator<Item = &'static str> {
    let there = |name: &&str| folder.join(name).symlink_metadata().is_ok();
    let names: Vec<_> = [META, PLAIN, GZIP].into_iter().filter(there).collect();
    names.into_iter()
}
