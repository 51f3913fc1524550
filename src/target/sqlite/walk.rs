//! Every row of the file, with what is not as it should be about it, and what can be mended of that without a source.
//! Nothing is read but keys and sizes. A job's row changes in one short transaction that looks once more.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use rusqlite::{OptionalExtension, Row, params};

use super::Sqlite;
use super::rows::{IS_GZIP, THIS_JOB, open_to_write};
use crate::model::failure::fit_to_print;
use crate::model::job::JobKey;
use crate::target::{Flaw, Odd, Part, Unmended, Walk, Walked, owner};

impl Walk for Sqlite {
    fn parts(&self) -> io::Result<(Vec<Part>, Vec<Walked>)> {
        let c = self.reader().map_err(io::Error::other)?;
        let load = || -> rusqlite::Result<_> {
            let mut parts = c.prepare(
                "SELECT DISTINCT cluster, job_id / 1000 FROM jobs WHERE job_id >= 0 ORDER BY 1, 2",
            )?;
            let parts = parts.query_map([], |r| {
                Ok(Part {
                    cluster: r.get(0)?,
                    thousands: r.get(1)?,
                    path: self.path.clone(),
                })
            })?;
            let mut unknown = c.prepare(
                "SELECT DISTINCT cluster FROM jobs WHERE cluster NOT IN (SELECT name FROM clusters) ORDER BY 1",
            )?;
            let unknown = unknown.query_map([], |r| {
                let cluster: String = r.get(0)?;
                Ok(Walked {
                    key: None,
                    path: self.place(&format!("cluster {}", fit_to_print(&cluster))),
                    odd: vec![Odd::NoClusterJson],
                })
            })?;
            let mut strange: Vec<_> = unknown.collect::<rusqlite::Result<_>>()?;
            strange.extend(self.foreign());
            Ok((parts.collect::<rusqlite::Result<_>>()?, strange))
        };
        load().map_err(|e| io::Error::other(self.error("cannot read", &e)))
    }

    fn walk(&self, part: &Part) -> io::Result<Vec<Walked>> {
        let c = self.reader().map_err(io::Error::other)?;
        let load = || -> rusqlite::Result<_> {
            let mut rows = c.prepare(&format!(
                "SELECT {ROW} FROM jobs
                 WHERE job_id BETWEEN ?2 AND ?2 + 999 AND cluster = ?1 ORDER BY job_id, start_time"
            ))?;
            let first = part.thousands.saturating_mul(1000);
            rows.query_map(params![part.cluster, first], |r| {
                self.row_of(&part.cluster, r)
            })?
            .collect()
        };
        load().map_err(|e| io::Error::other(self.error("cannot read", &e)))
    }

    fn look_again(&self, key: &JobKey) -> Walked {
        let gone = |odd| Walked {
            key: Some(key.clone()),
            path: self.path.clone(),
            odd,
        };
        let c = match self.reader() {
            Ok(c) => c,
            Err(e) => return gone(vec![Odd::Unreadable(e.to_string())]),
        };
        let found = c
            .query_row(
                &format!("SELECT {ROW} FROM jobs WHERE {THIS_JOB}"),
                params![key.job_id, key.cluster, key.start_time],
                |r| self.row_of(&key.cluster, r),
            )
            .optional();
        match found {
            Ok(Some(walked)) => walked,
            Ok(None) => gone(Vec::new()),
            Err(e) => gone(vec![Odd::Unreadable(
                self.error("cannot read", &e).to_string(),
            )]),
        }
    }

    fn mend(&self, flaw: Flaw, place: &Walked) -> Result<(), Unmended> {
        match (flaw, &place.key) {
            (Flaw::Rights, None) => Ok(owner::give(&place.path, &self.path)?),
            (Flaw::EmptyFolder, Some(key)) => self.change(
                key,
                &format!("DELETE FROM jobs WHERE {THIS_JOB} AND {EMPTY}"),
            ),
            (Flaw::NoForm, Some(key)) => self.change(
                key,
                &format!(
                    "UPDATE jobs SET data_compressed = ({IS_GZIP}) \
                     WHERE {THIS_JOB} AND data_compressed IS NULL \
                     AND ({IS_GZIP} OR substr(CAST(data_json AS BLOB), 1, 1) = x'7b')"
                ),
            ),
            (Flaw::Leftovers | Flaw::Rights | Flaw::EmptyFolder | Flaw::NoForm, _) => {
                let why = "there is nothing of this kind in a SQLite file";
                Err(Unmended::NoSuchFlaw(why))
            }
        }
    }
}

/// What is read of a row.
const ROW: &str =
    "id, job_id, start_time, length(meta_json), length(data_json), data_compressed IS NULL";
/// Neither document is there.
const EMPTY: &str = "coalesce(length(meta_json), 0) = 0 AND coalesce(length(data_json), 0) = 0";

impl Sqlite {
    /// What stands for a folder where people are told of a row.
    fn place(&self, what: &str) -> PathBuf {
        let mut place = self.path.clone().into_os_string();
        place.push(format!(" ({what})"));
        place.into()
    }

    /// The file and what SQLite keeps beside it, where cc-backend's user cannot use it: what another user left there.
    fn foreign(&self) -> Vec<Walked> {
        let Ok(archive) = fs::metadata(&self.path) else {
            return Vec::new();
        };
        let names = ["", "-wal", "-shm", "-journal"].map(|end| {
            let mut name = self.path.clone().into_os_string();
            name.push(end);
            PathBuf::from(name)
        });
        let odd = |path: PathBuf| {
            let m = fs::symlink_metadata(&path).ok()?;
            owner::is_wrong(&m, &archive).then(|| Walked {
                key: None,
                odd: vec![Odd::Rights {
                    path: path.clone(),
                    owner: m.uid(),
                    expected: archive.uid(),
                    mode: m.mode() & 0o7777,
                }],
                path,
            })
        };
        names.into_iter().filter_map(odd).collect()
    }

    /// Changes the row of a job.
    fn change(&self, key: &JobKey, sql: &str) -> Result<(), Unmended> {
        let changed = || -> rusqlite::Result<usize> {
            let c = open_to_write(&self.path, self.patience)?;
            c.execute(sql, params![key.job_id, key.cluster, key.start_time])
        };
        match changed() {
            Ok(0) => Err(Unmended::Changed),
            Ok(_) => Ok(()),
            Err(e) => Err(self.error("cannot write", &e).into()),
        }
    }

    /// What a row of the columns [`ROW`] tells.
    fn row_of(&self, cluster: &str, r: &Row<'_>) -> rusqlite::Result<Walked> {
        let (meta, data): (Option<i64>, Option<i64>) = (r.get(3)?, r.get(4)?);
        let mut odd = Vec::new();
        match (meta.unwrap_or(0), data) {
            (0, None | Some(0)) => odd.push(Odd::EmptyFolder),
            (0, Some(_)) => odd.push(Odd::EmptyFile("meta_json".into())),
            (_, None) => odd.push(Odd::NoData),
            (_, Some(0)) => odd.push(Odd::EmptyFile("data_json".into())),
            (_, Some(_)) if r.get(5)? => odd.push(Odd::NoForm),
            (_, Some(_)) => {}
        }
        Ok(Walked {
            key: Some(JobKey {
                cluster: cluster.to_owned(),
                job_id: r.get(1)?,
                start_time: r.get(2)?,
            }),
            path: self.place(&format!("row {} of jobs", r.get::<_, i64>(0)?)),
            odd,
        })
    }
}
