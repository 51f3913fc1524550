//! The media, each with the samples that the suite asks for, and how each is damaged.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ccarchive::model::clock::Clock;
use ccarchive::model::memory::Memory;
use ccarchive::source::Source;
use ccarchive::source::checkpoint::Checkpoints;
use ccarchive::source::{cache, layers};
use tempfile::TempDir;

use super::{HELD, Medium, NOW};
use crate::support::site::{CLUSTER, HOUR, T0};
use crate::support::snapshots::{HostFiles, METRICS, STEP};

fn clock() -> Clock {
    Clock::starting_at(NOW)
}

/// What the hosts hold of some hours after `T0`.
fn held(hours: Range<i64>) -> impl Iterator<Item = (&'static str, Range<i64>)> {
    let span = T0 + hours.start * HOUR..T0 + hours.end * HOUR;
    HELD.into_iter().filter_map(move |(host, held)| {
        let held = held.start.max(span.start)..held.end.min(span.end);
        (!held.is_empty()).then_some((host, held))
    })
}

/// Overwrites some bytes of a file.
pub(super) fn scratch(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at..at + 40].fill(0xA5);
    fs::write(file, bytes).unwrap();
}

/// A folder of checkpoints. Of one kind of files, or the first hour of one and the second of the other.
pub(super) struct Files(TempDir);

impl Files {
    pub(super) fn new(kinds: &[&str]) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        match kinds {
            [one] => files.add(one, 0..2),
            more => (0..)
                .zip(more)
                .for_each(|(hour, kind)| files.add(kind, hour..hour + 1)),
        }
        files
    }

    pub(super) fn add(&self, kind: &str, hours: Range<i64>) {
        for (host, span) in held(hours) {
            let files = HostFiles::new(&self.cluster(), host);
            match kind {
                "bin" => files.bin(span),
                "json" => files.json(span),
                _ => files.log(span),
            }
        }
    }

    pub(super) fn root(&self) -> PathBuf {
        self.0.path().join("checkpoints")
    }

    pub(super) fn cluster(&self) -> PathBuf {
        // As a store has it that knows another cluster: what is asked for may be missing here and there.
        let other = HostFiles::new(&self.root().join("other"), "n1");
        other.bin(T0..T0 + 600);
        self.root().join(CLUSTER)
    }

    fn source(&self) -> Checkpoints {
        let frequencies: HashMap<String, i64> = METRICS.map(|m| (m.to_owned(), STEP)).into();
        Checkpoints::new(self.root(), frequencies, clock())
    }
}

impl Medium for Files {
    fn open(&self) -> Box<dyn Source> {
        Box::new(self.source())
    }

    fn damage(&self) {
        let host = self.cluster().join("n1");
        let mut files: Vec<PathBuf> = fs::read_dir(host)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        files.sort();
        let file = &files[0];
        let bytes = fs::read(file).unwrap();
        if file.ends_with("current.wal") {
            return scratch(file, bytes.len() / 2);
        }
        fs::write(file, &bytes[..bytes.len() / 5 * 3]).unwrap();
    }
}

/// A source that is remembered.
pub(super) struct Cached(pub(super) Files);

impl Medium for Cached {
    fn open(&self) -> Box<dyn Source> {
        Box::new(cache::Cached::new(
            self.0.source(),
            Arc::new(Memory::new(96 << 20)),
        ))
    }

    fn damage(&self) {
        self.0.damage();
    }
}

/// Two folders of checkpoints, the newer one before the older.
pub(super) struct Layers {
    pub(super) new: Files,
    pub(super) old: Files,
}

impl Layers {
    pub(super) fn new() -> Self {
        let (new, old) = (Files::new(&[]), Files::new(&[]));
        new.add("bin", 1..2);
        old.add("bin", 0..1);
        Self { new, old }
    }
}

impl Medium for Layers {
    fn open(&self) -> Box<dyn Source> {
        let sources: Vec<Box<dyn Source>> =
            vec![Box::new(self.new.source()), Box::new(self.old.source())];
        Box::new(layers::Layered::new(sources))
    }

    fn damage(&self) {
        self.old.damage();
    }
}

#[cfg(feature = "http")]
pub(super) use http::{Filled, Http};

#[cfg(feature = "http")]
mod http {
    use std::sync::Mutex;
    use std::time::Duration;

    use ccarchive::https::Trust;
    use ccarchive::source::filling::Filling;
    use ccarchive::source::http::{Address, Limits, Store};

    use super::*;
    use crate::http::QUICK;
    use crate::support::store::{Asked, Play, Played, answer, nobody};

    /// A played metric store.
    pub(in super::super) struct Http {
        played: Played,
        /// What it does, by name; nothing for what it should.
        does: Arc<Mutex<&'static str>>,
    }

    impl Http {
        pub(in super::super) fn new() -> Self {
            let does: Arc<Mutex<&'static str>> = Arc::default();
            let told = Arc::clone(&does);
            let play = move |asked: &Asked| {
                let does = *told.lock().unwrap();
                play(asked, does)
            };
            Self {
                played: Played::start(play),
                does,
            }
        }

        pub(in super::super) fn does(&self, what: &'static str) {
            *self.does.lock().unwrap() = what;
        }

