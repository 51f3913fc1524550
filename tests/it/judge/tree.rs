//! The set of files in a swept archive: what was there before, unchanged, and the jobs' documents in
//! their own folders; nothing else, at no level.

use super::case;
use super::site::Site;
use anyhow::{Result, ensure};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const DOCUMENTS: [&str; 3] = ["meta.json", "data.json", "data.json.gz"];

pub(crate) fn compare(site: &Site, result: &Path) -> Result<()> {
    let (before, after) = (site.root.join("job-archive"), result.join("job-archive"));
    let mut jobs = BTreeSet::new();
    let mut allowed = BTreeSet::from([after.clone()]);
    allowed.extend(site.clusters.keys().map(|cluster| after.join(cluster)));
    for job in site.before.jobs.values() {
        let folder = case::folder(&after, job);
        if site.clusters.contains_key(&job.cluster) && folder.is_dir() {
            allowed.extend(folder.ancestors().take(3).map(Path::to_owned));
            jobs.insert(folder);
        }
    }
    let mut stray = Vec::new();
    let mut found = BTreeSet::new();
    for path in walk(&after)? {
        let here = path.strip_prefix(&after)?;
        let parent = path.parent().unwrap_or(&after);
        let document = DOCUMENTS.iter().any(|d| path.ends_with(d));
        if path.is_dir() && !path.is_symlink() {
            if !allowed.contains(&path) {
                stray.push(here.to_owned());
            }
        } else if !(document && jobs.contains(parent)) {
            if is_same_file(&before.join(here), &path) {
                found.insert(here.to_owned());
            } else {
                stray.push(here.to_owned());
            }
        }
    }
    ensure!(stray.is_empty(), "stray files {stray:?}");
    for path in walk(&before)?.iter().filter(|p| p.is_file()) {
        let here = path.strip_prefix(&before)?;
        ensure!(found.contains(here), "file {} is gone", here.display());
    }
    Ok(())
}

fn is_same_file(before: &Path, after: &Path) -> bool {
    let read = |path| std::fs::read(path).ok();
    read(before).is_some_and(|bytes| read(after) == Some(bytes))
}

/// Every file and folder below a folder, in order.
pub(crate) fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            all.extend(walk(&path)?);
        }
        all.push(path);
    }
    all.sort();
    Ok(all)
}
