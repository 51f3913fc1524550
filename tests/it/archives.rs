//! The program over every archive that is no file tree: the documents of the tree, kills, signals, a medium that is full or
//! fails now and then. After each the next sweep makes the archive that an undisturbed sweep of a tree makes.

use std::fs;
use std::path::Path;
use std::process::Command;
#[cfg(feature = "s3")]
use std::time::Duration;

use rustix::process::Signal;

use crate::faults::shim;
use crate::generator::{Plan, write};
use crate::support::documents::{Documents, in_tree};
use crate::support::media::{File, Medium, plain};
use crate::support::program::{Ran, Running, run};
use crate::support::random::Random;
#[cfg(feature = "s3")]
use crate::support::s3::{Act, Server};
use crate::support::site::{CLUSTER, HOUR, NewJob, Site};
use crate::support::tree::copy_tree;
use crate::support::wait::{now, short_or_long, until};

const JOBS: i64 = 12;

/// A site of the present with complete jobs, and an archive beside it.
fn site<M: Medium>(jobs: i64) -> (Site, M) {
    let begin = (now() - 3 * HOUR).div_euclid(60) * 60;
    let site = Site::new();
    site.host("n1").bin(begin..begin + HOUR);
    for job_id in 1..=jobs {
        site.insert(&NewJob::stopped(job_id, "n1", begin, HOUR));
    }
    let archive = M::beside(&site.path("job-archive"));
    (site, archive)
}

/// What a sweep of a copy of the site makes of its tree.
fn undisturbed(site: &Site) -> Documents {
    let copy = site.path("copy");
    fs::create_dir(&copy).unwrap();
    for name in ["job-archive", "checkpoints"] {
        copy_tree(&site.path(name), &copy.join(name));
    }
    // The newest rows stand in the log beside the file.
    let database = copy.join("job.db");
    let name = database.display().to_string();
    site.db().execute("VACUUM INTO ?1", [name]).unwrap();
    run(&mut plain(&database, &["run"])).expect(0);
    in_tree(&copy.join("job-archive").join(CLUSTER))
}

/// Jobs at 3 by number.
fn archived(site: &Site) -> Vec<i64> {
    let sql = "SELECT job_id FROM job WHERE monitoring_status = 3 ORDER BY job_id";
    let mut rows = site.db().prepare(sql).unwrap();
    let ids = rows.query_map([], |r| r.get(0)).unwrap();
    ids.map(Result::unwrap).collect()
}

/// Sweeps once more, and looks whether everything is as it should have been.
#[track_caller]
fn ends_well<M: Medium>(site: &Site, archive: &M, want: &Documents, how: &str) {
    let before = archive.documents(CLUSTER);
    for job_id in archived(site) {
        let there = before.keys().any(|k| k.0 == job_id);
        assert!(there, "{how}: job {job_id} is at 3 and not archived");
    }
    let ran = archive
        .ask(site, &["run", "--retry-now", "--json"])
        .expect(0);
    let all = i64::try_from(want.len()).unwrap();
    assert_eq!(site.count("monitoring_status = 3"), all, "{how}");
    let found = archive.documents(CLUSTER);
    assert!(found.keys().eq(want.keys()), "{how}: some job differs");
    for (key, want) in want {
        assert!(found[key] == *want, "{how}: {key:?} differs");
    }
    let jobs = ran.objects("job");
    let adopted = jobs.iter().filter(|j| j["outcome"] == "adopted").count();
    assert!(
        adopted <= before.len(),
        "{how}: {adopted} of {}",
        before.len()
    );
    archive.ask(site, &["verify", "--read-data"]).expect(0);
}

fn a_sweep_of_the_demo_writes_the_documents_of_the_tree_and_the_readers_say_the_same_of_both<M>()
where
    M: Medium,
{
    let plan = Plan::demo(now());
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    for root in [&one, &two] {
        write(root, &plan).unwrap();
    }
    let archive = M::beside(&two.join("job-archive"));
    let both = |arguments: &[&str]| {
        let tree = run(&mut plain(&one.join("job.db"), arguments));
        let other = run(&mut archive.command(&two.join("job.db"), arguments));
        assert_eq!(tree.code(), other.code(), "{}\n{}", tree.err, other.err);
        (tree, other)
    };
    let (tree, other) = both(&["run", "--json"]);
    for key in [
        "archived",
        "outcomes",
        "expected",
        "received",
        "storedBytes",
    ] {
        assert_eq!(tree.summary()[key], other.summary()[key], "{key}");
    }
    assert_eq!(other.objects("start")[0]["archive"], archive.flag());
    let documents = in_tree(&one.join("job-archive/demo"));
    assert!(documents.len() > 90, "{}", documents.len());
    let found = archive.documents("demo");
    assert!(found == documents, "some document differs");
    assert!(in_tree(&two.join("job-archive/demo")).is_empty());

    let job = documents.keys().next().unwrap().0.to_string();
    let (tree, other) = both(&["show", &job, "--json"]);
    assert_eq!(tree.out, other.out);
    both(&["explain", &job]);
    both(&["status"]);
    let (tree, other) = both(&["verify", "--read-data", "--json"]);
    let seen = |ran: &Ran| ran.json().last().unwrap().to_string();
    assert_eq!(seen(&tree), seen(&other));
    // Once more there is nothing to do.
    let (_, again) = both(&["run", "--json"]);
    assert_eq!(again.summary()["archived"], 0);
}

