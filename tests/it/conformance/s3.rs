//! What the bucket promises besides: objects where cc-backend looks for them, in an order that shows no reader half a job, and
//! replacements that a killed sweep left and the next one ends.

use std::sync::Arc;
use std::time::Duration;

use ccarchive::https::Trust;
use ccarchive::model::clock::Clock;
use ccarchive::model::stop::Stop;
use ccarchive::model::stored::{Form, Sum};
use ccarchive::target::s3::S3;
use ccarchive::target::{Error, Target};

use super::target::{Medium, documents, found, key, publish, stored, values};
use crate::support::s3::{Act, Real, Server, bucket};
use crate::support::wait::{now, pause};

/// A bucket of a server: of the tests' own, or of a real one where that is asked for.
pub(crate) enum Archive {
    Own(Server),
    Real(Real),
}

impl Archive {
    pub(crate) fn new() -> Self {
        Real::new().map_or_else(|| Self::Own(Server::new()), Self::Real)
    }

    /// The tests' own server, which can fail.
    pub(crate) fn own(&self) -> &Server {
        match self {
            Self::Own(server) => server,
            Self::Real(_) => panic!("a real server does not fail on request"),
        }
    }
}

impl Medium for Archive {
    fn open(&self) -> Box<dyn Target> {
        let flag = match self {
            Self::Own(server) => server.flag(),
            Self::Real(real) => real.flag(),
        };
        Box::new(target(&flag, &Arc::default()))
    }
}

fn target(flag: &str, stop: &Arc<Stop>) -> S3 {
    let clock = Clock::starting_at(now());
    let s3 = S3::new(bucket(flag), Trust::default(), clock, Arc::clone(stop));
    s3.pausing(Duration::from_millis(1))
}

fn open(server: &Server) -> S3 {
    target(&server.flag(), &Arc::default())
}

const FOLDER: &str = "alpha/0/001/1700000000";

/// The names below a job's folder.
fn names(server: &Server) -> Vec<String> {
    let names = server.names().into_iter();
    names
        .filter_map(|n| {
            n.strip_prefix(FOLDER)
                .map(|n| n.trim_start_matches('/').to_owned())
        })
        .collect()
}

fn writes(server: &Server) -> Vec<String> {
    let asked = server.asked().into_iter();
    let asked = asked.filter(|a| !a.starts_with("LIST") && !a.starts_with("GET"));
    asked
        .map(|a| a.replace(&format!("{FOLDER}/"), ""))
        .collect()
}

#[test]
fn objects_stand_where_cc_backend_looks_for_them() {
    let server = Server::new();
    publish(&open(&server), &key(123_045), Form::Gzip, &[1.0]);
    let names = server.names();
    assert!(
        names.contains(&"alpha/123/045/1700000000/data.json.gz".to_owned()),
        "{names:?}"
    );
    assert_eq!(names.len(), 5);
}

#[test]
fn data_comes_first_then_the_other_form_goes_and_meta_json_comes_last() {
    let server = Server::new();
    let target = open(&server);
    publish(&target, &key(1), Form::Plain, &[1.0]);
    assert_eq!(writes(&server), ["PUT data.json", "PUT meta.json"]);
    publish(&target, &key(1), Form::Gzip, &[1.0; 2]);
    let asked = writes(&server);
    let note = asked[0].strip_prefix("PUT ").unwrap().to_owned();
    assert!(note.starts_with(".ccarchive-replace-gzip-"), "{asked:?}");
    let want = ["PUT data.json.gz", "DELETE data.json", "PUT meta.json"];
    assert_eq!(asked[1..4], want);
    assert_eq!(asked[4..], [format!("DELETE {note}")]);
    assert_eq!(names(&server), ["data.json.gz", "meta.json"]);
}

#[test]
fn a_replacement_that_is_cut_short_anywhere_ends_as_one_of_the_two() {
    for (old, new) in [
        (Form::Plain, Form::Plain),
        (Form::Plain, Form::Gzip),
        (Form::Gzip, Form::Plain),
        (Form::Gzip, Form::Gzip),
    ] {
        for writes in 0..=5 {
            let server = Server::new();
            publish(&open(&server), &key(1), old, &[1.0]);
            let mut left = writes;
            server.rule(move |call| {
                if call.method == "GET" {
                    return Act::Serve;
                }
                left -= 1;
                if left < 0 {
                    Act::Answer(400, "NoMore")
                } else {
                    Act::Serve
                }
            });
            let (meta, data) = documents(&key(1), &[1.0; 2]);
            let target = open(&server);
            let mut draft = target.begin(&key(1)).unwrap();
            draft.write(&stored(new, &data)).unwrap();
            draft.complete(new, &meta).unwrap();
            let all = if old == new { 4 } else { 5 };
            assert_eq!(
                draft.publish().is_ok(),
                writes >= all,
                "{old:?} {new:?} {writes}"
            );
            server.behave();
            let what = format!("{old:?} by {new:?} after {writes}");
            let later = open(&server);
            if (1..all).contains(&writes) {
                let found = found(&later, &key(1)).unwrap();
                assert!(found.whole.is_none() && found.files.is_none(), "{what}");
            }
            later.tidy(&key(1)).unwrap();
            let (held, form) = if writes < 2 { (1, old) } else { (2, new) };
            assert_eq!(values(&later, &key(1)), Some(held), "{what}");
            assert_eq!(
                found(&later, &key(1)).unwrap().files.unwrap().form,
                form,
                "{what}"
            );
            assert_eq!(names(&server).len(), 2, "{what}");
        }
    }
}

