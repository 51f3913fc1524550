//! cc-backend at work on the database while a sweep runs: jobs start, stop, change and go, locks are long.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, params};

use super::{command, present};
use crate::support::program::{Running, run};
use crate::support::site::{NewJob, Places, Site};
use crate::support::wait::{pause, short_or_long, until};

/// Stopped jobs at the beginning, ids 1 and up.
const BACKLOG: i64 = 400;

/// What the writer did and what must be found of it afterwards.
#[derive(Debug, Default)]
struct Diary {
    /// Longest wait for the write lock while the writer itself held none.
    longest_wait: Duration,
    transactions: u64,
    /// Per job number: what its row must be; none where the writer deleted it.
    mine: BTreeMap<i64, Option<Mine>>,
    /// Jobs that were changed while an archive of them was published and their row was not written.
    raced: BTreeSet<i64>,
    /// Jobs whose row was deleted and inserted again.
    reinserted: BTreeSet<i64>,
}

/// A row as the writer left it for good: a sweep must not touch it, or may only archive it as it is.
#[derive(Clone, Debug, PartialEq)]
struct Mine {
    state: &'static str,
    duration: i64,
    status: i64,
    footprint: String,
}

struct Writer<'a> {
    site: &'a Places,
    begin: i64,
    db: Connection,
    diary: Diary,
    next: i64,
}

impl Writer<'_> {
    /// BEGIN IMMEDIATE as cc-backend's transactions begin, with the wait measured.
    fn transaction(&mut self, work: impl FnOnce(&Connection, &mut Diary)) {
        let begun = Instant::now();
        self.db.execute_batch("BEGIN IMMEDIATE").unwrap();
        self.diary.longest_wait = self.diary.longest_wait.max(begun.elapsed());
        work(&self.db, &mut self.diary);
        self.db.execute_batch("COMMIT").unwrap();
        self.diary.transactions += 1;
    }

    /// A job starts; one that runs gets a footprint and stops.
    fn start_and_stop(&mut self) {
        let (job_id, begin) = (self.next, self.begin);
        self.next += 1;
        self.transaction(|db, _| {
            NewJob::running(job_id, "n1", begin).insert(db);
        });
        let footprint = format!("{{\"cpu_load_avg\":{job_id}}}");
        self.transaction(|db, diary| {
            let sql = "UPDATE job SET footprint = ?2 WHERE job_id = ?1 AND job_state = 'running'";
            assert_eq!(db.execute(sql, params![job_id, footprint]).unwrap(), 1);
            let mine = Mine {
                state: "running",
                duration: 0,
                status: 1,
                footprint: footprint.clone(),
            };
            diary.mine.insert(job_id, Some(mine));
        });
        if job_id % 3 == 0 {
            return;
        }
        // Half of the stopped ones are monitored; cc-backend archives one in a while itself.
        let status = [1, 0, 3][usize::try_from(job_id % 5 % 3).unwrap()];
        self.transaction(|db, diary| {
            let sql = "UPDATE job SET job_state = 'completed', duration = 600, monitoring_status = ?2 WHERE job_id = ?1";
            assert_eq!(db.execute(sql, [job_id, status]).unwrap(), 1);
            let mine = Mine { state: "completed", duration: 600, status, footprint };
            diary.mine.insert(job_id, Some(mine));
        });
    }

    /// Holds the lock until a sweep has published jobs whose rows it cannot write yet, and changes these.
    fn race(&mut self, hold: Duration, is_over: &AtomicBool) {
        let (site, begin) = (self.site, self.begin);
        self.transaction(|db, diary| {
            pause(hold);
            let open = |diary: &Diary| -> Vec<i64> {
                let published = site.published_jobs().into_iter().map(|(job_id, _)| job_id);
                published
                    .filter(|j| !diary.raced.contains(j) && is_open(db, *j))
                    .collect()
            };
            // Nobody writes rows now: at the beginning there are more and more of them, until the sweep's queue is full.
            let enough = if diary.raced.is_empty() { 4 } else { 0 };
            until("jobs are published", || {
                open(diary).len() >= enough || is_over.load(Ordering::SeqCst)
            });
            let published = open(diary);
            for (k, job_id) in published.into_iter().take(8).enumerate() {
                let (sql, left) = match k % 4 {
                    0 => ("DELETE FROM job WHERE job_id = ?1", None),
                    1 => (
                        "UPDATE job SET duration = 660 WHERE job_id = ?1",
                        Some(("completed", 660, 1)),
                    ),
                    2 => (
                        "UPDATE job SET monitoring_status = 3 WHERE job_id = ?1",
                        Some(("completed", 600, 3)),
                    ),
                    _ => (
                        "UPDATE job SET job_state = 'failed' WHERE job_id = ?1",
                        Some(("failed", 600, 1)),
                    ),
                };
                assert_eq!(db.execute(sql, [job_id]).unwrap(), 1);
                let mine = left.map(|(state, duration, status)| Mine {
                    state,
                    duration,
                    status,
                    footprint: "{}".into(),
                });
                diary.mine.insert(job_id, mine);
                diary.raced.insert(job_id);
            }
            // Rows that are deleted and come back have another id, or an id that another row had.
            if let Some(job_id) = last_open(db, &diary.raced) {
                db.execute("DELETE FROM job WHERE job_id = ?1", [job_id])
                    .unwrap();
                backlog_job(job_id, begin).insert(db);
                diary.reinserted.insert(job_id);
            }
        });
    }
}

