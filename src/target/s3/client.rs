//! Requests to an S3 server: signed in their headers, body included, and sent again where that can help.
//!
//! Every request carries the SHA-256 of its body under the signature, so that a server takes a body whole or not at all.
//! Redirects are not followed: the signature is for one host. A request that fails for a moment is sent four times in all,
//! with growing pauses that end when the sweep does.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use ureq::http::{Request, Response, StatusCode, header};
use ureq::{Agent, Body, SendBody};

use super::answer::{Answer, Meaning};
use super::broken::Broken;
use super::fault::Fault;
use super::refusal::{doing, refusal};
use super::signing::{hex, sign};
use crate::https::Trust;
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
    trust: Trust,
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

impl Client {
    /// Nothing is asked yet.
    pub(super) fn new(bucket: Bucket, trust: Trust, clock: Clock, stop: Arc<Stop>) -> Self {
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
            .tls_config(trust.config())
            .build()
            .new_agent();
        Self {
            address: bucket.address(),
            bucket,
            agent,
            trust,
            clock,
            stop,
            jitter: RandomState::new(),
            pause: PAUSE,
        }
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
                            let what = format!("{} {}", doing(ask.method), self.place(ask.object));
                            let text = refusal(&self.bucket, &why, &what, &answer.text());
                            return Err(Fault::refused(text));
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
        let mut request = request.body(()).map_err(|e| Broken::ours(&e))?;
        sign(&mut request, hash, &self.bucket, self.clock.now()).map_err(|e| Broken::ours(&e))?;
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
                let mut reader = spool.read().map_err(|e| Broken::ours(&e))?;
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
        self.agent
            .run(request)
            .map_err(|e| Broken::new(&e, self.trust.refusal(&e)))
    }

    fn url(&self, ask: &Ask<'_>) -> String {
        let mut url = format!("{}/{}", self.address, encoded(ask.object, true));
        for (k, (name, value)) in ask.query.iter().enumerate() {
            url.push(if k == 0 { '?' } else { '&' });
            url.push_str(&format!("{name}={}", encoded(value, false)));
        }
        url
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

/// The length that an answer names.
pub(super) fn length(response: &Response<Body>) -> Option<u64> {
    let value = response.headers().get(header::CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

/// Whether only a part of an object was sent.
pub(super) fn is_partial(response: &Response<Body>) -> bool {
    response.status() == StatusCode::PARTIAL_CONTENT
}
