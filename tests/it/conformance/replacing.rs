//! A replacement that is cut short at any point ends as the old archive or as the new one, from what is on the disk alone.
//!
//! Names that were not made durable one after the other may reach the disk in any order: so between two such points every
//! subset of the steps is tried, for every pair of forms.

use std::fs;
use std::path::{Path, PathBuf};

use ccarchive::model::stored::Form;
use ccarchive::target::Target;

use super::target::{documents, key, publish, stored, values};
use super::tree::{Archive, names};

const FORMS: [Form; 2] = [Form::Plain, Form::Gzip];
/// How many values each of the two holds.
const OLD: usize = 1;
const NEW: usize = 2;
const SWEEP: &str = "00000000deadbeef";

fn name(form: Form) -> &'static str {
    match form {
        Form::Plain => "data.json",
        Form::Gzip => "data.json.gz",
    }
}

fn word(form: Form) -> &'static str {
    match form {
        Form::Plain => "plain",
        Form::Gzip => "gzip",
    }
}

/// A job's folder with an archived job, and the files of a sweep that is about to replace it.
struct Scene {
    archive: Archive,
    old: Form,
    new: Form,
}

impl Scene {
    fn new(old: Form, new: Form) -> Self {
        let archive = Archive::new();
        publish(&archive.tree(), &key(1), old, &[1.0; OLD]);
        Self { archive, old, new }
    }

    fn folder(&self) -> PathBuf {
        self.archive.folder(1)
    }

    fn temporary(&self, role: &str) -> PathBuf {
        self.folder().join(format!(".ccarchive-{role}-{SWEEP}.tmp"))
    }

    fn write_data(&self) {
        let (_, data) = documents(&key(1), &[1.0; NEW]);
        fs::write(self.temporary("data"), stored(self.new, &data)).unwrap();
    }

    fn write_meta(&self) {
        fs::write(self.temporary("meta"), documents(&key(1), &[1.0; NEW]).0).unwrap();
    }

    fn second_name(&self) -> PathBuf {
        self.temporary(&format!("old-{}", word(self.old)))
    }

    fn keep_old(&self) {
        fs::hard_link(self.folder().join(name(self.old)), self.second_name()).unwrap();
    }

    fn mark(&self) -> PathBuf {
        let (old, new) = (word(self.old), word(self.new));
        self.temporary(&format!("replace-{old}-by-{new}"))
    }

    /// All that is durable before the first new name.
    fn prepare(&self) {
        self.write_data();
        self.write_meta();
        self.keep_old();
        fs::write(self.mark(), "").unwrap();
    }

    fn rename_data(&self) {
        fs::rename(self.temporary("data"), self.folder().join(name(self.new))).unwrap();
    }

    fn rename_meta(&self) {
        fs::rename(self.temporary("meta"), self.folder().join("meta.json")).unwrap();
    }

    fn remove_other_form(&self) {
        if self.old != self.new {
            fs::remove_file(self.folder().join(name(self.old))).unwrap();
        }
    }

    /// Another sweep comes to the job: how many values its archive holds then.
    #[track_caller]
    fn tidied(&self, what: &str) -> usize {
        let tree = self.archive.tree();
        let before = tree.find(&key(1)).unwrap().unwrap();
        if names(&self.folder()).iter().any(|n| n.contains("replace")) {
            // It cannot be told yet which archive the files belong to.
            assert!(before.files.is_none() && before.whole.is_none(), "{what}");
        }
        tree.tidy(&key(1)).unwrap();
        let held = values(&tree, &key(1)).unwrap_or_else(|| panic!("{what}: no whole archive"));
        let form = if held == NEW as u64 {
            self.new
        } else {
            self.old
        };
        assert_eq!(names(&self.folder()), [name(form), "meta.json"], "{what}");
        usize::try_from(held).unwrap()
    }
}

/// Runs a scene for every pair of forms.
fn scenes(f: impl Fn(&Scene, &str)) {
    for old in FORMS {
        for new in FORMS {
            f(&Scene::new(old, new), &format!("{old:?} by {new:?}"));
        }
    }
}

/// Every subset of `n` steps.
fn subsets(n: u32) -> impl Iterator<Item = Vec<bool>> {
    (0..1_u32 << n).map(move |bits| (0..n).map(|k| bits >> k & 1 == 1).collect())
}

#[test]
fn before_the_mark_the_old_archive_stays() {
    for steps in subsets(3) {
        scenes(|s, what| {
            let all: [(bool, &dyn Fn()); 3] = [
                (steps[0], &|| s.write_data()),
                (steps[1], &|| s.write_meta()),
                (steps[2], &|| s.keep_old()),
            ];
            all.iter().filter(|a| a.0).for_each(|a| a.1());
            assert_eq!(s.tidied(&format!("{what} {steps:?}")), OLD);
        });
    }
}

#[test]
fn between_the_mark_and_its_removal_the_waiting_meta_json_decides() {
    for steps in subsets(3) {
        scenes(|s, what| {
            s.prepare();
            let all: [(bool, &dyn Fn()); 3] = [
                (steps[0], &|| s.rename_data()),
                (steps[1], &|| s.rename_meta()),
                (steps[2], &|| s.remove_other_form()),
            ];
            all.iter().filter(|a| a.0).for_each(|a| a.1());
            let want = if steps[1] { NEW } else { OLD };
            assert_eq!(s.tidied(&format!("{what} {steps:?}")), want);
        });
    }
}