/// The last job of the backlog that is not archived and that the writer left as it was.
fn last_open(db: &Connection, changed: &BTreeSet<i64>) -> Option<i64> {
    let sql = "SELECT job_id FROM job WHERE monitoring_status = 1 AND job_state = 'completed' AND job_id <= ?1 \
        ORDER BY job_id DESC";
    let mut statement = db.prepare(sql).unwrap();
    let mut open = statement
        .query_map([BACKLOG], |r| r.get(0))
        .unwrap()
        .map(Result::unwrap);
    open.find(|job_id| !changed.contains(job_id))
}

/// Whether a job of the backlog is not archived.
fn is_open(db: &Connection, job_id: i64) -> bool {
    let sql =
        "SELECT 1 FROM job WHERE job_id = ?1 AND monitoring_status IN (1, 2) AND job_id <= ?2";
    let found = db.query_row(sql, [job_id, BACKLOG], |_| Ok(())).optional();
    found.unwrap().is_some()
}

fn backlog_job(job_id: i64, begin: i64) -> NewJob {
    let host = format!("n{}", job_id % 4 + 1);
    NewJob::stopped(job_id, &host, begin + job_id % 30 * 60, 600)
}

/// Works on the database until the sweep has ended.
fn live(site: &Places, begin: i64, is_over: &AtomicBool) -> Diary {
    let mut writer = Writer {
        site,
        begin,
        db: site.connect(),
        diary: Diary::default(),
        next: 10_001,
    };
    until("the sweep publishes", || {
        !site.published_jobs().is_empty() || is_over.load(Ordering::SeqCst)
    });
    let hold = short_or_long(Duration::from_millis(700), Duration::from_secs(5));
    for _ in 0..3 {
        writer.race(hold, is_over);
        for _ in 0..10 {
            writer.start_and_stop();
        }
    }
    writer.db.execute_batch("VACUUM").unwrap();
    while !is_over.load(Ordering::SeqCst) {
        writer.start_and_stop();
        pause(Duration::from_millis(2));
    }
    writer.diary
}

fn row(site: &Site, job_id: i64) -> Option<Mine> {
    let sql = "SELECT job_state, duration, monitoring_status, CAST(footprint AS TEXT) FROM job WHERE job_id = ?1";
    let row = site.db().query_row(sql, [job_id], |r| {
        let state: String = r.get(0)?;
        let state = ["running", "completed", "failed"]
            .into_iter()
            .find(|s| *s == state)
            .unwrap();
        Ok(Mine {
            state,
            duration: r.get(1)?,
            status: r.get(2)?,
            footprint: r.get(3)?,
        })
    });
    row.optional().unwrap()
}

