//! A metric store that is played: it refuses what the real one refuses, and answers as a test says.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::snapshots::{METRICS, STEP, value};
use super::wait::pause;
use super::wire::{Identity, Wire};

/// What the store multiplies values by, as it is asked to.
const SCALE: f64 = 1_073_741_824.0;

/// A request that came through to the API.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) body: String,
    pub(crate) json: Value,
}

impl Asked {
    /// Whether it only looks where data ends, and asks for no values.
    pub(crate) fn is_look(&self) -> bool {
        self.json["with-data"] == false
    }

    /// Values that the real store sets aside for it, at a sample a minute.
    pub(crate) fn values(&self) -> i64 {
        let window = self.json["to"].as_i64().unwrap() - self.json["from"].as_i64().unwrap();
        let queries = self.json["queries"].as_array().unwrap().len();
        (window / STEP + 1) * i64::try_from(queries).unwrap()
    }
}

/// What to do with a request.
pub(crate) enum Play {
    /// Status 200 and this.
    Answer(String),
    /// Only a status.
    Status(u16),
    /// The same, after some time.
    Late(Duration, String),
    /// The connection ends without an answer.
    Close,
    /// The connection ends in the middle of this answer.
    Cut(String),
    /// Nothing, until the test is over.
    Silence,
    /// Another address.
    Redirect(String),
}

type Player = dyn Fn(&Asked) -> Play + Send + Sync;

struct Shared {
    play: Box<Player>,
    token: Option<String>,
    identity: Option<Identity>,
    asked: Mutex<Vec<Asked>>,
    /// Requests in hand, and most of them at the same time.
    now: AtomicUsize,
    most: AtomicUsize,
    connections: AtomicUsize,
    over: AtomicBool,
}

/// A store on a port of its own; ends when dropped.
pub(crate) struct Played {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Played {
    pub(crate) fn start(play: impl Fn(&Asked) -> Play + Send + Sync + 'static) -> Self {
        Self::open(None, None, play)
    }

    /// A store that is asked over https.
    pub(crate) fn with_tls(
        identity: Identity,
        play: impl Fn(&Asked) -> Play + Send + Sync + 'static,
    ) -> Self {
        Self::open(None, Some(identity), play)
    }

    /// A store that wants this token.
    pub(crate) fn with_token(
        token: Option<&str>,
        play: impl Fn(&Asked) -> Play + Send + Sync + 'static,
    ) -> Self {
        Self::open(token, None, play)
    }

    fn open(
        token: Option<&str>,
        identity: Option<Identity>,
        play: impl Fn(&Asked) -> Play + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            play: Box::new(play),
            token: token.map(str::to_owned),
            identity,
            asked: Mutex::default(),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let accept = move || {
            for stream in listener.incoming() {
                if serving.over.load(Ordering::SeqCst) {
                    return;
                }
                serving.connections.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&serving);
                let serve = move || drop(shared.serve(stream.unwrap()));
                thread::Builder::new().spawn(serve).unwrap();
            }
        };
        thread::Builder::new().spawn(accept).unwrap();
        Self { address, shared }
    }

