//! The sites that the generator writes: the same bytes every time, files that read back, rows
//! of every kind.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

mod readers;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use readers::{log, snapshot, snapshots};

use crate::generator::{Error, Plan, Written, encode, write};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tempfile::TempDir;

const NOW: i64 = 1_780_000_123;

/// A written site; the folder goes when it is dropped.
struct Site {
    root: TempDir,
    written: Written,
}

impl Site {
    fn new(plan: &Plan) -> Self {
        let root = TempDir::new().unwrap();
        let written = write(root.path(), plan).unwrap();
        Self { root, written }
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.root.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.root.path()).unwrap().to_owned();
                    files.insert(name, fs::read(path).unwrap());
                }
            }
        }
        files
    }

    fn database(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        Connection::open_with_flags(self.root.path().join("job.db"), flags).unwrap()
    }

    fn count(&self, condition: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM job WHERE {condition}");
        self.database()
            .query_row(&sql, [], |row| row.get(0))
            .unwrap()
    }

    /// The folder of the last host of the job with this note.
    fn host_of(&self, note: &str) -> PathBuf {
        let special = self
            .written
            .special
            .iter()
            .find(|(_, text)| text.contains(note))
            .unwrap();
        let sql = "SELECT CAST(resources AS TEXT) FROM job WHERE job_id = ?1";
        let text: String = self
            .database()
            .query_row(sql, [special.0], |row| row.get(0))
            .unwrap();
        let resources: Value = serde_json::from_str(&text).unwrap();
        let host = resources.as_array().unwrap().last().unwrap()["hostname"]
            .as_str()
            .unwrap();
        self.root.path().join("checkpoints/demo").join(host)
    }

    fn config(&self) -> Value {
        let path = self.root.path().join("job-archive/demo/cluster.json");
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }
}

#[test]
fn equal_plans_give_equal_bytes_and_other_seeds_others() {
    let plan = Plan::demo(NOW);
    let (one, two) = (Site::new(&plan), Site::new(&plan));
    assert_eq!(one.written, two.written);
    assert!(one.files() == two.files(), "some file differs");
    let other = Site::new(&Plan { seed: 2, ..plan });
    assert!(one.files() != other.files());
    assert!(!one.root.path().join("job.db-wal").exists());
}

#[test]
fn write_refuses_a_folder_that_is_not_empty_and_leaves_it_alone() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("thesis.tex"), "x").unwrap();
    let error = write(root.path(), &Plan::demo(NOW)).unwrap_err();
    assert!(matches!(error, Error::NotEmpty(_)));
    let text = error.to_string();
    assert!(
        text.ends_with("is not empty: a site is only written into a new or empty folder"),
        "{text}"
    );
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
fn small_and_crowded_plans_are_written_with_exactly_their_jobs() {
    for (nodes, hours, jobs) in [(1, 2, 30), (4, 2, 0), (4, 2, 5), (4, 3, 300), (7, 13, 60)] {
        let site = Site::new(&Plan::sized(NOW, nodes, hours, jobs));
        assert_eq!(site.count("true"), i64::from(jobs));
        assert_eq!(site.written.jobs, jobs as usize);
        assert_eq!(site.count(&format!("start_time + duration > {NOW}")), 0);
    }
}

#[test]
fn the_database_is_sound_and_of_version_11() {
    let site = Site::new(&Plan::demo(NOW));
    let database = site.database();
    let text = |sql: &str| {
        database
            .query_row(sql, [], |row| row.get::<_, String>(0))
            .unwrap()
    };
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    assert_eq!(text("PRAGMA journal_mode"), "wal");
    assert_eq!(
        text("SELECT version || ' ' || dirty FROM schema_migrations"),
        "11 0"
    );
    let violations = database
        .prepare("PRAGMA foreign_key_check")
        .unwrap()
        .exists([])
        .unwrap();
    assert!(!violations);
    let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'job'";
    let indexes: i64 = database.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(indexes, 55);
    for (class, rest) in [("blob", 0), ("text", 1)] {
        let wrong = format!(
            "id % 2 = {rest} AND (typeof(resources) <> '{class}' OR typeof(meta_data) NOT IN ('{class}', 'null'))"
        );
        assert_eq!(site.count(&wrong), 0, "{class}");
    }
}

