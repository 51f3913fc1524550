//! The media that an archive may be kept on besides the file tree, made beside a site for the program.

#[cfg(feature = "s3")]
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::documents::{Documents, in_file};
use super::program::{Ran, program, run};
use super::site::Site;
use super::sqlite_archive;

/// An archive that holds the clusters of a folder, and none of its jobs.
pub(crate) trait Medium {
    fn beside(folder: &Path) -> Self;
    /// What `--archive` has to say.
    fn flag(&self) -> String;
    /// What it holds of a cluster.
    fn documents(&self, cluster: &str) -> Documents;

    /// The program, over this archive.
    fn command(&self, database: &Path, arguments: &[&str]) -> Command {
        let mut command = plain(database, arguments);
        command.arg("--archive").arg(self.flag());
        #[cfg(feature = "s3")]
        command.envs(super::s3::KEYS);
        command
    }

    fn ask(&self, site: &Site, arguments: &[&str]) -> Ran {
        run(&mut self.command(&site.path("job.db"), arguments))
    }
}

/// The program, without what this machine knows of S3.
pub(crate) fn plain(database: &Path, arguments: &[&str]) -> Command {
    let mut command = program();
    command.args(arguments).arg("--db").arg(database);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("AWS_") || name.starts_with("ARCHIVE_S3_") {
            command.env_remove(name);
        }
    }
    command.env("HOME", "/nonexistent");
    command
}

/// A SQLite file.
pub(crate) struct File(pub(crate) PathBuf);

impl Medium for File {
    fn beside(folder: &Path) -> Self {
        Self(sqlite_archive::beside(folder))
    }

    fn flag(&self) -> String {
        format!("sqlite:{}", self.0.display())
    }

    fn documents(&self, _: &str) -> Documents {
        in_file(&self.0)
    }
}

/// A bucket.
#[cfg(feature = "s3")]
impl Medium for super::s3::Server {
    fn beside(folder: &Path) -> Self {
        let server = Self::empty();
        server.put("version.txt", b"3\n");
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap().path();
            if let Ok(config) = fs::read(entry.join("cluster.json")) {
                let name = entry.file_name().unwrap().to_str().unwrap();
                server.put(&format!("{name}/cluster.json"), &config);
            }
        }
        server
    }

    fn flag(&self) -> String {
        Self::flag(self)
    }

    fn documents(&self, cluster: &str) -> Documents {
        super::documents::in_bucket(self, cluster)
    }
}
