//! Every row of the file, with what is not as it should be about it. Nothing is read but keys and sizes.

use std::io;
use std::path::PathBuf;

use rusqlite::{Row, params};

use super::Sqlite;
use crate::model::failure::fit_to_print;
use crate::model::job::JobKey;
use crate::target::{Odd, Part, Walk, Walked};

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
            Ok((
                parts.collect::<rusqlite::Result<_>>()?,
                unknown.collect::<rusqlite::Result<_>>()?,
            ))
        };
        load().map_err(|e| io::Error::other(self.error("cannot read", &e)))
    }

    fn walk(&self, part: &Part) -> io::Result<Vec<Walked>> {
        let c = self.reader().map_err(io::Error::other)?;
        let load = || -> rusqlite::Result<_> {
            let mut rows = c.prepare(
                "SELECT id, job_id, start_time, length(meta_json), length(data_json), data_compressed IS NULL FROM jobs
                 WHERE job_id BETWEEN ?2 AND ?2 + 999 AND cluster = ?1 ORDER BY job_id, start_time",
            )?;
            let first = part.thousands.saturating_mul(1000);
            rows.query_map(params![part.cluster, first], |r| self.row_of(part, r))?
                .collect()
        };
        load().map_err(|e| io::Error::other(self.error("cannot read", &e)))
    }
}

impl Sqlite {
    /// What stands for a folder where people are told of a row.
    fn place(&self, what: &str) -> PathBuf {
        let mut place = self.path.clone().into_os_string();
        place.push(format!(" ({what})"));
        place.into()
    }

    fn row_of(&self, part: &Part, r: &Row<'_>) -> rusqlite::Result<Walked> {
        let (meta, data): (Option<i64>, Option<i64>) = (r.get(3)?, r.get(4)?);
        let mut odd = Vec::new();
        if meta == Some(0) {
            odd.push(Odd::EmptyFile("meta_json".into()));
        }
        match data {
            None => odd.push(Odd::NoData),
            Some(0) => odd.push(Odd::EmptyFile("data_json".into())),
            Some(_) => {}
        }
        if r.get(5)? {
            odd.push(Odd::Unreadable(
                "data_compressed is NULL: cc-backend cannot read this row".into(),
            ));
        }
        Ok(Walked {
            key: Some(JobKey {
                cluster: part.cluster.clone(),
                job_id: r.get(1)?,
                start_time: r.get(2)?,
            }),
            path: self.place(&format!("row {} of jobs", r.get::<_, i64>(0)?)),
            odd,
        })
    }
}
