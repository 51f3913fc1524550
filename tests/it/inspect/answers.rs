//! `status`, `explain` and `show`.

use std::fs;

use serde_json::Value;

use super::{ask, site, swept};
use crate::support::program::{program, run};
use crate::support::site::{HOUR, NewJob, Site, T0};
use crate::support::wait::now;

fn status(site: &Site) -> Value {
    let ran = ask(site, &["status", "--json"]);
    ran.json().pop().unwrap()
}

fn explained(site: &Site, job: &str) -> Value {
    let ran = ask(site, &["explain", job, "--json"]);
    ran.json().pop().unwrap()
}

/// Jobs of the backlog by place and reason.
fn places(status: &Value) -> Vec<(String, String, u64)> {
    let groups = status["backlog"].as_array().unwrap().iter();
    groups
        .map(|g| {
            let text = |v: &Value| v.as_str().unwrap_or("-").to_owned();
            (
                text(&g["place"]),
                text(&g["reason"]),
                g["jobs"].as_u64().unwrap(),
            )
        })
        .collect()
}

fn place(name: &str, reason: &str, jobs: u64) -> (String, String, u64) {
    (name.to_owned(), reason.to_owned(), jobs)
}

#[test]
fn status_counts_every_job_once_where_the_next_sweep_finds_it() {
    let site = site();
    let before = status(&site);
    assert_eq!(before["table"]["jobs"], 6);
    assert_eq!(before["table"]["unarchived"], 5);
    assert_eq!(before["table"]["running"], 1);
    assert_eq!(
        places(&before),
        [place("due", "-", 4), place("unknown_end", "-", 1)]
    );
    // Not the job of unknown end: no sweep takes it by itself.
    assert_eq!(before["oldest"]["jobId"], 1);
    assert!(before["risk"]["retention"].is_null());
    assert_eq!(before["reach"][0]["newest"], T0 + 4 * HOUR);

    ask(&site, &["run"]).expect(3);
    let after = status(&site);
    assert_eq!(after["table"]["archived"], 2);
    assert_eq!(
        places(&after),
        [
            place("waiting", "subcluster_unknown", 1),
            place("lost", "no_data", 1),
            place("unknown_end", "-", 1),
        ]
    );
    assert_eq!(after["standing"]["thin"], 1);
    // Nor the lost one.
    assert_eq!(after["oldest"]["jobId"], 3);
    assert_eq!(after["runs"][0]["exit"], 3);
}

#[test]
fn a_job_whose_end_cannot_be_true_is_told_as_the_sweep_takes_it() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + 4 * HOUR);
    site.insert(&NewJob::stopped(1, "n1", T0, HOUR));
    // In milliseconds.
    site.insert(&NewJob::stopped(2, "n1", T0 * 1000, HOUR));
    assert_eq!(places(&status(&site)), [place("due", "-", 2)]);
    ask(&site, &["run"]).expect(3);
    let groups = places(&status(&site));
    assert_eq!(groups, [place("waiting", "row_invalid", 1)]);
    let told = explained(&site, "2");
    assert_eq!(told["next"]["place"], "waiting", "{told}");
    let next = told["next"]["at"].as_i64().unwrap();
    assert!((now()..now() + HOUR).contains(&next), "{next}");
}

#[test]
fn what_is_asked_changes_nothing() {
    let site = swept();
    let files = site.files();
    for arguments in [
        &["status"][..],
        &["status", "--list", "lost"],
        &["explain", "1"],
        &["show", "1"],
        &["verify", "--read-data"],
    ] {
        let ran = ask(&site, arguments);
        assert!([0, 3].contains(&ran.code()), "{arguments:?}: {}", ran.err);
        // Readers mark their place in the database's shared memory.
        let mut changes = files.changes(&site.files());
        changes.retain(|c| !c.starts_with("job.db-shm "));
        assert_eq!(changes, [""; 0], "{arguments:?}");
    }
}

#[test]
fn the_most_endangered_job_is_told_with_the_time_that_is_left() {
    let site = Site::new();
    let start = now() - 44 * HOUR;
    site.host("n1").bin(start..start + HOUR);
    site.insert(&NewJob::stopped(1, "n1", start, HOUR));
    site.insert(&NewJob::stopped(2, "n1", start + 10 * HOUR, HOUR));
    site.insert(&NewJob::stopped(3, "n1", start - 10 * HOUR, HOUR));
    let config = r#"{"main": {"db": "job.db"}, "archive": {"kind": "file", "path": "job-archive"},
        "metric-store": {"retention-in-memory": "48h", "checkpoints": {"directory": "checkpoints"}}}"#;
    fs::write(site.path("config.json"), config).unwrap();
    let mut command = program();
    command
        .args(["status", "--json", "--config"])
        .arg(site.path("config.json"));
    let status = run(&mut command).expect(3).json().pop().unwrap();
    let risk = &status["risk"];
    assert_eq!(risk["retention"], 48 * HOUR);
    assert_eq!(risk["nextLoss"], start + 48 * HOUR);
    assert_eq!(risk["job"]["jobId"], 1);
    assert_eq!(
        [&risk["begun"], &risk["within6h"], &risk["within24h"]],
        [1, 1, 2]
    );
}

