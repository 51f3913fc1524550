//! Requests to an S3 server: signed in their headers, body included, and sent again where that can help.
//!
//! Every request carries the SHA-256 of its body under the signature, so that a server takes a body whole or not at all.
//! Redirects are not followed: the signature is for one host. A request that fails for a moment is sent four times in all,
//! with growing pauses that end when the sweep does.

use std::fmt;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningParams,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use sha2::{Digest, Sha256};
use ureq::http::{Request, Response, StatusCode, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, SendBody};

use super::answer::{Answer, Meaning};
use super::fault::Fault;
use crate::model::bucket::Bucket;
use crate::model::clock::Clock;
use crate::model::stop::Stop;
use crate::target::spool::Spool;

const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(300);
const CONNECT: Duration = Duration::from_secs(10);
/// For the next bytes, in both directions.
const STALLED: Duration = Duration::from_secs(30);
/// For a whole request, besides what its body needs on a slow line.
const WHOLE: Duration = Duration::from_secs(120);
const SLOWEST_BYTES_PER_SECOND: u64 = 64 << 10;
/// For a whole object that is read: whoever reads it may take its time.
const READING: Duration = Duration::from_secs(3600);
/// Connections that are kept for the next requests.
const CONNECTIONS: usize = 64;
/// Larger bodies wait until the server says that it wants them.
const ASK_FIRST: u64 = 1 << 20;

/// A server, one bucket of it, and the keys.
pub(super) struct Client {
    pub(super) bucket: Bucket,
    agent: Agent,
    clock: Clock,
    stop: Arc<Stop>,
    address: String,
    jitter: RandomState,
    /// Before the second try; tripled before each further one.
    pub(super) pause: Duration,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

/// What a request sends.
pub(super) enum Load<'a> {
    Nothing,
    Bytes(&'a [u8]),
    /// With its SHA-256 in hex.
    Spool(&'a mut Spool, &'a str),
}

/// A request, before it is signed.
pub(super) struct Ask<'a> {
    pub(super) method: &'static str,
    /// The object; empty for the bucket.
    pub(super) object: &'a str,
    pub(super) query: &'a [(&'static str, &'a str)],
    pub(super) headers: &'a [(&'static str, &'a str)],
    pub(super) load: Load<'a>,
    /// Whether it is sent again also while the sweep drains: what is begun must be brought to its end.
    pub(super) persists: bool,
}

impl<'a> Ask<'a> {
    pub(super) const fn new(method: &'static str, object: &'a str) -> Self {
        Self {
            method,
            object,
            query: &[],
            headers: &[],
            load: Load::Nothing,
            persists: false,
        }
    }
}

/// An answer, and whether an earlier try may have reached the server as well.
pub(super) struct Answered {
    pub(super) response: Response<Body>,
    pub(super) unclear: bool,
}

/// How a try ended that brought no answer.
struct Broken {
    text: String,
    /// Whether the same request may get an answer later.
    transient: bool,
    /// Whether the server may have done what it was asked for.
    unclear: bool,
    unknown_host: bool,
}

impl Client {
    /// Reads the file of certificates, if there is one. Nothing is asked yet.
    pub(super) fn new(bucket: Bucket, clock: Clock, stop: Arc<Stop>) -> Result<Self, Fault> {
        let tls = tls(&bucket)?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("ccarchive/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(STALLED))
            .timeout_per_read(Some(STALLED))
            .timeout_per_write(Some(STALLED))
            .max_idle_connections(CONNECTIONS)
            .max_idle_connections_per_host(CONNECTIONS)
            .tls_config(tls)
            .build()
            .new_agent();
        Ok(Self {
            address: bucket.address(),
            bucket,
            agent,
            clock,
            stop,
            jitter: RandomState::new(),
            pause: PAUSE,
        })
    }

    /// An object as people are told of it.
    pub(super) fn place(&self, object: &str) -> String {
        format!("s3://{}/{object}", self.bucket.name)
    }

    /// Sends a request, if need be several times. An answer that is no success is a fault; 404 of an object is `None`.
    pub(super) fn send(&self, mut ask: Ask<'_>) -> Result<Option<Answered>, Fault> {
        let mut pause = self.pause;
        let mut unclear = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let fault = match self.try_once(&mut ask) {
                Ok(response) if response.status().is_success() => {
                    return Ok(Some(Answered { response, unclear }));
                }
                Ok(response) => {
                    let answer = Answer::read(response);
                    match answer.meaning(ask.method) {
                        Meaning::Absent => return Ok(None),
                        Meaning::Refused(why) => {
                            return Err(Fault::refused(self.refusal(&ask, &why, &answer)));
                        }
                        Meaning::Failed => return Err(self.failed(&ask, &answer.text(), tries)),
                        Meaning::Again => self.failed(&ask, &answer.text(), tries),
                    }
                }
                Err(broken) => {
                    unclear |= broken.unclear;
                    let why = format!("{}: {}{}", self.address, broken.text, self.hint(&broken));
                    let fault = self.failed(&ask, &why, tries);
                    if !broken.transient {
                        return Err(Fault::refused(fault.to_string()));
                    }
                    fault
                }
            };
            if tries == TRIES {
                return Err(fault);
            }
            self.rest(pause, ask.persists)?;
            pause *= 3;
        }
    }

