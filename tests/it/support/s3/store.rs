//! The objects of the one bucket.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::BUCKET;
use super::http::{Call, Reply};
use super::signature::hash;

struct Object {
    bytes: Vec<u8>,
    tag: String,
    modified: Timestamp,
}

pub(super) struct Store {
    objects: BTreeMap<String, Object>,
    /// Names in a page of a list.
    pub(super) page: usize,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            page: 1000,
        }
    }
}

impl Store {
    pub(super) fn put(&mut self, name: &str, bytes: &[u8]) -> String {
        let tag = format!("\"{}\"", &hash(bytes)[..16]);
        let object = Object {
            bytes: bytes.to_vec(),
            tag: tag.clone(),
            modified: Timestamp::now(),
        };
        self.objects.insert(name.to_owned(), object);
        tag
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.objects.remove(name);
    }

    pub(super) fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.objects.get(name).map(|o| o.bytes.clone())
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.objects.keys().cloned().collect()
    }

    pub(super) fn serve(&mut self, call: &Call) -> Reply {
        if call.bucket() != BUCKET {
            return Reply::error(404, "NoSuchBucket");
        }
        let name = call.object();
        match (call.method.as_str(), name.as_str()) {
            ("GET", "") => self.list(call),
            ("GET" | "HEAD", _) => self.read(call, &name),
            ("PUT", _) => {
                let tag = self.put(&name, &call.body);
                let mut reply = Reply::new(200, Vec::new());
                reply.headers.push(("etag", tag));
                reply
            }
            ("DELETE", _) => {
                self.remove(&name);
                Reply::new(204, Vec::new())
            }
            _ => Reply::error(501, "NotImplemented"),
        }
    }

    fn read(&self, call: &Call, name: &str) -> Reply {
        let Some(object) = self.objects.get(name) else {
            return Reply::error(404, "NoSuchKey");
        };
        if !matches!(call.header("if-match"), "") && call.header("if-match") != object.tag {
            return Reply::error(412, "PreconditionFailed");
        }
        let from = call
            .header("range")
            .strip_prefix("bytes=")
            .and_then(|r| r.strip_suffix('-'));
        let (status, body) = match from {
            Some(from) => (206, object.bytes[from.parse::<usize>().unwrap()..].to_vec()),
            None => (200, object.bytes.clone()),
        };
        let mut reply = Reply::new(status, body);
        reply.headers.push(("etag", object.tag.clone()));
        reply
    }

    fn list(&self, call: &Call) -> Reply {
        assert_eq!(call.query["list-type"], "2");
        let of = |name: &str| call.query.get(name).map_or("", String::as_str);
        let (prefix, delimiter, after) = (of("prefix"), of("delimiter"), of("continuation-token"));
        let (mut body, mut folders) = (String::new(), BTreeSet::new());
        let mut last = String::new();
        let mut truncated = false;
        let below = self.objects.range(prefix.to_owned()..);
        for (name, object) in below.take_while(|(name, _)| name.starts_with(prefix)) {
            let folder = (!delimiter.is_empty())
                .then(|| name[prefix.len()..].split_once(delimiter))
                .flatten()
                .map(|(first, _)| format!("{prefix}{first}{delimiter}"));
            let shown = folder.as_ref().unwrap_or(name);
            if shown.as_str() <= after || folders.contains(shown) {
                continue;
            }
            if folders.len() == self.page {
                truncated = true;
                break;
            }
            folders.insert(shown.clone());
            last.clone_from(shown);
            let xml = shown.replace('&', "&amp;").replace('<', "&lt;");
            body += &match folder {
                Some(_) => format!("<CommonPrefixes><Prefix>{xml}</Prefix></CommonPrefixes>"),
                None => format!(
                    "<Contents><Key>{xml}</Key><LastModified>{:.3}</LastModified><Size>{}</Size></Contents>",
                    object.modified,
                    object.bytes.len()
                ),
            };
        }
        let next = if truncated {
            format!("<NextContinuationToken>{last}</NextContinuationToken>")
        } else {
            String::new()
        };
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{BUCKET}</Name><IsTruncated>{truncated}</IsTruncated>{next}{body}</ListBucketResult>"
        );
        Reply::new(200, body.into())
    }
}
