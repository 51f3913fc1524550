//! cluster.json and the archive's root: cut, flipped, of wrong types, in the wrong place.

use std::fs;
use std::os::unix::fs::symlink;

use super::swept::sound;
use super::tiny::{Site, make};
use crate::support::engine::forgetful;
use crate::support::program::{program, run};
use crate::support::tree::copy_tree;

const FILE: &str = "job-archive/tiny/cluster.json";

fn document() -> serde_json::Value {
    serde_json::from_slice(&fs::read(Site::new().path(FILE)).unwrap()).unwrap()
}

/// A site with this cluster.json.
fn with(text: impl AsRef<[u8]>) -> Site {
    let site = Site::new();
    fs::write(site.path(FILE), text).unwrap();
    site
}

/// Why the configuration is refused; nothing is swept then.
fn refusal(site: &Site) -> String {
    let error = site.sweep_with(&forgetful()).err().expect("it is refused");
    assert!(error.contains("tiny/cluster.json"), "{error}");
    let status = "SELECT count(*) FROM job WHERE monitoring_status = 1";
    let left: i64 = site.database().query_row(status, [], |r| r.get(0)).unwrap();
    assert_eq!(left, 14, "no row was changed");
    error
}

/// Replaces the value at a JSON pointer.
fn replaced(at: &str, value: serde_json::Value) -> String {
    let mut d = document();
    *d.pointer_mut(at).unwrap_or_else(|| panic!("no {at}")) = value;
    d.to_string()
}

#[test]
fn a_cluster_file_cut_at_any_length_is_refused_and_nothing_is_touched() {
    let whole = fs::read(Site::new().path(FILE)).unwrap();
    for length in 0..whole.trim_ascii_end().len() {
        let error = refusal(&with(&whole[..length]));
        if length % 101 == 0 {
            println!("{length} bytes: {error}");
        }
    }
}

#[test]
fn a_cluster_file_with_a_flipped_bit_is_refused_or_means_something_and_never_a_panic() {
    let whole = fs::read(Site::new().path(FILE)).unwrap();
    let mut refused = 0;
    for at in (0..whole.len()).step_by(2) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at / 2 % 7);
        let site = with(bytes);
        match site.sweep_with(&forgetful()) {
            Err(_) => refused += 1,
            Ok(swept) => {
                let reasons = [
                    "",
                    "subcluster_unknown",
                    "footprint_invalid",
                    "aggregation_invalid",
                    "no_data",
                ];
                for j in swept.jobs.values() {
                    assert!(reasons.contains(&j.reason), "byte {at}: {}", j.brief());
                }
            }
        }
    }
    println!("{refused} of {} refused", whole.len().div_ceil(2));
    assert!(refused > whole.len() / 6);
}

/// Each text is refused with these words.
fn all_refused<const N: usize>(cases: [(String, &str); N]) {
    for (text, words) in cases {
        let error = refusal(&with(&text));
        println!("{error}");
        assert!(error.contains(words), "{text:.60}: {error}");
    }
}

