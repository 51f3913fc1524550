//! Which source file names which: read from `use` lines and paths that begin with `crate`, `super`, `self` or the name of
//! a child.
//!
//! A file stands for its module. A name that a module only hands on (`pub use child::Name`) counts for the file that it
//! comes from, and the module itself names that file only where it uses the name. Comments and tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The path of a module or of something in one, from the root of its crate.
pub(super) type Names = Vec<String>;

/// Source files by module.
pub(super) struct Files {
    files: BTreeMap<Names, Source>,
}

/// A file.
struct Source {
    /// Paths in `use` lines, with the name that each is known by and whether it is handed on.
    uses: Vec<Use>,
    /// The text without comments, tests, `mod` and `use` lines.
    code: String,
}

struct Use {
    path: Names,
    name: String,
    is_public: bool,
}

impl Files {
    /// All files of a crate whose root is in a folder, the root itself and other crates below it left out.
    pub(super) fn below(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && path.file_name().is_some_and(|n| n != "bin") {
                    folders.push(path);
                } else if let Some(module) = module_of(root, &path) {
                    files.insert(module, Source::read(&fs::read_to_string(&path).unwrap()));
                }
            }
        }
        Self { files }
    }

    /// Which file names which.
    pub(super) fn edges(&self) -> BTreeSet<(Names, Names)> {
        let mut edges = BTreeSet::new();
        for (module, source) in &self.files {
            let used = source.uses.iter();
            let used = used.filter(|u| !u.is_public || has_word(&source.code, &u.name));
            let named = used.map(|u| u.path.clone()).chain(source.paths());
            for path in named {
                let Some(full) = self.absolute(module, &path) else {
                    continue;
                };
                if let Some(file) = self.file_of(&full).filter(|f| f != module) {
                    edges.insert((module.clone(), file));
                }
            }
        }
        edges
    }

    /// A path from the root of the crate; none for one that leads out of it.
    fn absolute(&self, module: &Names, path: &[String]) -> Option<Names> {
        let mut full = module.clone();
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => full.clear(),
            "self" => {}
            "super" => {
                full.pop();
            }
            child => {
                full.push(child.to_owned());
                self.files.contains_key(&full).then_some(())?;
            }
        }
        for name in rest {
            if name == "super" {
                full.pop();
            } else {
                full.push(name.clone());
            }
        }
        Some(full)
    }

    /// The file that something is in, past those that only hand it on.
    fn file_of(&self, path: &Names) -> Option<Names> {
        let (mut module, mut rest) = (Names::new(), path.as_slice());
        while let [first, more @ ..] = rest {
            let deeper = [module.as_slice(), std::slice::from_ref(first)].concat();
            if !self.files.contains_key(&deeper) {
                break;
            }
            (module, rest) = (deeper, more);
        }
        let source = self.files.get(&module)?;
        let handed_on = rest
            .first()
            .and_then(|name| source.uses.iter().find(|u| u.is_public && u.name == *name));
        match handed_on {
            Some(u) => self.file_of(&self.absolute(&module, &u.path)?),
            None => Some(module),
        }
    }
}

/// `rules/timeline/mod.rs` is `rules::timeline`; files of tests and the root are none.
fn module_of(root: &Path, path: &Path) -> Option<Names> {
    let relative: PathBuf = path.strip_prefix(root).ok()?.with_extension("");
    let mut names: Names = relative
        .iter()
        .map(|n| n.to_string_lossy().into_owned())
        .collect();
    if names.last().is_some_and(|n| n == "mod") {
        names.pop();
    }
    let is_source = path.extension().is_some_and(|e| e == "rs");
    let is_root = matches!(names.as_slice(), [one] if one == "lib" || one == "main");
    (is_source && !is_root && names.last()? != "tests").then_some(names)
}

impl Source {
    fn read(text: &str) -> Self {
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = text.lines().map(|l| match l.find("//") {
            Some(at) if !l[..at].contains('"') => &l[..at],
            _ => l,
        });
        let text: String = lines.flat_map(|l| [l, "\n"]).collect();
        let (mut uses, mut code) = (Vec::new(), String::new());
        let mut statement: Option<String> = None;
        for line in text.lines() {
            let start = line.trim_start();
            if start.ends_with(';') && (start.starts_with("mod ") || start.contains(" mod ")) {
                continue;
            }
            let begins = ["use ", "pub use ", "pub(super) use ", "pub(crate) use "];
            if statement.is_none() && begins.iter().any(|b| start.starts_with(b)) {
                statement = Some(String::new());
            }
            if let Some(s) = &mut statement {
                s.push_str(start);
                if start.ends_with(';') {
                    uses.extend(uses_of(s));
                    statement = None;
                }
            } else {
                code.push_str(line);
                code.push('\n');
            }
        }
        Self { uses, code }
    }

    /// Paths in the code.
    fn paths(&self) -> impl Iterator<Item = Names> {
        let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        self.code
            .split(move |c| !part(c))
            .filter(|p| p.contains("::") && !p.starts_with(':'))
            .map(|p| {
                let names = p.split("::").filter(|n| !n.is_empty());
                names.map(str::to_owned).collect()
            })
    }
}

/// The paths of one `use` statement.
fn uses_of(statement: &str) -> Vec<Use> {
    let is_public = statement.starts_with("pub");
    let tree = statement.split_once("use ").unwrap().1;
    let mut paths = Vec::new();
    expand("", tree.trim_end_matches(';'), &mut paths);
    let mut uses = Vec::new();
    for path in paths {
        let (path, name) = match path.split_once(" as ") {
            Some((path, name)) => (path.to_owned(), Some(name.to_owned())),
            None => (path, None),
        };
        let mut path: Names = path.split("::").map(|n| n.trim().to_owned()).collect();
        // `use a::{self}` names a.
        if path.len() > 1 && path.last().is_some_and(|n| n == "self") {
            path.pop();
        }
        let name = name.or_else(|| path.last().cloned()).unwrap();
        uses.push(Use {
            path,
            name,
            is_public,
        });
    }
    uses
}

/// Takes the braces out of the tree of a `use`.
fn expand(prefix: &str, tree: &str, out: &mut Vec<String>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        if !tree.is_empty() {
            out.push(format!("{prefix}{tree}"));
        }
        return;
    };
    let prefix = format!("{prefix}{}", &tree[..open]);
    let inner = &tree[open + 1..tree.rfind('}').unwrap()];
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&prefix, &inner[start..at], out);
                start = at + 1;
            }
            _ => {}
        }
    }
    expand(&prefix, &inner[start..], out);
}

fn has_word(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.split(|c| !part(c)).any(|w| w == word)
}

#[test]
fn uses_are_read_with_braces_new_names_and_self() {
    let uses = uses_of("pub use super::{self, a::{B, c::D as E}, f};");
    let shown: Vec<String> = uses
        .iter()
        .map(|u| format!("{} {}", u.path.join("::"), u.name))
        .collect();
    assert_eq!(
        shown,
        [
            "super super",
            "super::a::B B",
            "super::a::c::D E",
            "super::f f"
        ]
    );
    assert!(uses.iter().all(|u| u.is_public));
}
