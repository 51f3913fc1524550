//! What an answer of an S3 server means that is no success.

use std::io::Read;

use roxmltree::Document;
use ureq::Body;
use ureq::http::Response;

use crate::model::failure::fit_to_print;

/// More of a body than any error has is not read.
const LONGEST_ERROR: u64 = 64 << 10;

/// An answer that is no success.
#[derive(Debug, Default)]
pub(super) struct Answer {
    status: u16,
    /// Empty where the body names none.
    code: String,
    message: String,
    server_time: Option<String>,
    region: Option<String>,
}

/// What follows from it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// There is no such object.
    Absent,
    /// It may be different in a moment.
    Again,
    /// It will not be different in a moment; other requests may succeed.
    Failed,
    /// No request will succeed before somebody changes something.
    Refused(Refused),
}

/// What somebody has to change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    AccessKey,
    SecretKey,
    Session,
    Rights,
    /// With the server's time.
    Clock(Option<String>),
    Bucket,
    /// With the server's region.
    Region(Option<String>),
    Elsewhere,
}

impl Answer {
    /// Reads what the server says about it.
    pub(super) fn read(response: Response<Body>) -> Self {
        let header = response.headers().get("x-amz-bucket-region");
        let region = header.and_then(|v| v.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        let mut text = Vec::new();
        let reader = response.into_body().into_reader().take(LONGEST_ERROR);
        // Half a text is no answer: then the status alone counts.
        let whole = { reader }.read_to_end(&mut text).is_ok();
        let mut answer = Self::parse(if whole { &text } else { b"" });
        answer.status = status;
        answer.region = answer.region.or(region);
        answer
    }

    fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let Ok(document) = Document::parse(&text) else {
            return Self::default();
        };
        let of = |name: &str| {
            let mut nodes = document.descendants();
            let node = nodes.find(|n| n.tag_name().name() == name)?;
            node.text().map(|t| fit_to_print(t.trim()))
        };
        Self {
            status: 0,
            code: of("Code").unwrap_or_default(),
            message: of("Message").unwrap_or_default(),
            server_time: of("ServerTime"),
            region: of("Region"),
        }
    }

    /// The answer in words.
    pub(super) fn text(&self) -> String {
        match (self.code.as_str(), self.message.as_str()) {
            ("", _) => format!("the server answers {}", self.status),
            (code, "") => format!("the server answers {} {code}", self.status),
            (code, message) => {
                format!(
                    "the server answers {} {code}: {}",
                    self.status,
                    message.trim_end_matches('.')
                )
            }
        }
    }

    /// What it means as an answer to a request of this method. A missing object needs a word of the server: the 404 of a
    /// proxy must not look like an empty archive.
    pub(super) fn meaning(&self, method: &str) -> Meaning {
        let refused = |why| Meaning::Refused(why);
        match (self.status, self.code.as_str()) {
            (_, "NoSuchKey") => Meaning::Absent,
            (404, "") if method == "HEAD" => Meaning::Absent,
            (_, "NoSuchBucket") => refused(Refused::Bucket),
            (_, "RequestTimeTooSkewed") => refused(Refused::Clock(self.server_time.clone())),
            (_, "InvalidAccessKeyId" | "NotSignedUp") => refused(Refused::AccessKey),
            (_, "SignatureDoesNotMatch") => refused(Refused::SecretKey),
            (_, "ExpiredToken" | "InvalidToken") => refused(Refused::Session),
            (_, "AuthorizationHeaderMalformed") => refused(Refused::Region(self.other_region())),
            (301 | 302 | 307 | 308, _) => match self.other_region() {
                Some(region) => refused(Refused::Region(Some(region))),
                None => refused(Refused::Elsewhere),
            },
            // The whole is full, or a part of it: the sweep finds out which.
            (_, "QuotaExceeded" | "XMinioStorageFull") | (507, _) => Meaning::Failed,
            (401 | 403, _) => refused(Refused::Rights),
            (
                400,
                "BadDigest"
                | "InvalidDigest"
                | "RequestTimeout"
                | "IncompleteBody"
                | "XAmzContentSHA256Mismatch",
            )
            | (408 | 409 | 429 | 500..=599, _) => {
                if matches!(self.status, 501 | 505) {
                    Meaning::Failed
                } else {
                    Meaning::Again
                }
            }
            _ => Meaning::Failed,
        }
    }

    /// The server's region, from its own field or from its message.
    fn other_region(&self) -> Option<String> {
        let named = || {
            let (_, rest) = self.message.split_once("expecting '")?;
            Some(rest.split_once('\'')?.0.to_owned())
        };
        self.region.clone().or_else(named).filter(|r| !r.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(status: u16, code: &str) -> Meaning {
        let body = format!(
            "<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>m.</Message></Error>"
        );
        let answer = Answer {
            status,
            ..Answer::parse(body.as_bytes())
        };
        answer.meaning("GET")
    }

    #[test]
    fn answers_mean_what_an_operator_can_do_about_them() {
        use Meaning::{Absent, Again, Failed};
        let refused = Meaning::Refused;
        for (status, code, want) in [
            (404, "NoSuchKey", Absent),
            (404, "NoSuchBucket", refused(Refused::Bucket)),
            (404, "", Failed),
            (403, "", refused(Refused::Rights)),
            (403, "AccessDenied", refused(Refused::Rights)),
            (403, "InvalidAccessKeyId", refused(Refused::AccessKey)),
            (403, "SignatureDoesNotMatch", refused(Refused::SecretKey)),
            (403, "RequestTimeTooSkewed", refused(Refused::Clock(None))),
            (400, "ExpiredToken", refused(Refused::Session)),
            (
                400,
                "AuthorizationHeaderMalformed",
                refused(Refused::Region(None)),
            ),
            (301, "PermanentRedirect", refused(Refused::Elsewhere)),
            (307, "", refused(Refused::Elsewhere)),
            (403, "QuotaExceeded", Failed),
            (507, "XMinioStorageFull", Failed),
            (503, "XMinioStorageFull", Failed),
            (400, "BadDigest", Again),
            (400, "EntityTooLarge", Failed),
            (409, "OperationAborted", Again),
            (500, "InternalError", Again),
            (501, "NotImplemented", Failed),
            (502, "", Again),
            (503, "SlowDown", Again),
        ] {
            assert_eq!(meaning(status, code), want, "{status} {code}");
        }
    }

    #[test]
    fn a_head_has_no_body_to_say_what_is_missing_but_may_not_say_that_it_is_forbidden() {
        let answer = |status| Answer {
            status,
            ..Answer::default()
        };
        assert_eq!(answer(404).meaning("HEAD"), Meaning::Absent);
        assert_eq!(
            answer(403).meaning("HEAD"),
            Meaning::Refused(Refused::Rights)
        );
    }

    #[test]
    fn the_servers_region_and_time_are_found() {
        let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is wrong; expecting 'garage'</Message></Error>";
        let answer = Answer::parse(body.as_bytes());
        assert_eq!(
            answer.meaning("PUT"),
            Meaning::Refused(Refused::Region(Some("garage".into())))
        );
        let body = "<Error xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Code>RequestTimeTooSkewed</Code><ServerTime>2026-01-01T00:00:00Z</ServerTime></Error>";
        let time = Some("2026-01-01T00:00:00Z".to_owned());
        assert_eq!(
            Answer::parse(body.as_bytes()).meaning("PUT"),
            Meaning::Refused(Refused::Clock(time))
        );
        assert!(Answer::parse(b"<html>").code.is_empty());
    }
}
