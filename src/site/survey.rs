//! A look at a site before a sweep, in milliseconds: who owns it, whether this user may write it, how fresh its sources
//! are.
//!
//! What a sweep writes must belong to whom the site belongs to, or cc-backend could not write it any more. Only root can
//! give files away; everybody else has to be the owner.

use std::ffi::OsStr;
use std::fs::{self, DirEntry, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::process::geteuid;

use super::{ArchivePlace, Site};
use crate::model::checkpoint::is_checkpoint;

/// Hosts of a cluster whose files are looked at.
const HOSTS: usize = 32;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The owner of the archive, by name where there is one; none for a bucket.
    pub archive_owner: Option<String>,
    /// Why this user cannot sweep here, one sentence with what to do; none where it can.
    pub obstacle: Option<String>,
    /// What the folders of checkpoints hold.
    pub sources: Vec<SourceCluster>,
    /// What the Parquet folders hold.
    pub parquet: Vec<ParquetCluster>,
}

/// A cluster in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCluster {
    /// The source's folder.
    pub source: PathBuf,
    /// The cluster.
    pub cluster: String,
    /// Folders of hosts.
    pub hosts: usize,
    /// When the newest checkpoint file of some of its hosts was written, Unix seconds.
    pub newest_file: Option<i64>,
}

/// A cluster in a Parquet folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParquetCluster {
    /// The folder with one folder a cluster.
    pub source: PathBuf,
    /// The cluster.
    pub cluster: String,
    /// Parquet files, whoever wrote them.
    pub files: usize,
    /// When the newest of them was written, Unix seconds.
    pub newest_file: Option<i64>,
}

impl Site {
    /// Looks at the site.
    pub fn survey(&self) -> Survey {
        let owner = |path: &Path| fs::metadata(path).ok().map(|m| m.uid());
        let owner = |path| owner(path).map_or_else(|| "nobody".into(), name_of);
        let archive_owner = self.archive.value.path().map(owner);
        Survey {
            archive_owner,
            obstacle: self.obstacle(),
            sources: self
                .checkpoints
                .iter()
                .flat_map(|c| clusters(&c.value))
                .collect(),
            parquet: self
                .parquet
                .iter()
                .flat_map(|p| parquet_clusters(&p.value))
                .collect(),
        }
    }

    /// How the owners of database and archive do not fit: cc-backend runs as one user, who must be able to write both. None
    /// where they fit, or where only one of them has an owner.
    pub fn unlike_owners(&self) -> Option<String> {
        let (database, archive) = (&self.database.value, self.archive.value.path()?);
        let owner = fs::metadata(database).ok()?;
        // Root can write what anybody owns.
        if owner.uid() == 0 {
            return None;
        }
        let writable = |m: &Metadata| {
            m.uid() == owner.uid()
                || m.mode() & 0o020 != 0 && m.gid() == owner.gid()
                || m.mode() & 0o002 != 0
        };
        let mut places = std::iter::once(archive.to_owned()).chain(subfolders(archive));
        let (foreign, of) = places.find_map(|p| {
            let m = fs::metadata(&p).ok()?;
            (!writable(&m)).then(|| (p, name_of(m.uid())))
        })?;
        Some(format!(
            "the database {} belongs to {}, and {} to {of}: cc-backend, which runs as one user, cannot write both",
            database.display(),
            name_of(owner.uid()),
            foreign.display()
        ))
    }

    fn obstacle(&self) -> Option<String> {
        let database = &self.database.value;
        let owner = |path: &Path| fs::metadata(path).map(|m| m.uid()).ok();
        let Some(archive) = self.archive.value.path() else {
            return foreign_database(database, owner(database)?);
        };
        let owners = [owner(database)?, owner(archive)?];
        let me = geteuid();
        // Root can change what anybody leaves; and root is the only one who can give away what it leaves.
        let foreign = |owner: &u32| *owner != 0 && *owner != me.as_raw();
        if !me.is_root() && owners.iter().any(foreign) {
            let [database_owner, archive_owner] = owners.map(name_of);
            // Where there are two owners, only root writes for both and gives away what it leaves.
            let run_as = match owners {
                [a, b] if a != b => "root",
                _ => &database_owner,
            };
            return Some(format!(
                "ccarchive runs as {}, but the database {} belongs to {database_owner} and the archive {} belongs to {archive_owner}: \
                 it would leave files that cc-backend cannot write; run it as {run_as}",
                name_of(me.as_raw()),
                database.display(),
                archive.display()
            ));
        }
        // What a SQLite file needs, the target knows.
        if matches!(self.archive.value, ArchivePlace::Sqlite(_)) {
            return None;
        }
        let folders = std::iter::once(archive.to_owned()).chain(subfolders(archive));
        for folder in folders {
            let may = Access::WRITE_OK | Access::EXEC_OK;
            if let Err(e) = accessat(CWD, &folder, may, AtFlags::EACCESS) {
                let who = owner(&folder).map_or_else(|| "its owner".into(), name_of);
                return Some(format!(
                    "ccarchive runs as {}, who cannot write to the folder {} of the archive: {}; the folder belongs to {who}",
                    name_of(me.as_raw()),
                    folder.display(),
                    std::io::Error::from(e)
                ));
            }
        }
        None
    }
}

/// Who may sweep where only the database has an owner on this machine.
fn foreign_database(database: &Path, owner: u32) -> Option<String> {
    let me = geteuid();
    (!me.is_root() && owner != 0 && owner != me.as_raw()).then(|| {
        let (owner, me) = (name_of(owner), name_of(me.as_raw()));
        format!(
            "the database {} belongs to {owner}, but this is {me}: cc-backend could not write what it leaves; run as {owner}",
            database.display()
        )
    })
}

fn name_of_folder(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The clusters of a folder of checkpoints.
fn clusters(root: &Path) -> Vec<SourceCluster> {
    let cluster = |folder: PathBuf| {
        let hosts = subfolders(&folder);
        let step = hosts.len().div_ceil(HOSTS).max(1);
        SourceCluster {
            source: root.to_owned(),
            cluster: name_of_folder(&folder),
            newest_file: hosts
                .iter()
                .step_by(step)
                .filter_map(|h| newest_file(h))
                .max(),
            hosts: hosts.len(),
        }
    };
    subfolders(root).into_iter().map(cluster).collect()
}

/// The clusters of a Parquet folder.
fn parquet_clusters(root: &Path) -> Vec<ParquetCluster> {
    let is_parquet = |name: &OsStr| Path::new(name).extension().is_some_and(|e| e == "parquet");
    let cluster = |folder: PathBuf| {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let files: Vec<_> = entries.filter(|e| is_parquet(&e.file_name())).collect();
        ParquetCluster {
            source: root.to_owned(),
            cluster: name_of_folder(&folder),
            newest_file: files.iter().filter_map(written).max(),
            files: files.len(),
        }
    };
    subfolders(root).into_iter().map(cluster).collect()
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    folders
}

/// When the newest checkpoint file of a host's folder was written, Unix seconds.
fn newest_file(folder: &Path) -> Option<i64> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|e| is_checkpoint(&e.path()));
    files.filter_map(|e| written(&e)).max()
}

/// When a file was written, Unix seconds.
fn written(entry: &DirEntry) -> Option<i64> {
    let time = entry.metadata().ok()?.modified().ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// A user by name where this machine's own list has one.
fn name_of(uid: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("user {uid}"))
}
