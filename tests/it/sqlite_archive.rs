//! The program over an archive in a SQLite file, besides what every archive promises (`archives`): what is said about the file.

use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

use crate::support::documents::in_file;
use crate::support::program::{Ran, program, run};
use crate::support::site::{HOUR, NewJob, Site, T0};
use crate::support::sqlite_archive::beside;

fn flag(archive: &Path) -> String {
    format!("sqlite:{}", archive.display())
}

/// A command over a database, and over a SQLite archive where one is named.
fn command(database: &Path, archive: Option<&Path>, arguments: &[&str]) -> Command {
    let mut command = program();
    command.args(arguments).arg("--db").arg(database);
    if let Some(archive) = archive {
        command.arg("--archive").arg(flag(archive));
    }
    command
}

/// A site with a SQLite archive beside the folder.
fn with_file(site: &Site) -> PathBuf {
    beside(&site.path("job-archive"))
}

fn ask(site: &Site, archive: &Path, arguments: &[&str]) -> Ran {
    run(&mut command(&site.path("job.db"), Some(archive), arguments))
}

/// A site with one complete job.
fn small() -> (Site, PathBuf) {
    let site = Site::new();
    site.host("n1").bin(T0..T0 + 2 * HOUR);
    site.insert(&NewJob::stopped(1, "n1", T0 + 600, HOUR));
    let archive = with_file(&site);
    (site, archive)
}

fn sql(archive: &Path, sql: &str) {
    Connection::open(archive)
        .unwrap()
        .execute_batch(sql)
        .unwrap();
}

#[test]
fn a_file_that_is_not_there_is_refused_and_not_made() {
    let (site, _) = small();
    let nothing = site.path("none.db");
    for command in [
        &["run"][..],
        &["status"],
        &["explain", "1"],
        &["show", "1"],
        &["verify"],
    ] {
        let ran = ask(&site, &nothing, command).expect(2);
        assert!(
            ran.err.contains("none.db does not exist (--archive)"),
            "{}",
            ran.err
        );
    }
    assert!(!nothing.exists());
}

#[test]
fn a_file_of_another_version_or_without_tables_is_refused() {
    let (site, archive) = small();
    sql(&archive, "UPDATE metadata SET value = '4'");
    for command in [&["run"][..], &["run", "--dry-run"], &["status"]] {
        let ran = ask(&site, &archive, command).expect(12);
        assert!(ran.err.contains("`4`; expected `3`"), "{}", ran.err);
    }
    // The database itself, by a slip.
    let ran = ask(&site, &site.path("job.db"), &["run"]).expect(1);
    assert!(
        ran.err.contains("job.db: no such table: metadata"),
        "{}",
        ran.err
    );
    assert_eq!(site.count("monitoring_status = 1"), 1);
}

#[test]
fn a_job_of_a_cluster_that_the_file_does_not_know_fails_and_is_not_written() {
    let (site, archive) = small();
    site.insert(&NewJob {
        cluster: "beta".into(),
        ..NewJob::stopped(2, "n1", T0 + 600, HOUR)
    });
    let ran = ask(&site, &archive, &["run", "--json"]).expect(3);
    let jobs = ran.objects("job");
    let failed: Vec<_> = jobs.iter().filter(|j| j["outcome"] == "failed").collect();
    assert_eq!(failed[0]["jobId"], 2, "{}", ran.out);
    assert_eq!(failed[0]["reason"], "cluster_unknown");
    assert_eq!(in_file(&archive).len(), 1);
    // A file without any cluster is one that cc-backend cannot use either.
    sql(&archive, "DELETE FROM clusters");
    let ran = ask(&site, &archive, &["run"]).expect(1);
    assert!(
        ran.err.contains("the archive has no cluster"),
        "{}",
        ran.err
    );
}

#[test]
fn verify_names_rows_that_are_not_as_they_should_be() {
    let (site, archive) = small();
    ask(&site, &archive, &["run"]).expect(0);
    ask(&site, &archive, &["verify"]).expect(0);
    sql(
        &archive,
        "UPDATE jobs SET data_json = NULL;
         INSERT INTO jobs VALUES (7, 99, 'alpha', 5, x'7b7d', x'7b7d', NULL, 0, 0),
             (8, 4, 'beta', 5, x'7b7d', x'7b7d', 0, 0, 0)",
    );
    let ran = ask(&site, &archive, &["verify", "--json"]).expect(3);
    for part in [
        "its data is missing",
        "archive.db (row 7 of jobs)",
        "data_compressed is NULL",
        "archive.db (cluster beta)",
        "the database has no such row",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
}

#[test]
fn show_config_says_who_named_the_file() {
    let (site, archive) = small();
    let line = |command: &mut Command| {
        let ran = run(command).expect(0);
        let mut lines = ran.out.lines();
        lines
            .find(|l| l.starts_with("archive "))
            .unwrap()
            .to_owned()
    };
    let database = site.path("job.db");
    let by_flag = line(&mut command(
        &database,
        Some(&archive),
        &["run", "--show-config"],
    ));
    assert!(
        by_flag.contains(&flag(&archive)) && by_flag.ends_with("--archive"),
        "{by_flag}"
    );
    let mut variable = command(&database, None, &["status", "--show-config"]);
    let by_variable = line(variable.env("CCARCHIVE_ARCHIVE", flag(&archive)));
    assert!(by_variable.ends_with("CCARCHIVE_ARCHIVE"), "{by_variable}");
    let config = site.path("config.json");
    let text = r#"{"main": {"db": "job.db"}, "archive": {"kind": "sqlite", "db-path": "archive.db"},
        "metric-store": {"checkpoints": {"directory": "checkpoints"}}}"#;
    std::fs::write(&config, text).unwrap();
    let mut configured = program();
    configured.arg("run").arg("--config").arg(&config);
    run(&mut configured).expect(0);
    assert_eq!(in_file(&archive).len(), 1);
    let by_config = line(configured.arg("--show-config"));
    assert!(by_config.contains(&flag(&archive)), "{by_config}");
    assert!(by_config.contains("archive.db-path in "), "{by_config}");
}
