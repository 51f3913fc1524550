//! A small S3 server for tests, as strict as the strictest real one where this program depends on it, and able to
//! misbehave on request.
//!
//! It checks signature, region, clock, key and the hash of the body, by code that shares nothing with the client's (which
//! signs with aws-sigv4), knows one bucket, lists in pages, and publishes an object whole or not at all. Servers of others
//! pass the same suite in its place: s3s-fs in every run of CI, `VersityGW` and `MinIO` by hand (see tests/s3-servers).
//!
//! None of them can stand for it in all tests: none cuts an upload at a certain byte, and s3s-fs takes any region, makes a
//! bucket that is missing, and answers an unknown key with a code that no other server has.

mod http;
mod real;
mod signature;
mod store;

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ccarchive::model::bucket::Bucket;
use ccarchive::model::secret::Secret;
use ccarchive::site::{ArchivePlace, Located, Origin, Places, Site};
pub(crate) use http::{Call, Reply};
pub(crate) use real::Real;
use store::Store;

use crate::support::wait::pause;
use crate::support::wire::{Identity, Wire};

pub(crate) const ACCESS: &str = "access-of-tests";
pub(crate) const SECRET: &str = "secret/of+tests";
pub(crate) const BUCKET: &str = "jobs";
pub(crate) const REGION: &str = "us-east-1";

/// What a flag names, with the keys of the tests.
pub(crate) fn bucket(flag: &str) -> Bucket {
    let of = |(name, value): (&str, &str)| (name.to_owned(), Secret::new(value.to_owned()));
    let places = Places {
        database: Some(Located::new("job.db".into(), Origin::Flag("--db"))),
        archive: Some(Located::new(flag.into(), Origin::Flag("--archive"))),
        variables: KEYS.map(of).into(),
        ..Places::default()
    };
    match Site::resolve(&places).unwrap().archive.value {
        ArchivePlace::S3(bucket) => *bucket,
        ArchivePlace::Tree(_) | ArchivePlace::Sqlite(_) => panic!("{flag} is no bucket"),
    }
}

/// The variables that name the keys of the tests.
pub(crate) const KEYS: [(&str, &str); 2] = [
    ("ARCHIVE_S3_ACCESS_KEY", ACCESS),
    ("ARCHIVE_S3_SECRET_KEY", SECRET),
];

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// What it is asked for.
    Serve,
    /// The same, after some time.
    Late(Duration),
    /// It answers this and does nothing.
    Answer(u16, &'static str),
    /// It answers with this document, whatever it is asked for.
    Say(&'static str),
    /// It closes the connection and does nothing.
    Cut,
    /// It does what it is asked for, and closes the connection without an answer.
    DoAndCut,
    /// It sends so many bytes of the answer's body, then closes the connection.
    CutBody(usize),
    /// It closes the connection after so many bytes of the request's body.
    CutUpload(usize),
}

type Rule = Box<dyn FnMut(&Call) -> Act + Send>;

pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    store: Mutex<Store>,
    identity: Option<Identity>,
    rule: Mutex<Rule>,
    log: Mutex<Vec<String>>,
    /// Seconds that the server's clock is ahead.
    ahead: Mutex<i64>,
    writes: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Server {
    /// One whose bucket holds an archive of two clusters without a job.
    pub(crate) fn new() -> Self {
        let server = Self::empty();
        server.put("version.txt", b"3\n");
        for cluster in ["alpha", "beta"] {
            server.put(&format!("{cluster}/cluster.json"), b"{}");
        }
        server
    }

    /// One whose bucket is empty.
    pub(crate) fn empty() -> Self {
        Self::open(None)
    }

    /// One that is asked over https, and whose bucket is empty.
    pub(crate) fn with_tls(identity: Identity) -> Self {
        Self::open(Some(identity))
    }

    fn open(identity: Option<Identity>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            shared: Arc::new(Shared {
                store: Mutex::default(),
                identity,
                rule: Mutex::new(Box::new(|_| Act::Serve)),
                log: Mutex::default(),
                ahead: Mutex::default(),
                writes: AtomicUsize::new(0),
                at_once: AtomicUsize::new(0),
                most_at_once: AtomicUsize::new(0),
            }),
        };
        let shared = Arc::downgrade(&server.shared);
        detached(move || {
            for stream in listener.incoming().flatten() {
                let Some(shared) = shared.upgrade() else {
                    break;
                };
                detached(move || shared.connection(stream));
            }
        });
        server
    }

    pub(crate) fn endpoint(&self) -> String {
        let scheme = self.shared.identity.as_ref().map_or("http", |_| "https");
        format!("{scheme}://{}", self.address)
    }

    /// What `--archive` has to say.
    pub(crate) fn flag(&self) -> String {
        format!("s3://{BUCKET}?endpoint={}", self.endpoint())
    }

    /// From now on the server asks what to do with a request.
    pub(crate) fn rule(&self, rule: impl FnMut(&Call) -> Act + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }

    /// From now on it serves whatever it is asked for.
    pub(crate) fn behave(&self) {
        self.rule(|_| Act::Serve);
    }

    /// Sets the server's clock.
    pub(crate) fn ahead(&self, seconds: i64) {
        *self.shared.ahead.lock().unwrap() = seconds;
    }

    /// Answers a list in pages of so many names.
    pub(crate) fn page(&self, names: usize) {
        self.shared.store.lock().unwrap().page = names;
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        self.shared.store.lock().unwrap().put(name, bytes);
    }

    pub(crate) fn remove(&self, name: &str) {
        self.shared.store.lock().unwrap().remove(name);
    }

    pub(crate) fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.shared.store.lock().unwrap().get(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.shared.store.lock().unwrap().names()
    }

    /// How many objects it was asked to write.
    pub(crate) fn writes(&self) -> usize {
        self.shared.writes.load(Ordering::SeqCst)
    }

    /// How many requests it had at a time, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.most_at_once.load(Ordering::SeqCst)
    }

    /// Methods and objects of the requests so far, and forgets them.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.log.lock().unwrap())
    }
}

