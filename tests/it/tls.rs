//! The program over https, against a store and an S3 server with certificates of the tests' own: whose authorities count, and
//! what is said about a certificate that is not accepted.

#[cfg(feature = "s3")]
use std::fs;
#[cfg(all(feature = "http", feature = "s3"))]
use std::io::{Read, Write};
#[cfg(all(feature = "http", feature = "s3"))]
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
#[cfg(all(feature = "http", feature = "s3"))]
use std::thread;

use tempfile::TempDir;

use crate::support::program::{Ran, program, run};
#[cfg(feature = "s3")]
use crate::support::s3::{KEYS, Server};
use crate::support::site::{HOUR, NewJob, Site};
#[cfg(feature = "http")]
use crate::support::store::{Play, Played, answer};
use crate::support::wait::now;
use crate::support::wire::{Authority, Identity};

/// Where the servers are asked, which their certificates must name.
const ADDRESS: &str = "127.0.0.1";

/// A site with one job, whose data files and a store have.
fn site() -> (Site, i64) {
    let site = Site::new();
    let begin = (now() - 3 * HOUR).div_euclid(60) * 60;
    site.host("n1").bin(begin..begin + HOUR);
    site.insert(&NewJob::stopped(1, "n1", begin, HOUR));
    (site, begin)
}

/// The program, without what this machine knows of authorities and S3.
fn command(site: &Site) -> Command {
    let mut command = program();
    command.arg("run").arg("--db").arg(site.path("job.db"));
    for name in ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
        command.env_remove(name);
    }
    #[cfg(feature = "s3")]
    command.envs(KEYS);
    command.env("HOME", "/nonexistent");
    command
}

/// A server over https that a sweep of a site's one job needs.
trait Medium {
    fn new(site: &Site, begin: i64, identity: Identity) -> Self;
    /// Sweeps with it.
    fn sweep(&self, command: &mut Command) -> Ran;
}

/// As the only source.
#[cfg(feature = "http")]
struct Store(Played);

#[cfg(feature = "http")]
impl Medium for Store {
    fn new(_: &Site, begin: i64, identity: Identity) -> Self {
        let (from, to) = (begin - HOUR, begin + 3 * HOUR);
        let play = move |asked: &_| Play::Answer(answer(asked, &["n1"], from, to));
        Self(Played::with_tls(identity, play))
    }

    fn sweep(&self, command: &mut Command) -> Ran {
        run(command.args(["--source", &self.0.url()]))
    }
}

/// As the archive.
#[cfg(feature = "s3")]
struct Bucket(Server);

#[cfg(feature = "s3")]
impl Medium for Bucket {
    fn new(site: &Site, _: i64, identity: Identity) -> Self {
        let server = Server::with_tls(identity);
        server.put("version.txt", b"3\n");
        let cluster = fs::read(site.path("job-archive/alpha/cluster.json")).unwrap();
        server.put("alpha/cluster.json", &cluster);
        Self(server)
    }

    fn sweep(&self, command: &mut Command) -> Ran {
        run(command.args(["--archive", &self.0.flag()]))
    }
}

/// Sweeps with a certificate and the file of an authority; the sweep cannot go on, and one sentence says why.
#[track_caller]
fn refused<M: Medium>(identity: Identity, authority: Option<&Path>, words: &[&str]) {
    let (site, begin) = site();
    let medium = M::new(&site, begin, identity);
    let mut command = command(&site);
    if let Some(file) = authority {
        command.arg("--ca").arg(file);
    }
    let ran = medium.sweep(&mut command).expect(1);
    let said: Vec<&str> = ran.err.lines().chain(ran.out.lines()).collect();
    let about = said.iter().find(|line| line.contains("certificate"));
    let line = about.unwrap_or_else(|| panic!("nothing is said of it: {said:?}"));
    for word in words {
        assert!(line.contains(word), "'{word}' is not in: {line}");
    }
    assert!(line.contains("https://127.0.0.1:"), "{line}");
    assert_eq!(site.count("monitoring_status = 1"), 1, "nothing is marked");
}

