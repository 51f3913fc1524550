//! All files below a folder, before and after: what changed, was touched, came or went; and a copy of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Everything below a folder: times of change, and contents of files.
#[derive(Debug)]
pub(crate) struct Tree(BTreeMap<PathBuf, (SystemTime, Option<Vec<u8>>)>);

impl Tree {
    pub(crate) fn of(root: &Path) -> Self {
        let mut entries = BTreeMap::new();
        let mut left = vec![root.to_owned()];
        while let Some(folder) = left.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = path.symlink_metadata().unwrap();
                let changed = metadata.modified().unwrap();
                let content = if metadata.is_dir() {
                    left.push(path.clone());
                    None
                } else if metadata.is_file() {
                    Some(fs::read(&path).unwrap())
                } else {
                    // A pipe has none to be read.
                    Some(Vec::new())
                };
                entries.insert(
                    path.strip_prefix(root).unwrap().to_owned(),
                    (changed, content),
                );
            }
        }
        Self(entries)
    }

    /// Everything's name.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.keys().map(|p| p.display().to_string()).collect()
    }

    /// The files alone: a folder in which something came and went has another time of change.
    pub(crate) fn only_files(mut self) -> Self {
        self.0.retain(|_, (_, content)| content.is_some());
        self
    }

    /// What differs from a later look, in words.
    pub(crate) fn changes(&self, later: &Self) -> Vec<String> {
        let gone = self.0.keys().filter(|p| !later.0.contains_key(*p));
        let gone = gone.map(|p| format!("{} is gone", p.display()));
        let other = later.0.iter().filter_map(|(p, now)| {
            let what = match self.0.get(p) {
                None => "is new",
                Some(before) if before.1 != now.1 => "has other content",
                Some(before) if before.0 != now.0 => "was touched",
                Some(_) => return None,
            };
            Some(format!("{} {what}", p.display()))
        });
        gone.chain(other).collect()
    }
}

/// Copies a folder and everything below it.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}