#[test]
fn after_the_new_names_are_durable_any_leftover_may_stay() {
    for left in subsets(2) {
        scenes(|s, what| {
            s.prepare();
            s.rename_data();
            s.rename_meta();
            s.remove_other_form();
            for (left, path) in left.iter().zip([s.mark(), s.second_name()]) {
                if !left {
                    fs::remove_file(path).unwrap();
                }
            }
            assert_eq!(s.tidied(&format!("{what} {left:?}")), NEW);
        });
    }
}

#[test]
fn a_tidying_that_is_cut_short_is_done_again() {
    // The new data came, its meta.json did not; undoing renames the old data back and removes the new.
    for steps in subsets(2) {
        scenes(|s, what| {
            s.prepare();
            s.rename_data();
            if steps[0] {
                fs::rename(s.second_name(), s.folder().join(name(s.old))).unwrap();
            }
            if steps[1] && s.old != s.new {
                fs::remove_file(s.folder().join(name(s.new))).unwrap();
            }
            assert_eq!(s.tidied(&format!("{what} {steps:?}")), OLD);
        });
    }
    // After that the mark goes, and then the rest in any order.
    for left in subsets(1) {
        scenes(|s, what| {
            s.prepare();
            fs::remove_file(s.mark()).unwrap();
            fs::remove_file(s.temporary("data")).unwrap();
            if left[0] {
                fs::remove_file(s.temporary("meta")).unwrap();
            }
            assert_eq!(s.tidied(&format!("{what} {left:?}")), OLD);
        });
    }
}

#[test]
fn an_archive_that_had_no_data_is_told_from_one_whose_data_was_put_back() {
    for cut in [false, true] {
        let s = Scene::new(Form::Plain, Form::Gzip);
        fs::remove_file(s.folder().join("data.json")).unwrap();
        s.write_data();
        s.write_meta();
        fs::write(s.temporary("replace-nothing-by-gzip"), "").unwrap();
        s.rename_data();
        if cut {
            fs::remove_file(s.folder().join("data.json.gz")).unwrap();
        }
        s.archive.tree().tidy(&key(1)).unwrap();
        assert_eq!(names(&s.folder()), ["meta.json"]);
    }
}

#[test]
fn data_that_cc_backend_compressed_in_between_is_kept() {
    let s = Scene::new(Form::Plain, Form::Plain);
    s.prepare();
    s.rename_data();
    s.rename_meta();
    let plain = s.folder().join("data.json");
    let gz = stored(Form::Gzip, &fs::read(&plain).unwrap());
    fs::write(s.folder().join("data.json.gz"), gz).unwrap();
    fs::remove_file(plain).unwrap();
    s.archive.tree().tidy(&key(1)).unwrap();
    assert_eq!(values(&s.archive.tree(), &key(1)), Some(NEW as u64));
    assert_eq!(names(&s.folder()), ["data.json.gz", "meta.json"]);
}

#[test]
fn a_meta_json_that_cannot_be_renamed_leaves_the_old_archive() {
    for old in FORMS {
        let s = Scene::new(old, Form::Gzip);
        let tree = s.archive.tree();
        let (meta, data) = documents(&key(1), &[1.0; NEW]);
        let mut draft = tree.begin(&key(1)).unwrap();
        draft.write(&stored(Form::Gzip, &data)).unwrap();
        draft.complete(Form::Gzip, &meta).unwrap();
        // A folder cannot be replaced by a file.
        let path = s.folder().join("meta.json");
        let theirs = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        draft.publish().unwrap_err();
        fs::remove_dir(&path).unwrap();
        fs::write(&path, theirs).unwrap();
        assert_eq!(names(&s.folder()), [name(old), "meta.json"]);
        assert_eq!(values(&tree, &key(1)), Some(OLD as u64));
    }
}

#[test]
fn a_first_meta_json_that_cannot_be_renamed_leaves_nothing() {
    let archive = Archive::new();
    let tree = archive.tree();
    let (meta, data) = documents(&key(1), &[1.0]);
    let mut draft = tree.begin(&key(1)).unwrap();
    draft.write(&data).unwrap();
    draft.complete(Form::Plain, &meta).unwrap();
    // Its temporary file goes, so that there is nothing to rename.
    let left = names(&archive.folder(1));
    let waiting = left.iter().find(|n| n.contains("meta-first")).unwrap();
    fs::rename(
        archive.folder(1).join(waiting),
        archive.folder(1).join("elsewhere"),
    )
    .unwrap();
    draft.publish().unwrap_err();
    assert_eq!(names(&archive.folder(1)), ["elsewhere"]);
}

#[test]
fn a_first_archive_in_a_folder_that_another_one_left_behind_is_no_replacement() {
    let archive = Archive::new();
    let folder: &Path = &archive.folder(1);
    fs::create_dir_all(folder).unwrap();
    publish(&archive.tree(), &key(1), Form::Plain, &[1.0]);
    assert_eq!(names(folder), ["data.json", "meta.json"]);
}
