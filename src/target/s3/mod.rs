//! The archive in an S3 bucket, cc-backend's s3 backend (version 3): the names of the file tree as names of objects.
//!
//! An object is written whole or not at all, and is durable once the server has answered; several objects are not. What that
//! means for readers is in [`writing`]. Whether an object is there is asked by listing: the answer to a request for the object
//! itself would not tell a missing object from one that these keys may not see. A job costs some requests, one after the other,
//! so that many jobs have to be in work at once ([`Target::waits`]). Nobody owns anything here but the bucket's owner.

mod answer;
mod broken;
mod client;
mod fault;
mod listing;
mod look;
mod object;
mod place;
mod refusal;
mod signing;
mod walk;
mod writing;

use std::collections::BTreeSet;
use std::env;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::{ClusterFiles, Condition, Draft, Error, Found, Stored, Target};
use crate::https::Trust;
use crate::model::bucket::Bucket;
use crate::model::clock::Clock;
use crate::model::failure::fit_to_print;
use crate::model::job::JobKey;
use crate::model::stop::Stop;
use crate::target::names::{META, VERSION, data_name};
use client::{Client, Load};
use listing::Listing;
use place::{CLUSTER, Note, There, folder, other};
use writing::Writing;

/// More than any cluster.json has.
const LARGEST_CLUSTER: u64 = 64 << 20;
/// What a probe is called in a cluster's folder.
const PROBE: &str = ".ccarchive-probe";
/// Jobs in work besides one for each processor. At 20 ms a request, which a server across a campus takes, a job waits 100 ms;
/// while it does, others must keep the processors busy.
const WAITS: usize = 32;

/// A bucket.
#[derive(Debug)]
pub struct S3 {
    client: Arc<Client>,
    /// Where large jobs are held back.
    spool: PathBuf,
    /// Clusters that were seen to be there.
    clusters: Mutex<BTreeSet<String>>,
}

impl S3 {
    /// Nothing is asked yet. Waits for a server end when `stop` says so.
    pub fn new(bucket: Bucket, trust: Trust, clock: Clock, stop: Arc<Stop>) -> Self {
        let spool = env::var_os("TMPDIR").filter(|t| !t.is_empty());
        Self {
            client: Arc::new(Client::new(bucket, trust, clock, stop)),
            // Not /tmp, which may be memory.
            spool: spool.map_or_else(|| "/var/tmp".into(), PathBuf::from),
            clusters: Mutex::default(),
        }
    }

    /// Waits so long before a request is sent again, and three times as long before each further time.
    #[cfg(any(test, feature = "fuzzing"))]
    #[must_use]
    pub fn pausing(mut self, pause: std::time::Duration) -> Self {
        if let Some(client) = Arc::get_mut(&mut self.client) {
            client.pause = pause;
        }
        self
    }

    fn refused(&self, what: &str) -> Error {
        let detail = fit_to_print(&format!("s3://{} {what}", self.client.bucket.name));
        Error::Refused { detail }
    }

    /// Names of what stands for clusters, without the slash.
    fn folders(&self) -> Result<Vec<String>, Error> {
        let folders = Listing::of(&self.client, "", true)?.folders;
        let names = folders.iter().map(|f| f.trim_end_matches('/').to_owned());
        Ok(names.collect())
    }

    /// Whether a cluster is there; what is not may come.
    fn has(&self, cluster: &str) -> Result<bool, Error> {
        let lock = || self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        if lock().contains(cluster) {
            return Ok(true);
        }
        let name = format!("{cluster}/{CLUSTER}");
        let list = Listing::of(&self.client, &name, false)?;
        let there = list.objects.iter().any(|o| o.name == name);
        if there {
            lock().insert(cluster.to_owned());
        }
        Ok(there)
    }

