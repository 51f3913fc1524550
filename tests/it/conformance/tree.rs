//! What the file tree promises besides: whose links it follows, what it leaves where, and what another sweep may do.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ccarchive::model::failure::Reason;
use ccarchive::model::stored::Form;
use ccarchive::target::tree::Tree;
use ccarchive::target::{Error, Target};

use super::target::{Medium, documents, found, key, publish, values};

/// A file tree in a folder of its own.
pub(crate) struct Archive(tempfile::TempDir);

impl Archive {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("version.txt"), "3\n").unwrap();
        for cluster in ["alpha", "beta"] {
            fs::create_dir(dir.path().join(cluster)).unwrap();
            fs::write(dir.path().join(cluster).join("cluster.json"), "{}").unwrap();
        }
        Self(dir)
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn tree(&self) -> Tree {
        Tree::new(self.root())
    }

    pub(crate) fn folder(&self, job_id: i64) -> PathBuf {
        self.tree().folder(&key(job_id))
    }
}

impl Medium for Archive {
    fn open(&self) -> Box<dyn Target> {
        Box::new(self.tree())
    }
}

/// The names in a folder, in order.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_job_stands_where_cc_backend_looks_for_it() {
    let archive = Archive::new();
    let folder = archive.folder(123_045);
    assert_eq!(folder, archive.root().join("alpha/123/045/1700000000"));
    publish(&archive.tree(), &key(123_045), Form::Gzip, &[1.0]);
    assert_eq!(names(&folder), ["data.json.gz", "meta.json"]);
}

#[test]
fn a_draft_that_comes_to_nothing_leaves_no_folder() {
    let archive = Archive::new();
    let tree = archive.tree();
    publish(&tree, &key(2), Form::Plain, &[1.0]);
    drop((
        tree.begin(&key(1)).unwrap(),
        tree.begin(&key(5001)).unwrap(),
    ));
    assert_eq!(names(&archive.root().join("alpha")), ["0", "cluster.json"]);
    assert_eq!(names(&archive.root().join("alpha/0")), ["002"]);
}

#[test]
fn a_probe_is_made_where_other_files_may_lie_and_removes_what_a_killed_one_left() {
    let archive = Archive::new();
    let left = archive.root().join("alpha/.ccarchive-probe-77.tmp");
    fs::write(left, "x").unwrap();
    archive.tree().probe().unwrap();
    assert_eq!(names(&archive.root().join("alpha")), ["cluster.json"]);
    assert_eq!(names(archive.root()), ["alpha", "beta", "version.txt"]);
    // It is about the whole archive where its version.txt is gone.
    fs::remove_file(archive.root().join("version.txt")).unwrap();
    let beta = archive.root().join("beta");
    fs::create_dir(beta.join(".ccarchive-probe-77.tmp")).unwrap();
    let e = archive.tree().probe().unwrap_err();
    assert_eq!(e.failure().reason, Reason::TargetGone);
}

#[test]
fn a_job_folder_that_is_a_link_is_not_followed() {
    let (archive, foreign) = (Archive::new(), Archive::new());
    let files = publish(&foreign.tree(), &key(7), Form::Plain, &[1.0]);
    let folder = archive.folder(7);
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    symlink(foreign.folder(7), &folder).unwrap();
    let tree = archive.tree();
    let refusals = [
        tree.find(&key(7)).map(drop),
        tree.read(&key(7)).map(drop),
        tree.tidy(&key(7)),
        tree.begin(&key(7)).map(drop),
    ];
    for refused in refusals {
        let failure = refused.unwrap_err().failure();
        assert_eq!(failure.reason, Reason::TargetUnwritable);
        assert!(
            failure.detail.contains("it is a link"),
            "{}",
            failure.detail
        );
    }
    assert_eq!(found(&foreign.tree(), &key(7)).unwrap().files, Some(files));
    assert_eq!(names(&foreign.folder(7)), ["data.json", "meta.json"]);
    assert!(folder.symlink_metadata().unwrap().is_symlink());
}

#[test]
fn folders_above_may_lead_to_another_file_system() {
    let archive = Archive::new();
    let other = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    symlink(other.path(), archive.root().join("alpha/7")).unwrap();
    let (tree, here, there) = (archive.tree(), key(1), key(7001));
    for key in [&here, &there] {
        publish(&tree, key, Form::Plain, &[1.0]);
    }
    tree.flush(&[&here, &there]).unwrap();
    assert_eq!(names(&other.path().join("001/1700000000")).len(), 2);
    assert_eq!(values(&archive.tree(), &there), Some(1));
}

#[test]
fn another_version_is_refused() {
    let archive = Archive::new();
    let version = archive.root().join("version.txt");
    for good in ["3", "3\n"] {
        fs::write(&version, good).unwrap();
        archive.tree().check().unwrap();
    }
    for bad in ["2\n", "", "3\r\n", "3\n\n", "33"] {
        fs::write(&version, bad).unwrap();
        let e = archive.tree().check().unwrap_err();
        assert!(matches!(e, Error::Version { .. }), "{e}");
    }
    fs::remove_file(&version).unwrap();
    let e = archive.tree().check().unwrap_err();
    assert!(matches!(e, Error::Gone { .. }), "{e}");
}

