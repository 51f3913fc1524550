//! Whole sweeps with a store: alone, behind files, before them; away, and back again.

use std::cmp::Ordering::{Equal, Greater, Less};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection;

use crate::support::documents::in_tree;
use crate::support::program::{Ran, program, run};
use crate::support::site::{CLUSTER, HOUR, NewJob, Site};
use crate::support::snapshots::{METRICS, value};
use crate::support::store::{Asked, Play, Played, answer, nobody};
use crate::support::wait::now;

/// A site with jobs on two hosts three hours ago, whose checkpoints hold the first half of an hour of `n1`.
fn site() -> (Site, i64) {
    let site = Site::new();
    let begin = (now() - 3 * HOUR).div_euclid(60) * 60;
    site.host("n1").bin(begin..begin + HOUR / 2);
    site.insert(&NewJob::stopped(1, "n1", begin, HOUR / 4));
    site.insert(&NewJob::stopped(2, "n1", begin, HOUR));
    (site, begin)
}

fn sweep(site: &Site, sources: &[&str], token: Option<&str>) -> Ran {
    let mut command = program();
    command
        .arg("run")
        .arg("--db")
        .arg(site.path("job.db"))
        .arg("--json");
    for s in sources {
        command.args(["--source", s]);
    }
    if let Some(token) = token {
        command.env("METRICSTORE_TOKEN", token);
    }
    run(&mut command)
}

fn store(begin: i64) -> Played {
    Played::holding(&["n1"], begin - HOUR, begin + 3 * HOUR)
}

#[test]
fn a_store_fills_what_files_lack_and_the_ledger_knows_how_much() {
    let (site, begin) = site();
    let played = store(begin);
    let checkpoints = site.path("checkpoints");
    let ran = sweep(&site, &[checkpoints.to_str().unwrap(), &played.url()], None).expect(0);
    let archived = site.archived(2, begin).unwrap();
    for metric in METRICS {
        let values = archived.values(metric, "n1").unwrap();
        assert_eq!(values.len(), 60);
        assert!(values.iter().all(Option::is_some), "{metric}: {values:?}");
    }
    let filled = site.ledger(2, "filled").unwrap();
    assert!(filled.to_string().contains(&played.url()), "{filled}");
    assert_eq!(
        site.ledger(1, "filled"),
        Some(serde_json::Value::Null),
        "files have all of it"
    );
    let job = |id: i64| {
        ran.objects("job")
            .into_iter()
            .find(|j| j["jobId"] == id)
            .unwrap()
    };
    assert!(job(2)["filled"][played.url()].as_i64().unwrap() >= 60);
    assert!(job(1).get("filled").is_none());
    // Lists tell it as well.
    let ledger = Connection::open(site.path("job.db.ledger")).unwrap();
    let thin = "UPDATE job SET received = 1, guessed = 1 WHERE job_id = 2";
    assert_eq!(ledger.execute(thin, []).unwrap(), 1);
    let mut status = program();
    status.args(["status", "--list", "thin", "--json", "--db"]);
    let listed = run(status.arg(site.path("job.db"))).expect(0).json();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["phaseGuessed"], true);
    assert_eq!(listed[0]["filled"], job(2)["filled"]);
    // Only the job that lacks something is asked about.
    let data: Vec<_> = played
        .asked()
        .into_iter()
        .filter(|a| !a.is_look())
        .collect();
    assert!(
        data.iter().all(|a| a.json["to"] == begin + HOUR),
        "{data:?}"
    );
    let mut explain = program();
    explain
        .args(["explain", "2", "--db"])
        .arg(site.path("job.db"));
    let told = run(&mut explain).out;
    assert!(
        told.contains("of them came from http://127.0.0.1"),
        "{told}"
    );
}

#[test]
fn explain_asks_a_store_no_more_often_than_a_sweep_does() {
    let (site, begin) = site();
    let questions = |command: &str, arguments: &[&str]| {
        let played = store(begin);
        let mut command = program_of(command, &site, arguments);
        run(command.args(["--source", &played.url()])).expect(0);
        played.asked().iter().filter(|a| !a.is_look()).count()
    };
    let explained = questions("explain", &["2"]);
    let swept = questions("run", &["--dry-run", "--job-id", "2"]);
    assert!(swept > 0);
    assert_eq!(explained, swept);
}

