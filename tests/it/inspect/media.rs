//! `verify --repair` over archives in a SQLite file and in a bucket: what is safe there is done in place, the rest is archived
//! again, and afterwards the documents are those that the sweep wrote.

use rusqlite::{Connection, params};
use serde_json::Value;

use super::site;
use crate::support::documents::in_file;
use crate::support::program::{Ran, program, run};
use crate::support::site::{Site, T0};
use crate::support::sqlite_archive::beside;

const START: i64 = T0 + 600;

fn ask(site: &Site, archive: &str, arguments: &[&str]) -> Ran {
    let mut command = program();
    command.args(arguments).args(["--archive", archive]);
    #[cfg(feature = "s3")]
    command.envs(crate::support::s3::KEYS);
    run(command.arg("--db").arg(site.path("job.db")))
}

/// Faults with what repairs them, in the order of their names.
fn found(ran: &Ran) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let findings = ran.objects("finding").into_iter();
    let mut found: Vec<_> = findings
        .map(|f| (text(&f["fault"]), text(&f["repair"])))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
    list.iter().map(owned).collect()
}

#[test]
fn an_archive_in_a_file_is_repaired() {
    let site = site();
    let path = beside(&site.path("job-archive"));
    let archive = format!("sqlite:{}", path.display());
    ask(&site, &archive, &["run"]).expect(3);
    let sound = in_file(&path);
    assert_eq!(sound.len(), 2);

    let c = Connection::open(&path).unwrap();
    let change = |sql: &str| assert_eq!(c.execute(sql, []).unwrap(), 1, "{sql}");
    // The row of a job that nobody wrote, one whose form is not told, and one that the database does not know of.
    c.execute(
        "INSERT INTO jobs (job_id, cluster, start_time, meta_json, created_at, updated_at) VALUES (7, 'alpha', ?1, '', 0, 0)",
        params![START],
    )
    .unwrap();
    change("UPDATE jobs SET data_compressed = NULL WHERE job_id = 1");
    site.set(6, "monitoring_status = 2");
    let looked = ask(&site, &archive, &["verify", "--json"]).expect(3);
    assert_eq!(
        found(&looked),
        pairs(&[
            ("empty_folder", "safe"),
            ("no_form", "safe"),
            ("not_recorded", "safe")
        ])
    );
    let repaired = ask(&site, &archive, &["verify", "--repair"]).expect(0);
    assert!(
        repaired
            .out
            .contains("3 repairs; nothing that is wrong is left."),
        "{}",
        repaired.out
    );
    assert!(in_file(&path) == sound);
    assert_eq!(site.status(6), 3);

    // What has to be archived again: a job that is gone, data that is torn.
    change("DELETE FROM jobs WHERE job_id = 6");
    change("UPDATE jobs SET data_json = substr(data_json, 1, 40) WHERE job_id = 1");
    let looked = ask(&site, &archive, &["verify", "--read-data", "--json"]).expect(3);
    assert_eq!(
        found(&looked),
        pairs(&[("damaged", "archive_again"), ("missing", "archive_again")])
    );
    let repaired = ask(&site, &archive, &["verify", "--read-data", "--repair"]).expect(0);
    assert!(
        repaired.out.contains(": archived again"),
        "{}",
        repaired.out
    );
    assert!(in_file(&path) == sound);
    ask(&site, &archive, &["verify", "--read-data"]).expect(0);
}

#[cfg(feature = "s3")]
#[test]
fn an_archive_in_a_bucket_is_repaired() {
    use crate::support::documents::in_bucket;
    use crate::support::s3::Server;

    let site = site();
    let server = Server::empty();
    server.put("version.txt", b"3\n");
    let config = std::fs::read(site.path("job-archive/alpha/cluster.json")).unwrap();
    server.put("alpha/cluster.json", &config);
    let archive = server.flag();
    ask(&site, &archive, &["run"]).expect(3);
    let sound = in_bucket(&server, "alpha");
    assert_eq!(sound.len(), 2);

    let name = |job: i64, start: i64, file: &str| format!("alpha/0/{job:03}/{start}/{file}");
    let first = |file: &str| name(1, START, file);
    let (plain, gzip) = (first("data.json"), first("data.json.gz"));
    // The other form of the data, a replacement that was begun and never came to its data, a row that lost its status.
    let other = if server.get(&plain).is_some() {
        &gzip
    } else {
        &plain
    };
    server.put(other, b"{}");
    let later = T0 + 3 * 3600;
    let note = name(6, later, ".ccarchive-replace-gzip-12-000000ab.tmp");
    server.put(&note, b"{}");
    site.set(6, "monitoring_status = 1");
    let looked = ask(&site, &archive, &["verify", "--json"]).expect(3);
    assert!(
        found(&looked).contains(&("two_forms".to_owned(), "safe".to_owned())),
        "{:?}",
        found(&looked)
    );
    let repaired = ask(&site, &archive, &["verify", "--repair"]).expect(0);
    assert!(
        repaired.out.contains("nothing that is wrong is left."),
        "{}",
        repaired.out
    );
    assert!(server.get(other).is_none());
    assert!(in_bucket(&server, "alpha") == sound);
    assert_eq!(site.status(6), 3);

    // A note beside an archived job is a leftover.
    server.put(&note, b"{}");
    let looked = ask(&site, &archive, &["verify", "--json"]).expect(3);
    assert_eq!(found(&looked), pairs(&[("leftover", "safe")]));
    ask(&site, &archive, &["verify", "--repair"]).expect(0);
    assert!(server.get(&note).is_none());

    // What has to be archived again.
    server.remove(&first("meta.json"));
    for file in ["data.json", "data.json.gz", "meta.json"] {
        server.remove(&name(6, later, file));
    }
    let looked = ask(&site, &archive, &["verify", "--json"]).expect(3);
    assert!(
        found(&looked).iter().all(|f| f.1 == "archive_again"),
        "{:?}",
        found(&looked)
    );
    ask(&site, &archive, &["verify", "--repair"]).expect(0);
    assert!(in_bucket(&server, "alpha") == sound);
    ask(&site, &archive, &["verify", "--read-data"]).expect(0);
}