#[test]
fn lists_name_the_jobs() {
    let site = swept();
    let lost = ask(&site, &["status", "--list", "lost", "--json"]).expect(0);
    assert_eq!(lost.json().len(), 1);
    assert_eq!(lost.json()[0]["jobId"], 2);
    let waiting = ask(&site, &["status", "--list", "waiting"]).expect(0);
    assert!(
        waiting.out.contains("subcluster_unknown"),
        "{}",
        waiting.out
    );
    assert!(
        waiting.out.contains("has no subcluster `old`"),
        "{}",
        waiting.out
    );
    let thin = ask(&site, &["status", "--list", "thin", "--json"]).expect(0);
    assert_eq!(thin.json()[0]["jobId"], 6);
    // cc-backend archived it meanwhile.
    site.set(2, "monitoring_status = 3");
    let lost = ask(&site, &["status", "--list", "lost", "--json"]).expect(0);
    assert!(lost.json().is_empty());
}

#[test]
fn explain_says_what_a_sweep_then_does() {
    let site = site();
    let explained = |job: i64, code: i32| {
        let ran = ask(&site, &["explain", &job.to_string(), "--json"]).expect(code);
        let mut v = ran.json().pop().unwrap();
        v["next"].take()
    };
    let foretold: Vec<(i64, Value)> = [(1, 0), (3, 3), (5, 3), (6, 0)]
        .into_iter()
        .map(|(job, code)| (job, explained(job, code)["outcome"].take()))
        .collect();
    let swept = ask(&site, &["run", "--json"]).expect(3);
    for (job, outcome) in foretold {
        let told = swept.objects("job").into_iter().find(|j| j["jobId"] == job);
        assert_eq!(told.unwrap()["outcome"], outcome, "job {job}");
    }
    assert_eq!(explained(2, 3)["place"], "lost");
    let archived = explained(1, 0);
    assert!(archived["place"].is_null(), "{archived}");
    let running = explained(4, 0);
    assert!(running["why"].as_str().unwrap().contains("running"));
}

#[test]
fn a_source_is_the_same_however_its_path_is_spelled() {
    let site = swept();
    let link = site.path("link");
    std::os::unix::fs::symlink(site.root(), &link).unwrap();
    let by_link = link.join("job.db");
    for database in [
        "job.db",
        "./job.db",
        "link/job.db",
        by_link.to_str().unwrap(),
    ] {
        let mut explain = program();
        explain.args(["explain", "2", "--json", "--db", database]);
        let ran = run(explain.current_dir(site.root())).expect(3);
        let explained = ran.json().pop().unwrap();
        assert_eq!(explained["next"]["place"], "lost", "{database}");
    }
}

#[test]
fn explain_draws_one_character_a_host_and_metric() {
    let site = site();
    let ran = ask(&site, &["explain", "6"]).expect(0);
    assert!(ran.out.contains("  5   50.0 %"), "{}", ran.out);
    let whole = ask(&site, &["explain", "1"]).expect(0);
    assert!(whole.out.contains("  #  100.0 %"), "{}", whole.out);
}

#[test]
fn an_archived_row_without_its_archive_needs_a_person() {
    let site = swept();
    fs::remove_dir_all(site.folder(1, T0 + 600)).unwrap();
    let ran = ask(&site, &["explain", "1"]).expect(3);
    assert!(
        ran.out
            .contains("job.db --job-id 1 --cluster alpha --start-time"),
        "{}",
        ran.out
    );
    let shown = ask(&site, &["show", "1"]).expect(1);
    assert!(
        shown.err.contains("holds nothing of this job"),
        "{}",
        shown.err
    );
}

#[test]
fn a_number_that_fits_several_jobs_is_answered_with_their_list() {
    let site = site();
    site.insert(&NewJob::stopped(1, "n1", T0 + 3 * HOUR, 600));
    let ran = ask(&site, &["explain", "1"]).expect(2);
    assert!(ran.err.contains("2 jobs share the number 1"), "{}", ran.err);
    let start = (T0 + 600).to_string();
    ask(&site, &["explain", "1", "--start-time", &start]).expect(0);
    ask(&site, &["explain", "77"]).expect(2);
}