#[test]
fn the_demo_has_jobs_of_every_kind() {
    let site = Site::new(&Plan::demo(NOW));
    let stopped = "job_state NOT IN ('running', 'pending', 'suspended')";
    for condition in [
        "job_state = 'running'",
        "job_state = 'pending'",
        "job_state = 'suspended'",
        "monitoring_status = 0",
        "monitoring_status = 3",
        "duration = 0 AND monitoring_status = 1 AND job_state = 'failed'",
        "duration = 0 AND monitoring_status = 2",
        "duration > 0 AND monitoring_status = 2",
        "duration BETWEEN 1 AND 59",
        "duration > 12 * 3600",
        "num_nodes >= 8",
        "num_acc = 1 AND shared = 'multi_user'",
        "num_acc = 8",
        "array_job_id > 0",
        "job_id IN (SELECT job_id FROM job GROUP BY job_id HAVING count(*) = 2)",
        "id IN (SELECT job_id FROM jobtag)",
        "meta_data IS NULL",
        "NOT json_valid(CAST(meta_data AS TEXT))",
        "NOT json_valid(CAST(resources AS TEXT))",
        "cluster = 'gone'",
        "subcluster = 'old'",
        "start_time + duration BETWEEN 1780000123 - 600 AND 1780000123 - 180",
    ] {
        assert!(site.count(condition) > 0, "no job with {condition}");
    }
    let open = site.count(&format!("{stopped} AND monitoring_status IN (1, 2)"));
    assert_eq!(site.written.unarchived, usize::try_from(open).unwrap());
    assert!(open * 10 > site.count("true") * 9);
}

#[test]
fn every_file_reads_back_and_fits_the_configuration() {
    let site = Site::new(&Plan::sized(NOW, 8, 26, 60));
    let config = site.config();
    let steps: BTreeMap<&str, i64> = (config["metricConfig"].as_array().unwrap().iter())
        .map(|metric| {
            (
                metric["name"].as_str().unwrap(),
                metric["timestep"].as_i64().unwrap(),
            )
        })
        .collect();
    let (mut formats, mut values) = (BTreeSet::new(), 0);
    for name in site.files().into_keys() {
        let path = site.root.path().join(&name);
        let Some(format) = name.extension().filter(|_| name.starts_with("checkpoints")) else {
            continue;
        };
        formats.insert(format.to_str().unwrap().to_owned());
        if format == "wal" {
            let (records, damaged) = log(&path);
            assert_eq!(damaged, 0);
            assert!(records.is_sorted_by_key(|(time, _, _)| *time));
            let is_sound = |(time, _, value): &(i64, _, f32)| *time < NOW && value.is_finite();
            assert!(records.iter().all(is_sound));
            continue;
        }
        let snapshot = snapshot(&path).unwrap();
        assert_eq!(snapshot.to - snapshot.from, 12 * 3600);
        for ((child, metric), stretch) in &snapshot.series {
            assert_eq!(stretch.step, steps[metric.as_str()], "{metric}");
            assert!(stretch.start >= snapshot.from && !stretch.values.is_empty());
            let length = i64::try_from(stretch.values.len()).unwrap();
            assert!(
                stretch.start + (length - 1) * stretch.step < snapshot.to,
                "{child} {metric}"
            );
            assert!(
                stretch.values.iter().all(|value| value.is_finite()),
                "{child} {metric}"
            );
            values += stretch.values.len();
        }
    }
    assert_eq!(Vec::from_iter(formats), ["bin", "json", "wal"]);
    assert!(values > 500_000);
}

#[test]
fn json_numbers_have_one_decimal() {
    let site = Site::new(&Plan::sized(NOW, 4, 2, 0));
    let files = site.files();
    let (_, bytes) = files
        .iter()
        .find(|(path, _)| {
            path.extension().is_some_and(|e| e == "json") && path.starts_with("checkpoints")
        })
        .unwrap();
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.starts_with("{\"metrics\":{\"cpu_load\":{\"frequency\":60,\"start\":"));
    assert!(text.ends_with("}\n"));
    for list in text.split("\"data\":[").skip(1) {
        for number in list.split(']').next().unwrap().split(',') {
            let (_, decimals) = number.split_once('.').unwrap();
            assert_eq!(decimals.len(), 1, "{number}");
        }
    }
}