/// A medium whose sweep can be stopped at a certain place.
trait Stoppable: Medium {
    /// The places where a sweep is killed.
    const POINTS: &'static [&'static str];
    /// A sweep that is killed at one of them.
    fn killed(&self, command: &mut Command, point: &str, scratch: &Path);
    /// A sweep that has written something and is not at its end, until a signal has come.
    fn signalled(&self, command: &mut Command, signal: Signal, scratch: &Path) -> Ran;
    /// Ways to fail for a while, for one sweep each, and what it says.
    const FAILS: &'static [(&'static str, &'static str)];
    /// A sweep that fails so.
    fn failing(&self, command: &mut Command, how: &str, scratch: &Path) -> Ran;
    /// A sweep that now and then meets trouble.
    fn troubled(&self, command: &mut Command, random: Random, scratch: &Path) -> Ran;
}

fn what_a_killed_sweep_left_is_adopted_or_written_whole<M: Stoppable>() {
    for point in M::POINTS {
        let (site, archive) = site::<M>(JOBS);
        let want = undisturbed(&site);
        let arguments = ["run", "--json", "--workers", "3"];
        let mut command = archive.command(&site.path("job.db"), &arguments);
        archive.killed(&mut command, point, &site.path("scratch"));
        ends_well(&site, &archive, &want, point);
    }
}

fn a_signal_ends_a_sweep_after_what_is_begun_and_the_next_one_does_the_rest<M: Stoppable>() {
    for signal in [Signal::INT, Signal::TERM] {
        let (site, archive) = site::<M>(4 * JOBS);
        let want = undisturbed(&site);
        let arguments = ["run", "--json", "--workers", "2"];
        let mut command = archive.command(&site.path("job.db"), &arguments);
        let ran = archive.signalled(&mut command, signal, &site.path("scratch"));
        assert_eq!(ran.expect(130).summary()["type"], "summary");
        // What is finished is recorded, and what is recorded is finished.
        let there: Vec<i64> = archive.documents(CLUSTER).keys().map(|k| k.0).collect();
        assert_eq!(archived(&site), there, "{signal:?}");
        ends_well(&site, &archive, &want, &format!("{signal:?}"));
    }
}

fn a_medium_that_is_full_or_gone_ends_the_sweep_and_marks_nothing<M: Stoppable>() {
    for (how, words) in M::FAILS {
        // More than may fail before the medium is asked.
        let (site, archive) = site::<M>(2 * JOBS + 1);
        let want = undisturbed(&site);
        let mut command = archive.command(&site.path("job.db"), &["run"]);
        let ran = archive.failing(&mut command, how, &site.path("scratch"));
        let ran = ran.expect(1);
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains(words), "{how}: {said}");
        assert_eq!(site.count("monitoring_status = 1"), 2 * JOBS + 1, "{how}");
        assert!(archive.documents(CLUSTER).is_empty(), "{how}");
        ends_well(&site, &archive, &want, how);
    }
}

fn a_medium_with_trouble_costs_tries_and_no_job<M: Stoppable>() {
    for seed in 0..short_or_long(2, 50) {
        let (site, archive) = site::<M>(30);
        let want = undisturbed(&site);
        let mut command = archive.command(&site.path("job.db"), &["run"]);
        let random = Random::seeded(seed);
        let ran = archive.troubled(&mut command, random, &site.path("scratch"));
        // What fails too often is tried by the next sweep.
        assert!([0, 1, 3].contains(&ran.code()), "{}", ran.err);
        ends_well(&site, &archive, &want, &format!("seed {seed}"));
    }
}

