//! The direction of dependencies: a module names only what its row allows, and the map in lib.rs names every module.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Module → modules that it may name. Whoever is not here does not exist; ports never name each other.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("job", &[]),
    ("stop", &[]),
    ("selection", &[]),
    ("quantity", &[]),
    ("when", &[]),
    ("regular", &[]),
    ("sqlite", &[]),
    ("demo", &[]),
    ("stored", &[]),
    ("series", &["job"]),
    ("verdict", &["job"]),
    ("timeline", &[]),
    ("host", &["timeline", "verdict"]),
    ("compress", &["format", "stored"]),
    ("cluster", &["series", "verdict"]),
    ("query", &["cluster", "job", "series"]),
    ("stats", &["cluster", "series"]),
    ("document", &["job", "series", "stats"]),
    ("format", &[]),
    (
        "assemble",
        &[
            "cluster", "host", "job", "query", "series", "stats", "timeline", "verdict",
        ],
    ),
    (
        "source",
        &["host", "job", "regular", "stop", "timeline", "verdict"],
    ),
    (
        "archive",
        &["job", "regular", "series", "stored", "verdict"],
    ),
    ("db", &["job", "selection", "sqlite", "stop"]),
    (
        "ledger",
        &["document", "job", "sqlite", "stats", "stored", "verdict"],
    ),
    ("lock", &["job"]),
    ("monitor", &["job", "verdict"]),
    ("site", &["quantity", "regular"]),
    (
        "sweep",
        &[
            "archive",
            "assemble",
            "cluster",
            "compress",
            "db",
            "document",
            "format",
            "host",
            "job",
            "ledger",
            "monitor",
            "selection",
            "series",
            "source",
            "stats",
            "stop",
            "stored",
            "verdict",
        ],
    ),
    (
        "fuzzing",
        &[
            "archive", "cluster", "document", "format", "job", "query", "site", "source", "stored",
            "timeline", "verdict",
        ],
    ),
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file of a module.
fn files(module: &str) -> Vec<PathBuf> {
    let (file, folder) = (src().join(format!("{module}.rs")), src().join(module));
    let mut out = Vec::from_iter(file.is_file().then_some(file));
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    out
}

/// The modules that a text names as `crate::module`, comments left out.
fn named(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|l| !l.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let name = |at: usize| {
        code[at..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect()
    };
    code.match_indices("crate::")
        .map(|(at, found)| name(at + found.len()))
        .collect()
}

#[test]
fn modules_name_only_what_stands_below_them() {
    let table: BTreeMap<&str, &[&str]> = MAY_NAME.iter().copied().collect();
    let mut wrong = Vec::new();
    for (module, allowed) in &table {
        for file in files(module) {
            for name in named(&fs::read_to_string(&file).unwrap()) {
                let known = table.contains_key(name.as_str());
                if name != *module && known && !allowed.contains(&name.as_str()) {
                    wrong.push(format!("{}: {name}", file.display()));
                }
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