#[test]
fn show_gives_every_value_as_csv_and_a_picture_without_colours_to_a_pipe() {
    let site = swept();
    let archived = site.archived(1, T0 + 600).unwrap();
    let metric = archived
        .data
        .as_object()
        .unwrap()
        .keys()
        .next()
        .unwrap()
        .clone();
    let csv = ask(&site, &["show", "1", "--csv", "--metric", &metric]).expect(0);
    let values: Vec<Option<f64>> = csv
        .out
        .lines()
        .skip(1)
        .map(|l| l.rsplit(',').next().unwrap().parse().ok())
        .collect();
    assert_eq!(values.len(), 60);
    assert!(values.iter().all(Option::is_some));

    let page = ask(&site, &["show", "1"]).expect(0).out;
    assert!(page.contains("Footprint") && page.contains('█'), "{page}");
    assert!(!page.contains('\u{1b}'), "{page}");
    let json = ask(&site, &["show", "1", "--json", "--metric", &metric]).expect(0);
    assert_eq!(json.json()[0]["metrics"].as_array().unwrap().len(), 1);
}

#[test]
fn a_timestep_is_that_of_the_document_whatever_the_cluster_is_configured_for_now() {
    let site = swept();
    let times = |site: &Site| -> Vec<i64> {
        let csv = ask(site, &["show", "1", "--csv", "--metric", "cpu_load"]).expect(0);
        let lines = csv.out.lines().skip(1).take(2);
        let time = |l: &str| l.rsplit(',').nth(1).unwrap().parse().unwrap();
        lines.map(time).collect()
    };
    let before = times(&site);
    let cluster = site.path("job-archive/alpha/cluster.json");
    let config = fs::read_to_string(&cluster).unwrap();
    fs::write(
        &cluster,
        config.replace(r#""timestep":60"#, r#""timestep":30"#),
    )
    .unwrap();
    assert!(config.contains(r#""timestep":60"#), "{config}");
    assert_eq!(times(&site), before);
}

#[test]
fn values_that_cannot_be_written_are_no_success() {
    let site = swept();
    let mut command = program();
    command.args(["show", "1", "--csv"]).arg("--db");
    command.arg(site.path("job.db"));
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let ended = command.stdout(full).output().unwrap();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("standard output cannot be written"), "{said}");
}

/// cc-backend's own archiver writes meta.json before it knows status, footprint and energy.
#[test]
fn an_archive_of_cc_backend_is_shown_with_status_and_footprint() {
    let site = swept();
    let shown = |site: &Site| {
        ask(site, &["show", "1", "--json"])
            .expect(0)
            .json()
            .pop()
            .unwrap()
    };
    let before = shown(&site);
    assert!(!before["footprint"].as_array().unwrap().is_empty());
    let path = site.folder(1, T0 + 600).join("meta.json");
    let mut meta: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    meta["monitoringStatus"] = 1.into();
    meta["footprint"] = Value::Null;
    meta["energyFootprint"] = Value::Null;
    meta["energy"] = 0.into();
    fs::write(&path, meta.to_string()).unwrap();
    let after = shown(&site);
    assert_eq!(after["job"]["monitoringStatus"], 3);
    assert_eq!(after["footprint"], before["footprint"]);
    assert_eq!(after["energy"], before["energy"]);
}

#[test]
fn a_cluster_that_only_one_source_has_is_no_failure_of_the_other() {
    let site = Site::new();
    site.add_cluster("beta");
    site.host("n1").bin(T0..T0 + 4 * HOUR);
    let other = site.path("other");
    fs::create_dir(&other).unwrap();
    let folder = other.join("beta");
    fs::rename(site.path("checkpoints/alpha"), &folder).unwrap();
    site.host("n1").bin(T0..T0 + 4 * HOUR);
    let ask = |code| {
        let mut command = program();
        command
            .args(["status", "--json", "--db"])
            .arg(site.path("job.db"));
        command.arg("--source").arg(site.path("checkpoints"));
        run(command.arg("--source").arg(&other))
            .expect(code)
            .json()
            .pop()
            .unwrap()
    };
    let status = ask(0);
    assert_eq!(status["reach"].as_array().unwrap().len(), 4);
    for reach in status["reach"].as_array().unwrap() {
        assert!(reach["error"].is_null(), "{reach}");
    }
    // A cluster of the past has no source; it matters once a job waits for one.
    fs::remove_dir_all(&folder).unwrap();
    let gamma = other.join("gamma");
    fs::rename(site.path("checkpoints/alpha"), &gamma).unwrap();
    site.host("n1").bin(T0..T0 + 4 * HOUR);
    ask(0);
    let id = site.insert(&NewJob::stopped(1, "n1", T0, HOUR));
    site.connect()
        .execute("UPDATE job SET cluster = 'beta' WHERE id = ?1", [id])
        .unwrap();
    let status = ask(3);
    let reach = status["reach"].as_array().unwrap();
    let of_beta = reach.iter().filter(|r| r["cluster"] == "beta");
    assert!(of_beta.clone().all(|r| r["error"].is_string()), "{status}");
    assert_eq!(of_beta.count(), 2);
}

#[test]
fn an_archive_that_cannot_be_read_is_not_called_missing() {
    let site = swept();
    // Its folder is no folder: nobody can look into it.
    let folder = site.folder(1, T0 + 600);
    fs::remove_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(&folder, &folder).unwrap();
    let told = explained(&site, "1");
    assert_eq!(told["archive"]["holds"], "unreadable", "{told}");
    let why = told["next"]["why"].as_str().unwrap();
    assert!(why.contains("cannot be read now"), "{told}");
}

#[test]
fn an_empty_site_is_no_error() {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + HOUR);
    let ran = ask(&site, &["status"]).expect(0);
    for sentence in ["In short: nothing waits.", "The job table has no job."] {
        assert!(ran.out.contains(sentence), "{}", ran.out);
    }
    assert_eq!(ran.err, "");
    let ran = ask(&site, &["verify"]).expect(0);
    assert!(ran.out.contains("All is sound"), "{}", ran.out);
}

#[test]
fn figures_for_prometheus_stand_in_a_file_of_their_own() {
    let site = swept();
    let file = site.path("ccarchive.prom");
    let mut command = program();
    command
        .args(["status", "--json", "--metrics-file"])
        .arg(&file);
    run(command.arg("--db").arg(site.path("job.db"))).expect(0);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("\nccarchive_unarchived_jobs 3\n"), "{text}");
    assert!(
        text.contains("ccarchive_standing_jobs{standing=\"lost\"} 1\n"),
        "{text}"
    );
    assert!(
        text.contains("ccarchive_last_sweep_exit_code 3\n"),
        "{text}"
    );
    let values = text.lines().filter(|l| !l.starts_with('#'));
    let numbers = values.map(|l| l.rsplit(' ').next().unwrap().parse::<f64>());
    assert!(numbers.into_iter().all(|n| n.is_ok()), "{text}");
}

