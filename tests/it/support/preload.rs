//! Preload libraries that put themselves between the program and libc: compiled from C where a test needs one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles `tests/it/<source>` to a library; callers keep the path, so that it is done once a run.
pub(crate) fn compile(source: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it")
        .join(source);
    let library = folder
        .join(source.file_name().unwrap())
        .with_extension("so");
    // Two runs at once may both compile it: each under a name of its own.
    let new = library.with_extension(format!("{}.so", std::process::id()));
    let compiled = Command::new("cc")
        .args([
            "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o",
        ])
        .args([&new, &source])
        .arg("-ldl")
        .output()
        .expect("a C compiler, as for the bundled SQLite");
    let words = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{words}");
    fs::rename(&new, &library).unwrap();
    library
}