fn program_of(command: &str, site: &Site, arguments: &[&str]) -> Command {
    let mut program = program();
    program.arg(command).args(arguments);
    program.arg("--db").arg(site.path("job.db"));
    program
}

#[test]
fn a_store_that_is_away_keeps_back_the_jobs_that_need_it_and_no_other() {
    let (site, begin) = site();
    let checkpoints = site.path("checkpoints");
    let files = checkpoints.to_str().unwrap();
    let ran = sweep(&site, &[files, &nobody()], None).expect(1);
    assert_eq!((site.status(1), site.status(2)), (3, 1));
    assert_eq!(site.archived_jobs().len(), 1, "never a smaller document");
    assert_eq!(site.ledger(2, "attempts"), None);
    let summary = ran.summary();
    assert_eq!(summary["outages"][0]["reason"], "layer_gone");
    assert_eq!(summary["outages"][0]["unmarked"], 1);
    sweep(&site, &[files, &store(begin).url()], None).expect(0);
    assert_eq!(site.status(2), 3);
}

#[test]
fn a_store_alone_that_is_away_ends_the_sweep_and_marks_nothing() {
    let (site, _) = site();
    let ran = sweep(&site, &[&nobody()], None).expect(1);
    assert_eq!(site.count("monitoring_status = 1"), 2);
    let said = format!("{}{}", ran.out, ran.err);
    assert!(said.contains("cannot be reached"), "{said}");
}

/// As a real one is by `tests/stores/metric_store.py killed`.
#[test]
fn a_store_that_is_killed_in_the_middle_of_an_answer_costs_its_jobs_a_sweep_and_nothing_else() {
    let begin = (now() - 3 * HOUR).div_euclid(60) * 60;
    let jobs = 12;
    let site = || {
        let site = Site::new();
        for job_id in 1..=jobs {
            site.insert(&NewJob::stopped(job_id, "n1", begin + 60 * job_id, HOUR));
        }
        site
    };
    let documents = |site: &Site| in_tree(&site.path("job-archive").join(CLUSTER));
    let whole = site();
    sweep(&whole, &[&store(begin).url()], None).expect(0);
    let want = documents(&whole);
    assert_eq!(want.len(), 12);
    for answers in [0, 1, 5, 11] {
        let site = site();
        let given = AtomicUsize::new(0);
        let killed = Played::start(move |asked| {
            let right = answer(asked, &["n1"], begin - HOUR, begin + 3 * HOUR);
            if asked.is_look() {
                let alive = given.load(Ordering::SeqCst) <= answers;
                return if alive {
                    Play::Answer(right)
                } else {
                    Play::Close
                };
            }
            let given = given.fetch_add(1, Ordering::SeqCst);
            match given.cmp(&answers) {
                Less => Play::Answer(right),
                Equal => Play::Cut(right),
                Greater => Play::Close,
            }
        });
        sweep(&site, &[&killed.url()], None).expect(1);
        let there = documents(&site);
        assert!(there.len() <= answers, "{} of {answers}", there.len());
        assert!(there.iter().all(|(key, found)| want[key] == *found));
        let archived = i64::try_from(there.len()).unwrap();
        assert_eq!(site.count("monitoring_status = 3"), archived);
        assert_eq!(site.count("monitoring_status = 1"), jobs - archived);
        sweep(&site, &[&store(begin).url()], None).expect(0);
        assert!(documents(&site) == want, "after {answers} answers");
    }
}

#[test]
fn a_token_that_is_not_accepted_ends_the_sweep_and_is_not_printed() {
    let (site, begin) = site();
    let checkpoints = site.path("checkpoints");
    let played = Played::with_token(Some("right"), move |a| {
        Play::Answer(answer(a, &["n1"], begin - HOUR, begin + 3 * HOUR))
    });
    for sources in [
        vec![played.url()],
        vec![checkpoints.display().to_string(), played.url()],
    ] {
        let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
        let ran = sweep(&site, &sources, Some("hush")).expect(1);
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("does not accept the token"), "{said}");
        assert!(!said.contains("hush"), "{said}");
        assert_eq!(site.count("monitoring_status = 1"), 2);
    }
    sweep(&site, &[&played.url()], Some("right")).expect(0);
    assert_eq!(site.count("monitoring_status = 3"), 2);
}