    /// What a connection may lack that never was one.
    fn hint(&self, broken: &Broken) -> &'static str {
        if !self.bucket.path_style && broken.unknown_host {
            "; where the server has no such name, set use-path-style"
        } else {
            ""
        }
    }

    /// Waits before the next try, between half and one and a half of the time, so that workers do not come all at once.
    fn rest(&self, pause: Duration, persists: bool) -> Result<(), Fault> {
        let share = self.jitter.hash_one(Instant::now()) % 1000;
        let pause = pause.mul_f64(0.5 + share as f64 / 1000.0);
        let waited = if persists {
            self.stop.wait_while_draining(pause)
        } else {
            self.stop.wait(pause)
        };
        if waited {
            Ok(())
        } else {
            Err(Fault::Cancelled)
        }
    }

    fn try_once(&self, ask: &mut Ask<'_>) -> Result<Response<Body>, Broken> {
        let own = |e: &dyn fmt::Display| Broken {
            text: e.to_string(),
            transient: false,
            unclear: false,
            unknown_host: false,
        };
        let (size, hash) = match &ask.load {
            Load::Nothing => (0, hex(&Sha256::digest(b""))),
            Load::Bytes(bytes) => (bytes.len() as u64, hex(&Sha256::digest(bytes))),
            Load::Spool(spool, hash) => (spool.size(), (*hash).to_owned()),
        };
        let mut request = Request::builder().method(ask.method).uri(self.url(ask));
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        if ask.method == "PUT" {
            request = request.header(header::CONTENT_LENGTH, size);
        }
        let mut request = request.body(()).map_err(|e| own(&e))?;
        self.sign(&mut request, hash).map_err(|e| own(&e))?;
        // Not signed: what stands between here and the server may change it.
        if size > ASK_FIRST {
            let headers = request.headers_mut();
            headers.insert(
                header::EXPECT,
                header::HeaderValue::from_static("100-continue"),
            );
        }
        let time = if ask.method == "GET" {
            READING
        } else {
            WHOLE + Duration::from_secs(size / SLOWEST_BYTES_PER_SECOND)
        };
        match &mut ask.load {
            Load::Bytes(bytes) => {
                let mut reader: &[u8] = bytes;
                self.run(request, time, SendBody::from_reader(&mut reader))
            }
            Load::Spool(spool, _) => {
                let mut reader = spool.read().map_err(|e| own(&e))?;
                self.run(request, time, SendBody::from_reader(&mut reader))
            }
            Load::Nothing => self.run(request, time, SendBody::none()),
        }
    }

    fn run(
        &self,
        request: Request<()>,
        time: Duration,
        body: SendBody<'_>,
    ) -> Result<Response<Body>, Broken> {
        let (parts, ()) = request.into_parts();
        let request = self
            .agent
            .configure_request(Request::from_parts(parts, body));
        let request = request.timeout_global(Some(time)).build();
        self.agent.run(request).map_err(|e| broken(&e))
    }

    fn url(&self, ask: &Ask<'_>) -> String {
        let mut url = format!("{}/{}", self.address, encoded(ask.object, true));
        for (k, (name, value)) in ask.query.iter().enumerate() {
            url.push(if k == 0 { '?' } else { '&' });
            url.push_str(&format!("{name}={}", encoded(value, false)));
        }
        url
    }

    /// Signs what the request has now, and the hash of its body.
    fn sign(
        &self,
        request: &mut Request<()>,
        hash: String,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let keys = self.bucket.keys.as_ref().ok_or("no keys are named")?;
        let session = keys.session.as_ref().map(|s| s.reveal().to_owned());
        let (access, secret) = (keys.access.reveal(), keys.secret.reveal());
        let identity =
            aws_credential_types::Credentials::new(access, secret, session, None, "ccarchive")
                .into();
        let now = u64::try_from(self.clock.now())?;
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let params: SigningParams<'_> = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.bucket.region)
            .name("s3")
            .time(UNIX_EPOCH + Duration::from_secs(now))
            .settings(settings)
            .build()?
            .into();
        let headers = request.headers().iter();
        let headers: Vec<_> = headers
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.uri().to_string(),
            headers.into_iter(),
            SignableBody::Precomputed(hash),
        )?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }

    fn failed(&self, ask: &Ask<'_>, why: &str, tries: u32) -> Fault {
        let subject = self.place(ask.object);
        let times = if tries > 1 {
            format!(" ({tries} tries)")
        } else {
            String::new()
        };
        Fault::failed(
            format!("cannot {} {subject}: {why}{times}", doing(ask.method)),
            subject,
        )
    }

    /// What to do about an answer that no other try can change.
    fn refusal(&self, ask: &Ask<'_>, why: &Refused, answer: &Answer) -> String {
        let Bucket {
            name,
            endpoint,
            region,
            ..
        } = &self.bucket;
        let keys = self.bucket.keys.as_ref().map_or("", |k| k.from.as_str());
        match why {
            Refused::AccessKey => format!(
                "{endpoint} does not know the access key of s3://{name} ({keys}): correct it"
            ),
            Refused::SecretKey => format!(
                "the secret key of s3://{name} does not belong to its access key ({keys}): correct it"
            ),
            Refused::Session => format!(
                "the keys of s3://{name} ({keys}) are temporary and over, or their session token is wrong: renew them"
            ),
            Refused::Rights => format!(
                "the keys of s3://{name} ({keys}) may not {} {}: give them the right to list, read, write and delete there ({})",
                doing(ask.method),
                self.place(ask.object),
                answer.text()
            ),
            Refused::Clock(Some(server)) => format!(
                "the clock of this machine is wrong for {endpoint}, where it is {server}: set one of the two right"
            ),
            Refused::Clock(None) => format!(
                "the clock of this machine is wrong for {endpoint}: set one of the two right"
            ),
            Refused::Bucket => format!(
                "{endpoint} has no bucket {name}: correct the bucket's name or the endpoint"
            ),
            Refused::Region(Some(theirs)) => format!(
                "s3://{name} is of region {theirs}, and requests are signed for {region}: set region to {theirs}"
            ),
            Refused::Region(None) => format!(
                "{endpoint} does not take requests that are signed for region {region} ({}): set region to the server's",
                answer.text()
            ),
            Refused::Elsewhere => format!(
                "{endpoint} sends requests for s3://{name} to another address ({}), which is not followed: correct endpoint and region",
                answer.text()
            ),
        }
    }
}

