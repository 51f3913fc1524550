//! Which jobs a sweep takes, and `--dry-run`, which takes them and changes nothing.

use super::{failing, present, sweep, with_jobs};
use crate::support::program::{program, run};
use crate::support::site::{HOUR, NewJob, Site};
use crate::support::tree::Tree;
use crate::support::wait::now;

/// Jobs 1 to 6, which differ in one thing each.
fn site() -> (Site, i64) {
    let (site, begin) = present();
    site.add_cluster("beta");
    let job = |job_id| NewJob::stopped(job_id, "n1", begin, 600);
    let end_later = |job_id| NewJob::stopped(job_id, "n1", begin + 1800, 600);
    site.insert(&job(1));
    site.insert(&job(2).status(2));
    site.insert(&NewJob {
        user: "bob".into(),
        ..job(3)
    });
    site.insert(&NewJob {
        subcluster: "gpu".into(),
        ..job(4)
    });
    site.insert(&NewJob {
        cluster: "beta".into(),
        ..job(5)
    });
    site.insert(&end_later(6));
    (site, begin)
}

/// Numbers of the jobs that a sweep with these flags would take.
fn taken(site: &Site, flags: &[&str]) -> Vec<i64> {
    let ran = sweep(site, &[flags, &["--dry-run", "--json"]].concat());
    assert!([0, 3].contains(&ran.code()), "{}", ran.err);
    let mut jobs: Vec<i64> = ran
        .objects("job")
        .iter()
        .map(|j| j["jobId"].as_i64().unwrap())
        .collect();
    jobs.sort_unstable();
    jobs
}

#[test]
fn flags_select_by_cluster_subcluster_user_status_and_end() {
    let (site, begin) = site();
    let middle = (begin + 1200).to_string();
    for (flags, jobs) in [
        (&[][..], &[1, 2, 3, 4, 5, 6][..]),
        (&["--cluster", "beta"], &[5]),
        (
            &["--cluster", "beta", "--cluster", "alpha"],
            &[1, 2, 3, 4, 5, 6],
        ),
        (&["--subcluster", "gpu"], &[4]),
        (&["--user", "bob"], &[3]),
        (
            &["--user", "bob,ada", "--subcluster", "main"],
            &[1, 2, 3, 5, 6],
        ),
        (&["--status", "failed"], &[2]),
        (&["--status", "pending"], &[1, 3, 4, 5, 6]),
        (&["--status", "pending,failed", "--since", &middle], &[6]),
        (&["--until", &middle], &[1, 2, 3, 4, 5]),
        (&["--limit", "2"], &[1, 2]),
    ] {
        assert_eq!(taken(&site, flags), jobs, "{flags:?}");
    }
    sweep(&site, &["--cluster", "al"]).expect(2);
}

#[test]
fn jobs_that_run_are_archived_or_are_not_monitored_are_never_taken() {
    let (site, begin) = present();
    for (job_id, state) in (1..).zip(["running", "pending", "suspended"]) {
        let state = state.into();
        site.insert(&NewJob {
            state,
            ..NewJob::stopped(job_id, "n1", begin, 600)
        });
    }
    site.insert(&NewJob::stopped(4, "n1", begin, 600).status(0));
    site.insert(&NewJob::stopped(5, "n1", begin, 600).status(3));
    let before = rows(&site);
    let ran = sweep(
        &site,
        &["--json", "--retry-now", "--force", "--accept-empty"],
    )
    .expect(0);
    assert_eq!(ran.summary()["jobs"], 0);
    assert_eq!(rows(&site), before);
}

fn rows(site: &Site) -> Vec<(i64, i64, String)> {
    let sql = "SELECT job_id, monitoring_status, footprint FROM job ORDER BY id";
    let mut statement = site.db().prepare(sql).unwrap();
    let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn min_age_leaves_fresh_jobs_to_the_live_server() {
    let (site, _) = present();
    let now = now();
    for (job_id, age) in [(1, 120), (2, 1800)] {
        site.insert(&NewJob::stopped(job_id, "n1", now - age - 300, 300));
    }
    assert_eq!(taken(&site, &[]), [2]);
    assert_eq!(taken(&site, &["--min-age", "1m"]), [1, 2]);
    assert_eq!(taken(&site, &["--min-age", "1h"]), [0; 0]);
    assert_eq!(
        taken(&site, &["--job-id", "1"]),
        [1],
        "who names a job wants it now"
    );
}

#[test]
fn limit_archives_the_oldest_jobs_first_over_several_sweeps() {
    let (site, begin) = present();
    for job_id in 1..=5 {
        let start = begin + (5 - job_id) * 60;
        site.insert(&NewJob::stopped(job_id, "n1", start, 600));
    }
    for done in [[1, 1, 1, 3, 3], [1, 3, 3, 3, 3], [3, 3, 3, 3, 3]] {
        sweep(&site, &["--limit", "2"]).expect(0);
        assert_eq!([1, 2, 3, 4, 5].map(|j| site.status(j)), done);
    }
}

#[test]
fn a_dry_run_changes_nothing_at_all() {
    let (site, begin) = with_jobs(3);
    site.insert(&failing(7, begin));
    site.insert(&NewJob::stopped(8, "n9", begin - 30 * HOUR, 600));
    // Something that a killed sweep left, which a real sweep would tidy.
    let folder = site.folder(1, begin + 60);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(".ccarchive-data.tmp"), "half").unwrap();
    let dir = site.leave();
    let dry = || {
        let mut command = program();
        command
            .arg("run")
            .arg("--db")
            .arg(dir.path().join("job.db"));
        run(command
            .args(["--dry-run", "--json", "--hook", "touch hooked"])
            .current_dir(dir.path()))
    };
    // Once before there is a ledger, once with one.
    for ledger in [false, true] {
        if ledger {
            let real = run(program()
                .arg("run")
                .arg("--db")
                .arg(dir.path().join("job.db"))
                .args(["--job-id", "2"]));
            real.expect(0);
        }
        let before = Tree::of(dir.path());
        let ran = dry().expect(3);
        assert_eq!(ran.summary()["dryRun"], true);
        assert_eq!(ran.summary()["archived"], if ledger { 2 } else { 3 });
        let mut changes = before.changes(&Tree::of(dir.path()));
        // The folder of the database: files that SQLite needs for reading came and went.
        changes.retain(|c| c != " was touched");
        assert_eq!(changes, [""; 0], "ledger: {ledger}");
    }
}

#[test]
fn a_dry_run_may_go_on_beside_a_sweep() {
    let (site, _) = with_jobs(2);
    let lock = site.path("job.db.ccarchive.lock");
    let held = std::fs::File::create(&lock).unwrap();
    held.lock().unwrap();
    sweep(&site, &["--dry-run"]).expect(0);
    sweep(&site, &[]).expect(11);
}