#[test]
fn a_live_server_and_a_sweep_do_not_harm_each_other() {
    let (site, begin) = present();
    site.db().execute_batch("BEGIN").unwrap();
    for job_id in 1..=BACKLOG {
        site.insert(&backlog_job(job_id, begin));
    }
    site.db().execute_batch("COMMIT").unwrap();
    let (is_over, places): (_, &Places) = (AtomicBool::new(false), &site);
    let (ran, diary) = thread::scope(|scope| {
        let writer = scope.spawn(|| live(places, begin, &is_over));
        let ran = Running::start(&mut command(&site, &[])).wait();
        is_over.store(true, Ordering::SeqCst);
        (ran, writer.join().unwrap())
    });
    let ran = ran.expect(0);
    println!(
        "{} transactions of the live server, longest wait for the lock {:?}; {} rows changed under the sweep",
        diary.transactions,
        diary.longest_wait,
        diary.raced.len()
    );
    // A batch of the sweep takes milliseconds; a loaded machine may take longer.
    assert!(
        diary.longest_wait < Duration::from_secs(20),
        "{:?}",
        diary.longest_wait
    );
    let check: String = site
        .db()
        .query_row("PRAGMA integrity_check", [], |r| r.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    nothing_is_counted_twice(&ran);
    the_writers_updates_arrived(&site, &diary, &ran);
    archives_belong_to_rows(&site, &diary);
    // Nothing is lost: a sweep in peace takes what was changed.
    run(&mut command(&site, &[])).expect(0);
    let left = "monitoring_status IN (1, 2) AND job_state != 'running'";
    assert_eq!(site.count(left), 0);
    let deleted = diary.mine.values().filter(|m| m.is_none()).count();
    assert_eq!(
        site.count(&format!("job_id <= {BACKLOG}")),
        BACKLOG - i64::try_from(deleted).unwrap()
    );
    assert!(diary.raced.len() >= 4, "the writer must have met the sweep");
}

fn nothing_is_counted_twice(ran: &crate::support::program::Ran) {
    let jobs = ran.objects("job");
    let keys: BTreeSet<i64> = jobs.iter().map(|j| j["jobId"].as_i64().unwrap()).collect();
    let archived = jobs.iter().filter(|j| j["outcome"] == "complete").count();
    let summary = ran.summary();
    assert_eq!(summary["archived"], archived);
    assert_eq!(summary["jobs"], jobs.len());
    // A row that was deleted and inserted again is another row, and may be met once more.
    assert!(
        jobs.len() - keys.len() <= 6,
        "{} lines of {} jobs",
        jobs.len(),
        keys.len()
    );
}

fn the_writers_updates_arrived(site: &Site, diary: &Diary, ran: &crate::support::program::Ran) {
    let outcome = |job_id: i64| {
        let of_job = |j: &serde_json::Value| j["jobId"] == job_id;
        ran.objects("job")
            .into_iter()
            .find(of_job)
            .map(|j| j["outcome"].clone())
    };
    for (job_id, mine) in &diary.mine {
        let found = row(site, *job_id);
        let taken = diary.raced.contains(job_id);
        if taken {
            assert_eq!(outcome(*job_id), Some("raced".into()), "job {job_id}");
            assert_eq!(found, *mine, "job {job_id} was changed by the sweep");
            continue;
        }
        // A job that the writer stopped may have been archived by the same sweep, once it was stopped.
        let archived = found.as_ref().is_some_and(|f| f.status == 3)
            && mine
                .as_ref()
                .is_some_and(|m| m.status == 1 && m.state == "completed");
        if archived {
            assert!(site.archived(*job_id, begin_of(site, *job_id)).is_some());
        } else {
            assert_eq!(found, *mine, "job {job_id}");
        }
    }
}

fn begin_of(site: &Site, job_id: i64) -> i64 {
    site.column(job_id, "start_time").unwrap()
}

/// Every archive is whole and belongs to a row at 3, unless the writer changed the row meanwhile; and every row that
/// the sweep brought to 3 has one.
fn archives_belong_to_rows(site: &Site, diary: &Diary) {
    let archived: BTreeMap<i64, i64> = site.archived_jobs().into_iter().collect();
    for (job_id, start) in &archived {
        let content = site.archived(*job_id, *start).unwrap();
        assert_eq!(content.meta["jobId"], *job_id);
        let changed = diary.raced.union(&diary.reinserted).any(|j| j == job_id);
        let at_3 = row(site, *job_id).is_some_and(|r| r.status == 3);
        assert!(at_3 || changed, "job {job_id}");
    }
    for job_id in 1..=BACKLOG {
        if row(site, job_id).is_some_and(|r| r.status == 3) && !diary.mine.contains_key(&job_id) {
            assert!(
                archived.contains_key(&job_id),
                "job {job_id} is at 3 without an archive"
            );
        }
    }
}