        fn source(&self) -> Store {
            let does = *self.does.lock().unwrap();
            let nobody = nobody();
            let url = self.played.url();
            let address = Address {
                url: if does == "refused" { &nobody } else { &url },
                token: None,
                trust: &Trust::default(),
            };
            let silence = match does {
                "silent" => Duration::from_millis(50),
                _ => QUICK.silence,
            };
            let metrics = METRICS.map(|m| (m.to_owned(), STEP)).to_vec();
            let metrics = [(CLUSTER.to_owned(), metrics)].into();
            Store::new(&address, metrics, clock(), Limits { silence, ..QUICK })
        }
    }

    fn right(asked: &Asked) -> String {
        // The hosts have data until different times, which one answer cannot have.
        let is_about = |host: &str| asked.body.contains(&format!("\"{host}\""));
        let (host, held) = match HELD.iter().find(|(host, _)| is_about(host)) {
            Some((host, held)) => (*host, held),
            None => (HELD[0].0, &HELD[0].1),
        };
        answer(asked, &[host], held.start, held.end)
    }

    fn play(asked: &Asked, does: &str) -> Play {
        // What is about n1, and not only a look at the cluster.
        let of_n1 = asked.body.contains("\"n1\"") && !asked.is_look();
        match does {
            "500" => Play::Status(500),
            "503" => Play::Status(503),
            "401" => Play::Status(401),
            "403" => Play::Status(403),
            "404" => Play::Status(404),
            "elsewhere" => Play::Redirect("http://127.0.0.1:1/api/query".into()),
            "silent" => Play::Silence,
            "late" => Play::Late(Duration::from_millis(20), right(asked)),
            "closed" => Play::Close,
            "cut" => Play::Cut(right(asked)),
            "nothing" => Play::Answer(String::new()),
            "html" => Play::Answer("<html></html>".into()),
            "other json" => Play::Answer("{}".into()),
            "too few" if of_n1 => Play::Answer("{\"results\":[[]]}".into()),
            "other time" if of_n1 => {
                let answer = right(asked);
                Play::Answer(answer.replace("\"from\":", "\"from\":1"))
            }
            "data cut" if of_n1 => Play::Cut(right(asked)),
            "data refused" if of_n1 => Play::Status(400),
            // An infinite value of n1.
            "infinite" if of_n1 && asked.body.contains(METRICS[1]) => Play::Answer(String::new()),
            _ => Play::Answer(right(asked)),
        }
    }

    impl Medium for Http {
        fn open(&self) -> Box<dyn Source> {
            Box::new(self.source())
        }

        fn damage(&self) {
            self.does("infinite");
        }
    }

    /// Files with the first hour of everything, then a store.
    pub(in super::super) struct Filled {
        pub(in super::super) files: Files,
        pub(in super::super) store: Http,
    }

    impl Filled {
        pub(in super::super) fn new() -> Self {
            let files = Files::new(&[]);
            files.add("json", 0..1);
            Self {
                files,
                store: Http::new(),
            }
        }
    }

    impl Medium for Filled {
        fn open(&self) -> Box<dyn Source> {
            let files: Box<dyn Source> = Box::new(self.files.source());
            let sources = vec![
                ("files".to_owned(), files),
                ("store".to_owned(), self.store.open()),
            ];
            Box::new(Filling::new(sources))
        }

        fn damage(&self) {
            self.files.damage();
            self.store.damage();
        }
    }
}

#[cfg(feature = "parquet")]
pub(super) use parquet::{Older, Parquet};

#[cfg(feature = "parquet")]
mod parquet {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ccarchive::source::parquet;

    use super::*;
    use crate::support::parquet_files::{TestRow, write};
    use crate::support::snapshots::rows;

    /// The metric store's Parquet files.
    pub(in super::super) struct Parquet(TempDir);

    impl Parquet {
        pub(in super::super) fn new() -> Self {
            Self::of(0..2)
        }

        /// With some hours, a group a host.
        fn of(hours: Range<i64>) -> Self {
            let parquet = Self(tempfile::tempdir().unwrap());
            let groups: Vec<Vec<TestRow>> =
                held(hours).map(|(host, span)| rows(host, &span)).collect();
            write(&parquet.file(), &groups);
            write(&parquet.root().join("other/1780000000.parquet"), &groups);
            parquet
        }

        pub(in super::super) fn root(&self) -> PathBuf {
            self.0.path().join("archive")
        }

        pub(in super::super) fn file(&self) -> PathBuf {
            self.root().join(CLUSTER).join("1780010000.parquet")
        }

        fn source(&self) -> parquet::Parquet {
            parquet::Parquet::new(vec![self.root()], clock())
        }
    }

    impl Medium for Parquet {
        fn open(&self) -> Box<dyn Source> {
            Box::new(self.source())
        }

        fn damage(&self) {
            // The values of n1, which is the first group.
            let path = self.file();
            let reader = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
            let (at, length) = reader.metadata().row_group(0).column(7).byte_range();
            scratch(&path, usize::try_from(at + length / 2).unwrap());
        }
    }

    /// Parquet files with the first hour, checkpoints with the second.
    pub(in super::super) struct Older {
        pub(in super::super) parquet: Parquet,
        pub(in super::super) files: Files,
    }

    impl Older {
        pub(in super::super) fn new() -> Self {
            let files = Files::new(&[]);
            files.add("bin", 1..2);
            Self {
                parquet: Parquet::of(0..1),
                files,
            }
        }
    }

    impl Medium for Older {
        fn open(&self) -> Box<dyn Source> {
            let older = Box::new(self.parquet.source());
            Box::new(self.files.source().after(older))
        }

        fn damage(&self) {
            self.parquet.damage();
        }
    }
}
