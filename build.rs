//! Names the commit that is built, for `--version`: from the environment, from the package that cargo made of a commit, or
//! from git. Without any of them the program is built all the same.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CCARCHIVE_COMMIT");
    if std::env::var_os("CCARCHIVE_COMMIT").is_some() {
        return;
    }
    if let Some(commit) = packaged().or_else(checked_out) {
        println!("cargo:rustc-env=CCARCHIVE_COMMIT={commit}");
    }
}

/// The commit that `cargo package` noted.
fn packaged() -> Option<String> {
    let text = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?;
    Some(commit.chars().take(12).collect())
}

/// The commit that is checked out; asked for again once another one is. Not that of a repository around this one.
fn checked_out() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo:rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let out = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    out.status.success().then(|| text.trim().to_owned())
}