impl Stoppable for File {
    /// Before (K), in the middle of (H) or after (A) a call on the file, on its log, or on the database after it.
    const POINTS: &'static [&'static str] = &[
        "write|archive.db-wal|1|1|K1",
        "write|archive.db-wal|4|1|H1",
        "write|archive.db-wal|9|1|A1",
        "fsync|archive.db-wal|1|1|K1",
        "fsync|archive.db-wal|1|1|A1",
        "write|job.db-wal|1|1|K1",
        "write|job.db-wal|3|1|A1",
    ];

    fn killed(&self, command: &mut Command, point: &str, scratch: &Path) {
        shim::preload(command, &[point.to_owned()], scratch);
        assert_eq!(run(command).code(), -9, "{point}");
        assert!(shim::Report::read(scratch).killed(), "{point}");
    }

    fn signalled(&self, command: &mut Command, signal: Signal, scratch: &Path) -> Ran {
        let go = scratch.with_extension("go");
        let rule = format!("fsync|archive.db-wal|1|1|W{}", go.display());
        shim::preload(command, &[rule], scratch);
        let running = Running::start(command);
        until("the sweep commits to the archive", || {
            shim::Report::read(scratch).calls(0) > 0
        });
        running.signal(signal);
        fs::write(go, "").unwrap();
        running.wait()
    }

    const FAILS: &'static [(&'static str, &'static str)] = &[
        ("write|archive.db-wal|1|0|E28", "database or disk is full"),
        ("fsync|archive.db-wal|1|0|E5", "disk I/O error"),
    ];

    fn failing(&self, command: &mut Command, how: &str, scratch: &Path) -> Ran {
        shim::preload(command, &[how.to_owned()], scratch);
        run(command)
    }

    fn troubled(&self, command: &mut Command, mut random: Random, scratch: &Path) -> Ran {
        let calls = [
            "write|archive.db-wal",
            "fsync|archive.db-wal",
            "read|archive.db$",
            "open|archive.db",
        ];
        let mut rule = |call: &&str| {
            let error = if random.below(2) == 0 { 5 } else { 28 };
            format!(
                "{call}|{}|{}|E{error}",
                1 + random.below(12),
                1 + random.below(3)
            )
        };
        let rules: Vec<String> = calls.iter().map(&mut rule).collect();
        shim::preload(command, &rules, scratch);
        run(command)
    }
}

#[cfg(feature = "s3")]
impl Stoppable for Server {
    /// Before the server does the n-th write, or after it did it and before anybody knows.
    const POINTS: &'static [&'static str] = &["1", "1 done", "2", "2 done", "7", "12 done"];

    fn killed(&self, command: &mut Command, point: &str, _: &Path) {
        let (n, done) = point.split_once(' ').unwrap_or((point, ""));
        let (n, done) = (n.parse().unwrap(), done == "done");
        let mut writes = 0;
        self.rule(move |call| {
            writes += usize::from(call.method == "PUT");
            if writes < n {
                Act::Serve
            } else if writes == n && done && call.method == "PUT" {
                Act::DoAndCut
            } else {
                Act::Late(Duration::from_secs(3600))
            }
        });
        let running = Running::start(command);
        until("the sweep waits for the server", || self.writes() >= n);
        running.signal(Signal::KILL);
        assert_eq!(running.wait().code(), -9);
        self.behave();
    }

    fn signalled(&self, command: &mut Command, signal: Signal, _: &Path) -> Ran {
        self.rule(|_| Act::Late(Duration::from_millis(20)));
        let running = Running::start(command);
        until("the sweep writes", || self.writes() >= 4);
        running.signal(signal);
        let ran = running.wait();
        self.behave();
        ran
    }

    const FAILS: &'static [(&'static str, &'static str)] = &[
        ("507", "507 XMinioStorageFull"),
        ("403", "403 QuotaExceeded"),
        ("gone", "(4 tries)"),
    ];

    fn failing(&self, command: &mut Command, how: &str, _: &Path) -> Ran {
        let act = match how {
            "507" => Act::Answer(507, "XMinioStorageFull"),
            "403" => Act::Answer(403, "QuotaExceeded"),
            _ => Act::Cut,
        };
        self.rule(move |call| match call.method.as_str() {
            "PUT" => act.clone(),
            _ => Act::Serve,
        });
        let ran = run(command);
        self.behave();
        ran
    }

    fn troubled(&self, command: &mut Command, mut random: Random, _: &Path) -> Ran {
        self.rule(move |call| match random.below(20) {
            0 => Act::Cut,
            1 => Act::DoAndCut,
            2 => Act::Answer(500, "InternalError"),
            3 if call.method == "PUT" => Act::CutUpload(100),
            3 => Act::CutBody(50),
            _ => Act::Serve,
        });
        let ran = run(command);
        self.behave();
        ran
    }
}

/// Runs every fact over a medium.
macro_rules! archives {
    ($name:ident, $medium:ty; $($fact:ident)*) => {
        mod $name {
            $(
                #[test]
                fn $fact() {
                    super::$fact::<$medium>();
                }
            )*
        }
    };
    ($name:ident, $medium:ty) => {
        archives!{
            $name, $medium;
            a_sweep_of_the_demo_writes_the_documents_of_the_tree_and_the_readers_say_the_same_of_both
            what_a_killed_sweep_left_is_adopted_or_written_whole
            a_signal_ends_a_sweep_after_what_is_begun_and_the_next_one_does_the_rest
            a_medium_that_is_full_or_gone_ends_the_sweep_and_marks_nothing
            a_medium_with_trouble_costs_tries_and_no_job
        }
    };
}

archives!(sqlite, crate::support::media::File);
#[cfg(feature = "s3")]
archives!(s3, crate::support::s3::Server);
