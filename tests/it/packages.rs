//! What the packages hold: files that exist, and the same in both. contrib/packages.sh builds and tries them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

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

/// Minutes, and tools that are not everywhere: so it is asked for by name. One command:
/// `CCARCHIVE_TEST_PACKAGES=1 cargo test --locked --test it packages:: -- --ignored --nocapture`
#[test]
#[ignore = "builds both packages, with CCARCHIVE_TEST_PACKAGES=1"]
fn both_packages_are_built_installed_into_an_empty_root_run_and_removed() {
    if std::env::var_os("CCARCHIVE_TEST_PACKAGES").is_none() {
        println!(
            "skipped: CCARCHIVE_TEST_PACKAGES=1 builds, installs, runs and removes both packages"
        );
        return;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |tool: &&str| std::env::split_paths(&path).any(|p| p.join(tool).is_file());
    let tools = ["cargo-deb", "cargo-generate-rpm", "dpkg", "rpm", "strip"];
    let missing: Vec<&str> = tools.into_iter().filter(|t| !is_there(t)).collect();
    if !missing.is_empty() {
        println!(
            "skipped: {} not found; cargo install --locked cargo-deb cargo-generate-rpm, and the system's dpkg, rpm and binutils",
            missing.join(", ")
        );
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/packages.sh");
    let ran = Command::new(script).arg("try").output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    for package in ["Debian package", "RPM"] {
        for what in ["installed, run", "removed"] {
            assert!(said.contains(&format!("{package}: {what}")), "{said}");
        }
    }
}
