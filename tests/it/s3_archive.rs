//! The program over an archive in a bucket, besides what every archive promises (`archives`): what is said about keys, bucket,
//! region and clock, and that jobs do not wait for each other's answers.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::documents::in_bucket;
use crate::support::media::{Medium, plain};
use crate::support::program::run;
use crate::support::s3::{Act, KEYS, SECRET, Server};
use crate::support::site::{HOUR, NewJob, Site};
use crate::support::wait::{now, short_or_long};

/// With the keys of the tests' server.
fn command(database: &Path, archive: &str, arguments: &[&str]) -> Command {
    let mut command = plain(database, arguments);
    command.arg("--archive").arg(archive).envs(KEYS);
    command
}

/// A site of the present with so many complete jobs, and a server for its archive.
fn with_jobs(jobs: i64) -> (Site, Server) {
    let begin = (now() - 3 * HOUR).div_euclid(60) * 60;
    let site = Site::new();
    site.host("n1").bin(begin..begin + HOUR);
    for job_id in 1..=jobs {
        site.insert(&NewJob::stopped(job_id, "n1", begin, HOUR));
    }
    let server = Server::beside(&site.path("job-archive"));
    (site, server)
}

/// Runs a command that cannot work, and looks whether one line says why, without a secret.
#[track_caller]
fn said(command: &mut Command, code: i32, parts: &[&str]) {
    let ran = run(command).expect(code);
    for part in parts {
        assert!(ran.err.contains(part), "'{part}' is not in: {}", ran.err);
    }
    let all = format!("{}{}", ran.out, ran.err);
    assert!(!all.contains(SECRET) && !all.contains("hush"), "{all}");
    assert_eq!(ran.err.trim_end().lines().count(), 1, "{}", ran.err);
}

#[test]
fn what_is_wrong_with_bucket_region_or_clock_is_said_in_one_sentence() {
    let (site, server) = with_jobs(1);
    let database = site.path("job.db");
    let flag = server.flag();
    let run = |flag: &str| command(&database, flag, &["run"]);
    let other = flag.replace("jobs?", "job?");
    said(
        &mut run(&other),
        1,
        &["has no bucket job", "correct the bucket's name"],
    );
    let region = format!("{flag}&region=garage");
    let words = ["region us-east-1", "signed for garage", "set region"];
    said(&mut run(&region), 1, &words);
    said(&mut command(&database, &region, &["status"]), 1, &words);
    server.ahead(3600);
    said(
        &mut run(&flag),
        1,
        &["clock of this machine", "set one of the two right"],
    );
    server.ahead(0);
    server.rule(|_| Act::Answer(301, "PermanentRedirect"));
    said(&mut run(&flag), 1, &["another address", "not followed"]);
    let nobody = "s3://jobs?endpoint=http://127.0.0.1:1";
    said(
        &mut run(nobody),
        1,
        &["s3://jobs/version.txt", "Connection refused"],
    );
    server.behave();
    assert_eq!(site.count("monitoring_status = 1"), 1);
    server.ask(&site, &["run"]).expect(0);
}

#[test]
fn what_is_wrong_with_keys_is_said_in_one_sentence_without_them() {
    let (site, server) = with_jobs(1);
    let database = site.path("job.db");
    let flag = server.flag();
    for (name, words) in [
        (
            "ARCHIVE_S3_SECRET_KEY",
            ["secret key", "ARCHIVE_S3_ACCESS_KEY", "correct it"],
        ),
        (
            "ARCHIVE_S3_ACCESS_KEY",
            [
                "does not know the access key",
                "ARCHIVE_S3_ACCESS_KEY",
                "correct it",
            ],
        ),
    ] {
        said(
            command(&database, &flag, &["run"]).env(name, "hush"),
            1,
            &words,
        );
    }
    server.rule(|_| Act::Answer(403, "AccessDenied"));
    let words = ["may not read s3://jobs/version.txt", "the right to list"];
    said(&mut command(&database, &flag, &["run"]), 1, &words);
    server.behave();
    let mut keyless = plain(&database, &["run", "--archive", &flag]);
    said(
        &mut keyless,
        2,
        &["nothing names the keys", "ARCHIVE_S3_SECRET_KEY"],
    );
    said(
        keyless.env("AWS_ACCESS_KEY_ID", "hush"),
        2,
        &["AWS_SECRET_ACCESS_KEY", "both or neither"],
    );
    let with_key = format!("{flag}&secret-key=hush");
    said(
        &mut command(&database, &with_key, &["run"]),
        2,
        &["every user of this machine can read"],
    );
    assert_eq!(site.count("monitoring_status = 1"), 1);
}

