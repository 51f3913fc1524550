//! CCARCHIVE_* variables, and the commands beside `run`.

use std::fs;
use std::process::Stdio;

use super::{command, present, sweep, with_jobs};
use crate::support::program::{program, run};

#[test]
fn variables_stand_for_flags_and_flags_win() {
    let (site, _) = with_jobs(2);
    let mut bare = program();
    bare.arg("run").arg("--json");
    bare.env("CCARCHIVE_DB", site.path("job.db"))
        .env("CCARCHIVE_WORKERS", "3")
        .env("CCARCHIVE_LEDGER", site.path("my.ledger"))
        .env("CCARCHIVE_MIN_AGE", "30d");
    let ran = run(&mut bare).expect(0);
    let start = &ran.objects("start")[0];
    assert_eq!(start["workers"], 3);
    assert_eq!(
        start["ledger"],
        site.path("my.ledger").display().to_string()
    );
    assert_eq!(ran.summary()["jobs"], 0);
    let ran = run(bare.args(["--min-age", "10m", "--workers", "1"])).expect(0);
    assert_eq!(ran.objects("start")[0]["workers"], 1);
    assert_eq!(ran.summary()["archived"], 2);
    assert!(!site.path("job.db.ledger").exists());
}

#[test]
fn places_and_hook_come_from_variables() {
    let (site, _) = with_jobs(1);
    let (other, _) = present();
    let seen = site.path("seen");
    let mut c = command(&site, &[]);
    c.env("CCARCHIVE_ARCHIVE", other.path("job-archive"))
        .env("CCARCHIVE_SOURCE", other.path("checkpoints"))
        .env("CCARCHIVE_HOOK", format!("cat > {}", seen.display()));
    run(&mut c).expect(0);
    assert_eq!(
        (site.archived_jobs().len(), other.archived_jobs().len()),
        (0, 1)
    );
    assert!(seen.exists());
}

