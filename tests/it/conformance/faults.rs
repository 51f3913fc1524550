//! What every archive promises while its medium fails: it never looks emptier or poorer than it is, a job that cannot be stored
//! keeps what it had or gets all that is new, and nothing is left once the medium works again. A medium joins by saying how
//! it can fail: see the end.

use std::fs;

use ccarchive::model::stored::Form;
use ccarchive::target::Target;
use rusqlite::Connection;

use super::target::{Medium, documents, key, publish, values};

/// A medium that can be made to fail.
trait Faulty: Medium {
    fn faults(&self) -> &'static [&'static str];
    /// From now on.
    fn fail(&self, how: &str);
    fn work(&self);
}

/// Runs a fact for every way to fail, each on an archive of its own that holds job 1 with two values.
fn each<M: Faulty>(new: impl Fn() -> M, fact: impl Fn(&M, &str)) {
    for how in new().faults() {
        let medium = new();
        publish(&*medium.open(), &key(1), Form::Plain, &[1.0; 2]);
        fact(&medium, how);
        medium.work();
    }
}

fn an_archive_never_looks_poorer_than_it_is<M: Faulty>(new: fn() -> M) {
    each(new, |m, how| {
        m.fail(how);
        let target = m.open();
        // An error is an answer; "nothing" and "less" are lies.
        if let Ok(found) = target.find(&key(1)) {
            let found = found.unwrap_or_else(|| panic!("{how}: nothing is found"));
            assert!(found.whole.is_some(), "{how}");
        }
        if let Ok(read) = target.read(&key(1)) {
            assert!(read.is_some(), "{how}: nothing is read");
        }
        if let Ok(clusters) = target.clusters() {
            // A tree whose folders of clusters are gone has none.
            let gone = how == "clusters gone";
            assert!(gone || clusters.files.len() == 2, "{how}");
        }
        m.work();
        assert_eq!(values(&*target, &key(1)), Some(2), "{how}");
        target.check().unwrap();
    });
}

fn store(target: &dyn Target, job_id: i64, held: usize) -> Result<(), String> {
    let key = key(job_id);
    let (meta, data) = documents(&key, &vec![1.0; held]);
    let stored = || {
        let mut draft = target.begin(&key)?;
        draft.write(&data)?;
        draft.complete(Form::Plain, &meta)?;
        draft.publish()?;
        target.flush(&[&key])
    };
    stored().map_err(|e| e.to_string())
}

fn a_job_that_cannot_be_stored_keeps_what_it_had_or_gets_all_that_is_new<M: Faulty>(
    new: fn() -> M,
) {
    each(new, |m, how| {
        m.fail(how);
        let target = m.open();
        let (again, first) = (store(&*target, 1, 3), store(&*target, 2, 1));
        for error in [&again, &first]
            .into_iter()
            .filter_map(|r| r.as_ref().err())
        {
            assert!(!error.is_empty() && !error.ends_with('.'), "{how}: {error}");
        }
        m.work();
        let later = m.open();
        for job_id in [1, 2] {
            later.tidy(&key(job_id)).unwrap();
        }
        let held = values(&*later, &key(1));
        assert!(
            if again.is_ok() {
                held == Some(3)
            } else {
                matches!(held, Some(2 | 3))
            },
            "{how}"
        );
        if first.is_ok() {
            assert_eq!(values(&*later, &key(2)), Some(1), "{how}");
        } else if later.read(&key(2)).unwrap().is_some() {
            assert_eq!(
                values(&*later, &key(2)),
                Some(1),
                "{how}: half a job is seen"
            );
        }
        store(&*later, 1, 4).unwrap();
        store(&*later, 2, 4).unwrap();
        assert_eq!(values(&*later, &key(1)), Some(4), "{how}");
        assert_eq!(values(&*later, &key(2)), Some(4), "{how}");
    });
}

fn a_probe_tells_a_medium_that_fails<M: Faulty>(new: fn() -> M) {
    each(new, |m, how| {
        let target = m.open();
        target.probe().unwrap();
        m.fail(how);
        // What is stored all the same is not sick.
        let stored = store(&*target, 2, 1);
        assert_eq!(
            target.probe().is_err(),
            stored.is_err(),
            "{how}: {stored:?}"
        );
        m.work();
        m.open().probe().unwrap();
    });
}