    /// Ends a replacement whose new data is in place; its note says which data that is and holds the new meta.json. Where the
    /// data is another, the replacement had not begun.
    fn end(&self, key: &JobKey, there: &There, note_name: &str, note: Note) -> Result<(), Error> {
        let client = &self.client;
        let name = |name: &str| format!("{}{name}", folder(key));
        let data = data_name(note.form);
        let same_size = there.get(data).is_some_and(|o| o.size == note.data.size);
        if same_size && look::sum(client, &name(data))? == Some(note.data) {
            let other = data_name(other(note.form));
            if there.has(other) {
                object::remove(client, &name(other), true)?;
            }
            // A meta.json that is younger is the new one already, or was changed by cc-backend since.
            let begun = there.notes().find(|(o, _)| o.name == note_name);
            let is_older = match (there.get(META), begun) {
                (Some(meta), Some((note, _))) => meta.modified <= note.modified,
                _ => true,
            };
            let most = crate::format::read::LARGEST_META;
            if is_older && let Some(meta) = object::read_whole(client, note_name, most)? {
                let size = meta.len() as u64;
                object::write(client, &name(META), Load::Bytes(&meta), size, true)?;
            }
        }
        Ok(object::remove(client, note_name, true)?)
    }

    /// Writes, reads and removes an object in a cluster's folder.
    fn probe(&self, cluster: &str) -> Result<(), Error> {
        let client = &self.client;
        let prefix = format!("{cluster}/{PROBE}");
        // What probes left that were killed.
        for left in Listing::of(client, &prefix, true)?.objects {
            object::remove(client, &left.name, false)?;
        }
        let name = format!("{prefix}-{}.tmp", std::process::id());
        let text = PROBE.as_bytes();
        object::write(client, &name, Load::Bytes(text), text.len() as u64, false)?;
        let read = object::read_whole(client, &name, LARGEST_CLUSTER)?;
        object::remove(client, &name, true)?;
        if read.as_deref() == Some(text) {
            return Ok(());
        }
        let subject = client.place(&name);
        Err(Error::Place {
            detail: format!("{subject} was written and does not read back"),
            subject,
        })
    }
}

impl Target for S3 {
    fn check(&self) -> Result<Condition, Error> {
        let version = object::read_whole(&self.client, VERSION, 32)?;
        match version.as_deref() {
            // cc-backend strips one newline and takes nothing else.
            Some(b"3" | b"3\n") => Ok(Condition { free: None }),
            Some(other) => {
                let found = String::from_utf8_lossy(other).escape_debug().to_string();
                Err(Error::Version { found })
            }
            None => Err(self.refused(
                "has no version.txt: expected a job archive as cc-backend makes it; correct the bucket's name",
            )),
        }
    }

    fn clusters(&self) -> Result<ClusterFiles, Error> {
        let mut clusters = ClusterFiles::default();
        for name in self.folders()? {
            let object = format!("{name}/{CLUSTER}");
            match object::read_whole(&self.client, &object, LARGEST_CLUSTER)? {
                Some(json) => clusters.files.push((name, json)),
                None => clusters.without.push(name),
            }
        }
        Ok(clusters)
    }

    fn find(&self, key: &JobKey) -> Result<Option<Found>, Error> {
        look::find(&self.client, key)
    }

    fn read(&self, key: &JobKey) -> Result<Option<Stored>, Error> {
        look::read(&self.client, key)
    }

    fn tidy(&self, key: &JobKey) -> Result<(), Error> {
        let there = There::of(&self.client, key)?;
        for (object, note) in there.notes() {
            self.end(key, &there, &object.name, note)?;
        }
        Ok(())
    }

    fn begin(&self, key: &JobKey) -> Result<Box<dyn Draft + '_>, Error> {
        // A folder without cluster.json would keep cc-backend from starting.
        if !self.has(&key.cluster)? {
            let subject = self.client.place(&key.cluster);
            let detail = fit_to_print(&format!(
                "{subject} has no {CLUSTER}: the cluster is unknown"
            ));
            return Err(Error::Place { subject, detail });
        }
        Ok(Box::new(Writing::new(
            &self.client,
            &self.spool,
            key.clone(),
        )))
    }

    fn probe(&self) -> Result<(), Error> {
        for cluster in self.folders()? {
            if self.has(&cluster)? {
                Self::probe(self, &cluster)?;
            }
        }
        Ok(())
    }

    /// What the server has answered is durable.
    fn flush(&self, _: &[&JobKey]) -> Result<(), Error> {
        Ok(())
    }

    fn waits(&self) -> usize {
        WAITS
    }
}