/// The store answers with another host's values, so that it shows which source counts.
#[test]
fn a_store_that_stands_first_wins() {
    let (site, begin) = site();
    let played = Played::start(move |a| {
        let other = Asked {
            json: serde_json::from_str(&a.body.replace("n1", "n2")).unwrap(),
            ..a.clone()
        };
        Play::Answer(answer(&other, &["n2"], begin - HOUR, begin + 3 * HOUR))
    });
    let checkpoints = site.path("checkpoints");
    sweep(&site, &[&played.url(), checkpoints.to_str().unwrap()], None).expect(0);
    let archived = site.archived(1, begin).unwrap();
    let first = archived.values(METRICS[0], "n1").unwrap()[0].unwrap();
    let value = |host| f64::from(value(host, METRICS[0], begin));
    assert_eq!(first, value("n2"));
    assert!(value("n1") != value("n2"));
    assert_eq!(site.ledger(1, "filled"), Some(serde_json::Value::Null));
}

/// The configuration of a site without checkpoints whose data is in these stores.
fn configured(site: &Site, stores: &serde_json::Value) -> PathBuf {
    fs::remove_dir_all(site.path("checkpoints")).unwrap();
    let config = serde_json::json!({
        "main": {"db": site.path("job.db")},
        "archive": {"kind": "file", "path": site.path("job-archive")},
        "metric-store-external": stores,
    });
    let file = site.path("config.json");
    fs::write(&file, config.to_string()).unwrap();
    file
}

/// Runs the program with a configuration.
fn configured_run(file: &Path, arguments: &[&str]) -> Ran {
    run(program().args(arguments).arg("--config").arg(file))
}

#[test]
fn a_configured_store_that_is_off_costs_the_jobs_of_other_clusters_nothing() {
    let (site, begin) = site();
    site.add_cluster("beta");
    site.insert(&NewJob::stopped(3, "n1", begin - 60, HOUR));
    site.set(3, "cluster = 'beta'");
    let played = store(begin);
    let stores = serde_json::json!([
        {"scope": "beta", "url": nobody(), "token": "t"},
        {"scope": "alpha", "url": played.url(), "token": "t"},
    ]);
    let file = configured(&site, &stores);
    let ran = configured_run(&file, &["run", "--json"]).expect(1);
    assert_eq!((site.status(1), site.status(2), site.status(3)), (3, 3, 1));
    assert_eq!(site.ledger(3, "attempts"), None);
    assert_eq!(ran.summary()["outages"][0]["reason"], "layer_gone");
}

#[test]
fn explain_asks_the_store_of_the_jobs_subcluster() {
    let (site, begin) = site();
    let played = store(begin);
    let stores = serde_json::json!([
        {"scope": "alpha", "url": nobody(), "token": "t"},
        {"scope": "alpha-main", "url": played.url(), "token": "t"},
    ]);
    let file = configured(&site, &stores);
    let ran = configured_run(&file, &["explain", "2", "--json"]).expect(0);
    let told = ran.json().pop().unwrap();
    let source = &told["sources"][0];
    assert!(source["error"].is_null(), "{source}");
    assert_eq!(source["received"], source["expected"]);
}

#[test]
fn the_stores_of_the_configuration_are_asked_for_their_clusters() {
    let (site, begin) = site();
    let played = Played::with_token(Some("of-alpha"), move |a| {
        Play::Answer(answer(a, &["n1"], begin - HOUR, begin + 3 * HOUR))
    });
    let file = configured(
        &site,
        &serde_json::json!([
            {"scope": "beta", "url": nobody(), "token": "hush"},
            {"scope": "alpha", "url": format!("{}/", played.url()), "token": "of-alpha"},
        ]),
    );
    let ran = configured_run(&file, &["run"]).expect(0);
    assert_eq!(site.count("monitoring_status = 3"), 2);
    assert!(!format!("{}{}", ran.out, ran.err).contains("hush"));
    let shown = configured_run(&file, &["run", "--show-config"]).out;
    assert!(
        shown.contains(&format!("alpha {}, token set", played.url())),
        "{shown}"
    );
    assert!(!shown.contains("of-alpha"), "{shown}");
}

#[test]
fn an_address_that_is_none_is_refused_before_anything_is_done() {
    let (site, _) = site();
    for (address, words) in [
        ("http://", "without the name of a host"),
        ("http://h:99999", "port"),
        ("https://me:hush@h:8082?x=hush", "'?'"),
    ] {
        let ran = sweep(&site, &[address], None).expect(2);
        assert!(
            ran.err.contains(words) && !ran.err.contains("hush"),
            "{}",
            ran.err
        );
    }
}
