//! Golden sites that hold other people's data and so lie beside the repository, in `../shared/golden`.

use std::path::{Path, PathBuf};

/// The folder or file of that name; without it the test says that it is skipped. Under CI it must be there.
pub(crate) fn golden(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/golden")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    let in_ci = std::env::var("CI").is_ok_and(|v| v == "true");
    assert!(!in_ci, "{} is missing, and CI needs it", path.display());
    eprintln!("skipped: {} is not here", path.display());
    None
}
