//! A job archive in a SQLite file, as cc-backend's own backend makes it.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

/// As cc-backend creates it.
pub(crate) const SCHEMA: &str = "PRAGMA journal_mode = WAL;
CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, job_id INTEGER NOT NULL, cluster TEXT NOT NULL,
    start_time INTEGER NOT NULL, meta_json BLOB NOT NULL, data_json BLOB, data_compressed BOOLEAN DEFAULT 0,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, UNIQUE(job_id, cluster, start_time));
CREATE TABLE clusters (name TEXT PRIMARY KEY, config_json BLOB NOT NULL, updated_at INTEGER NOT NULL);
CREATE TABLE metadata (key TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO metadata VALUES ('version', '3');";

/// Makes the file beside a folder of an archive, with the clusters of that folder.
pub(crate) fn beside(folder: &Path) -> PathBuf {
    let path = folder.with_file_name("archive.db");
    let c = Connection::open(&path).unwrap();
    c.execute_batch(SCHEMA).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap().path();
        if let Ok(config) = fs::read(entry.join("cluster.json")) {
            let name = entry.file_name().unwrap().to_str().unwrap();
            c.execute(
                "INSERT INTO clusters VALUES (?1, ?2, 0)",
                params![name, config],
            )
            .unwrap();
        }
    }
    path
}
