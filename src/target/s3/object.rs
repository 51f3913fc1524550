//! One object: read as a stream that goes on after a broken connection, written whole, removed.

use std::io::{self, Read};
use std::sync::Arc;

use ureq::BodyReader;
use ureq::http::header;

use super::client::{Ask, Client, Load, is_partial, length};
use super::fault::Fault;

/// How often reading goes on after a broken connection, as long as no byte comes in between.
const RESUMES: u32 = 3;

/// An object that is read.
pub(super) struct Reading {
    client: Arc<Client>,
    name: String,
    /// What tells this version of the object from others.
    tag: Option<String>,
    at: u64,
    size: Option<u64>,
    body: BodyReader<'static>,
    resumes: u32,
    /// Once it failed, it fails: a part must not be taken for the whole.
    fault: Option<Fault>,
}

/// Begins to read an object; none where there is none.
pub(super) fn read(client: &Arc<Client>, name: &str) -> Result<Option<Reading>, Fault> {
    let Some(answer) = client.send(Ask::new("GET", name))? else {
        return Ok(None);
    };
    let response = answer.response;
    let tag = response.headers().get(header::ETAG);
    Ok(Some(Reading {
        client: Arc::clone(client),
        name: name.to_owned(),
        tag: tag.and_then(|t| t.to_str().ok()).map(str::to_owned),
        at: 0,
        size: length(&response),
        body: response.into_body().into_reader(),
        resumes: RESUMES,
        fault: None,
    }))
}

/// Reads an object of at most so many bytes whole; none where there is none.
pub(super) fn read_whole(
    client: &Arc<Client>,
    name: &str,
    most: u64,
) -> Result<Option<Vec<u8>>, Fault> {
    let Some(reading) = read(client, name)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    let mut reading = reading.take(most + 1);
    if let Err(e) = reading.read_to_end(&mut bytes) {
        let fault = reading.get_ref().fault.clone();
        return Err(fault.unwrap_or_else(|| reading.get_ref().failed(&e.to_string())));
    }
    if bytes.len() as u64 > most {
        return Err(reading
            .get_ref()
            .failed("it is larger than any such object"));
    }
    Ok(Some(bytes))
}

impl Reading {
    fn failed(&self, why: &str) -> Fault {
        let subject = self.client.place(&self.name);
        Fault::failed(format!("cannot read {subject}: {why}"), subject)
    }

    /// Asks for the rest of the same version.
    fn resume(&mut self) -> Result<(), Fault> {
        let range = format!("bytes={}-", self.at);
        let mut headers = vec![("range", range.as_str())];
        headers.extend(self.tag.as_deref().map(|t| ("if-match", t)));
        let ask = Ask {
            headers: &headers,
            ..Ask::new("GET", &self.name)
        };
        let answer = self.client.send(ask)?;
        let answer = answer.ok_or_else(|| self.failed("it was removed meanwhile"))?;
        if self.at > 0 && !is_partial(&answer.response) {
            return Err(self.failed("the connection broke, and the server does not send a part"));
        }
        self.body = answer.response.into_body().into_reader();
        Ok(())
    }

    fn next(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        loop {
            let why = match self.body.read(buffer) {
                Ok(0) if self.size.is_some_and(|size| self.at < size) => {
                    "it ends before its length".to_owned()
                }
                Ok(n) => {
                    self.at += n as u64;
                    if n > 0 {
                        self.resumes = RESUMES;
                    }
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => e.to_string(),
            };
            if self.resumes == 0 || (self.tag.is_none() && self.at > 0) {
                return Err(self.failed(&why));
            }
            self.resumes -= 1;
            self.resume()?;
        }
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().io());
        }
        if buffer.is_empty() {
            return Ok(0);
        }
        self.next(buffer).map_err(|fault| {
            self.fault = Some(fault.clone());
            fault.io()
        })
    }
}

/// Writes an object of `size` bytes. Where the answer leaves a doubt, the object's length is looked at, so that nothing but the
/// whole is taken for success: after a broken connection, since an earlier try may arrive late, and where the answer has
/// no tag of the object, since then it may come from somebody in between.
pub(super) fn write(
    client: &Client,
    name: &str,
    load: Load<'_>,
    size: u64,
    persists: bool,
) -> Result<(), Fault> {
    let ask = Ask {
        load,
        persists,
        ..Ask::new("PUT", name)
    };
    let failed = |why: &str| {
        let subject = client.place(name);
        Fault::failed(format!("cannot write {subject}: {why}"), subject)
    };
    let answer = client.send(ask)?;
    let answer = answer.ok_or_else(|| failed("the server says that there is no such object"))?;
    if !answer.unclear && answer.response.headers().contains_key(header::ETAG) {
        return Ok(());
    }
    let head = client.send(Ask {
        persists,
        ..Ask::new("HEAD", name)
    })?;
    match head.and_then(|h| length(&h.response)) {
        Some(there) if there == size => Ok(()),
        there => Err(failed(&format!(
            "the server has taken it, and has {} bytes instead of {size}",
            there.map_or_else(|| "no".to_owned(), |n| n.to_string())
        ))),
    }
}

/// Removes an object; nothing happens where there is none.
pub(super) fn remove(client: &Client, name: &str, persists: bool) -> Result<(), Fault> {
    client
        .send(Ask {
            persists,
            ..Ask::new("DELETE", name)
        })
        .map(drop)
}
