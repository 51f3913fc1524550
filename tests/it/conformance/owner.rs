//! Whoever runs a sweep, cc-backend's user can change afterwards what it wrote; else the sweep does not begin.

use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use ccarchive::model::stored::Form;
use ccarchive::target::Target;
use ccarchive::target::tree::Tree;

use super::target::{key, publish};
use super::tree::Archive;

/// Users that no machine has.
const CC_BACKEND: u32 = 64_321;
const SOMEBODY: u32 = 64_322;
/// Tells the test, started again as another user, where the archive is.
const PLACE: &str = "CCARCHIVE_TEST_ARCHIVE";

fn am_root() -> bool {
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !root {
        println!("skipped: only root can try other users");
    }
    root
}

/// An archive of the user of cc-backend.
fn of_cc_backend() -> Archive {
    let archive = Archive::new();
    fs::set_permissions(archive.root(), fs::Permissions::from_mode(0o755)).unwrap();
    for path in ["", "alpha", "beta", "version.txt"] {
        chown(
            archive.root().join(path),
            Some(CC_BACKEND),
            Some(CC_BACKEND),
        )
        .unwrap();
    }
    archive
}

/// Every path below a folder.
fn below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(below(&path));
        }
        all.push(path);
    }
    all
}

#[test]
fn root_gives_what_it_makes_to_the_owner_of_the_archive() {
    if !am_root() {
        return;
    }
    let archive = of_cc_backend();
    let tree = archive.tree();
    tree.check().unwrap();
    publish(&tree, &key(1), Form::Plain, &[1.0]);
    publish(&tree, &key(1), Form::Gzip, &[1.0; 2]);
    tree.flush(&[&key(1)]).unwrap();
    let made = below(&archive.root().join("alpha/0"));
    assert_eq!(made.len(), 4);
    for path in made {
        let m = fs::metadata(&path).unwrap();
        assert_eq!((m.uid(), m.gid()), (CC_BACKEND, CC_BACKEND), "{path:?}");
        assert_eq!(m.mode() & 0o600, 0o600, "{path:?}");
    }
}

/// What `check` says to a user, and whether it could write.
fn as_user(uid: u32, archive: &Path) -> String {
    let test = "conformance::owner::what_another_user_is_told";
    let ran = Command::new("setpriv")
        .args([
            format!("--reuid={uid}"),
            format!("--regid={uid}"),
            "--clear-groups".to_owned(),
        ])
        .arg(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(PLACE, archive)
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&ran.stdout).into_owned();
    let said = out.split_once("told: ").unwrap_or_else(|| {
        let err = String::from_utf8_lossy(&ran.stderr);
        panic!("user {uid} could not run the test: {out}{err}")
    });
    said.1.lines().next().unwrap().to_owned()
}

#[test]
fn what_another_user_is_told() {
    if let Some(place) = env::var_os(PLACE) {
        let told = match Tree::new(place).check() {
            Ok(_) => "go on".to_owned(),
            Err(e) => e.to_string(),
        };
        println!("told: {told}");
        return;
    }
    if !am_root() {
        return;
    }
    let archive = of_cc_backend();
    assert_eq!(as_user(CC_BACKEND, archive.root()), "go on");
    let told = as_user(SOMEBODY, archive.root());
    assert!(
        told.contains(&format!("belongs to user {CC_BACKEND}"))
            && told.ends_with(&format!("run as user {CC_BACKEND}")),
        "{told}"
    );
    // The owner's own folder may be closed to the owner.
    let alpha = archive.root().join("alpha");
    fs::set_permissions(alpha, fs::Permissions::from_mode(0o555)).unwrap();
    let told = as_user(CC_BACKEND, archive.root());
    assert!(
        told.contains("cannot be written") && told.contains("mode 555"),
        "{told}"
    );
    // What belongs to root can be changed by root, whoever writes there.
    for path in ["alpha", "beta"] {
        let path = archive.root().join(path);
        chown(&path, Some(0), Some(SOMEBODY)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o775)).unwrap();
    }
    assert_eq!(as_user(SOMEBODY, archive.root()), "go on");
    assert!(as_user(CC_BACKEND, archive.root()).contains("cannot be written"));
}
