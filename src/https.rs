//! Whom https connections trust, and what one says that could not be made for that reason.
//!
//! A file of authorities counts instead of the machine's own, for stores and buckets alike. A certificate that is not accepted
//! now will not be in a moment, so that nobody asks again.

use std::fmt;

use jiff::Timestamp;
use rustls::CertificateError;
use rustls::pki_types::UnixTime;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// The authorities whose certificates are accepted.
#[derive(Clone, Default)]
pub struct Trust {
    /// Those of a file, with its name; else the machine's.
    file: Option<(RootCerts, String)>,
    /// How a file is named, for a certificate that the machine does not accept.
    hint: &'static str,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_ref().map_or("the machine's", |(_, name)| name);
        write!(f, "Trust({file})")
    }
}

impl Trust {
    /// The authorities of the machine. `hint` says how others are named.
    pub const fn machine(hint: &'static str) -> Self {
        Self { file: None, hint }
    }

    /// The authorities of a PEM file, and no others. `name`: the file, and who named it.
    ///
    /// # Errors
    /// One sentence, without the file's name, when it holds no certificate.
    pub fn of(pem: &[u8], name: String) -> Result<Self, &'static str> {
        let mut found = Vec::new();
        for item in parse_pem(pem) {
            match item {
                Ok(PemItem::Certificate(c)) => found.push(c),
                Ok(_) => {}
                Err(_) => return Err("it is no PEM file"),
            }
        }
        if found.is_empty() {
            return Err("it holds no certificate");
        }
        Ok(Self {
            file: Some((RootCerts::from(found), name)),
            hint: "",
        })
    }

    pub(crate) fn config(&self) -> TlsConfig {
        let file = self.file.as_ref().map(|(roots, _)| roots.clone());
        let roots = file.unwrap_or(RootCerts::PlatformVerifier);
        TlsConfig::builder().root_certs(roots).build()
    }

    /// Why no secure connection could be made, in words about the server ("its certificate …"); none where the error is another.
    pub(crate) fn refusal(&self, e: &ureq::Error) -> Option<String> {
        let cause = if let ureq::Error::Io(e) = e {
            e.get_ref()?.downcast_ref()?
        } else if let ureq::Error::Rustls(e) = e {
            e
        } else {
            return None;
        };
        Some(self.words(cause))
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library may add errors, and has words for each"
    )]
    fn words(&self, e: &rustls::Error) -> String {
        use CertificateError as Bad;
        match e {
            rustls::Error::InvalidCertificate(bad) => match bad {
                Bad::UnknownIssuer => self.unknown(),
                Bad::ExpiredContext { not_after, .. } => format!(
                    "its certificate expired at {}, unless the clock of this machine is wrong",
                    shown(*not_after)
                ),
                Bad::NotValidYetContext { not_before, .. } => format!(
                    "its certificate is valid only from {} on: the clock of one of the two machines is wrong",
                    shown(*not_before)
                ),
                Bad::NotValidForNameContext {
                    expected,
                    presented,
                } => format!(
                    "its certificate is not for {} but for {}",
                    expected.to_str(),
                    names(presented)
                ),
                other => format!("its certificate is not accepted ({other})"),
            },
            rustls::Error::InvalidMessage(_) => {
                "what answers there does not speak TLS; correct the address, perhaps to http".into()
            }
            other => format!("no secure connection can be made ({other})"),
        }
    }

    fn unknown(&self) -> String {
        let comes = "its certificate comes from no authority";
        match &self.file {
            Some((_, name)) => format!("{comes} in {name}"),
            None if self.hint.is_empty() => format!("{comes} that this machine trusts"),
            None => format!("{comes} that this machine trusts; {}", self.hint),
        }
    }
}

fn shown(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(|_| "no time".into(), |t| t.to_string())
}

/// Names as the library gives them: `DnsName("a")`, `IpAddress(127.0.0.1)`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, n)| n.strip_suffix(')'));
        inner.unwrap_or(name).trim_matches('"').to_owned()
    };
    match presented {
        [] => "nobody".into(),
        some => some.iter().map(bare).collect::<Vec<_>>().join(", "),
    }
}