#[test]
fn a_cluster_file_of_wrong_types_or_without_what_it_needs_is_refused_by_name() {
    use serde_json::json;
    all_refused([
        ("[]".to_owned(), "the cluster has no name"),
        ("null".into(), "cluster's configuration"),
        ("7".into(), "cluster's configuration"),
        ("\u{0}".into(), "no valid JSON"),
        ("{}".into(), "the cluster has no name"),
        (r#"{"name":"tiny"}"#.into(), "has no metricConfig"),
        ("[".repeat(100_000), "no valid JSON: recursion limit"),
        (
            replaced("/name", json!(7)),
            "invalid type: integer `7`, expected a string",
        ),
        (replaced("/metricConfig", json!({})), "invalid type: map"),
        (replaced("/metricConfig", json!([])), "has no metricConfig"),
        (replaced("/subClusters", json!([])), "has no subClusters"),
        (
            replaced("/metricConfig/0/name", json!("")),
            "a metric of cluster `tiny` has no name",
        ),
    ]);
}

#[test]
fn an_impossible_value_in_a_cluster_file_is_refused_by_its_name() {
    use serde_json::json;
    all_refused([
        (
            replaced("/metricConfig/0/timestep", json!(0)),
            "metric `load` has timestep 0; expected",
        ),
        (
            replaced("/metricConfig/0/timestep", json!(-60)),
            "metric `load` has timestep -60",
        ),
        (
            replaced("/metricConfig/0/timestep", json!(60.5)),
            "invalid type: floating point `60.5`",
        ),
        (
            replaced("/metricConfig/0/timestep", json!("60")),
            "invalid type: string \"60\"",
        ),
        (
            replaced("/metricConfig/0/timestep", json!(u64::MAX)),
            "expected i64",
        ),
        (
            replaced("/metricConfig/0/timestep", json!(i64::MAX)),
            "metric `load` has timestep 9223372036854775807; expected",
        ),
        (
            replaced("/metricConfig/0/timestep", json!(1_i64 << 40)),
            "metric `load` has timestep 1099511627776",
        ),
        (
            replaced("/metricConfig/0/scope", json!("galaxy")),
            "metric `load` has scope `galaxy`; expected node",
        ),
        (
            replaced("/metricConfig/0/unit", json!("B")),
            "invalid type: string \"B\"",
        ),
    ]);
}

#[test]
fn a_subcluster_whose_nodes_or_topology_cannot_be_is_refused_by_its_name() {
    use serde_json::json;
    all_refused([
        (
            replaced("/subClusters/0/nodes", json!("n[3-")),
            "subcluster `main`: node list term `n[3-`",
        ),
        (
            replaced("/subClusters/0/nodes", json!("n[1-99999999999]")),
            "subcluster `main`: node list",
        ),
        (
            replaced("/subClusters/0/nodes", json!("n_1")),
            "invalid character `_`",
        ),
        (
            replaced("/subClusters/0/nodes", json!("n\u{1b}")),
            "invalid character `\\u{1b}`",
        ),
        (
            replaced("/subClusters/0/topology/node", json!([1e30])),
            "expected i64",
        ),
        (
            replaced("/subClusters/0/topology/socket", json!([0, 1])),
            "invalid type: integer `0`",
        ),
        (
            replaced("/subClusters/0/topology", json!(null)).replace("null", "true"),
            "invalid type: boolean",
        ),
    ]);
}

#[test]
fn a_cluster_whose_name_is_not_its_folders_is_refused_since_archives_would_land_elsewhere() {
    let site = with(replaced("/name", "other".into()));
    let error = refusal(&site);
    println!("{error}");
    assert!(
        error.contains("`other`") && error.contains("the folder's name `tiny`"),
        "{error}"
    );
    let site = Site::new();
    fs::create_dir(site.path("job-archive/copy")).unwrap();
    fs::copy(site.path(FILE), site.path("job-archive/copy/cluster.json")).unwrap();
    let error = site.sweep_with(&forgetful()).err().expect("it is refused");
    assert!(error.contains("copy/cluster.json"), "{error}");
    site.run(&[]).refused(1, "copy/cluster.json");
    assert_eq!(fs::read_dir(site.path("job-archive")).unwrap().count(), 3);
}

#[test]
fn odd_names_and_repetitions_in_a_cluster_file_are_carried_over() {
    let odd = "lo\"a\\d\n<&>\u{7f}\u{2028}";
    let swept = with(replaced("/metricConfig/0/name", odd.into())).sweep();
    // The store knows no such metric: the other one is archived.
    for j in swept.jobs.values() {
        assert_eq!(j.outcome, "partial", "{}", j.brief());
        let meta: serde_json::Value = serde_json::from_slice(&j.files["meta.json"]).unwrap();
        assert_eq!(
            meta["footprint"],
            serde_json::json!({ format!("{odd}_avg"): 0 })
        );
    }
    let mut d = document();
    for list in ["metricConfig", "subClusters"] {
        let again = d[list][0].clone();
        d[list].as_array_mut().unwrap().push(again);
    }
    let swept = with(d.to_string()).sweep();
    for (id, j) in &swept.jobs {
        assert_eq!(
            j.files["data.json"],
            sound().jobs[id].files["data.json"],
            "row {id}"
        );
    }
}

#[test]
fn folders_and_files_beside_the_clusters_do_not_disturb_a_sweep() {
    let site = Site::new();
    fs::create_dir_all(site.path("job-archive/lost+found/x")).unwrap();
    fs::create_dir(site.path("job-archive/.snapshot")).unwrap();
    fs::write(site.path("job-archive/README"), "x").unwrap();
    symlink("nothing", site.path("job-archive/link")).unwrap();
    let answer = site.run(&["--json"]);
    answer.assert_printable();
    assert_eq!(
        (answer.code(), answer.summary()["archived"].as_u64()),
        (0, Some(13))
    );
    for folder in ["lost+found", ".snapshot"] {
        let warning = format!("{folder} in the archive has no cluster.json");
        assert!(answer.err.contains(&warning), "{}", answer.err);
    }
}

#[test]
fn a_cluster_whose_folder_leads_nowhere_keeps_its_jobs_as_they_are_and_holds_up_no_other() {
    let site = Site::new();
    let (link, elsewhere) = (site.path("job-archive/away"), site.path("elsewhere"));
    symlink(&elsewhere, &link).unwrap();
    for job in [101, 105] {
        site.set(job, "cluster", "away");
    }
    copy_tree(
        &site.path("checkpoints/tiny"),
        &site.path("checkpoints/away"),
    );
    let untouched = "SELECT count(*) FROM job WHERE cluster = 'away' AND monitoring_status = 1";
    for flags in [&["--dry-run"][..], &[], &["--cluster", "away"]] {
        let answer = site.run(&[&["--json"], flags].concat());
        answer.assert_printable();
        let summary = answer.summary();
        let archived = if flags.contains(&"away") { 0 } else { 11 };
        assert_eq!((answer.code(), &summary["archived"]), (1, &archived.into()));
        let outages = summary["outages"].as_array().unwrap();
        assert_eq!(outages.len(), 1, "{outages:?}");
        assert_eq!(outages[0]["reason"], "cluster_gone");
        assert_eq!(outages[0]["cluster"], "away");
        assert_eq!(
            (&outages[0]["unmarked"], &summary["remaining"]),
            (&2.into(), &2.into())
        );
        let warning = "away in the archive is a symbolic link whose target does not exist";
        assert!(answer.err.contains(warning), "{}", answer.err);
        let left: i64 = site
            .database()
            .query_row(untouched, [], |r| r.get(0))
            .unwrap();
        assert_eq!(left, 2);
    }
    let answer = site.run(&[]);
    for words in [
        "left the jobs of away as they are: the archive's folder of cluster `away`",
        "2 jobs failed for it; their rows stay as they are",
        "mount the file system",
        "2 jobs left: their cluster's folder is not there; the next sweep takes them",
    ] {
        assert!(answer.out.contains(words), "{words}: {}", answer.out);
    }
    // It is mounted again: nothing was held against its jobs.
    fs::create_dir(&elsewhere).unwrap();
    fs::write(
        elsewhere.join("cluster.json"),
        replaced("/name", "away".into()),
    )
    .unwrap();
    let answer = site.run(&["--json"]);
    assert_eq!(
        (answer.code(), &answer.summary()["archived"]),
        (0, &2.into())
    );
}

#[test]
fn verify_names_a_cluster_whose_folder_leads_nowhere() {
    let site = Site::new();
    site.run(&[]);
    let (link, elsewhere) = (site.path("job-archive/tiny"), site.path("elsewhere"));
    fs::rename(&link, &elsewhere).unwrap();
    symlink(&elsewhere, &link).unwrap();
    let verify = || {
        let mut command = program();
        run(command
            .arg("verify")
            .arg("--json")
            .arg("--db")
            .arg(site.path("job.db")))
    };
    assert_eq!(verify().code(), 0);
    fs::rename(&elsewhere, site.path("unmounted")).unwrap();
    let answer = verify();
    println!("{}{}", answer.out, answer.err);
    let findings = answer.objects("finding");
    let of_link: Vec<_> = (findings.iter())
        .filter(|f| f["path"] == link.to_str().unwrap())
        .collect();
    assert_eq!((answer.code(), of_link.len()), (3, 1));
    assert_eq!(of_link[0]["fault"], "unreadable");
}

#[test]
fn what_is_no_file_in_place_of_a_cluster_file_is_refused_and_hangs_nothing() {
    for kind in [
        "mkfifo",
        "mkdir",
        "ln -s nothing",
        "ln -s /dev/zero",
        "ln -s cluster.json",
    ] {
        let site = Site::new();
        let path = site.path(FILE);
        fs::remove_file(&path).unwrap();
        make(kind, &path);
        let answer = site.run(&["--json"]);
        println!("{kind}: {}", answer.err.trim_end());
        answer.refused(1, "tiny/cluster.json: ");
    }
}

#[test]
fn an_archive_of_another_version_is_refused() {
    for (text, exit) in [
        ("3", 0),
        ("3\n", 0),
        ("", 12),
        ("2", 12),
        ("4\n", 12),
        ("3\r\n", 12),
        (" 3", 12),
        ("03", 12),
        ("three", 12),
        ("3\n\n", 12),
        ("\u{1b}[31m", 12),
        (&"3".repeat(1 << 20), 12),
    ] {
        let site = Site::new();
        fs::write(site.path("job-archive/version.txt"), text).unwrap();
        let answer = site.run(&["--json"]);
        if exit == 0 {
            assert_eq!(
                (answer.code(), answer.summary()["archived"].as_u64()),
                (0, Some(13))
            );
        } else {
            answer.refused(12, "expected version 3");
        }
    }
    for kind in ["mkfifo", "mkdir", "true"] {
        let site = Site::new();
        let path = site.path("job-archive/version.txt");
        fs::remove_file(&path).unwrap();
        make(kind, &path);
        let answer = site.run(&["--json"]);
        println!("{kind}: {} {}", answer.code(), answer.err.trim_end());
        answer.refused(if kind == "true" { 2 } else { 1 }, "version");
    }
}
