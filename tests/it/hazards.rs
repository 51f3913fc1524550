//! Every test that tests/hazards.md names exists, and every hazard has one.

use std::fs;
use std::path::{Path, PathBuf};

/// All source below a folder.
fn source(folder: PathBuf) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let text = |path: PathBuf| {
        if path.is_dir() {
            source(path)
        } else {
            fs::read_to_string(path).unwrap_or_default()
        }
    };
    entries.map(text).collect()
}

#[test]
fn every_hazard_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = source(root.join("src")) + &source(root.join("tests/it"));
    let page = fs::read_to_string(root.join("tests/hazards.md")).unwrap();
    let rows = page.lines().filter(|l| l.starts_with("| "));
    let rows: Vec<Vec<&str>> = rows.map(|l| l.split(" | ").collect()).collect();
    let numbered = rows.iter().filter(|r| r[0] != "| #");
    for (n, row) in (1..).zip(numbered.clone()) {
        assert_eq!(row[0], format!("| {n}"));
        let mut named = row[3].split('`').skip(1).step_by(2).peekable();
        assert!(named.peek().is_some(), "{n} has no test");
        for test in named {
            assert!(source.contains(&format!("fn {test}")), "{n}: {test}");
        }
    }
    assert_eq!(numbered.count(), 23);
}
