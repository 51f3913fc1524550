//! Requests to one store: at most four at once, each tried a few times, none longer than a total time, and never waited for
//! once the sweep is cancelled.
//!
//! The library's reads block, so that a request runs on a thread of its own: whoever asked hears the stop token and leaves;
//! the request then ends by its own time-outs, without anybody who waits for it. Redirects are not followed, since a token
//! must not go where the configuration does not send it, and no proxy is asked, since a store is within the site.

use std::fmt;
use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;

use super::answer::{self, Answer, Unread};
use crate::https::Trust;
use crate::model::stop::Stop;
use crate::source::retry::Patience;

/// Requests to one store at the same time.
const AT_ONCE: usize = 4;
/// A connection that takes longer is none.
const CONNECT: Duration = Duration::from_secs(10);
/// A whole exchange: a store itself ends it after 30 s.
const EXCHANGE: Duration = Duration::from_secs(60);
/// The stop token is asked so often while waiting.
const GLANCE: Duration = Duration::from_millis(50);
/// Bytes that an answer may have besides its values.
const ROOM: u64 = 1 << 20;
/// Bytes that a value of the answer takes at most: scaled, with three decimals.
const PER_VALUE: u64 = 32;

/// A question that only shows whether the store answers.
pub(super) const ONCE: Patience = Patience {
    tries: 1,
    pause: Duration::ZERO,
    total: Duration::ZERO,
};

/// Where a store is, and how it is asked.
#[derive(Clone, Copy)]
pub struct Address<'a> {
    /// Without a slash at the end.
    pub url: &'a str,
    /// Sent with every request; in no message.
    pub token: Option<&'a str>,
    /// Whose certificates are accepted.
    pub trust: &'a Trust,
}

impl fmt::Debug for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.url)
    }
}

/// Why a store did not answer; texts name neither the token nor more of an address than the configuration does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It does not let us in.
    Refused(String),
    /// There is no store at the address, or none that can be reached now.
    NotThere(String),
    /// Something else is at the address.
    WrongAddress(String),
    /// It does not show that it is the store.
    Untrusted(String),
    /// It did not answer, or not to the end: that may pass.
    Passing(String),
    /// It answered something else.
    Nonsense(String),
    /// It answered with nothing: it holds a value that its JSON cannot express.
    Empty,
    /// The sweep is being cancelled.
    Cancelled,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(t)
            | Self::NotThere(t)
            | Self::WrongAddress(t)
            | Self::Untrusted(t)
            | Self::Passing(t)
            | Self::Nonsense(t) => f.write_str(t),
            Self::Empty => f.write_str("the answer is empty"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

/// Asks one store.
pub(super) struct Client {
    agent: ureq::Agent,
    /// The address that is asked.
    endpoint: Arc<str>,
    /// The header with the token.
    bearer: Option<Arc<str>>,
    trust: Trust,
    places: Arc<Places>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.endpoint)
    }
}

impl Client {
    /// `silence`: a store that sends nothing for so long sends nothing any more.
    pub(super) fn new(address: &Address<'_>, silence: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("ccarchive/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(EXCHANGE))
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(silence))
            .timeout_per_write(Some(silence))
            .max_idle_connections(AT_ONCE)
            .max_idle_connections_per_host(AT_ONCE)
            .tls_config(address.trust.config())
            .build();
        Self {
            agent: config.new_agent(),
            endpoint: format!("{}/api/query", address.url).into(),
            bearer: address.token.map(|t| format!("Bearer {t}").into()),
            trust: address.trust.clone(),
            places: Arc::default(),
        }
    }

    /// Asks a question whose answer has at most so many values.
    pub(super) fn ask(
        &self,
        question: &str,
        values: u64,
        patience: &Patience,
        stop: &Stop,
    ) -> Result<Answer, Trouble> {
        let question: Arc<str> = question.into();
        let is_passing = |t: &Trouble| {
            // A store that is being started again refuses connections for a moment.
            matches!(t, Trouble::Passing(_) | Trouble::NotThere(_))
        };
        let once = || self.once(&question, values, stop);
        let answer = patience.again(stop, is_passing, once);
        answer.unwrap_or(Err(Trouble::Cancelled))
    }

    /// One request on a thread of its own.
    fn once(&self, question: &Arc<str>, values: u64, stop: &Stop) -> Result<Answer, Trouble> {
        if stop.is_cancelled() {
            return Err(Trouble::Cancelled);
        }
        let place = Places::take(&self.places, stop).ok_or(Trouble::Cancelled)?;
        let exchange = Exchange {
            agent: self.agent.clone(),
            endpoint: Arc::clone(&self.endpoint),
            bearer: self.bearer.clone(),
            trust: self.trust.clone(),
            question: Arc::clone(question),
            most: values.saturating_mul(PER_VALUE).saturating_add(ROOM),
        };
        let (send, answer) = crossbeam_channel::bounded(1);
        let spawned = thread::Builder::new().name("store".into()).spawn(move || {
            let _place = place;
            // Nobody takes it where the sweep was cancelled meanwhile.
            drop(send.send(exchange.run()));
        });
        spawned.map_err(|e| Trouble::Passing(format!("no thread can be started: {e}")))?;
        loop {
            match answer.recv_timeout(GLANCE) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) if stop.is_cancelled() => {
                    return Err(Trouble::Cancelled);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let bug = "internal error (a bug in ccarchive)";
                    return Err(Trouble::Nonsense(bug.into()));
                }
            }
        }
    }
}

