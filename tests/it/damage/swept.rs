//! A sweep of a tiny site through the library, and what must hold after any sweep, whatever was damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use ccarchive::ledger::Ledger;
use ccarchive::model::failure::Reason;
use ccarchive::model::selection::Selection;
use ccarchive::sweep::{Exit, Summary};
use rusqlite::types::Value;

use crate::support::engine::{JobEvent, Sweep, Swept as Made, forgetful};

use super::tiny::{NOW, Site, TAKEN};

/// What became of one job.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Job {
    pub(super) outcome: &'static str,
    /// Code of the failure, or empty.
    pub(super) reason: &'static str,
    /// What was wrong, in words.
    pub(super) detail: String,
    pub(super) note: String,
    /// Samples that were infinite.
    pub(super) unusable: u64,
    /// The archive's files by name.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// `monitoring_status`, `footprint`, `energy_footprint`, `energy`.
    pub(super) row: Vec<Value>,
}

impl Job {
    /// Without the files' bytes.
    pub(super) fn brief(&self) -> String {
        let files: Vec<_> = self.files.keys().collect();
        format!(
            "{} {} {} {} {files:?} {:?}",
            self.outcome, self.reason, self.detail, self.note, self.row
        )
    }
}

/// What a sweep did.
pub(super) struct Swept {
    /// By row id, that of job 101 being 1.
    pub(super) jobs: BTreeMap<i64, Job>,
    pub(super) summary: Summary,
    pub(super) warnings: Vec<String>,
}

impl Site {
    /// Sweeps with a ledger that forgets.
    pub(super) fn sweep(&self) -> Swept {
        self.sweep_with(&forgetful())
            .unwrap_or_else(|e| panic!("refused: {e}"))
    }

    /// Sweeps where a job has something in the archive that may stay there, whatever it is.
    pub(super) fn sweep_keeping(&self, job: i64) -> Swept {
        let mut swept = self.sweep_through(&forgetful()).unwrap();
        let folder = self.folder_of(job);
        let above = folder.parent().and_then(Path::parent).unwrap();
        let below = above.strip_prefix(self.path("job-archive")).unwrap();
        let prefix = below.join(job.to_string()).to_string_lossy().into_owned();
        swept.add_files(&self.path("job-archive"), Some(&prefix));
        let job = swept.jobs.get_mut(&(job - 100)).unwrap();
        if job.reason.is_empty() {
            for name in ["meta.json", "data.json", "data.json.gz"] {
                if let Ok(bytes) = fs::read(folder.join(name)) {
                    job.files.insert(name.into(), bytes);
                }
            }
        }
        swept.check();
        swept
    }

    /// Sweeps, or says why the configuration is refused; checks what holds after any sweep.
    pub(super) fn sweep_with(&self, ledger: &Ledger) -> Result<Swept, String> {
        let mut swept = self.sweep_through(ledger)?;
        swept.add_files(&self.path("job-archive"), None);
        swept.check();
        Ok(swept)
    }

    fn sweep_through(&self, ledger: &Ledger) -> Result<Swept, String> {
        let mut sweep = Sweep::at(NOW);
        sweep.selection = Selection::default();
        let Made {
            jobs,
            summary,
            warnings,
            ..
        } = sweep.try_run_with(self, ledger)?;
        let job = |j: JobEvent| Job {
            outcome: j.outcome,
            reason: j.reason.map_or("", Reason::code),
            detail: j.detail,
            note: j.note.unwrap_or_default(),
            unusable: j.unusable,
            files: BTreeMap::new(),
            row: Vec::new(),
        };
        let count = jobs.len();
        let jobs: BTreeMap<i64, Job> = jobs.into_iter().map(|j| (j.id, job(j))).collect();
        assert_eq!(jobs.len(), count, "a job is told once");
        let mut swept = Swept {
            jobs,
            summary,
            warnings,
        };
        swept.add_rows(self);
        Ok(swept)
    }
}

