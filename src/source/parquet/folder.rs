//! What stands in a folder of the store's archive: `<root>/<cluster>/<number>.parquet`.
//!
//! The folder may be shared: cc-backend's job archive keeps its own Parquet files in the folder that the handbook's sample
//! names for both. So only files whose name is a number, directly below a cluster, are the store's; nothing else is touched.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A file in a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Listed {
    /// The number in its name: no snapshot in it begins later, Unix seconds.
    pub(super) cutoff: i64,
    pub(super) path: PathBuf,
}

/// The store's files of a cluster, oldest first; none where the cluster has no folder.
///
/// # Errors
/// When the folder cannot be listed.
pub(super) fn files(root: &Path, cluster: &str) -> io::Result<Vec<Listed>> {
    let entries = match fs::read_dir(root.join(cluster)) {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        other => other?,
    };
    let mut out = Vec::new();
    for entry in entries {
        out.extend(listed(entry?.path()));
    }
    out.sort();
    Ok(out)
}

fn listed(path: PathBuf) -> Option<Listed> {
    path.extension().filter(|e| *e == "parquet")?;
    let name = path.file_stem()?.to_str()?;
    let is_number = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    let cutoff = name.parse().ok().filter(|_| is_number)?;
    Some(Listed { cutoff, path })
}

/// The clusters that have files of the store, by name.
///
/// # Errors
/// When the root or a folder in it cannot be listed.
pub(super) fn clusters(root: &Path) -> io::Result<Vec<String>> {
    let mut out = Vec::new();
    for entry in fs::read_dir(root)? {
        let Ok(name) = entry?.file_name().into_string() else {
            continue;
        };
        if !files(root, &name)?.is_empty() {
            out.push(name);
        }
    }
    out.sort();
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_files_directly_below_a_cluster_are_the_stores() {
        let root = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        for name in [
            "c/200.parquet",
            "c/30.parquet",
            "c/cc-archive-2026-11-24.parquet",
            "c/-5.parquet",
            "c/+5.parquet",
            "c/.parquet",
            "c/30.parquet.tmp",
            "c/99999999999999999999.parquet",
            "c/12/40.parquet",
            "d/jobs.parquet",
            "1.parquet",
        ] {
            make(name);
        }
        let cutoffs: Vec<_> = files(root.path(), "c").unwrap();
        let cutoffs: Vec<_> = cutoffs.into_iter().map(|l| l.cutoff).collect();
        assert_eq!(cutoffs, [30, 200]);
        for other in ["d", "e", "1.parquet"] {
            assert_eq!(files(root.path(), other).unwrap(), []);
        }
        assert_eq!(clusters(root.path()).unwrap(), ["c"]);
    }
}
