//! Every folder of a job in the tree, with what is not as it should be about it. Nothing is read but names, sizes, owners and
//! the locks of temporary files.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Tree;
use super::{mend, temporary};
use crate::model::job::JobKey;
use crate::model::stored::Form;
use crate::opening::regular::{self, LEADS_NOWHERE};
use crate::target::names::{self, GZIP, META, PLAIN};
use crate::target::owner::{FILE_RIGHTS, FOLDER_RIGHTS};
use crate::target::{Flaw, Odd, Part, Stored, Unmended, Walk, Walked};

impl Walk for Tree {
    fn parts(&self) -> io::Result<(Vec<Part>, Vec<Walked>)> {
        let (mut parts, mut strange) = (Vec::new(), Vec::new());
        let root = &self.0.root.0;
        for entry in sorted(root)? {
            if entry.is_dir() {
                clusters_parts(&entry, &mut parts, &mut strange)?;
            } else if regular::leads_nowhere(&entry) {
                // It may be a cluster whose file system is not mounted.
                strange.push(odd(&entry, Odd::Unreadable(LEADS_NOWHERE.into())));
            } else if entry.file_name().is_none_or(|n| n != "version.txt") {
                strange.push(odd(&entry, Odd::Stranger));
            }
        }
        parts.sort_by(|a, b| (&a.cluster, a.thousands).cmp(&(&b.cluster, b.thousands)));
        Ok((parts, strange))
    }

    fn walk(&self, part: &Part) -> io::Result<Vec<Walked>> {
        let owner = owner_of(&self.0.root.0.join(&part.cluster))?;
        let mut out = Vec::new();
        out.extend(level(&part.path, owner)?);
        for rest in sorted(&part.path)? {
            if !rest.is_dir() {
                out.push(odd(&rest, Odd::Stranger));
                continue;
            }
            out.extend(level(&rest, owner)?);
            for job in sorted(&rest)? {
                if job.is_dir() {
                    out.push(folder(&job, part, named(&rest, names::rest), owner));
                } else {
                    out.push(odd(&job, Odd::Stranger));
                }
            }
        }
        Ok(out)
    }

    fn look_again(&self, key: &JobKey) -> Walked {
        let at = self.place(key);
        let looked = owner_of(&at.cluster).and_then(|owner| look(&at.folder, owner));
        let odd = match looked {
            Ok(odd) => odd,
            Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
            Err(e) => vec![Odd::Unreadable(e.to_string())],
        };
        Walked {
            key: Some(key.clone()),
            path: at.folder,
            odd,
        }
    }

    fn mend(&self, flaw: Flaw, place: &Walked) -> Result<(), Unmended> {
        mend::mend(self, flaw, place)
    }

    fn both_forms(&self, key: &JobKey) -> io::Result<Vec<Stored>> {
        mend::both_forms(&self.place(key))
    }

    fn keep_form(&self, key: &JobKey, form: Form) -> Result<(), Unmended> {
        mend::keep_form(&self.place(key), form)
    }
}

/// To whom what is below a cluster's folder belongs.
fn owner_of(cluster: &Path) -> io::Result<u32> {
    Ok(fs::metadata(cluster)?.uid())
}

/// A folder between a cluster's and its jobs', where its owner cannot use it.
fn level(path: &Path, owner: u32) -> io::Result<Option<Walked>> {
    Ok(rights(path, owner, FOLDER_RIGHTS)?.map(|what| odd(path, what)))
}

/// What is wrong with the owner or the rights of a file or folder.
fn rights(path: &Path, owner: u32, needed: u32) -> io::Result<Option<Odd>> {
    let m = fs::symlink_metadata(path)?;
    Ok(rights_of(path, &m, owner, needed))
}

fn rights_of(path: &Path, m: &Metadata, owner: u32, needed: u32) -> Option<Odd> {
    // A link has no rights of its own, and folders above those of jobs may be links.
    let is_wrong = !m.is_symlink() && (m.uid() != owner || m.mode() & needed != needed);
    is_wrong.then(|| Odd::Rights {
        path: path.to_path_buf(),
        owner: m.uid(),
        expected: owner,
        mode: m.mode() & 0o7777,
    })
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
    let owner = owner_of(cluster)?;
    strange.extend(level(cluster, owner)?);
    let json = cluster.join("cluster.json");
    if json.is_file() {
        strange.extend(rights(&json, owner, FILE_RIGHTS)?.map(|what| odd(&json, what)));
    } else {
        strange.push(odd(cluster, Odd::NoClusterJson));
    }
    for entry in sorted(cluster)? {
        // Files may stand in a cluster's own folder.
        if !entry.is_dir() {
            continue;
        }
        match named(&entry, names::number).filter(|n| Part::is_of_jobs(*n)) {
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
    let key = rest
        .zip(named(path, names::number))
        .map(|(rest, start_time)| JobKey {
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
    let (mut wrong, mut names, mut empty) = (Vec::new(), Vec::new(), Vec::new());
    wrong.extend(rights(path, owner, FOLDER_RIGHTS)?);
    for file in sorted(path)? {
        let m = fs::symlink_metadata(&file)?;
        wrong.extend(rights_of(&file, &m, owner, FILE_RIGHTS));
        let name = file.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        if m.len() == 0 {
            empty.push(name.clone());
        }
        names.push(name);
    }
    // One of a job's says it all.
    wrong.truncate(1);
    let (left, busy) = if names.iter().any(|n| temporary::is_one(n)) {
        temporary::seen(path)?
    } else {
        (Vec::new(), false)
    };
    if busy {
        return Ok(wrong);
    }
    names.retain(|n| !left.contains(n));
    empty.retain(|n| !left.contains(n));
    if names.is_empty() && left.is_empty() {
        wrong.push(Odd::EmptyFolder);
        return Ok(wrong);
    }
    wrong.extend(left.into_iter().map(Odd::Leftover));
    let has = |name: &str| names.iter().any(|n| n == name);
    if !has(META) {
        wrong.push(Odd::NoMeta);
    }
    match (has(PLAIN), has(GZIP)) {
        (true, true) => wrong.push(Odd::BothForms),
        (false, false) => wrong.push(Odd::NoData),
        _ => {}
    }
    wrong.extend(empty.into_iter().map(Odd::EmptyFile));
    let known = [META, PLAIN, GZIP];
    let others = names.iter().filter(|n| !known.contains(&n.as_str()));
    wrong.extend(others.map(|n| Odd::OtherFile(n.clone())));
    Ok(wrong)
}

/// What the name of a file or folder says.
fn named(path: &Path, read: impl Fn(&str) -> Option<i64>) -> Option<i64> {
    read(path.file_name()?.to_str()?)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?;
    let mut paths = entries
        .map(|e| e.map(|e| e.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