    /// A store that has a sample a minute of the metrics of some hosts, within an interval.
    pub(crate) fn holding(hosts: &'static [&'static str], from: i64, to: i64) -> Self {
        Self::start(move |asked| Play::Answer(answer(asked, hosts, from, to)))
    }

    pub(crate) fn url(&self) -> String {
        let scheme = self.shared.identity.as_ref().map_or("http", |_| "https");
        format!("{scheme}://{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

/// Where nothing listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

impl Shared {
    /// Requests of one connection, one after the other.
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(Wire::new(stream, self.identity.as_ref()));
        loop {
            let Some((line, headers)) = head(&mut reader)? else {
                return Ok(());
            };
            let length = headers.get("content-length").and_then(|l| l.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body)?;
            let body = String::from_utf8_lossy(&body).into_owned();
            let play = match self.refusal(&line, &headers, &body) {
                Some(refusal) => refusal,
                None => self.played(body),
            };
            if let Play::Late(time, _) = &play {
                pause(*time);
            }
            let out = reader.get_mut();
            match play {
                Play::Close => return Ok(()),
                Play::Answer(text) | Play::Late(_, text) => write!(
                    out,
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
                    text.len()
                )?,
                Play::Status(status) => {
                    write!(out, "HTTP/1.1 {status} Any\r\nContent-Length: 0\r\n\r\n")?;
                }
                Play::Redirect(to) => write!(
                    out,
                    "HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
                )?,
                Play::Cut(text) => {
                    write!(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                    write!(out, "{:x}\r\n{}", text.len(), &text[..text.len() / 2])?;
                    return out.flush();
                }
                Play::Silence => {
                    // The other side hangs up in the end.
                    reader.read_to_end(&mut Vec::new())?;
                    return Ok(());
                }
            }
            reader.get_mut().flush()?;
        }
    }

    /// What the real store refuses before it looks at a question.
    fn refusal(&self, line: &str, headers: &HashMap<String, String>, body: &str) -> Option<Play> {
        let (method, target) = line.split_once(' ')?;
        let path = target.split([' ', '?']).next()?;
        if path.starts_with("//") {
            return Some(Play::Redirect(path[1..].to_owned()));
        }
        if path.trim_end_matches('/') != "/api/query" {
            return Some(Play::Status(404));
        }
        if method != "GET" {
            return Some(Play::Status(405));
        }
        let given = headers.get("authorization").map(String::as_str);
        if let Some(token) = &self.token
            && given != Some(&format!("Bearer {token}"))
        {
            return Some(Play::Status(401));
        }
        let is_json = serde_json::from_str::<Value>(body).is_ok();
        (!is_json).then_some(Play::Status(400))
    }

    fn played(&self, body: String) -> Play {
        let json = serde_json::from_str(&body).unwrap();
        let asked = Asked { body, json };
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.asked.lock().unwrap().push(asked.clone());
        let play = (self.play)(&asked);
        self.now.fetch_sub(1, Ordering::SeqCst);
        play
    }
}

/// The first line and the headers of a request; none where the connection ended.
fn head(from: &mut impl BufRead) -> std::io::Result<Option<(String, HashMap<String, String>)>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        if from.read_line(&mut header)? == 0 || header.trim().is_empty() {
            return Ok(Some((line.trim().to_owned(), headers)));
        }
        if let Some((name, value)) = header.split_once(':') {
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
    }
}

/// What a store answers that has a sample a minute of the metrics of some hosts from `from` to `to`, and got the first of
/// them at `from`.
pub(crate) fn answer(asked: &Asked, hosts: &[&str], from: i64, to: i64) -> String {
    let window = |key: &str| asked.json[key].as_i64().unwrap();
    let (asked_from, asked_to) = (window("from"), window("to"));
    let is_ours = asked.json["cluster"] == super::site::CLUSTER;
    let series = |host: &str, metric: &str| {
        if !METRICS.contains(&metric) {
            let error = format!("[METRICSTORE]> unknown metric: {metric}");
            return json!([{"error": error, "from": 0, "to": 0, "resolution": 0}]);
        }
        if !is_ours || !hosts.contains(&host) {
            return json!([]);
        }
        let begin = from.max(asked_from);
        let times = (0..).map(|i| begin + i * STEP);
        let times: Vec<i64> = times.take_while(|t| *t < to.min(asked_to)).collect();
        // A sample belongs to its slot, which begins half a step before it.
        let sample = |t: i64| from + (t - from + STEP / 2).div_euclid(STEP) * STEP;
        let data: Vec<f64> = times
            .iter()
            .map(|t| f64::from(value(host, metric, sample(*t))) * SCALE)
            .collect();
        let end = begin + STEP * i64::try_from(times.len()).unwrap();
        let mut found = json!({"from": begin, "to": end, "resolution": STEP, "avg": 0.0, "min": 0.0, "max": 0.0});
        if !asked.is_look() && !data.is_empty() {
            found["data"] = data.into();
        }
        json!([found])
    };
    if let Some(metrics) = asked.json["for-all-nodes"].as_array() {
        let hosts = if is_ours { hosts } else { &[] };
        let pairs = || {
            hosts
                .iter()
                .flat_map(|h| metrics.iter().map(move |m| (*h, m.as_str().unwrap())))
        };
        let queries: Vec<Value> = pairs()
            .map(|(host, metric)| json!({"host": host, "metric": metric}))
            .collect();
        let results: Vec<Value> = pairs().map(|(host, metric)| series(host, metric)).collect();
        return json!({"queries": queries, "results": results}).to_string();
    }
    let queries = asked.json["queries"].as_array().unwrap();
    let text = |q: &Value, key: &str| q[key].as_str().unwrap().to_owned();
    let results: Vec<Value> = queries
        .iter()
        .map(|q| series(&text(q, "host"), &text(q, "metric")))
        .collect();
    json!({ "results": results }).to_string()
}
