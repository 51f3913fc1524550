//! What the SQLite file promises besides: the rows that cc-backend's backend writes and reads, and nothing else.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use ccarchive::model::job::JobKey;
use ccarchive::model::stored::Form;
use ccarchive::target::sqlite::Sqlite;
use ccarchive::target::{Error, Target};
use rusqlite::Connection;

use super::target::{Medium, found, key, publish, values, write_a_giant};
use super::tree::names;
use crate::support::sqlite_archive::SCHEMA;

/// Two clusters.
const CLUSTERS: &str = "INSERT INTO clusters VALUES ('alpha', CAST('{}' AS BLOB), 0), ('beta', CAST('{}' AS BLOB), 0);";

/// A SQLite file in a folder of its own.
pub(crate) struct Archive(tempfile::TempDir);

impl Archive {
    pub(crate) fn new() -> Self {
        let archive = Self(tempfile::tempdir().unwrap());
        archive.sql(SCHEMA);
        archive.sql(CLUSTERS);
        archive
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("archive.db")
    }

    fn sql(&self, sql: &str) {
        Connection::open(self.path())
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    }

    fn ask<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let c = Connection::open(self.path()).unwrap();
        c.query_row(sql, [], |r| r.get(0)).unwrap()
    }
}

impl Medium for Archive {
    fn open(&self) -> Box<dyn Target> {
        Box::new(Sqlite::new(self.path()))
    }
}

#[test]
fn a_row_is_what_cc_backend_writes() {
    let archive = Archive::new();
    publish(&*archive.open(), &key(1), Form::Gzip, &[1.0]);
    let row: String = archive.ask(
        "SELECT typeof(meta_json) || typeof(data_json) || data_compressed || hex(substr(data_json, 1, 2)) ||
         (created_at = updated_at AND created_at > 1700000000) FROM jobs",
    );
    assert_eq!(row, "blobblob11F8B1");
    // Replaced, it stays the row that it was.
    archive.sql("UPDATE jobs SET created_at = 7, updated_at = 7");
    publish(&*archive.open(), &key(1), Form::Plain, &[1.0; 2]);
    let row: String = archive.ask("SELECT id || ' ' || data_compressed || ' ' || created_at || ' ' || (updated_at > 7) FROM jobs");
    assert_eq!(row, "1 0 7 1");
}

#[test]
fn a_giant_does_not_wait_for_a_flush_and_leaves_no_file() {
    let archive = Archive::new();
    let target = archive.open();
    let mut draft = target.begin(&key(1)).unwrap();
    let size = write_a_giant(&mut *draft);
    draft.publish().unwrap();
    let stored: i64 = archive.ask("SELECT length(data_json) FROM jobs");
    assert_eq!(stored, size);
    drop(target);
    assert_eq!(names(archive.0.path()), ["archive.db"]);
}

#[test]
fn a_file_that_is_not_there_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let target = Sqlite::new(dir.path().join("archive.db"));
    assert!(matches!(target.check(), Err(Error::Gone { .. })));
    assert!(target.begin(&key(1)).is_err() && target.probe().is_err());
    assert!(target.find(&key(1)).is_err());
    assert!(names(dir.path()).is_empty());
}

#[test]
fn another_version_is_refused() {
    let archive = Archive::new();
    archive.sql("UPDATE metadata SET value = '2'");
    let e = archive.open().check().unwrap_err();
    assert_eq!(e, Error::Version { found: "2".into() });
}

#[test]
fn a_row_without_data_is_no_archive() {
    let archive = Archive::new();
    publish(&*archive.open(), &key(1), Form::Plain, &[1.0]);
    archive.sql("UPDATE jobs SET data_json = NULL");
    let target = archive.open();
    let there = found(&*target, &key(1)).unwrap();
    assert!(there.files.is_none() && there.whole.is_none());
    assert!(target.read(&key(1)).unwrap().is_none());
}

/// Bytes that this thread has read by now, from disks or from what the kernel keeps of them.
fn bytes_read() -> u64 {
    let io = fs::read_to_string("/proc/thread-self/io").unwrap();
    let read = io.lines().find_map(|l| l.strip_prefix("rchar: "));
    read.unwrap().parse().unwrap()
}