#[test]
fn a_password_in_a_variable_is_in_no_command_that_is_printed() {
    let (site, _) = with_jobs(1);
    for arguments in [&["explain", "1"][..], &["status"], &["verify"], &["run"]] {
        let mut command = program();
        command.args(arguments).arg("--db").arg(site.path("job.db"));
        let ran = run(command.env("CCARCHIVE_SOURCE", "http://me:hush@127.0.0.1:1"));
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("127.0.0.1:1") || ran.code() == 0, "{said}");
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn a_variable_that_makes_no_sense_is_a_usage_error() {
    let (site, _) = with_jobs(1);
    for (name, value) in [
        ("CCARCHIVE_WORKERS", "many"),
        ("CCARCHIVE_TIMEOUT", "soon"),
        ("CCARCHIVE_MEMORY", "lots"),
        ("CCARCHIVE_COMPRESSION", "best"),
    ] {
        let ran = run(command(&site, &[]).env(name, value)).expect(2);
        assert!(ran.err.contains(value), "{}", ran.err);
        assert!(
            ran.err.contains(&format!("'{name} (environment")),
            "{}",
            ran.err
        );
    }
    assert_eq!(site.status(1), 1);
}

#[test]
fn a_variable_that_is_empty_counts_as_not_set_and_a_flag_is_blamed_for_its_own_value() {
    let (site, _) = with_jobs(1);
    for name in [
        "CCARCHIVE_WORKERS",
        "CCARCHIVE_SOURCE",
        "CCARCHIVE_HOOK",
        "CCARCHIVE_CONFIG",
    ] {
        run(command(&site, &["--dry-run"]).env(name, "")).expect(0);
    }
    let ran = run(command(&site, &["--workers", "x"]).env("CCARCHIVE_WORKERS", "2")).expect(2);
    assert!(
        ran.err.contains("--workers") && !ran.err.contains("environment"),
        "{}",
        ran.err
    );
}

#[test]
fn version_names_the_versions_that_are_known() {
    let ran = run(program().arg("--version")).expect(0);
    assert!(ran.out.contains("\ncommit "), "{}", ran.out);
    assert!(
        ran.out
            .contains("database of version 9 to 11, archive of version 3"),
        "{}",
        ran.out
    );
    assert_eq!(run(program().arg("-V")).expect(0).out.lines().count(), 1);
}

#[test]
fn a_time_zone_that_does_not_exist_is_said_where_times_depend_on_it() {
    let (site, _) = with_jobs(1);
    let run_in = |flags: &[&str]| run(command(&site, flags).env("TZ", "Mars/Base"));
    let ran = run_in(&["--dry-run", "--since", "2020-01-01"]).expect(0);
    assert!(
        ran.err.contains("'Mars/Base' (TZ) is not known"),
        "{}",
        ran.err
    );
    let ran = run_in(&["--dry-run", "--since", "2020-01-01T00:00:00Z"]).expect(0);
    assert!(!ran.err.contains("Mars"), "{}", ran.err);
}

#[test]
fn demo_writes_a_site_sweeps_it_and_exits_0_whatever_the_environment_names() {
    let dir = tempfile::tempdir().unwrap();
    let (real, _) = with_jobs(1);
    let mut demo = program();
    demo.arg("demo").current_dir(dir.path());
    for (name, place) in [
        ("CCARCHIVE_DB", "job.db"),
        ("CCARCHIVE_ARCHIVE", "job-archive"),
        ("CCARCHIVE_SOURCE", "checkpoints"),
        ("CCARCHIVE_LEDGER", "job.db.ledger"),
        ("CCARCHIVE_CONFIG", "config.json"),
    ] {
        demo.env(name, real.path(place));
    }
    demo.env("CCARCHIVE_HOOK", "exit 1")
        .env("CCARCHIVE_WORKERS", "x");
    let ran = run(&mut demo).expect(0);
    assert!(
        ran.out.contains("ccarchive run --db ccarchive-demo/job.db"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("archived 9"), "{}", ran.out);
    assert!(dir.path().join("ccarchive-demo/job.db.ledger").exists());
    assert_eq!(real.archived_jobs(), []);
    assert_eq!(real.status(1), 1);
    let ran = run(&mut demo).expect(0);
    assert!(ran.out.contains("(written anew)"), "{}", ran.out);
    // What is not of a demo is not removed.
    let own = dir.path().join("ccarchive-demo/notes.txt");
    fs::write(&own, "mine").unwrap();
    let ran = run(&mut demo).expect(1);
    assert!(
        ran.err.contains("not empty") && ran.err.contains("another folder"),
        "{}",
        ran.err
    );
    assert!(own.exists() && dir.path().join("ccarchive-demo/job.db").exists());
}

#[test]
fn demo_no_run_only_writes() {
    let dir = tempfile::tempdir().unwrap();
    let site = dir.path().join("it's here");
    let ran = run(program().arg("demo").arg(&site).arg("--no-run")).expect(0);
    assert!(ran.out.contains(r"it'\''s here"), "{}", ran.out);
    assert!(fs::exists(site.join("job.db")).unwrap());
    assert!(!fs::exists(site.join("job.db.ledger")).unwrap());
}

#[test]
fn help_version_and_completions_go_to_standard_output_even_if_nobody_reads() {
    for args in [
        &["--help"][..],
        &["run", "--help"],
        &["--version"],
        &["completions", "bash"],
    ] {
        let ran = run(program().args(args)).expect(0);
        assert!(!ran.out.is_empty() && ran.err.is_empty());
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut closed = program();
        closed.args(args).stdout(writer).stderr(Stdio::null());
        assert_eq!(closed.status().unwrap().code(), Some(0), "{args:?}");
    }
}

#[test]
fn show_config_only_shows() {
    let (site, _) = with_jobs(1);
    let ran = sweep(&site, &["--show-config"]).expect(0);
    assert!(
        ran.out
            .contains(&site.path("job-archive").display().to_string()),
        "{}",
        ran.out
    );
    assert_eq!(site.status(1), 1);
    assert!(!site.path("job.db.ledger").exists());
}
