//! How a try ended that brought no answer.

use std::fmt;
use std::io;

/// A connection that failed, or a request that could not be made.
pub(super) struct Broken {
    pub(super) text: String,
    /// Whether the same request may get an answer later.
    pub(super) transient: bool,
    /// Whether the server may have done what it was asked for.
    pub(super) unclear: bool,
    pub(super) unknown_host: bool,
}

impl Broken {
    /// A request that could not even be made.
    pub(super) fn ours(e: &dyn fmt::Display) -> Self {
        Self::for_good(e.to_string())
    }

    const fn for_good(text: String) -> Self {
        Self {
            text,
            transient: false,
            unclear: false,
            unknown_host: false,
        }
    }

    /// What an error of the connection means. `untrusted`: why no secure connection could be made, if that is the error.
    pub(super) fn new(e: &ureq::Error, untrusted: Option<String>) -> Self {
        if let Some(why) = untrusted {
            return Self::for_good(why);
        }
        let text = if let ureq::Error::Io(e) = e {
            e.to_string()
        } else if let ureq::Error::Timeout(_) = e {
            "no answer in time".to_owned()
        } else {
            e.to_string()
        };
        let refused =
            matches!(e, ureq::Error::Io(e) if e.kind() == io::ErrorKind::ConnectionRefused);
        let transient = matches!(
            e,
            ureq::Error::Io(_)
                | ureq::Error::Timeout(_)
                | ureq::Error::HostNotFound
                | ureq::Error::ConnectionFailed
                | ureq::Error::Protocol(_)
        );
        let unknown_host =
            matches!(e, ureq::Error::HostNotFound) || text.contains("failed to lookup");
        Self {
            unclear: transient && !refused && !unknown_host,
            text,
            transient,
            unknown_host,
        }
    }
}