fn a_certificate_that_is_not_accepted_is_said_in_one_sentence<M: Medium>() {
    let folder = TempDir::new().unwrap();
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let file = ours.file(folder.path());
    let named = format!("no authority in {} (--ca)", file.display());
    refused::<M>(other.issue(ADDRESS), Some(&file), &[&named]);
    let unknown = ["no authority that this machine trusts", "--ca FILE"];
    refused::<M>(ours.issue(ADDRESS), None, &unknown);
    let expired = ours.issue_until(ADDRESS, 2020);
    let words = ["expired at 2020-01-01T00:00:00Z", "clock of this machine"];
    refused::<M>(expired, Some(&file), &words);
    let elsewhere = ours.issue("elsewhere.example");
    let words = ["not for 127.0.0.1 but for elsewhere.example"];
    refused::<M>(elsewhere, Some(&file), &words);
}

/// The right authority, named by a flag, by a variable, or trusted by the machine.
fn a_certificate_of_an_authority_that_counts_is_accepted<M: Medium>(variables: &[&str]) {
    let folder = TempDir::new().unwrap();
    let ours = Authority::new("ours");
    let file = ours.file(folder.path());
    for variable in variables.iter().chain([&"--ca"]) {
        let (site, begin) = site();
        let medium = M::new(&site, begin, ours.issue(ADDRESS));
        let mut command = command(&site);
        if *variable == "--ca" {
            // What is named for all connections wins.
            command.arg("--ca").arg(&file);
            command.env(
                "AWS_CA_BUNDLE",
                Authority::new("other").file(&site.path("")),
            );
        } else {
            command.env(variable, &file);
        }
        medium.sweep(&mut command).expect(0);
        assert_eq!(site.count("monitoring_status = 3"), 1, "{variable}");
    }
}

#[cfg(feature = "http")]
#[test]
fn a_store_is_trusted_for_the_authority_that_is_named_or_that_the_machine_trusts() {
    a_certificate_of_an_authority_that_counts_is_accepted::<Store>(&[
        "CCARCHIVE_CA",
        "SSL_CERT_FILE",
    ]);
}

#[cfg(feature = "s3")]
#[test]
fn an_s3_server_is_trusted_for_the_authority_that_is_named_or_that_the_machine_trusts() {
    a_certificate_of_an_authority_that_counts_is_accepted::<Bucket>(&[
        "AWS_CA_BUNDLE",
        "CCARCHIVE_CA",
        "SSL_CERT_FILE",
    ]);
}

#[cfg(feature = "http")]
#[test]
fn a_certificate_of_a_store_that_is_not_accepted_is_said_in_one_sentence() {
    a_certificate_that_is_not_accepted_is_said_in_one_sentence::<Store>();
}

#[cfg(feature = "s3")]
#[test]
fn a_certificate_of_an_s3_server_that_is_not_accepted_is_said_in_one_sentence() {
    a_certificate_that_is_not_accepted_is_said_in_one_sentence::<Bucket>();
}

/// A server that speaks HTTP alone, which takes the beginning of TLS for a bad request.
#[cfg(all(feature = "http", feature = "s3"))]
fn plain_http() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // A client that goes away leaves nothing to tell.
            drop(stream.read(&mut [0; 4096]));
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"));
        }
    };
    thread::Builder::new().spawn(serve).unwrap();
    address
}

#[cfg(all(feature = "http", feature = "s3"))]
#[test]
fn a_server_that_speaks_no_tls_and_a_file_without_certificates_are_told_apart() {
    let (site, _) = site();
    let url = format!("https://{}", plain_http());
    let ran = run(command(&site).args(["--source", &url])).expect(1);
    let said = format!("{}{}", ran.err, ran.out);
    assert!(said.contains("does not speak TLS"), "{said}");

    let empty = site.path("empty.pem");
    fs::write(&empty, "no certificate at all\n").unwrap();
    let file = empty.display().to_string();
    let bucket = "s3://jobs?endpoint=https://127.0.0.1:1";
    let of_store = ["--source", url.as_str(), "--ca", &file];
    let by_flag = run(command(&site).args(of_store));
    let by_variable = run(command(&site)
        .args(["--archive", bucket])
        .env("AWS_CA_BUNDLE", &file));
    for (ran, name) in [(by_flag, "--ca"), (by_variable, "AWS_CA_BUNDLE")] {
        let ran = ran.expect(2);
        let want = format!("empty.pem ({name}): it holds no certificate");
        assert!(ran.err.contains(&want), "{}", ran.err);
    }
    assert_eq!(site.count("monitoring_status = 1"), 1);
}
