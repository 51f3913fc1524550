//! From the archive to the database: is every place some row's, and as it should be?

use std::path::Path;

use super::finding::{Fault, Finding, unlisted};
use crate::inspect::Ports;
use crate::jobs;
use crate::model::job::{JobKey, STATUS_ARCHIVED};
use crate::model::stop::Stop;
use crate::target::{Odd, Part, Walk, Walked};

/// Looks at the places of a part: how many there are, and what was found.
pub(super) fn look(
    ports: &Ports<'_>,
    archive: &dyn Walk,
    part: &Part,
    stop: &Stop,
) -> Result<(u64, Vec<Finding>), jobs::Error> {
    let walked = match archive.walk(part) {
        Ok(walked) => walked,
        Err(e) => return Ok((0, vec![unlisted(Some(&part.path), &e.to_string())])),
    };
    let jobs = walked.iter().filter(|w| w.key.is_some()).count() as u64;
    // Rows are read after the places: what was archived in between has its row.
    let first = part.thousands.saturating_mul(1000);
    let numbers = first..=first.saturating_add(999);
    let statuses = ports.rows.statuses(&part.cluster, numbers, stop)?;
    let is_archived =
        |key: &JobKey| statuses.get(&(key.job_id, key.start_time)) == Some(&STATUS_ARCHIVED);
    let mut findings = Vec::new();
    for w in walked {
        if w.odd.is_empty() && w.key.as_ref().is_some_and(is_archived) {
            continue;
        }
        // Somebody may have been at work there just then.
        let w = match &w.key {
            Some(key) if !w.odd.is_empty() => archive.look_again(key),
            _ => w,
        };
        findings.extend(compare(ports, &w, stop)?);
    }
    Ok((jobs, findings))
}

/// Compares a place with its row.
pub(super) fn compare(
    ports: &Ports<'_>,
    w: &Walked,
    stop: &Stop,
) -> Result<Vec<Finding>, jobs::Error> {
    let mut found = odd(w);
    let Some(key) = &w.key else {
        return Ok(found);
    };
    match ports.rows.by_key(key, stop)? {
        Some(row) if row.head.status == STATUS_ARCHIVED => {}
        // A sweep or cc-backend may be at it, and what is there is no archive yet.
        Some(_) => found.retain(|f| matches!(f.fault, Fault::Rights | Fault::Unreadable)),
        None => {
            found = found.into_iter().map(Finding::without_row).collect();
            // cc-backend may just have removed both.
            let is_there = !found.is_empty() || !matches!(ports.target.read(key), Ok(None));
            if is_there && !w.odd.contains(&Odd::EmptyFolder) {
                let detail = "the archive holds this job, the database has no such row";
                found.push(Finding::new(Fault::NoRow, w.key.as_ref(), detail).at(&w.path));
            }
        }
    }
    Ok(found)
}

/// What is odd about a place.
pub(super) fn odd(w: &Walked) -> Vec<Finding> {
    let key = w.key.as_ref();
    let one = |odd: &Odd| {
        let at = |fault, detail: String, path: &Path| Finding::new(fault, key, detail).at(path);
        match odd {
            Odd::Stranger => at(
                Fault::Stranger,
                "does not belong into an archive".into(),
                &w.path,
            ),
            Odd::NoClusterJson => at(
                Fault::NoClusterJson,
                "a cluster in the archive without cluster.json: cc-backend does not start with it"
                    .into(),
                &w.path,
            ),
            Odd::EmptyFolder => at(
                Fault::EmptyFolder,
                "the place of this job is empty".into(),
                &w.path,
            ),
            Odd::NoForm => at(
                Fault::NoForm,
                "data_compressed is NULL: cc-backend cannot read it".into(),
                &w.path,
            ),
            Odd::NoMeta => at(Fault::Incomplete, "meta.json is missing".into(), &w.path),
            Odd::NoData => at(Fault::Incomplete, "its data is missing".into(), &w.path),
            Odd::BothForms => at(
                Fault::TwoForms,
                "both data.json and data.json.gz are there; one of them may be older".into(),
                &w.path,
            ),
            Odd::EmptyFile(name) => at(Fault::Incomplete, format!("{name} is empty"), &w.path),
            Odd::OtherFile(name) => at(
                Fault::Stranger,
                format!("{name} is no file of an archive"),
                &w.path,
            ),
            Odd::Leftover(name) => at(
                Fault::Leftover,
                format!("{name} is left of a sweep that was killed"),
                &w.path,
            ),
            Odd::Rights {
                path,
                owner,
                expected,
                mode,
            } => at(
                Fault::Rights,
                format!(
                    "belongs to user {owner} with mode {mode:03o}; the archive belongs to user {expected}, who must be able to read and write it"
                ),
                path,
            ),
            Odd::Unreadable(why) => at(Fault::Unreadable, why.clone(), &w.path),
        }
    };
    w.odd.iter().map(one).collect()
}
