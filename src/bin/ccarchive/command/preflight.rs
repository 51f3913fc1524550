//! What is looked at before the first job, in milliseconds: database, archive and sources, and who this is.

use std::collections::BTreeMap;
use std::path::Path;

use ccarchive::jobs;
use ccarchive::model::cluster::Clusters;
use ccarchive::site::{ARCHIVE_VERSION, Site, SourceCluster, Survey};
use ccarchive::sweep::Exit;
use ccarchive::sweep::monitor::{Event, Monitor};
use ccarchive::target::Target;

use super::{Stopped, archive};
use crate::report::{Console, words};

/// Looks at a site that was checked. A dry run goes on where a sweep would be refused, and says so.
pub(super) fn look(
    site: &Site,
    archive: &dyn Target,
    dry_run: bool,
    console: &Console,
) -> Result<Survey, Stopped> {
    // Others may keep the database locked now; whoever needs it waits for it.
    let version = match jobs::check(&site.database.value) {
        Ok(version) => Some(version),
        Err(e @ jobs::Error::Version(_)) => return Err(e.into()),
        Err(_) => None,
    };
    let mut survey = site.survey();
    let unwritable = archive::obstacle(archive)?;
    survey.obstacle = survey.obstacle.or(unwritable);
    console.detail(|| describe(site, version, &survey));
    match &survey.obstacle {
        Some(obstacle) if dry_run => {
            let text = format!("a sweep would not start here: {obstacle}");
            console.event(&Event::Warning(&text));
        }
        Some(obstacle) => return Err(Stopped::new(Exit::Aborted, obstacle.clone())),
        None => (),
    }
    Ok(survey)
}

/// One line a unit.
fn describe(site: &Site, version: Option<i64>, survey: &Survey) -> Vec<String> {
    let version = version.map_or_else(|| "locked by others".into(), |v| format!("version {v}"));
    let access = if survey.obstacle.is_none() {
        "writable"
    } else {
        "this user cannot write it"
    };
    let mut lines = vec![
        format!("database {}: {version}", site.database.value.display()),
        format!(
            "archive {}: version {ARCHIVE_VERSION}, {}",
            site.archive.value,
            match &survey.archive_owner {
                Some(owner) => format!("belongs to {owner}, {access}"),
                None =>
                    "readable; whether it is writable is known when the first job is written".into(),
            }
        ),
    ];
    let newest = |file: Option<i64>| {
        file.map_or_else(
            || "no files".into(),
            |t| format!("newest file {}", words::time(t)),
        )
    };
    lines.extend(survey.sources.iter().map(|c| {
        let hosts = words::count(c.hosts as u64, "host");
        let (source, newest) = (c.source.display(), newest(c.newest_file));
        format!("source {source}: {} has {hosts}, {newest}", c.cluster)
    }));
    lines.extend(survey.parquet.iter().map(|c| {
        let files = words::count(c.files as u64, "Parquet file");
        let (source, newest) = (c.source.display(), newest(c.newest_file));
        format!(
            "source parquet:{source}: {} has {files}, {newest}",
            c.cluster
        )
    }));
    lines.extend(site.stores.iter().map(|s| {
        let token = if s.value.token.is_some() { "a" } else { "no" };
        format!(
            "source {}: a metric store for {}, asked with {token} token where files lack something",
            s.value.url, s.value.scope
        )
    }));
    lines
}

/// What should make an operator doubt the folders of checkpoints, a sentence each. A folder may belong to several archives,
/// so that only the clusters of this one count. `now`: Unix seconds.
pub(super) fn doubts(site: &Site, survey: &Survey, clusters: &Clusters, now: i64) -> Vec<String> {
    let mut newest: BTreeMap<&str, &SourceCluster> = BTreeMap::new();
    let known = |c: &&SourceCluster| clusters.get(&c.cluster).is_some();
    for c in survey.sources.iter().filter(known) {
        let best = newest.entry(&c.cluster).or_insert(c);
        if c.newest_file > best.newest_file {
            *best = c;
        }
    }
    let limit = 2 * site.checkpoint_interval.value;
    let old = newest.values().filter_map(|c| {
        let at = c.newest_file?;
        (now - at > limit).then(|| {
            format!(
                "the newest file of {} in {} is of {}: does this cluster still report to this metric store?",
                c.cluster,
                c.source.display(),
                words::time(at)
            )
        })
    });
    let has_file = |folder: &Path| {
        let of_folder = |c: &&SourceCluster| c.source == folder && c.newest_file.is_some();
        survey.sources.iter().filter(known).any(|c| of_folder(&c))
    };
    let folders = site.checkpoints.iter().map(|c| &c.value);
    let hollow = folders.filter(|f| !has_file(f)).map(|f| {
        format!(
            "{} holds no checkpoint file of {}: is it the right folder?",
            f.display(),
            clusters.names().join(", ")
        )
    });
    old.chain(hollow).collect()
}