#[test]
fn snapshots_and_log_of_a_host_continue_one_timeline_without_hole_or_double() {
    let site = Site::new(&Plan::sized(NOW, 4, 40, 20));
    let host = site.root.path().join("checkpoints/demo/c0001");
    let (records, _) = log(&host.join("current.wal"));
    let snapshots = snapshots(&host);
    assert!(snapshots.len() >= 4);
    for (key, first) in &snapshots[0].series {
        // The first snapshot stands on its samples' own times, which are the middle of their slots.
        let slot = |time: i64| (time - first.start + first.step / 2).div_euclid(first.step);
        let mut slots = BTreeMap::new();
        for snapshot in &snapshots {
            let stretch = &snapshot.series[key];
            for (number, value) in (0..).zip(&stretch.values) {
                let before = slots.insert(slot(stretch.start + number * stretch.step), *value);
                assert!(
                    before.is_none_or(|before| before.to_bits() == value.to_bits()),
                    "{key:?}"
                );
            }
        }
        for (time, _, value) in records.iter().filter(|record| record.1 == *key) {
            assert_eq!((time - first.start) % first.step, 0);
            assert!(slots.insert(slot(*time), *value).is_none(), "{key:?}");
        }
        let last = *slots.last_key_value().unwrap().0;
        assert_eq!(slots.len(), usize::try_from(last + 1).unwrap(), "{key:?}");
        assert!(
            NOW - (first.start + last * first.step) < first.step + 10,
            "{key:?}"
        );
    }
}

#[test]
fn broken_hosts_are_broken_in_the_way_their_jobs_say() {
    let site = Site::new(&Plan::demo(NOW));
    assert!(!site.host_of("never reported: no data").exists());

    let late = snapshots(&site.host_of("begins to report"));
    assert!(late[0].series.values().all(|s| s.start > NOW - 16 * 3600));

    let gap = snapshots(&site.host_of("without samples"));
    let key = (String::new(), "cpu_load".to_owned());
    let holes = gap
        .iter()
        .flat_map(|s| &s.series[&key].values)
        .filter(|v| v.is_nan())
        .count();
    assert_eq!(holes, 10);

    let lacking = snapshots(&site.host_of("does not report mem_bw"));
    assert!(
        lacking
            .iter()
            .all(|s| s.series.keys().all(|key| key.1 != "mem_bw"))
    );

    let cut = site.host_of("cut short");
    let whole = |path: PathBuf| snapshot(&path).is_ok();
    let bins = fs::read_dir(cut).unwrap().map(|e| e.unwrap().path());
    let bins: Vec<bool> = bins
        .filter(|p| p.extension().unwrap() == "bin")
        .map(whole)
        .collect();
    assert_eq!(bins.iter().filter(|whole| !**whole).count(), 1);

    let path = site.host_of("bad record").join("current.wal");
    let (records, damaged) = log(&path);
    assert!(records.len() > 10_000 && damaged == 1);
    // Its end is torn: a record after it has damage before it.
    let mut bytes = fs::read(&path).unwrap();
    encode::record(&mut bytes, NOW, "", "cpu_load", 1.0);
    fs::write(&path, bytes).unwrap();
    let (with_another, damaged) = log(&path);
    assert_eq!((with_another.len(), damaged), (records.len() + 1, 2));
}

#[test]
fn the_configuration_names_every_host_and_fits_the_topology() {
    let site = Site::new(&Plan::demo(NOW));
    let config = site.config();
    let clusters = config["subClusters"].as_array().unwrap();
    let nodes: Vec<&str> = clusters
        .iter()
        .map(|c| c["nodes"].as_str().unwrap())
        .collect();
    assert_eq!(nodes, ["c[0001-0015]", "g[0001-0003]"]);
    assert_eq!(site.written.hosts, 18);
    for cluster in clusters {
        let topology = &cluster["topology"];
        let all: BTreeSet<u64> = numbers(&topology["node"]).collect();
        for groups in ["socket", "memoryDomain", "core"] {
            let members: Vec<u64> = topology[groups]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(numbers)
                .collect();
            assert_eq!(members.len(), all.len());
            assert_eq!(BTreeSet::from_iter(members), all);
        }
    }
    assert_eq!(
        fs::read(site.root.path().join("job-archive/version.txt")).unwrap(),
        b"3"
    );
}

fn numbers(list: &Value) -> impl Iterator<Item = u64> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_u64().unwrap())
}