/// Hazard 2: not every server knows them, and some answer as if they did.
#[test]
fn no_write_depends_on_a_condition() {
    let server = Server::new();
    server.rule(|call| {
        let conditions = ["if-match", "if-none-match"].map(|name| call.header(name).to_owned());
        let writes = call.method != "GET";
        if writes && conditions != ["", ""] {
            return Act::Answer(501, "NotImplemented");
        }
        Act::Serve
    });
    let target = open(&server);
    for values in [1, 2] {
        publish(&target, &key(1), Form::Gzip, &vec![1.0; values]);
    }
    target.probe().unwrap();
    assert_eq!(names(&server), ["data.json.gz", "meta.json"]);
}

#[test]
fn a_tag_that_cc_backend_sets_after_a_kill_is_kept() {
    let server = Server::new();
    let target = open(&server);
    publish(&target, &key(1), Form::Plain, &[1.0]);
    let (meta, data) = documents(&key(1), &[1.0]);
    let sum = Sum::of(&data);
    let note = format!(
        "{FOLDER}/.ccarchive-replace-plain-{}-{:08x}.tmp",
        sum.size, sum.crc
    );
    server.put(&note, &meta);
    let tagged = String::from_utf8(meta)
        .unwrap()
        .replace("\"jobId\"", "\"tags\":[],\"jobId\"");
    // Younger than the note by the server's clock, which counts milliseconds.
    pause(Duration::from_millis(3));
    server.put(&format!("{FOLDER}/meta.json"), tagged.as_bytes());
    target.tidy(&key(1)).unwrap();
    assert_eq!(
        server.get(&format!("{FOLDER}/meta.json")).unwrap(),
        tagged.as_bytes()
    );
    assert_eq!(names(&server), ["data.json", "meta.json"]);
}

#[test]
fn the_first_archive_of_a_job_is_seen_whole_or_not_at_all() {
    for writes in 0..2 {
        let server = Server::new();
        let mut left = writes;
        server.rule(move |call| {
            left -= i32::from(call.method == "PUT");
            if left < 0 && call.method == "PUT" {
                Act::Answer(400, "NoMore")
            } else {
                Act::Serve
            }
        });
        let target = open(&server);
        let (meta, data) = documents(&key(1), &[1.0]);
        let mut draft = target.begin(&key(1)).unwrap();
        draft.write(&data).unwrap();
        draft.complete(Form::Plain, &meta).unwrap();
        assert!(draft.publish().is_err());
        assert!(target.read(&key(1)).unwrap().is_none());
        server.behave();
        publish(&target, &key(1), Form::Gzip, &[1.0; 2]);
        assert_eq!(names(&server), ["data.json.gz", "meta.json"]);
    }
}

#[test]
fn names_that_an_address_does_not_allow_are_written_and_listed() {
    let server = Server::new();
    let odd = "al pha+%41&<ü";
    server.put(&format!("{odd}/cluster.json"), b"{}");
    let mut key = key(1);
    key.cluster = odd.into();
    let target = open(&server);
    publish(&target, &key, Form::Plain, &[1.0]);
    assert_eq!(values(&target, &key), Some(1));
    let clusters = target.clusters().unwrap();
    assert!(clusters.files.iter().any(|(name, _)| name == odd));
}

#[test]
fn a_long_list_comes_in_pages() {
    let server = Server::new();
    server.page(2);
    for cluster in ["c", "d", "e"] {
        server.put(&format!("{cluster}/cluster.json"), b"{}");
    }
    server.put("strange/thing", b"");
    let clusters = open(&server).clusters().unwrap();
    assert_eq!(
        (clusters.files.len(), clusters.without),
        (5, vec!["strange".to_owned()])
    );
    let target = open(&server);
    publish(&target, &key(1), Form::Plain, &[1.0]);
    server.put(&format!("{FOLDER}/data.json.gz"), b"x");
    assert!(found(&target, &key(1)).unwrap().whole.is_none());
}

#[test]
fn what_is_no_archive_is_refused_by_name() {
    let server = Server::empty();
    let said = |e: Error| {
        assert!(matches!(e, Error::Refused { .. }), "{e}");
        e.to_string()
    };
    let text = said(open(&server).check().unwrap_err());
    assert!(text.contains("s3://jobs has no version.txt"), "{text}");
    server.put("version.txt", b"2");
    let e = open(&server).check().unwrap_err();
    assert_eq!(e, Error::Version { found: "2".into() });
}
