//! What is said, where, and in which form.

use std::process::Stdio;

use super::{command, failing, present, sweep, with_jobs};
use crate::support::site::NewJob;

#[test]
fn json_has_a_start_a_line_a_job_and_the_summary_last() {
    let (site, begin) = with_jobs(3);
    site.insert(&failing(7, begin));
    let ran = sweep(&site, &["--json", "--workers", "2"]).expect(3);
    let (lines, summary) = (ran.json(), ran.summary());
    assert_eq!(lines.len(), 6);
    assert_eq!(
        (&lines[0]["type"], &lines[0]["workers"]),
        (&"start".into(), &2.into())
    );
    assert_eq!(lines[0]["db"], site.path("job.db").display().to_string());
    let failed: Vec<_> = ran
        .objects("job")
        .into_iter()
        .filter(|j| j["outcome"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(
        (&failed[0]["jobId"], &failed[0]["reason"]),
        (&7.into(), &"subcluster_unknown".into())
    );
    assert_eq!(
        (&summary["exit"], &summary["jobs"], &summary["archived"]),
        (&3.into(), &4.into(), &3.into())
    );
    assert_eq!(summary["outcomes"]["complete"], 3);
    assert_eq!(
        (&summary["waiting"], &summary["notTried"]),
        (&1.into(), &0.into())
    );
    assert_eq!(summary["failures"][0]["count"], 1);
}

#[test]
fn json_ends_with_a_summary_where_the_sweep_could_not_begin() {
    let (site, _) = with_jobs(1);
    for (flags, exit) in [
        (&["--archive", "missing"][..], 2),
        (&["--since", "today", "--until", "yesterday"], 2),
        (&["--job-id", "99"], 2),
    ] {
        let ran = sweep(&site, &[flags, &["--json"]].concat()).expect(exit);
        let summary = ran.summary();
        assert_eq!(summary["exit"], exit);
        assert_eq!(summary["aborted"]["reason"], "not_started");
        assert!(!ran.err.is_empty());
    }
    std::fs::write(site.path("job-archive/alpha/cluster.json"), "{").unwrap();
    assert_eq!(sweep(&site, &["--json"]).expect(1).summary()["exit"], 1);
}

#[test]
fn without_a_terminal_there_is_a_line_at_start_one_a_failure_and_the_summary() {
    let (site, begin) = with_jobs(3);
    site.insert(&failing(7, begin));
    let ran = sweep(&site, &[]).expect(3);
    assert_eq!(ran.err.lines().count(), 2, "{}", ran.err);
    assert!(ran.err.starts_with("sweeping "));
    assert!(ran.err.contains("job 7 on alpha"));
    assert!(ran.out.starts_with("archived 3 of 4 jobs"), "{}", ran.out);
    assert!(
        ran.out.contains("1 waiting, the next try is due at 20"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains(['\u{1b}', '\r']) && !ran.err.contains(['\u{1b}', '\r']));
}

#[test]
fn equal_failures_are_a_few_lines_and_a_count() {
    let (site, begin) = present();
    for job_id in 1..=40 {
        site.insert(&failing(job_id, begin));
    }
    let ran = sweep(&site, &[]).expect(3);
    assert_eq!(ran.err.lines().count(), 12, "{}", ran.err);
    assert!(
        ran.out.contains("40 jobs: subcluster_unknown"),
        "{}",
        ran.out
    );
}

#[test]
fn quiet_says_nothing_unless_something_failed() {
    let (site, begin) = with_jobs(3);
    let ran = sweep(&site, &["-q"]).expect(0);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    site.insert(&failing(7, begin));
    let ran = sweep(&site, &["-q"]).expect(3);
    assert!(ran.err.contains("job 7") && ran.out.contains("subcluster_unknown"));
    let ran = sweep(&site, &["-q"]).expect(0);
    assert_eq!(
        (ran.out.as_str(), ran.err.as_str()),
        ("", ""),
        "what waits is no news"
    );
}

#[test]
fn verbose_says_what_happens_to_each_job() {
    let (site, _) = with_jobs(3);
    let ran = sweep(&site, &["-v"]).expect(0);
    for job in 1..=3 {
        assert!(
            ran.err.contains(&format!("job {job} on alpha")),
            "{}",
            ran.err
        );
    }
    assert!(
        ran.err.contains("complete, 20 of 20 samples"),
        "{}",
        ran.err
    );
    assert!(ran.out.contains("work by stage"));
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_sweep() {
    for (flag, both) in [("--json", false), ("-v", true)] {
        let (site, _) = with_jobs(3);
        let closed = || {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            Stdio::from(writer)
        };
        let mut command = command(&site, &[flag]);
        command.stdout(closed());
        command.stderr(if both { closed() } else { Stdio::null() });
        assert_eq!(command.status().unwrap().code(), Some(0));
        assert_eq!(site.count("monitoring_status = 3"), 3);
    }
}

#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    for flags in [
        &["--json"][..],
        &[],
        &["-v", "--dry-run"],
        &["--show-config"],
    ] {
        let (site, _) = with_jobs(3);
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut command = command(&site, flags);
        let out = command.stdout(full).output().unwrap();
        let err = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{flags:?}: {err}");
        assert!(err.contains("standard output cannot be written"), "{err}");
        let archived = if flags.len() < 2 && flags != ["--show-config"] {
            3
        } else {
            0
        };
        assert_eq!(site.count("monitoring_status = 3"), archived);
    }
}

#[test]
fn a_summary_has_all_its_keys_also_where_there_was_no_sweep() {
    let (site, _) = with_jobs(1);
    let whole = sweep(&site, &["--json", "--dry-run"]).expect(0).summary();
    let refused = sweep(&site, &["--json", "--cluster", "none"])
        .expect(2)
        .summary();
    let keys =
        |v: &serde_json::Value| -> Vec<String> { v.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(&whole), keys(&refused));
    assert_eq!(refused["outcomes"], serde_json::json!({}));
    assert_eq!(refused["failures"], serde_json::json!([]));
    assert_eq!(refused["waiting"], 0);
}

#[test]
fn different_causes_of_one_reason_are_different_lines() {
    let (site, begin) = present();
    for (job_id, subcluster, duration) in [(1, "main", -4), (2, "main", -5), (3, "gone", 600)] {
        site.insert(&NewJob {
            subcluster: subcluster.into(),
            duration,
            ..NewJob::stopped(job_id, "n1", begin, 600)
        });
    }
    site.insert(&NewJob {
        hosts: vec![String::new()],
        ..NewJob::stopped(4, "n1", begin, 600)
    });
    let ran = sweep(&site, &["--json"]).expect(3);
    let summary = ran.summary();
    let rows: Vec<_> = summary["failures"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["reason"] == "row_invalid")
        .map(|f| f["count"].clone())
        .collect();
    assert_eq!(rows.len(), 2, "{summary}");
    assert!(rows.contains(&2.into()) && rows.contains(&1.into()));
}

#[test]
fn a_dry_run_says_what_would_become_of_the_rows_and_not_that_it_did_it() {
    let (site, begin) = with_jobs(3);
    site.insert(&failing(7, begin));
    let ran = sweep(&site, &["--dry-run", "-v"]).expect(3);
    let said = format!("{}{}", ran.out, ran.err);
    assert!(ran.out.contains("3 of 4 jobs would be archived"), "{said}");
    assert!(
        ran.out.contains("would become 3 in 3 rows, 2 in 1,"),
        "{said}"
    );
    assert!(ran.err.contains("would be complete") && ran.err.contains("would fail"));
    assert!(!said.contains(" archived 3"), "{said}");
    assert_eq!(site.count("monitoring_status = 1"), 4);
}

#[test]
fn a_partial_archive_is_named_and_warned_about_only_if_asked_for() {
    let (site, begin) = with_jobs(2);
    site.insert(&NewJob::stopped(9, "n1", begin - 1800, 3600));
    let ran = sweep(&site, &["--settle", "0", "--dry-run"]).expect(0);
    assert!(ran.out.contains("most are missing in"), "{}", ran.out);
    assert!(
        ran.out.contains("50.0 %  job 9 on alpha (started 20"),
        "{}",
        ran.out
    );
    let ran = sweep(&site, &["--settle", "0", "--warn-coverage", "90%"]).expect(3);
    assert!(
        ran.out.contains("1 archived job below --warn-coverage"),
        "{}",
        ran.out
    );
    assert_eq!(site.count("monitoring_status = 3"), 3);
}

#[test]
fn control_characters_in_a_jobs_fields_are_never_printed_raw() {
    let (site, begin) = present();
    let evil = "x\u{1b}[31m\u{7}\r\u{9b}2J\u{202e}\u{7f}y";
    let job = |job_id| NewJob::stopped(job_id, "n1", begin, 600);
    site.insert(&NewJob {
        subcluster: evil.into(),
        ..job(1)
    });
    site.insert(&NewJob {
        cluster: evil.into(),
        ..job(2)
    });
    site.insert(&NewJob {
        hosts: vec![evil.into()],
        ..job(3)
    });
    site.insert(&NewJob {
        user: evil.into(),
        ..job(4)
    });
    for flags in [
        &["--settle", "0", "-v"][..],
        &["--settle", "0", "--json", "--retry-now"],
    ] {
        let ran = sweep(&site, flags).expect(3);
        let shown = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
        assert!(ran.out.chars().all(shown), "{:?}", ran.out);
        assert!(ran.err.chars().all(shown), "{:?}", ran.err);
    }
    let ran = sweep(&site, &["--settle", "0", "--json", "--retry-now"]);
    let clusters: Vec<_> = ran
        .objects("job")
        .iter()
        .map(|j| j["cluster"].clone())
        .collect();
    assert!(
        clusters.contains(&evil.into()),
        "a JSON reader gets the very name"
    );
    let ran = sweep(&site, &["--job-id", "2", "--json"]);
    assert!(ran.out.is_ascii());
}
