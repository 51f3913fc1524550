//! Names in rows that would lead out of the archive or the checkpoints.

use std::fs;

use super::{present, sweep};
use crate::support::site::{NewJob, Tree};

#[test]
fn no_name_in_a_row_leads_out_of_the_archive_or_the_checkpoints() {
    let (site, begin) = present();
    fs::create_dir_all(site.path("x/n1")).unwrap();
    let before = Tree::of(site.root());
    let mut job_id = 0;
    let mut next = || {
        job_id += 1;
        NewJob::stopped(job_id, "n1", begin, 600)
    };
    for cluster in [
        "../x",
        "..",
        ".",
        "",
        "/",
        "alpha/../../x",
        "alpha/",
        "a\0b",
        "alpha\n",
    ] {
        site.insert(&NewJob {
            cluster: cluster.into(),
            ..next()
        });
    }
    for host in ["../n1", "n1/../n2", "/etc", "..", ".", "", "a\\b", "n\0"] {
        site.insert(&NewJob {
            hosts: vec![host.into()],
            ..next()
        });
    }
    site.insert(&NewJob {
        hosts: vec!["h".repeat(300)],
        ..next()
    });
    site.insert(&NewJob {
        start: -5,
        ..next()
    });
    site.insert(&NewJob {
        job_id: -5,
        ..next()
    });
    site.insert(&NewJob {
        duration: -600,
        ..next()
    });
    let all = site.count("1");
    let ran = sweep(&site, &["--json", "--settle", "0"]).expect(3);
    let summary = ran.summary();
    assert_eq!(
        (&summary["outcomes"]["failed"], &summary["archived"]),
        (&all.into(), &0.into())
    );
    let mut changes = before.changes(&Tree::of(site.root()));
    changes.retain(|c| !c.starts_with("job.db"));
    assert_eq!(changes, [""; 0]);
    assert_eq!(site.count("monitoring_status = 2"), all);
}

#[test]
fn names_that_only_look_strange_are_archived() {
    let (site, begin) = present();
    let strange = [
        "n 1",
        "näh",
        "-rf",
        "..n",
        "~",
        "n1.cluster.example",
        "%2e%2e",
        "$(id)",
    ];
    for (job_id, host) in (1..).zip(strange) {
        site.host(host).bin(begin..begin + 3600);
        site.insert(&NewJob {
            user: "a\"b<é\u{1}".into(),
            ..NewJob::stopped(job_id, host, begin, 600)
        });
    }
    sweep(&site, &[]).expect(0);
    for (job_id, host) in (1..).zip(strange) {
        let archived = site.archived(job_id, begin).unwrap();
        assert_eq!(
            archived.values("cpu_load", host).unwrap().len(),
            10,
            "{host}"
        );
        assert_eq!(archived.meta["user"], "a\"b<é\u{1}");
    }
}
