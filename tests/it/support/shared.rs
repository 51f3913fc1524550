//! Golden sites that hold other people's data: they are no part of the repository and lie beside it, in
//! `../shared/golden`.
//!
//! A test that needs one is marked `#[ignore = "needs ../shared"]`, so that `cargo test` lists and counts it as ignored.
//! CI runs these too (`cargo test -- --include-ignored`), and there a missing site is a failure.

use std::path::{Path, PathBuf};

/// The folder or file of that name in `../shared/golden`.
pub(crate) fn golden(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/golden")
        .join(name);
    assert!(path.exists(), "this test needs {}", path.display());
    path
}
