//! What the real cc-metric-store 1.5.4 answered when it was fed the samples of a golden site, played again. It is recorded
//! by `tests/stores/metric_store.py`.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::support::golden::unpack;
use crate::support::program::{program, run};
use crate::support::store::{Asked, Play, Played};

/// The jobs that were swept when it was recorded: one node, a part of a core, accelerators, eight nodes, late hosts, and
/// values that are very small.
const JOBS: &str = "1001,1008,1016,1017,1034,1055,1057,1058";

fn replies() -> HashMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/edges.replies.gz");
    let mut text = String::new();
    GzDecoder::new(File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let one = |line: &str| {
        let v: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| v[key].as_str().unwrap().to_owned();
        (key(&text("asked")), text("answered"))
    };
    text.lines().map(one).collect()
}

/// A question. Those for the newest data depend on the time of day, which does not matter here.
fn key(body: &str) -> String {
    let mut v: Value = serde_json::from_str(body).unwrap();
    if v["with-data"] == false {
        v["from"] = Value::Null;
        v["to"] = Value::Null;
    }
    v.to_string()
}

/// All files below a folder that belong to jobs, by their path within it.
fn archived(archive: &Path) -> HashMap<String, Vec<u8>> {
    let (mut out, mut folders) = (HashMap::new(), vec![archive.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("meta.json") || path.to_string_lossy().contains("data.json") {
                let name = path.strip_prefix(archive).unwrap();
                out.insert(name.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }
    out
}

/// The documents of a live store are those of its checkpoints, byte for byte.
#[test]
fn the_replies_of_a_live_store_give_the_documents_that_its_checkpoints_give() {
    let replies = replies();
    // What was not recorded fails.
    let played = Played::start(move |a: &Asked| {
        let text = replies.get(&key(&a.body)).cloned();
        text.map_or(Play::Status(500), Play::Answer)
    });
    let sweep = |sources: &[String]| {
        let site = unpack("edges");
        let mut command = program();
        command
            .arg("run")
            .arg("--db")
            .arg(site.db())
            .args(["--job-id", JOBS]);
        for s in sources {
            command.args(["--source", s]);
        }
        run(&mut command).expect(0);
        archived(&site.path().join("job-archive"))
    };
    let (from_files, from_store) = (sweep(&[]), sweep(&[played.url()]));
    let mut names: Vec<_> = from_files.keys().collect();
    names.sort();
    assert!(names.len() >= 16, "{names:?}");
    for name in names {
        assert!(
            from_store.get(name) == from_files.get(name),
            "{name} differs"
        );
    }
    assert_eq!(from_store.len(), from_files.len());
}