#[test]
fn the_configuration_names_the_bucket_and_its_keys() {
    let (site, server) = with_jobs(1);
    let config = site.path("config.json");
    let endpoint = server.endpoint();
    let text = |keys: &str| {
        format!(
            r#"{{"main": {{"db": "job.db"}}, "metric-store": {{"checkpoints": {{"directory": "checkpoints"}}}},
            "archive": {{"kind": "s3", "bucket": "jobs", "endpoint": "{endpoint}", {keys}}}}}"#
        )
    };
    let [(_, access), (_, secret)] = KEYS;
    let configured = |keys: &str, arguments: &[&str]| {
        fs::write(&config, text(keys)).unwrap();
        let mut command = plain(&site.path("job.db"), arguments);
        run(command.arg("--config").arg(&config))
    };
    let keys = format!(r#""access-key": "{access}", "secret-key": "{secret}""#);
    let shown = configured(&keys, &["run", "--show-config"]).expect(0);
    for part in [
        server.flag().as_str(),
        "archive.bucket in ",
        "archive.access-key in ",
        "region us-east-1",
    ] {
        assert!(shown.out.contains(part), "{part}: {}", shown.out);
    }
    assert!(
        !shown.out.contains(secret) && !shown.out.contains(access),
        "{}",
        shown.out
    );
    for (wrong, part) in [
        (
            r#""accessKey": "hush", "secretKey": "hush""#,
            "write archive.access-key",
        ),
        (
            r#""usePathStyle": true, "access-key": "hush", "secret-key": "hush""#,
            "write archive.use-path-style",
        ),
        (r#""access-key": "hush""#, "both or neither"),
    ] {
        let ran = configured(wrong, &["run"]).expect(2);
        assert!(
            ran.err.contains(part) && !ran.err.contains("hush"),
            "{}",
            ran.err
        );
    }
    configured(&keys, &["run"]).expect(0);
    assert_eq!(in_bucket(&server, "alpha").len(), 1);
}

#[test]
fn verify_names_what_stands_in_the_bucket_and_is_no_archive() {
    let (site, server) = with_jobs(2);
    server.ask(&site, &["run"]).expect(0);
    server.ask(&site, &["verify"]).expect(0);
    let names = server.names();
    let meta = names
        .iter()
        .find(|n| n.contains("/001/") && n.ends_with("meta.json"))
        .unwrap();
    server.remove(meta);
    server.put("backup/2026.tar", b"x");
    server.put("notes", b"x");
    let of = |name: &str| format!("{}/{name}", meta.rsplit_once('/').unwrap().0);
    server.put(&of(".ccarchive-replace-plain-1-00000000.tmp"), b"x");
    let ran = server.ask(&site, &["verify", "--json"]).expect(3);
    for part in [
        "s3://jobs/backup",
        "s3://jobs/notes",
        "meta.json is missing",
        ".ccarchive-replace",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
}

#[test]
fn a_list_that_goes_on_with_the_same_page_is_no_whole_list() {
    const PAGE: &str = "<ListBucketResult><IsTruncated>true</IsTruncated>\
        <NextContinuationToken>again</NextContinuationToken></ListBucketResult>";
    let (site, server) = with_jobs(1);
    server.ask(&site, &["run"]).expect(0);
    server.rule(|call| {
        if call.query.contains_key("list-type") {
            Act::Say(PAGE)
        } else {
            Act::Serve
        }
    });
    let ran = server.ask(&site, &["verify", "--json"]);
    let said = format!("{}{}", ran.out, ran.err);
    assert!(said.contains("gives the same page again"), "{said}");
    assert!(!said.contains("\"missing\""), "{said}");
    assert_ne!(ran.code(), 0);
}

#[test]
fn jobs_do_not_wait_for_the_answers_of_others() {
    let jobs = short_or_long(200, 10_000);
    let (site, server) = with_jobs(jobs);
    server.rule(|_| Act::Late(Duration::from_millis(5)));
    let begun = Instant::now();
    let ran = server.ask(&site, &["run", "--json"]).expect(0);
    println!(
        "{jobs} jobs in {:?}, {} requests at once, {}",
        begun.elapsed(),
        server.most_at_once(),
        ran.summary()
    );
    assert!(
        server.most_at_once() >= 8,
        "requests go one after the other"
    );
    assert_eq!(site.count("monitoring_status = 3"), jobs);
}