/// Serves until the test's process ends.
#[expect(clippy::disallowed_methods, reason = "a server has no sweep")]
fn detached(serve: impl FnOnce() + Send + 'static) {
    thread::spawn(serve);
}

fn send(out: &mut Wire, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes)?;
    out.flush()
}

impl Shared {
    fn connection(&self, stream: TcpStream) {
        // A client that goes away leaves nothing to tell.
        let mut reader = BufReader::new(Wire::new(stream, self.identity.as_ref()));
        while let Ok(Some(mut call)) = Call::head(&mut reader) {
            self.log.lock().unwrap().push(call.to_string());
            self.writes
                .fetch_add(usize::from(call.method == "PUT"), Ordering::SeqCst);
            let act = (self.rule.lock().unwrap())(&call);
            if matches!(act, Act::Cut) {
                return;
            }
            let upload = if let Act::CutUpload(n) = act {
                Some(n)
            } else {
                None
            };
            if call.body(&mut reader, upload).is_err() || upload.is_some() {
                return;
            }
            let reply = self.reply(&call, &act);
            let cut = if let Act::CutBody(n) = act {
                Some(n)
            } else {
                None
            };
            if matches!(act, Act::DoAndCut)
                || send(reader.get_mut(), &reply.bytes(&call, cut)).is_err()
                || cut.is_some()
            {
                return;
            }
        }
    }

    fn reply(&self, call: &Call, act: &Act) -> Reply {
        let at_once = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        if let Act::Late(time) = act {
            pause(*time);
        }
        let reply = match act {
            Act::Answer(status, code) => Reply::error(*status, code),
            Act::Say(document) => Reply::new(200, document.as_bytes().to_vec()),
            Act::Serve
            | Act::Late(_)
            | Act::Cut
            | Act::DoAndCut
            | Act::CutBody(_)
            | Act::CutUpload(_) => self.serve(call),
        };
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        reply
    }

    fn serve(&self, call: &Call) -> Reply {
        let ahead = *self.ahead.lock().unwrap();
        match signature::check(call, ahead) {
            Err(refused) => refused,
            Ok(()) => self.store.lock().unwrap().serve(call),
        }
    }
}
