//! What a job's objects hold.

use std::io;
use std::sync::Arc;

use super::client::Client;
use super::listing::Object;
use super::object::{self, Reading};
use super::place::{There, folder};
use crate::format::read;
use crate::model::job::JobKey;
use crate::model::stored::{Form, Sum};
use crate::target::found::Data;
use crate::target::names::{META, data_name};
use crate::target::sum::SummingReader;
use crate::target::{Error, Found, Stored};

/// What is there for a job; none where it has no object.
pub(super) fn find(client: &Arc<Client>, key: &JobKey) -> Result<Option<Found>, Error> {
    let there = There::of(client, key)?;
    let name = |name: &str| format!("{}{name}", folder(key));
    let meta = if there.has(META) {
        object::read_whole(client, &name(META), read::LARGEST_META)?
    } else {
        None
    };
    let mut data = Vec::new();
    for form in [Form::Plain, Form::Gzip] {
        if let Some(object) = there.get(data_name(form)) {
            data.extend(data_of(client, object, form)?);
        }
    }
    let is_settled = || Ok(there.notes().next().is_none());
    Found::of(key, meta.as_deref(), data, is_settled)
}

fn data_of(client: &Arc<Client>, listed: &Object, form: Form) -> Result<Option<Data>, Error> {
    let name = &listed.name;
    let Some(reading) = object::read(client, name)? else {
        return Ok(None);
    };
    // A connection that broke fails here as well: what did not arrive is not damaged.
    let data = Data::read(reading, form).map_err(|e| unread(client, name, e))?;
    if data.sum.size != listed.size {
        let (there, listed) = (data.sum.size, listed.size);
        let why = format!("{there} bytes came, and the list says {listed}");
        return Err(unread(client, name, io::Error::other(why)));
    }
    Ok(Some(data))
}

/// Size and checksum of an object; none where there is none.
pub(super) fn sum(client: &Arc<Client>, name: &str) -> Result<Option<Sum>, Error> {
    let Some(reading) = object::read(client, name)? else {
        return Ok(None);
    };
    let sum = SummingReader::new(reading).finish();
    sum.map(Some).map_err(|e| unread(client, name, e))
}

fn unread(client: &Client, name: &str, e: io::Error) -> Error {
    let subject = client.place(name);
    e.downcast::<Error>().unwrap_or_else(|e| Error::Place {
        detail: format!("cannot read {subject}: {e}"),
        subject,
    })
}

/// What a reader of the archive gets: like cc-backend, the compressed form where both are there.
pub(super) fn read(client: &Arc<Client>, key: &JobKey) -> Result<Option<Stored>, Error> {
    let Some(meta) = meta_of(client, key)? else {
        return Ok(None);
    };
    for form in [Form::Gzip, Form::Plain] {
        if let Some(data) = object::read(client, &name_of(key, form))? {
            return Ok(Some(stored(meta, form, data)));
        }
    }
    Ok(None)
}

/// What a reader of one form gets.
pub(super) fn read_form(
    client: &Arc<Client>,
    key: &JobKey,
    form: Form,
) -> Result<Option<Stored>, Error> {
    let Some(meta) = meta_of(client, key)? else {
        return Ok(None);
    };
    let data = object::read(client, &name_of(key, form))?;
    Ok(data.map(|data| stored(meta, form, data)))
}

fn meta_of(client: &Arc<Client>, key: &JobKey) -> Result<Option<Vec<u8>>, Error> {
    let name = format!("{}{META}", folder(key));
    Ok(object::read_whole(client, &name, read::LARGEST_META)?)
}

fn name_of(key: &JobKey, form: Form) -> String {
    format!("{}{}", folder(key), data_name(form))
}

fn stored(meta: Vec<u8>, form: Form, data: Reading) -> Stored {
    Stored {
        meta,
        form,
        data: Box::new(data),
    }
}
