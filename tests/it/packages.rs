//! What the packages hold: files that exist, and the same in both. contrib/packages.sh builds and tries them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The sources of a package's assets, as a section of Cargo.toml lists them.
fn assets(section: &str, begin: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let section = manifest.split(section).nth(1).unwrap();
    let list = section.split("assets = [\n").nth(1).unwrap();
    let list = list.split("\n]").next().unwrap();
    let source = |line: &str| {
        let rest = line.trim().strip_prefix(begin).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    list.lines().map(source).collect()
}

#[test]
fn both_packages_hold_the_same_and_every_file_is_there() {
    let debian = assets("[package.metadata.deb]", "[\"");
    let mut rpm = assets("[package.metadata.generate-rpm]", "{ source = \"");
    // cargo-deb has a field of its own for it.
    assert!(rpm.remove("LICENSE"));
    assert_eq!(debian, rpm);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for source in debian.iter().filter(|s| !s.starts_with("target/package/")) {
        let path = root.join(source.trim_end_matches("/*").trim_end_matches("/*.1"));
        assert!(path.exists(), "{source}");
    }
    for entry in fs::read_dir(root.join("contrib/systemd")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            debian.contains(&format!("contrib/systemd/{name}")),
            "{name}"
        );
    }
}