#[test]
fn a_folder_without_cluster_json_is_named() {
    let archive = Archive::new();
    fs::create_dir(archive.root().join("lost+found")).unwrap();
    let clusters = archive.tree().clusters().unwrap();
    assert_eq!(clusters.without, ["lost+found"]);
    assert_eq!(clusters.files.len(), 2);
}

#[test]
fn leftovers_of_dead_sweeps_go_and_so_does_the_folder_that_held_nothing_else() {
    let archive = Archive::new();
    let folder = archive.folder(1);
    for name in [
        ".ccarchive-data-1f.tmp",
        ".ccarchive-meta-first-1f.tmp",
        ".ccarchive-data-2e.tmp",
        ".ccarchive-data.tmp",
        ".ccarchive-later-2e.tmp",
    ] {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), "x").unwrap();
    }
    archive.tree().tidy(&key(1)).unwrap();
    assert!(!folder.exists());
    // What is nobody's leftover stays.
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("notes.txt"), "x").unwrap();
    fs::write(folder.join(".ccarchive-data-1f.tmp"), "x").unwrap();
    archive.tree().tidy(&key(1)).unwrap();
    assert_eq!(names(&folder), ["notes.txt"]);
}

#[test]
fn a_first_archive_that_was_cut_short_after_its_data_is_nothing() {
    let archive = Archive::new();
    let folder = archive.folder(1);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("data.json"), documents(&key(1), &[1.0]).1).unwrap();
    fs::write(folder.join(".ccarchive-meta-first-1f.tmp"), "{}").unwrap();
    archive.tree().tidy(&key(1)).unwrap();
    assert!(!folder.exists());
}

#[test]
fn what_a_living_sweep_is_at_is_left_alone() {
    let archive = Archive::new();
    let (one, two, key) = (archive.tree(), archive.tree(), key(1));
    for n in [1, 2] {
        let (meta, data) = documents(&key, &vec![1.0; n]);
        let mut draft = one.begin(&key).unwrap();
        draft.write(&data).unwrap();
        two.tidy(&key).unwrap();
        let refused = two.begin(&key).err().unwrap();
        assert!(refused.to_string().contains("another sweep"), "{refused}");
        draft.complete(Form::Plain, &meta).unwrap();
        two.tidy(&key).unwrap();
        draft.publish().unwrap();
        assert_eq!(values(&two, &key), Some(n as u64));
        assert_eq!(names(&archive.folder(1)).len(), 2);
    }
    // Two that began at once and hold names of their own.
    let mut draft = one.begin(&key).unwrap();
    draft.write(b"x").unwrap();
    assert_eq!(names(&archive.folder(1)).len(), 3);
    drop(draft);
    publish(&two, &key, Form::Gzip, &[1.0; 3]);
    assert_eq!(values(&one, &key), Some(3));
}

#[test]
fn what_somebody_else_archived_meanwhile_is_replaced_like_an_archive() {
    let archive = Archive::new();
    let (tree, key) = (archive.tree(), key(1));
    let (meta, data) = documents(&key, &[1.0; 2]);
    let mut draft = tree.begin(&key).unwrap();
    draft.write(&data).unwrap();
    draft.complete(Form::Plain, &meta).unwrap();
    // As cc-backend does it.
    let (theirs, gz) = documents(&key, &[1.0]);
    let folder = archive.folder(1);
    fs::write(folder.join("meta.json"), theirs).unwrap();
    fs::write(
        folder.join("data.json.gz"),
        super::target::stored(Form::Gzip, &gz),
    )
    .unwrap();
    draft.publish().unwrap();
    assert_eq!(values(&tree, &key), Some(2));
    assert_eq!(names(&folder), ["data.json", "meta.json"]);
}

#[test]
fn both_forms_of_the_data_are_nobodys_archive_and_the_richer_counts() {
    let archive = Archive::new();
    let (tree, key) = (archive.tree(), key(1));
    publish(&tree, &key, Form::Plain, &[1.0; 3]);
    let folder = archive.folder(1);
    let (_, less) = documents(&key, &[1.0]);
    fs::write(
        folder.join("data.json.gz"),
        super::target::stored(Form::Gzip, &less),
    )
    .unwrap();
    let both = found(&tree, &key).unwrap();
    assert!(both.files.is_none() && both.whole.is_none());
    assert_eq!(both.values.values().map(|h| h.values).sum::<u64>(), 3);
    publish(&tree, &key, Form::Gzip, &[1.0; 4]);
    assert_eq!(names(&folder), ["data.json.gz", "meta.json"]);
    assert_eq!(values(&tree, &key), Some(4));
}