#[test]
fn a_metric_or_host_that_is_not_there_is_answered_with_those_that_are() {
    let site = swept();
    let hosts = ask(&site, &["show", "1", "--host", "n7"]);
    hosts.refused(2, "it has no host n7; it has n1");
    for more in [&[][..], &["--csv"], &["--json"]] {
        let arguments = [&["show", "1", "--metric", "flobs"], more].concat();
        let ran = ask(&site, &arguments).expect(2);
        assert!(
            ran.err.contains("it has no metric flobs; it has "),
            "{}",
            ran.err
        );
    }
}

#[test]
fn what_a_sweep_leaves_to_the_live_server_is_said_by_explain_and_status_alike() {
    let site = Site::new();
    let start = now() - HOUR - 300;
    site.host("n1").bin(start - 60..start + HOUR + 60);
    site.insert(&NewJob::stopped(1, "n1", start, HOUR));
    let place = |flags: &[&str]| {
        let explained = ask(&site, &[&["explain", "1", "--json"], flags].concat());
        let next = explained.json().pop().unwrap()["next"].take();
        let counted = ask(&site, &[&["status", "--json"], flags].concat());
        let group = counted.json().pop().unwrap()["backlog"][0]["place"].take();
        assert_eq!(next["place"], group);
        let at = next["at"].as_i64().unwrap() - start - HOUR;
        (group.as_str().unwrap().to_owned(), at)
    };
    assert_eq!(place(&[]), ("fresh".to_owned(), 600));
    assert_eq!(place(&["--min-age", "1h"]), ("fresh".to_owned(), 3600));
    assert_eq!(place(&["--min-age", "1m"]).0, "due");
    let swept = ask(&site, &["run", "--json"]).expect(0);
    assert_eq!(swept.summary()["passedOver"]["tooYoung"], 1);
    let swept = ask(&site, &["run", "--json", "--min-age", "1m"]).expect(0);
    assert_eq!(swept.summary()["archived"], 1);
}
