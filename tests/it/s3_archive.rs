//! The program over an archive in a bucket: the documents of the file tree, kills, a server with trouble, what is said about
//! keys, bucket, region and clock, and that jobs do not wait for each other's answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::generator::{Plan, write};
use crate::support::documents::{in_bucket, in_tree};
use crate::support::program::{Ran, Running, program, run};
use crate::support::random::Random;
use crate::support::s3::{Act, KEYS, SECRET, Server};
use crate::support::site::{HOUR, NewJob, Site};
use crate::support::tree::copy_tree;
use crate::support::wait::{now, short_or_long, until};

/// Without what this machine knows of S3.
fn plain(arguments: &[&str], database: &Path) -> Command {
    let mut command = program();
    command.args(arguments).arg("--db").arg(database);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("AWS_") || name.starts_with("ARCHIVE_S3_") {
            command.env_remove(name);
        }
    }
    command.env("HOME", "/nonexistent");
    command
}

/// With the keys of the tests' server.
fn command(database: &Path, archive: &str, arguments: &[&str]) -> Command {
    let mut command = plain(arguments, database);
    command.arg("--archive").arg(archive).envs(KEYS);
    command
}

fn ask(site: &Site, archive: &str, arguments: &[&str]) -> Ran {
    run(&mut command(&site.path("job.db"), archive, arguments))
}

/// A site of the present with so many complete jobs, and a server for its archive.
fn with_jobs(jobs: i64) -> (Site, Server) {
    let begin = (now() - 3 * HOUR).div_euclid(60) * 60;
    let site = Site::new();
    site.host("n1").bin(begin..begin + HOUR);
    for job_id in 1..=jobs {
        site.insert(&NewJob::stopped(job_id, "n1", begin, HOUR));
    }
    let server = Server::empty();
    beside(&site.path("job-archive"), &server);
    (site, server)
}

/// Puts what stands beside the jobs of a folder of an archive into a bucket.
fn beside(folder: &Path, server: &Server) {
    server.put("version.txt", b"3\n");
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap().path();
        if let Ok(config) = fs::read(entry.join("cluster.json")) {
            let name = entry.file_name().unwrap().to_str().unwrap();
            server.put(&format!("{name}/cluster.json"), &config);
        }
    }
}

#[test]
fn a_sweep_of_the_demo_writes_the_documents_of_the_tree_and_the_readers_say_the_same_of_both() {
    let plan = Plan::demo(now());
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    for root in [&one, &two] {
        write(root, &plan).unwrap();
    }
    let server = Server::empty();
    beside(&two.join("job-archive"), &server);
    let both = |arguments: &[&str]| {
        let tree = run(&mut plain(arguments, &one.join("job.db")));
        let bucket = run(&mut command(&two.join("job.db"), &server.flag(), arguments));
        assert_eq!(tree.code(), bucket.code(), "{}\n{}", tree.err, bucket.err);
        (tree, bucket)
    };
    let (tree, bucket) = both(&["run", "--json"]);
    for key in [
        "archived",
        "outcomes",
        "expected",
        "received",
        "storedBytes",
    ] {
        assert_eq!(tree.summary()[key], bucket.summary()[key], "{key}");
    }
    assert_eq!(bucket.objects("start")[0]["archive"], server.flag());
    let documents = in_tree(&one.join("job-archive/demo"));
    assert!(documents.len() > 90, "{}", documents.len());
    assert!(
        in_bucket(&server, "demo") == documents,
        "some document differs"
    );

    let job = documents.keys().next().unwrap().0.to_string();
    let (tree, bucket) = both(&["show", &job, "--json"]);
    assert_eq!(tree.out, bucket.out);
    both(&["explain", &job]);
    both(&["status"]);
    let (tree, bucket) = both(&["verify", "--read-data", "--json"]);
    let seen = |ran: &Ran| ran.json().last().unwrap().to_string();
    assert_eq!(seen(&tree), seen(&bucket));
    let (_, again) = both(&["run", "--json"]);
    assert_eq!(again.summary()["archived"], 0);
    let left: Vec<String> = server.names();
    assert!(!left.iter().any(|n| n.contains(".ccarchive")), "{left:?}");
}