/// What one request needs.
struct Exchange {
    agent: ureq::Agent,
    endpoint: Arc<str>,
    bearer: Option<Arc<str>>,
    trust: Trust,
    question: Arc<str>,
    /// Bytes of the answer at most.
    most: u64,
}

impl Exchange {
    fn run(&self) -> Result<Answer, Trouble> {
        let mut request = self.agent.get(&*self.endpoint).query("version", "v2");
        if let Some(bearer) = &self.bearer {
            request = request.header("Authorization", &**bearer);
        }
        let sent = request.force_send_body().send(&*self.question);
        let mut response = sent.map_err(|e| match self.trust.refusal(&e) {
            Some(why) => Trouble::Untrusted(why),
            None => trouble(e),
        })?;
        let status = response.status();
        if status != 200 {
            return Err(refusal(status.as_u16()));
        }
        // One more, so that an answer that is too long does not look like one that was cut.
        let body = response
            .body_mut()
            .with_config()
            .limit(self.most + 1)
            .reader();
        answer::read(body.take(self.most)).map_err(|e| match e {
            Unread::Empty => Trouble::Empty,
            Unread::Cut(e) => Trouble::Passing(format!("the answer is cut ({e})")),
            Unread::Nonsense(e) => Trouble::Nonsense(e),
        })
    }
}

/// What a status says.
fn refusal(status: u16) -> Trouble {
    match status {
        401 => Trouble::Refused("it does not accept the token (status 401)".into()),
        403 => Trouble::Refused("it does not allow this token to read (status 403)".into()),
        300..=399 => Trouble::WrongAddress(format!(
            "it sends to another address (status {status}), which is not followed"
        )),
        404 | 405 => Trouble::WrongAddress(format!(
            "there is no cc-metric-store at this address (status {status})"
        )),
        429 | 500..=599 => Trouble::Passing(format!("it fails (status {status})")),
        _ => Trouble::Nonsense(format!("it answers with status {status}")),
    }
}

/// What an error of the library means. Its texts name no header.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library and the system may add kinds of errors; all others may pass"
)]
fn trouble(e: ureq::Error) -> Trouble {
    use std::io::ErrorKind;
    match e {
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            Trouble::NotThere("it cannot be reached in time".into())
        }
        ureq::Error::Timeout(_) => Trouble::Passing("it does not answer in time".into()),
        ureq::Error::HostNotFound => Trouble::NotThere("the name of its host is not known".into()),
        ureq::Error::Io(e) => match e.kind() {
            ErrorKind::ConnectionRefused
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable => {
                Trouble::NotThere(format!("it cannot be reached ({e})"))
            }
            _ => Trouble::Passing(format!("the connection failed ({e})")),
        },
        e @ (ureq::Error::Tls(_) | ureq::Error::Pem(_)) => {
            Trouble::Untrusted(format!("no secure connection can be made ({e})"))
        }
        e @ ureq::Error::Protocol(_) => Trouble::NotThere(format!(
            "what answers there does not speak HTTP as expected ({e})"
        )),
        e => Trouble::Passing(e.to_string()),
    }
}

/// Places for requests; whoever waits for one hears the stop token.
#[derive(Debug, Default)]
struct Places {
    taken: Mutex<usize>,
    freed: Condvar,
}

impl Places {
    fn take(places: &Arc<Self>, stop: &Stop) -> Option<Place> {
        let mut taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken >= AT_ONCE {
            if stop.is_cancelled() {
                return None;
            }
            let waited = places.freed.wait_timeout(taken, GLANCE);
            taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *taken += 1;
        Some(Place(Arc::clone(places)))
    }
}

/// One place; free when dropped.
struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.freed.notify_one();
    }
}
