//! Lists of objects, page by page.

use std::io::Read;

use roxmltree::{Document, Node};

use super::client::{Ask, Client};
use super::fault::Fault;

/// A page of a thousand long names is far smaller.
const LONGEST_PAGE: u64 = 16 << 20;

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    /// Its whole name.
    pub(super) name: String,
    pub(super) size: u64,
    /// By the server's clock, in a form that sorts.
    pub(super) modified: String,
}

/// What stands below a prefix.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) objects: Vec<Object>,
    /// What stands for a folder each, with the slash at its end; none where the list goes all the way down.
    pub(super) folders: Vec<String>,
    next: Option<String>,
}

impl Listing {
    /// Lists what begins with a prefix; `level`: only down to the next slash.
    pub(super) fn of(client: &Client, prefix: &str, level: bool) -> Result<Self, Fault> {
        let mut all = Self::default();
        let mut next: Option<String> = None;
        loop {
            let page = Self::page(client, prefix, level, next.as_deref())?;
            all.objects.extend(page.objects);
            all.folders.extend(page.folders);
            if page.next.is_none() {
                return Ok(all);
            }
            // It would be asked for ever, and a part of a list must not pass for the whole.
            if page.next == next {
                let subject = client.place(prefix);
                let text = format!(
                    "cannot list {subject}: the server says where the list goes on, and gives the same page again"
                );
                return Err(Fault::failed(text, subject));
            }
            next = page.next;
        }
    }

    fn page(client: &Client, prefix: &str, level: bool, from: Option<&str>) -> Result<Self, Fault> {
        let mut query = Vec::new();
        query.extend(from.map(|f| ("continuation-token", f)));
        query.extend(level.then_some(("delimiter", "/")));
        query.push(("list-type", "2"));
        query.push(("prefix", prefix));
        let subject = client.place(prefix);
        let unread = |e: &dyn std::fmt::Display| {
            Fault::failed(format!("cannot list {subject}: {e}"), subject.clone())
        };
        // An answer that is cut is asked for once more.
        let mut tries = 2;
        loop {
            tries -= 1;
            let answer = client.send(Ask {
                query: &query,
                ..Ask::new("GET", "")
            })?;
            let answer = answer.ok_or_else(|| unread(&"the server says that there is none"))?;
            let mut text = String::new();
            let mut body = answer.response.into_body().into_reader().take(LONGEST_PAGE);
            match body.read_to_string(&mut text) {
                Ok(_) => return Self::parse(&text).map_err(|e| unread(&e)),
                Err(e) if tries == 0 => return Err(unread(&e)),
                Err(_) => {}
            }
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let document = Document::parse(text).map_err(|e| e.to_string())?;
        let root = document.root_element();
        if root.tag_name().name() != "ListBucketResult" {
            let name = root.tag_name().name();
            return Err(format!("the answer is no list of objects but `{name}`"));
        }
        let mut out = Self::default();
        let mut truncated = false;
        for node in root.children().filter(Node::is_element) {
            match node.tag_name().name() {
                "Contents" => out.objects.push(object(&node)?),
                "CommonPrefixes" => out.folders.extend(of(&node, "Prefix")),
                "IsTruncated" => truncated = node.text() == Some("true"),
                "NextContinuationToken" => out.next = node.text().map(str::to_owned),
                _ => {}
            }
        }
        if truncated && out.next.is_none() {
            return Err("the list is cut, and the server does not say where it goes on".into());
        }
        if !truncated {
            out.next = None;
        }
        Ok(out)
    }
}

fn of(node: &Node<'_, '_>, name: &str) -> Option<String> {
    let mut children = node.children();
    let child = children.find(|c| c.tag_name().name() == name)?;
    child.text().map(str::to_owned)
}

fn object(node: &Node<'_, '_>) -> Result<Object, String> {
    let name = of(node, "Key").ok_or("an object of the list has no key")?;
    let size = of(node, "Size").and_then(|s| s.parse().ok());
    Ok(Object {
        size: size.ok_or_else(|| format!("the list gives no size of `{name}`"))?,
        modified: of(node, "LastModified").unwrap_or_default(),
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_objects_folders_and_where_it_goes_on() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
            <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><IsTruncated>true</IsTruncated>
            <NextContinuationToken>t</NextContinuationToken>
            <Contents><Key>a/cluster.json</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>7</Size></Contents>
            <CommonPrefixes><Prefix>a/0/</Prefix></CommonPrefixes></ListBucketResult>";
        let list = Listing::parse(text).unwrap();
        assert_eq!(
            (list.objects[0].name.as_str(), list.objects[0].size),
            ("a/cluster.json", 7)
        );
        assert_eq!(
            (list.folders, list.next.as_deref()),
            (vec!["a/0/".to_owned()], Some("t"))
        );
    }

    #[test]
    fn what_is_no_list_is_no_empty_archive() {
        for text in [
            "",
            "<html></html>",
            "<Error><Code>x</Code></Error>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        ] {
            assert!(Listing::parse(text).is_err(), "{text}");
        }
    }
}