#[test]
fn data_that_is_asked_for_in_small_pieces_is_not_searched_from_its_beginning_for_each() {
    const PIECE: usize = 4 << 20;
    let archive = Archive::new();
    for (id, size) in [(1, 5 * PIECE), (2, PIECE), (3, PIECE + 1), (4, 0)] {
        let key = key(id);
        let JobKey {
            cluster,
            start_time,
            ..
        } = &key;
        archive.sql(&format!(
            "INSERT INTO jobs VALUES ({id}, {id}, '{cluster}', {start_time}, x'7b7d', randomblob({size}), 0, 0, 0)"
        ));
        let target = archive.open();
        let before = bytes_read();
        let mut data = target.read(&key).unwrap().unwrap().data;
        let opened = bytes_read() - before;
        let mut back = Vec::new();
        let mut small = vec![0; 64 << 10];
        loop {
            let n = data.read(&mut small).unwrap();
            if n == 0 {
                break;
            }
            back.extend_from_slice(&small[..n]);
        }
        let read = bytes_read() - before;
        println!("{size} bytes of data, {opened} read to open it, {read} in all");
        assert!(opened < 1 << 20, "{size}: {opened}");
        assert!(read < 4 * size as u64 + (1 << 20), "{size}: {read}");
        let stored: Vec<u8> = archive.ask(&format!("SELECT data_json FROM jobs WHERE id = {id}"));
        assert!(back == stored);
    }
}

#[test]
fn a_cluster_without_a_row_is_named() {
    let archive = Archive::new();
    publish(&*archive.open(), &key(1), Form::Plain, &[1.0]);
    archive.sql("DELETE FROM clusters WHERE name = 'alpha'");
    assert_eq!(archive.open().clusters().unwrap().without, ["alpha"]);
}

#[test]
fn cc_backend_reads_while_a_batch_waits_and_never_sees_half_of_it() {
    let archive = Archive::new();
    let target = archive.open();
    let keys = [key(1), key(2)];
    for key in &keys {
        let (meta, data) = super::target::documents(key, &[1.0]);
        let mut draft = target.begin(key).unwrap();
        draft.write(&data).unwrap();
        draft.complete(Form::Plain, &meta).unwrap();
        draft.publish().unwrap();
        // Nothing is locked meanwhile.
        archive.sql("UPDATE metadata SET value = '3'");
        assert_eq!(archive.ask::<i64>("SELECT count(*) FROM jobs"), 0);
    }
    target.flush(&[&keys[0], &keys[1]]).unwrap();
    assert_eq!(archive.ask::<i64>("SELECT count(*) FROM jobs"), 2);
}

#[test]
fn a_job_that_cannot_be_stored_takes_no_other_with_it() {
    let archive = Archive::new();
    archive.sql(
        "CREATE TRIGGER no BEFORE INSERT ON jobs WHEN NEW.job_id = 2 BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    let target = archive.open();
    let put = |key: &JobKey, size: usize| {
        let (meta, data) = super::target::documents(key, &[1.0]);
        let mut draft = target.begin(key).unwrap();
        draft.write(&vec![b' '; size]).unwrap();
        draft.write(&data).unwrap();
        draft.complete(Form::Plain, &meta).unwrap();
        draft.publish()
    };
    // One that is committed when it is published, since it is large.
    put(&key(1), 0).unwrap();
    let e = put(&key(2), 9 << 20).unwrap_err();
    assert!(matches!(e, Error::Place { .. }), "{e}");
    target.flush(&[&key(1)]).unwrap();
    assert_eq!(values(&*archive.open(), &key(1)), Some(1));
    // One whose flush fails; the other is flushed with the next.
    put(&key(3), 0).unwrap();
    put(&key(2), 0).unwrap();
    target.flush(&[&key(2)]).unwrap_err();
    target.flush(&[&key(3)]).unwrap();
    assert_eq!(values(&*archive.open(), &key(3)), Some(1));
    assert!(found(&*archive.open(), &key(2)).is_none());
}

/// Hazard 5: cc-backend's nightly compression of everything.
#[test]
fn a_writer_that_holds_the_file_for_long_fails_the_job_and_not_the_medium() {
    let archive = Archive::new();
    let other = Connection::open(archive.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let target = Sqlite::new(archive.path()).waiting(Duration::from_millis(20));
    let (meta, data) = super::target::documents(&key(1), &[1.0]);
    let mut draft = target.begin(&key(1)).unwrap();
    draft.write(&data).unwrap();
    draft.complete(Form::Plain, &meta).unwrap();
    draft.publish().unwrap();
    let e = target.flush(&[&key(1)]).unwrap_err();
    assert!(matches!(&e, Error::Place { .. }), "{e}");
    assert!(e.to_string().contains("locked"), "{e}");
    // The next try stores it.
    drop(other);
    publish(&*archive.open(), &key(1), Form::Plain, &[1.0]);
    assert_eq!(values(&*archive.open(), &key(1)), Some(1));
}