impl Swept {
    fn add_rows(&mut self, site: &Site) {
        let c = site.database();
        let sql = "SELECT id, monitoring_status, footprint, energy_footprint, energy FROM job";
        let mut statement = c.prepare(sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(r) = rows.next().unwrap() {
            if let Some(job) = self.jobs.get_mut(&r.get(0).unwrap()) {
                job.row = (1..5).map(|k| r.get(k).unwrap()).collect();
            }
        }
    }

    /// Puts the archive's files to their jobs by the id in meta.json; nothing else may be there, except below `but`.
    fn add_files(&mut self, archive: &Path, but: Option<&str>) {
        for (folder, files) in folders(archive) {
            if but.is_some_and(|b| folder.starts_with(b) || b.starts_with(&folder)) {
                continue;
            }
            let names: BTreeSet<&str> = files.keys().map(String::as_str).collect();
            let depth = folder.matches('/').count();
            match (depth, folder.as_str()) {
                (0, "") => assert!(
                    names.is_subset(&BTreeSet::from(["version.txt"])),
                    "{names:?}"
                ),
                (0, _) => assert!(
                    names.is_subset(&BTreeSet::from(["cluster.json"])),
                    "{names:?}"
                ),
                (3, _) if names.contains("meta.json") => {
                    assert_eq!(names.len(), 2, "{folder}: {names:?}");
                    assert!(names.contains("data.json") || names.contains("data.json.gz"));
                    let meta: serde_json::Value =
                        serde_json::from_slice(&files["meta.json"]).unwrap();
                    let job = self.jobs.get_mut(&meta["id"].as_i64().unwrap());
                    job.unwrap_or_else(|| panic!("{folder} is of no job")).files = files;
                }
                _ => assert!(names.is_empty(), "{folder}: {names:?}"),
            }
        }
    }

    fn check(&self) {
        let failed = self
            .jobs
            .values()
            .any(|j| matches!(j.outcome, "failed" | "no_data"));
        let exit = self.summary.exit();
        assert_eq!(exit, if failed { Exit::Failures } else { Exit::Done });
        for (id, j) in &self.jobs {
            assert_ne!(j.reason, "internal", "row {id}: {}", j.detail);
            let archived = matches!(
                j.outcome,
                "complete" | "partial" | "provisional" | "adopted" | "empty"
            );
            assert_eq!(j.files.is_empty(), !archived, "row {id}: {}", j.brief());
            assert_eq!(j.reason.is_empty(), archived, "row {id}: {}", j.brief());
            let status = if archived { 3 } else { 2 };
            assert_eq!(j.row[0], Value::Integer(status), "row {id}: {}", j.brief());
            let odd = |c: char| c.is_control();
            assert!(
                !j.detail.contains(odd) && !j.note.contains(odd),
                "row {id}: {}",
                j.brief()
            );
        }
    }

    /// One job by its number.
    pub(super) fn job(&self, job: i64) -> &Job {
        &self.jobs[&(job - 100)]
    }

    /// Every job except these is what a sweep of the sound site makes of it, byte for byte.
    pub(super) fn others_are_sound(&self, but: &[i64]) {
        let sound = &sound().jobs;
        for job in TAKEN.filter(|j| !but.contains(j)) {
            let id = job - 100;
            assert!(self.jobs.contains_key(&id), "job {job} was not taken");
            let mut found = self.jobs[&id].clone();
            if found.outcome == "adopted" {
                found.outcome = sound[&id].outcome;
            }
            assert!(
                found == sound[&id],
                "job {job} is not as without damage: {}",
                self.jobs[&id].brief()
            );
        }
    }

    /// These jobs failed for this reason, all others are sound; the first one's message.
    pub(super) fn only_fail(&self, jobs: &[i64], reason: &str) -> &str {
        for &job in jobs {
            let j = self.job(job);
            assert_eq!(
                (j.outcome, j.reason),
                ("failed", reason),
                "job {job}: {}",
                j.detail
            );
        }
        self.others_are_sound(jobs);
        &self.job(jobs[0]).detail
    }
}

/// A sweep of the sound site.
pub(super) fn sound() -> &'static Swept {
    static SOUND: OnceLock<Swept> = OnceLock::new();
    SOUND.get_or_init(|| Site::new().sweep())
}

/// The files of every folder below `root`, by the folder's name.
fn folders(root: &Path) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
    let mut out = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(folder) = left.pop() {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.is_file() {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
        let name = folder
            .strip_prefix(root)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        out.insert(name, files);
    }
    out
}
