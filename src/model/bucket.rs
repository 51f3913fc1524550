//! An S3 bucket, and what a request to it needs.

use std::fmt;
use std::path::PathBuf;

use super::secret::Secret;

/// A bucket and the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// The server: scheme, host and port, without a slash at the end.
    pub endpoint: String,
    /// The region that requests are signed for.
    pub region: String,
    /// Whether the bucket stands in the path of an address; else it is the first part of the host's name.
    pub path_style: bool,
    /// What requests are signed with; none where nothing names keys.
    pub keys: Option<Keys>,
    /// A file of authorities to trust instead of the machine's, where it is named for buckets alone.
    pub certificates: Option<PathBuf>,
    /// What names the bucket and its settings, but no key, in messages and as an argument.
    pub shown: String,
}

/// A pair of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The name of the keys to the server.
    pub access: Secret,
    /// What requests are signed with.
    pub secret: Secret,
    /// What temporary keys need besides.
    pub session: Option<Secret>,
    /// What named them.
    pub from: String,
}

impl Bucket {
    /// The address of the bucket itself, without a slash at the end.
    pub fn address(&self) -> String {
        if self.path_style {
            return format!("{}/{}", self.endpoint, self.name);
        }
        match self.endpoint.split_once("://") {
            Some((scheme, host)) => format!("{scheme}://{}.{host}", self.name),
            None => self.endpoint.clone(),
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
