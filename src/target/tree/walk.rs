//! Every folder of a job in the tree, with what is not as it should be about it. Nothing is read but names, sizes and owners.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Tree;
use super::place::{GZIP, META, PLAIN};
use crate::model::job::JobKey;
use crate::target::{Odd, Part, Walk, Walked};

/// Rights that an owner needs to a file.
const FILE_RIGHTS: u32 = 0o600;
/// Rights that an owner needs to a folder.
const FOLDER_RIGHTS: u32 = 0o700;

impl Walk for Tree {
    fn parts(&self) -> io::Result<(Vec<Part>, Vec<Walked>)> {
        let (mut parts, mut strange) = (Vec::new(), Vec::new());
        let root = &self.0.root.0;
        for entry in sorted(root)? {
            if entry.is_dir() {
                clusters_parts(&entry, &mut parts, &mut strange)?;
            } else if entry.file_name().is_none_or(|n| n != "version.txt") {
                strange.push(odd(&entry, Odd::Stranger));
            }
        }
        Ok((parts, strange))
    }

    fn walk(&self, part: &Part) -> io::Result<Vec<Walked>> {
        let owner = fs::metadata(&self.0.root.0)?.uid();
        let mut out = Vec::new();
        for rest in sorted(&part.path)? {
            if !rest.is_dir() {
                out.push(odd(&rest, Odd::Stranger));
                continue;
            }
            for job in sorted(&rest)? {
                if job.is_dir() {
                    out.push(folder(&job, part, number(&rest), owner));
                } else {
                    out.push(odd(&job, Odd::Stranger));
                }
            }
        }
        Ok(out)
    }
}

/// The folders of a cluster's thousands of job numbers.
fn clusters_parts(
    cluster: &Path,
    parts: &mut Vec<Part>,
    strange: &mut Vec<Walked>,
) -> io::Result<()> {
    let Some(name) = cluster.file_name().and_then(|n| n.to_str()) else {
        strange.push(odd(cluster, Odd::Stranger));
        return Ok(());
    };
    if !cluster.join("cluster.json").is_file() {
        strange.push(odd(cluster, Odd::NoClusterJson));
    }
    for entry in sorted(cluster)? {
        // Files may stand in a cluster's own folder.
        if !entry.is_dir() {
            continue;
        }
        match number(&entry) {
            Some(thousands) => parts.push(Part {
                cluster: name.to_owned(),
                thousands,
                path: entry,
            }),
            None => strange.push(odd(&entry, Odd::Stranger)),
        }
    }
    Ok(())
}

fn odd(path: &Path, what: Odd) -> Walked {
    Walked {
        key: None,
        path: path.to_path_buf(),
        odd: vec![what],
    }
}

fn folder(path: &Path, part: &Part, rest: Option<i64>, owner: u32) -> Walked {
    let key = rest.zip(number(path)).map(|(rest, start_time)| JobKey {
        cluster: part.cluster.clone(),
        job_id: part.thousands * 1000 + rest,
        start_time,
    });
    let mut walked = Walked {
        key,
        path: path.to_path_buf(),
        odd: Vec::new(),
    };
    if walked.key.is_none() {
        walked.odd.push(Odd::Stranger);
        return walked;
    }
    match look(path, owner) {
        Ok(odd) => walked.odd = odd,
        Err(e) => walked.odd.push(Odd::Unreadable(e.to_string())),
    }
    walked
}

fn look(path: &Path, owner: u32) -> io::Result<Vec<Odd>> {
    let (mut odd, mut names) = (Vec::new(), Vec::new());
    let mut check = |path: &Path, needed: u32| -> io::Result<u64> {
        let m = fs::symlink_metadata(path)?;
        // One of a job's says it all.
        if odd.is_empty() && (m.uid() != owner || m.mode() & needed != needed) {
            odd.push(Odd::Rights {
                path: path.to_path_buf(),
                owner: m.uid(),
                expected: owner,
                mode: m.mode() & 0o7777,
            });
        }
        Ok(m.len())
    };
    check(path, FOLDER_RIGHTS)?;
    let mut empty = Vec::new();
    for file in sorted(path)? {
        let size = check(&file, FILE_RIGHTS)?;
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if size == 0 {
            empty.push(name.clone());
        }
        names.push(name);
    }
    let has = |name: &str| names.iter().any(|n| n == name);
    if names.is_empty() {
        odd.push(Odd::EmptyFolder);
        return Ok(odd);
    }
    if !has(META) {
        odd.push(Odd::NoMeta);
    }
    match (has(PLAIN), has(GZIP)) {
        (true, true) => odd.push(Odd::BothForms),
        (false, false) => odd.push(Odd::NoData),
        _ => {}
    }
    odd.extend(empty.into_iter().map(Odd::EmptyFile));
    let known = [META, PLAIN, GZIP];
    let others = names.iter().filter(|n| !known.contains(&n.as_str()));
    odd.extend(others.map(|n| Odd::OtherFile(n.clone())));
    Ok(odd)
}

/// A name that is a number as cc-backend writes it.
fn number(path: &Path) -> Option<i64> {
    path.file_name()?.to_str()?.parse().ok().filter(|n| *n >= 0)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?;
    let mut paths = entries
        .map(|e| e.map(|e| e.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
