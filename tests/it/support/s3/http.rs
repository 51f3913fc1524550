//! Requests and answers on the wire.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

use crate::support::wire::Wire;

/// A request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// Path as it was sent.
    pub(crate) path: String,
    /// Decoded.
    pub(crate) query: BTreeMap<String, String>,
    /// With lower-case names.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.query.contains_key("list-type") {
            return write!(f, "LIST {}", self.query["prefix"]);
        }
        write!(f, "{} {}", self.method, self.object())
    }
}

impl Call {
    /// Reads all but the body; none where the client is gone.
    pub(super) fn head(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut parts = line.split_whitespace();
        let method = parts.next().unwrap_or_default().to_owned();
        let target = parts.next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut call = Self {
            method,
            path: path.to_owned(),
            ..Self::default()
        };
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            call.query.insert(decoded(name), decoded(value));
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                return Ok(Some(call));
            };
            let name = name.to_ascii_lowercase();
            call.headers.insert(name, value.trim().to_owned());
        }
    }

    /// Reads the body, or so many bytes of it; says first that it is wanted, where the client asks.
    pub(super) fn body(
        &mut self,
        reader: &mut BufReader<Wire>,
        most: Option<usize>,
    ) -> io::Result<()> {
        assert!(!self.headers.contains_key("transfer-encoding"), "{self}");
        let length = self.header("content-length").parse().unwrap_or(0);
        if self.header("expect") == "100-continue" {
            reader
                .get_mut()
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        self.body = vec![0; most.unwrap_or(length).min(length)];
        reader.read_exact(&mut self.body)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Bucket, as the path names it.
    pub(super) fn bucket(&self) -> String {
        let path = self.path.trim_start_matches('/');
        decoded(path.split('/').next().unwrap_or_default())
    }

    /// Name of the object; empty for the bucket.
    pub(crate) fn object(&self) -> String {
        let path = self.path.trim_start_matches('/');
        decoded(path.split_once('/').map_or("", |(_, object)| object))
    }
}

pub(super) fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b == b'%' {
            let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
            let hex = std::str::from_utf8(&hex).unwrap();
            out.push(u8::from_str_radix(hex, 16).unwrap());
        } else {
            out.push(b);
        }
    }
    String::from_utf8(out).unwrap()
}

/// An answer.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn new(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    /// As servers say that something is wrong; without a code nothing is said.
    pub(super) fn error(status: u16, code: &str) -> Self {
        Self::error_with(status, code, "")
    }

    pub(super) fn error_with(status: u16, code: &str, more: &str) -> Self {
        if code.is_empty() {
            return Self::new(status, Vec::new());
        }
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>What {code} says.</Message>{more}</Error>"
        );
        Self::new(status, body.into())
    }

    /// On the wire; `most`: so many bytes of the body.
    pub(super) fn bytes(self, call: &Call, most: Option<usize>) -> Vec<u8> {
        let mut out = format!(
            "HTTP/1.1 {} x\r\ncontent-length: {}\r\n",
            self.status,
            self.body.len()
        );
        for (name, value) in self.headers {
            out += &format!("{name}: {value}\r\n");
        }
        out += "\r\n";
        let mut out = out.into_bytes();
        if call.method != "HEAD" {
            let n = most.unwrap_or(usize::MAX).min(self.body.len());
            out.extend(&self.body[..n]);
        }
        out
    }
}