impl Faulty for super::tree::Archive {
    fn faults(&self) -> &'static [&'static str] {
        &["gone", "clusters gone"]
    }

    fn fail(&self, how: &str) {
        let root = self.root();
        if how == "gone" {
            fs::rename(root, root.with_extension("away")).unwrap();
            return;
        }
        for cluster in ["alpha", "beta"] {
            let folder = root.join(cluster);
            fs::rename(&folder, root.with_extension(cluster)).unwrap();
            fs::write(folder, "a file").unwrap();
        }
    }

    fn work(&self) {
        let root = self.root();
        if !root.exists() {
            fs::rename(root.with_extension("away"), root).unwrap();
        }
        for cluster in ["alpha", "beta"] {
            let away = root.with_extension(cluster);
            if away.exists() {
                fs::remove_file(root.join(cluster)).unwrap();
                fs::rename(away, root.join(cluster)).unwrap();
            }
        }
    }
}

impl Faulty for super::sqlite::Archive {
    fn faults(&self) -> &'static [&'static str] {
        &["gone", "not a database", "refuses"]
    }

    fn fail(&self, how: &str) {
        let path = self.path();
        if how == "refuses" {
            let sql = "CREATE TRIGGER a BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'no'); END;
                CREATE TRIGGER b BEFORE INSERT ON metadata BEGIN SELECT RAISE(ABORT, 'no'); END";
            return Connection::open(path).unwrap().execute_batch(sql).unwrap();
        }
        fs::rename(&path, path.with_extension("away")).unwrap();
        if how == "not a database" {
            fs::write(
                path,
                "not a database at all, but long enough to be read as one's header".repeat(4),
            )
            .unwrap();
        }
    }

    fn work(&self) {
        let path = self.path();
        let away = path.with_extension("away");
        if away.exists() {
            fs::rename(away, &path).unwrap();
        }
        let sql = "DROP TRIGGER IF EXISTS a; DROP TRIGGER IF EXISTS b";
        Connection::open(path).unwrap().execute_batch(sql).unwrap();
    }
}

#[cfg(feature = "s3")]
impl Faulty for super::s3::Archive {
    fn faults(&self) -> &'static [&'static str] {
        &[
            "refused",
            "forbidden",
            "500",
            "slow down",
            "full",
            "cut",
            "done and cut",
            "cut answers",
            "cut uploads",
            "empty answers",
            "strange answers",
            "no such page",
            "late",
        ]
    }

    fn fail(&self, how: &str) {
        use crate::support::s3::Act;
        use std::time::Duration;
        let how = how.to_owned();
        self.own().rule(move |call| match how.as_str() {
            // As a server that is not there, at least for what follows.
            "refused" | "cut" => Act::Cut,
            "forbidden" => Act::Answer(403, "AccessDenied"),
            "500" => Act::Answer(500, "InternalError"),
            "slow down" => Act::Answer(503, "SlowDown"),
            "full" if call.method == "PUT" => Act::Answer(507, "XMinioStorageFull"),
            "done and cut" => Act::DoAndCut,
            "cut answers" => Act::CutBody(10),
            "cut uploads" if call.method == "PUT" => Act::CutUpload(20),
            "empty answers" => Act::Answer(200, ""),
            "strange answers" => Act::Answer(200, "html"),
            "no such page" => Act::Answer(404, ""),
            "late" => Act::Late(Duration::from_millis(20)),
            _ => Act::Serve,
        });
    }

    fn work(&self) {
        self.own().behave();
    }
}

/// Runs every fact over a medium.
macro_rules! faults {
    ($name:ident, $medium:expr) => {
        mod $name {
            #[test]
            fn an_archive_never_looks_poorer_than_it_is() {
                super::an_archive_never_looks_poorer_than_it_is($medium);
            }

            #[test]
            fn a_job_that_cannot_be_stored_keeps_what_it_had_or_gets_all_that_is_new() {
                super::a_job_that_cannot_be_stored_keeps_what_it_had_or_gets_all_that_is_new(
                    $medium,
                );
            }

            #[test]
            fn a_probe_tells_a_medium_that_fails() {
                super::a_probe_tells_a_medium_that_fails($medium);
            }
        }
    };
}

faults!(tree, crate::conformance::tree::Archive::new);
faults!(sqlite, crate::conformance::sqlite::Archive::new);
#[cfg(feature = "s3")]
faults!(s3, || crate::conformance::s3::Archive::Own(
    crate::support::s3::Server::new()
));
