//! Mends the flaws of a place in the tree that can be mended without a source.
//!
//! Whoever calls this holds the lock of a sweep, but cc-backend may be at work: so each step looks at what is there at that
//! moment, is a single system call, and loses no value of any job.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::Tree;
use super::look;
use super::place::Place;
use super::temporary::{self, sync};
use crate::model::stored::Form;
use crate::target::names::{META, data_name};
use crate::target::{Flaw, Stored, Target, Unmended, Walked, owner};

/// Mends a flaw.
pub(super) fn mend(tree: &Tree, flaw: Flaw, at: &Walked) -> Result<(), Unmended> {
    let key = at.key.as_ref();
    match (flaw, key) {
        (Flaw::Leftovers, Some(key)) => {
            tree.tidy(key)?;
            match temporary::seen(&tree.place(key).folder) {
                Ok((left, _)) if left.is_empty() => Ok(()),
                Ok(_) => Err(Unmended::SweepAtWork),
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
                Err(e) => Err(e.into()),
            }
        }
        (Flaw::EmptyFolder, Some(_)) => match fs::remove_dir(&at.path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            done => Ok(done?),
        },
        (Flaw::Rights, Some(key)) => {
            let place = tree.place(key);
            let mut paths = vec![place.folder.clone()];
            paths.extend(entries(&place.folder)?);
            for path in paths {
                owner::give(&path, &place.cluster)?;
            }
            Ok(())
        }
        (Flaw::Rights, None) => {
            let root = &tree.0.root.0;
            let below = at.path.strip_prefix(root).ok();
            let cluster = below.and_then(|b| b.components().next());
            let elsewhere = Unmended::NoSuchFlaw("it is not below a cluster's folder");
            let cluster = cluster.ok_or(elsewhere)?;
            Ok(owner::give(&at.path, &root.join(cluster))?)
        }
        (Flaw::Leftovers | Flaw::EmptyFolder, None) => Err(Unmended::NoSuchFlaw("it is no job's")),
        (Flaw::NoForm, _) => {
            let why = "a file's name tells how it is stored";
            Err(Unmended::NoSuchFlaw(why))
        }
    }
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect()
}

/// Both forms of a job's data, the compressed one first, where both are there and nobody is replacing them.
pub(super) fn both_forms(place: &Place) -> io::Result<Vec<Stored>> {
    let folder = &place.folder;
    if !temporary::seen(folder)?.0.is_empty() {
        return Ok(Vec::new());
    }
    let mut both = Vec::new();
    for form in [Form::Gzip, Form::Plain] {
        both.extend(look::read_form(folder, form)?);
    }
    if both.len() < 2 {
        both.clear();
    }
    Ok(both)
}

/// Removes the other form of a job's data once this one is durable.
pub(super) fn keep_form(place: &Place, form: Form) -> Result<(), Unmended> {
    let folder = &place.folder;
    let other = folder.join(data_name(match form {
        Form::Plain => Form::Gzip,
        Form::Gzip => Form::Plain,
    }));
    let done = || -> io::Result<()> {
        place.check()?;
        for name in [META, data_name(form)] {
            File::open(folder.join(name))?.sync_all()?;
        }
        sync(folder)?;
        temporary::remove(&other)?;
        sync(folder)
    };
    done().map_err(|source| Unmended::Folder {
        folder: folder.clone(),
        source,
    })
}
