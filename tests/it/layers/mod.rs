//! The direction of dependencies: a module names only what its row allows, and the map in lib.rs names every module.

mod graph;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use graph::Files;

/// Module → modules that it may name. Whoever is not here does not exist; ports never name each other.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("opening", &[]),
    ("https", &[]),
    ("model", &[]),
    ("site", &["model", "opening"]),
    ("rules", &["model"]),
    ("format", &["model", "rules"]),
    ("target", &["format", "https", "model", "opening"]),
    ("source", &["https", "model", "opening", "rules"]),
    ("jobs", &["model", "opening"]),
    ("ledger", &["format", "model", "opening", "rules"]),
    (
        "sweep",
        &[
            "format", "jobs", "ledger", "model", "rules", "source", "target",
        ],
    ),
    (
        "inspect",
        &[
            "format", "jobs", "ledger", "model", "rules", "source", "sweep", "target",
        ],
    ),
    (
        "repair",
        &["format", "inspect", "jobs", "model", "rules", "target"],
    ),
    ("fuzzing", &["format", "model", "rules", "site", "source"]),
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files outside the program, with their text.
fn engine_files() -> Vec<(PathBuf, String)> {
    let (mut files, mut folders) = (Vec::new(), vec![src()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|n| n != "bin") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    files
}

#[test]
fn modules_name_only_what_stands_below_them() {
    let table: BTreeMap<&str, &[&str]> = MAY_NAME.iter().copied().collect();
    let mut wrong = Vec::new();
    for (from, to) in Files::below(&src()).edges() {
        let module = |path: &[String]| path.first().cloned().unwrap_or_default();
        let (from_module, to_module) = (module(&from), module(&to));
        let Some(allowed) = table.get(from_module.as_str()) else {
            continue;
        };
        let known = table.contains_key(to_module.as_str());
        if from_module != to_module && known && !allowed.contains(&to_module.as_str()) {
            wrong.push(format!("{}: {to_module}", from.join("::")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_do_not_name_each_other_in_a_circle() {
    let mut edges: BTreeSet<(String, String)> = BTreeSet::new();
    for (folder, prefix) in [(src(), ""), (src().join("bin/ccarchive"), "bin::")] {
        let name = |path: Vec<String>| format!("{prefix}{}", path.join("::"));
        let found = Files::below(&folder).edges().into_iter();
        edges.extend(found.map(|(from, to)| (name(from), name(to))));
    }
    let circles: Vec<_> = edges
        .iter()
        .filter(|(a, b)| leads_to(&edges, b, a))
        .collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

/// Whether one can go from one file to another along what they name.
fn leads_to(edges: &BTreeSet<(String, String)>, from: &str, to: &str) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(at) = next.pop() {
        if at == to {
            return true;
        }
        if seen.insert(at) {
            let onward = edges.iter().filter(|(a, _)| a == at);
            next.extend(onward.map(|(_, b)| b.as_str()));
        }
    }
    false
}

/// What a flag does is known to the engine, its name only to the program: a message of the engine says what to do, and the
/// program adds the flag.
#[test]
fn no_text_outside_the_program_names_a_flag() {
    let mut wrong = Vec::new();
    for (file, text) in engine_files() {
        for (n, line) in text.lines().enumerate() {
            let code = line.trim_start();
            let flag = line.match_indices("--").any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let after = line[at + 2..].chars().next();
                before != Some('-') && after.is_some_and(|c| c.is_ascii_lowercase())
            });
            if flag {
                wrong.push(format!("{}:{}: {}", file.display(), n + 1, code));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_itself_has_no_circle() {
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    let mut rest: Vec<_> = MAY_NAME.to_vec();
    while !rest.is_empty() {
        let before = rest.len();
        rest.retain(|(module, below)| {
            let ready = below.iter().all(|b| placed.contains(b));
            if ready {
                placed.insert(module);
            }
            !ready
        });
        assert!(rest.len() < before, "a circle among {rest:?}");
    }
}

#[test]
fn lib_rs_declares_and_maps_the_modules_of_the_table() {
    let lib = fs::read_to_string(src().join("lib.rs")).unwrap();
    let declared: BTreeSet<&str> = lib
        .lines()
        .filter_map(|l| {
            l.strip_prefix("pub mod ")
                .or_else(|| l.strip_prefix("mod "))
        })
        .map(|l| l.trim_end_matches(';'))
        .collect();
    assert_eq!(declared, MAY_NAME.iter().map(|m| m.0).collect());
    for module in declared {
        assert!(
            lib.lines()
                .any(|l| l.starts_with("//! |") && l.contains(&format!("`{module}`"))),
            "{module}"
        );
    }
}