pub(super) use super::answer::Refused;

fn doing(method: &str) -> &'static str {
    match method {
        "PUT" => "write",
        "DELETE" => "delete",
        _ => "read",
    }
}

/// The certificates to trust.
fn tls(bucket: &Bucket) -> Result<TlsConfig, Fault> {
    let Some(file) = &bucket.certificates else {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        return Ok(tls.build());
    };
    let wrong = |e: &dyn fmt::Display| {
        Fault::refused(format!(
            "cannot read certificates from {} (AWS_CA_BUNDLE): {e}",
            file.display()
        ))
    };
    let pem = fs::read(file).map_err(|e| wrong(&e))?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(c) = item.map_err(|e| wrong(&e))? {
            certificates.push(c);
        }
    }
    if certificates.is_empty() {
        return Err(wrong(&"it holds none"));
    }
    let roots = RootCerts::Specific(Arc::new(certificates));
    Ok(TlsConfig::builder().root_certs(roots).build())
}

/// What an error of the connection means.
fn broken(e: &ureq::Error) -> Broken {
    let text = if let ureq::Error::Io(e) = e {
        e.to_string()
    } else if let ureq::Error::Timeout(_) = e {
        "no answer in time".to_owned()
    } else {
        e.to_string()
    };
    let refused = matches!(e, ureq::Error::Io(e) if e.kind() == io::ErrorKind::ConnectionRefused);
    let certificate = text.contains("certificate");
    let text = if certificate {
        format!("{text}; AWS_CA_BUNDLE names a file of certificates to trust")
    } else {
        text
    };
    let transient = !certificate
        && matches!(
            e,
            ureq::Error::Io(_)
                | ureq::Error::Timeout(_)
                | ureq::Error::HostNotFound
                | ureq::Error::ConnectionFailed
                | ureq::Error::Protocol(_)
        );
    let unknown_host = matches!(e, ureq::Error::HostNotFound) || text.contains("failed to lookup");
    Broken {
        unclear: transient && !refused && !unknown_host,
        text,
        transient,
        unknown_host,
    }
}

/// A text as it stands in an address; `path`: slashes stay.
fn encoded(text: &str, path: bool) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(b));
            }
            b'/' if path => out.push('/'),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// A hash as headers carry it.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        out.push_str(&format!("{b:02x}"));
        out
    })
}

/// The length that an answer names.
pub(super) fn length(response: &Response<Body>) -> Option<u64> {
    let value = response.headers().get(header::CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

/// Whether only a part of an object was sent.
pub(super) fn is_partial(response: &Response<Body>) -> bool {
    response.status() == StatusCode::PARTIAL_CONTENT
}