#[test]
fn what_a_killed_sweep_left_in_the_bucket_is_adopted_or_written_whole() {
    // Before the server does the n-th write, or after it did it and before anybody knows.
    for (n, done) in [
        (1, false),
        (1, true),
        (2, false),
        (2, true),
        (7, false),
        (12, true),
    ] {
        let (site, server) = with_jobs(10);
        let mut writes = 0;
        server.rule(move |call| {
            writes += usize::from(call.method == "PUT");
            if writes < n {
                Act::Serve
            } else if writes == n && done && call.method == "PUT" {
                Act::DoAndCut
            } else {
                Act::Late(Duration::from_secs(3600))
            }
        });
        let database = site.path("job.db");
        let arguments = ["run", "--json", "--workers", "3"];
        let first = Running::start(&mut command(&database, &server.flag(), &arguments));
        until("the sweep waits for the server", || server.writes() >= n);
        first.signal(Signal::KILL);
        assert_eq!(first.wait().code(), -9);
        server.behave();
        let left: Vec<String> = server.names();
        let whole = left.iter().filter(|n| n.ends_with("meta.json")).count();
        let second = ask(&site, &server.flag(), &["run", "--json"]).expect(0);
        let jobs = second.objects("job");
        let adopted = jobs.iter().filter(|j| j["outcome"] == "adopted").count();
        assert!(adopted <= whole, "{adopted} of {whole}");
        assert_eq!(site.count("monitoring_status = 3"), 10);
        assert_eq!(in_bucket(&server, "alpha").len(), 10);
        ask(&site, &server.flag(), &["verify", "--read-data"]).expect(0);
    }
}

#[test]
fn a_server_with_trouble_costs_tries_and_no_job() {
    for seed in 0..short_or_long(2, 50) {
        let (site, server) = with_jobs(30);
        let copy = copy(&site);
        let mut random = Random::seeded(seed);
        server.rule(move |call| match random.below(20) {
            0 => Act::Cut,
            1 => Act::DoAndCut,
            2 => Act::Answer(500, "InternalError"),
            3 if call.method == "PUT" => Act::CutUpload(100),
            3 => Act::CutBody(50),
            _ => Act::Serve,
        });
        // One that fails four times is tried by the next sweep.
        let first = ask(&site, &server.flag(), &["run"]);
        assert!([0, 1, 3].contains(&first.code()), "{}", first.err);
        server.behave();
        ask(&site, &server.flag(), &["run", "--retry-now"]).expect(0);
        assert_eq!(site.count("monitoring_status = 3"), 30);
        run(&mut plain(&["run"], &copy)).expect(0);
        let want = in_tree(&site.path("copy/job-archive/alpha"));
        let found = in_bucket(&server, "alpha");
        assert!(found.keys().eq(want.keys()), "some job differs");
        for (key, want) in want {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(text(&found[&key].0), text(&want.0));
            assert!(found[&key].1 == want.1, "data of {key:?}");
        }
    }
}

/// The database of a copy of the site.
fn copy(site: &Site) -> PathBuf {
    let copy = site.path("copy");
    fs::create_dir(&copy).unwrap();
    for name in ["job-archive", "checkpoints"] {
        copy_tree(&site.path(name), &copy.join(name));
    }
    // The newest rows stand in the log beside the file.
    let database = copy.join("job.db");
    let name = database.display().to_string();
    site.db().execute("VACUUM INTO ?1", [name]).unwrap();
    database
}

#[test]
fn a_full_server_and_one_that_is_gone_end_the_sweep_and_mark_nothing() {
    for (act, part) in [
        (
            Act::Answer(507, "XMinioStorageFull"),
            "507 XMinioStorageFull",
        ),
        (Act::Cut, "(4 tries)"),
    ] {
        let (site, server) = with_jobs(25);
        server.rule(move |call| {
            if call.method == "PUT" {
                act.clone()
            } else {
                Act::Serve
            }
        });
        let ran = ask(&site, &server.flag(), &["run"]).expect(1);
        assert!(
            ran.err.contains(part) || ran.out.contains(part),
            "{}{}",
            ran.out,
            ran.err
        );
        assert_eq!(site.count("monitoring_status = 1"), 25);
        server.behave();
        ask(&site, &server.flag(), &["run"]).expect(0);
        assert_eq!(site.count("monitoring_status = 3"), 25);
    }
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
    ask(&site, &flag, &["run"]).expect(0);
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
    let mut keyless = plain(&["run", "--archive", &flag], &database);
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
        let mut command = plain(arguments, &site.path("job.db"));
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
    ask(&site, &server.flag(), &["run"]).expect(0);
    ask(&site, &server.flag(), &["verify"]).expect(0);
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
    let ran = ask(&site, &server.flag(), &["verify", "--json"]).expect(3);
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
fn jobs_do_not_wait_for_the_answers_of_others() {
    let jobs = short_or_long(200, 10_000);
    let (site, server) = with_jobs(jobs);
    server.rule(|_| Act::Late(Duration::from_millis(5)));
    let begun = Instant::now();
    let ran = ask(&site, &server.flag(), &["run", "--json"]).expect(0);
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
