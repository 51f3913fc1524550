//! The ledger's file: opening whatever is there. A damaged file is set aside and begun anew; one that cannot be used at all
//! is replaced by an empty one in memory, with a warning.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::opening::owner;
use rusqlite::{Connection, OptionalExtension};

/// Version of the ledger's own schema (`PRAGMA user_version`).
const VERSION: i64 = 4;
const SCHEMA: &str = include_str!("schema.sql");
const FROM_1: &str = include_str!("from_1.sql");
const FROM_2: &str = include_str!("from_2.sql");
const FROM_3: &str = include_str!("from_3.sql");
/// Nobody but a sweep writes here, and there is one sweep at a time.
const BUSY: Duration = Duration::from_secs(5);

/// A ledger that is open.
pub(super) struct Opened {
    pub(super) connection: Connection,
    /// Whether what is written stays.
    pub(super) in_file: bool,
    /// What is wrong with the file, in words for the operator.
    pub(super) warning: Option<String>,
}

impl Opened {
    fn file(connection: Connection) -> Self {
        Self {
            connection,
            in_file: true,
            warning: None,
        }
    }

    fn in_memory(warning: Option<String>) -> Self {
        Self {
            connection: in_memory(),
            in_file: false,
            warning,
        }
    }
}

pub(super) fn open(path: &Path, database: &Path) -> Opened {
    match try_open(path, database) {
        Ok(c) => Opened::file(c),
        Err(Refusal::Damaged(why)) => match set_aside(path).and_then(|aside| {
            try_open(path, database)
                .map(|c| (c, aside))
                .map_err(|e| std::io::Error::other(e.to_string()))
        }) {
            Ok((c, aside)) => {
                let w = format!(
                    "the ledger {} was damaged ({why}); it is kept as {} and begun anew",
                    path.display(),
                    aside.display()
                );
                Opened {
                    warning: Some(w),
                    ..Opened::file(c)
                }
            }
            Err(e) => Opened::in_memory(Some(without(
                path,
                &format!("damaged ({why}), and cannot be set aside: {e}"),
            ))),
        },
        Err(Refusal::Other(why)) => Opened::in_memory(Some(without(path, &why))),
    }
}

pub(super) fn open_read_only(path: &Path) -> Opened {
    if !path.exists() {
        return Opened::in_memory(None);
    }
    let usable = crate::opening::sqlite::open_to_read(path).and_then(|c| {
        c.busy_timeout(BUSY)?;
        c.query_row("SELECT count(*) FROM job WHERE 0", [], |_| Ok(()))?;
        Ok(c)
    });
    match usable {
        Ok(c) => Opened::file(c),
        Err(e) => Opened::in_memory(Some(without(path, &e.to_string()))),
    }
}

fn without(path: &Path, why: &str) -> String {
    format!(
        "the ledger {} cannot be used ({why}); this sweep goes on without it",
        path.display()
    )
}

enum Refusal {
    Damaged(String),
    Other(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged(s) | Self::Other(s) => f.write_str(s),
        }
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(e: rusqlite::Error) -> Self {
        match e.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::Damaged(e.to_string())
            }
            _ => Self::Other(e.to_string()),
        }
    }
}

fn try_open(path: &Path, database: &Path) -> Result<Connection, Refusal> {
    let c = Connection::open(path)?;
    c.busy_timeout(BUSY)?;
    // In WAL mode SQLite itself gives the files beside it to the same owner. A ledger elsewhere may have no such owner.
    drop(owner::give_to_owner_of(path, database));
    let version: i64 = c.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    let tables: i64 = c.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0))?;
    // Before it is known to be ours, nothing of it may change.
    let ours = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;";
    match (version, tables) {
        (0, 0) => {
            c.execute_batch(ours)?;
            c.execute_batch(&format!(
                "BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
            ))?;
        }
        (1..=VERSION, _) => {
            c.execute_batch(ours)?;
            for (older, step) in [(1, FROM_1), (2, FROM_2), (3, FROM_3)] {
                if version <= older {
                    c.execute_batch(&format!("BEGIN IMMEDIATE; {step} COMMIT;"))?;
                }
            }
            let sound: String = c.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
            if sound != "ok" {
                return Err(Refusal::Damaged(sound));
            }
            // A table or column that is missing is damage too.
            if let Err(e) = c
                .query_row(
                    "SELECT state, attempts, hook, replacing, newest, filled, proved, figures, phase, hour \
                      FROM job, source, run, phase, hours WHERE 0",
                    [],
                    |_| Ok(()),
                )
                .optional()
            {
                return Err(Refusal::Damaged(e.to_string()));
            }
        }
        (0, _) => return Err(Refusal::Other("it is a database of something else".into())),
        (v, _) => {
            return Err(Refusal::Other(format!(
                "it has version {v}, this ccarchive knows {VERSION}"
            )));
        }
    }
    Ok(c)
}

fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let name = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    let aside = (0..1000)
        .map(|k| name(&format!(".damaged-{k}")))
        .find(|p| !p.exists())
        .ok_or_else(|| std::io::Error::other("too many set aside"))?;
    std::fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        let from = name(suffix);
        if from.exists() {
            std::fs::rename(from, format!("{}{suffix}", aside.display()))?;
        }
    }
    Ok(aside)
}

#[expect(
    clippy::expect_used,
    reason = "an empty database in memory with a constant schema"
)]
pub(super) fn in_memory() -> Connection {
    let c = Connection::open_in_memory().expect("SQLite in memory");
    c.execute_batch(SCHEMA).expect("the schema is valid");
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_of_the_version_before_gets_what_it_lacks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("job.db.ledger");
        let version = |c: &Connection| -> i64 {
            c.query_row("PRAGMA user_version", [], |r| r.get(0))
                .unwrap()
        };
        let opened = open(&path, &path);
        assert_eq!(
            (version(&opened.connection), opened.warning),
            (VERSION, None)
        );
        let c = opened.connection;
        c.execute_batch(
            "DROP TABLE hours; ALTER TABLE job DROP COLUMN filled; ALTER TABLE job DROP COLUMN guessed; \
             PRAGMA user_version = 2",
        )
        .unwrap();
        drop(c);
        let opened = open_read_only(&path);
        let c = opened.connection;
        assert_eq!(
            (version(&c), opened.warning),
            (2, None),
            "whoever reads changes nothing"
        );
        assert!(crate::ledger::hours::read(&c, 0).unwrap().is_empty());
        drop(c);
        let opened = open(&path, &path);
        let c = opened.connection;
        assert_eq!((version(&c), opened.warning), (VERSION, None));
        assert!(crate::ledger::hours::read(&c, 0).unwrap().is_empty());
    }
}
