//! A site with a fault in it. Whatever was done to make the fault is undone again, also when a test fails.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;

use super::how::{Damage, How, Lock, Place};
use super::sweep::{NOBODY, Sweep};
use crate::support::gzip;
use crate::support::tree::copy_tree;
use crate::support::wait::until;

/// A job that faults are aimed at.
#[derive(Clone, Debug)]
pub(super) struct Victim {
    pub(super) id: i64,
    /// One that ended the second it started.
    pub(super) empty: i64,
    pub(super) empty_folder: String,
    /// Below the archive.
    pub(super) folder: String,
    pub(super) host: String,
}

/// One way back.
enum Undo {
    Unmount(PathBuf),
    /// More room.
    Grow(PathBuf),
    Rename(PathBuf, PathBuf),
    /// Files are moved to the second folder, and the first goes.
    MoveBack(PathBuf, PathBuf),
    Unlock(Connection),
}

/// A site with a fault in it.
pub(super) struct Faulty {
    pub(super) sweep: Sweep,
    site: PathBuf,
    victim: Victim,
    undo: Vec<Undo>,
    /// Undone when all is over.
    at_the_end: Vec<Undo>,
    /// To be made once the sweep has begun.
    later: Option<Lock>,
}

impl Faulty {
    /// Puts the fault in place, or says why that cannot be done here.
    pub(super) fn new(how: How, sweep: Sweep, victim: &Victim) -> Result<Self, String> {
        let mut f = Self {
            site: sweep.site.clone(),
            sweep,
            victim: victim.clone(),
            undo: Vec::new(),
            at_the_end: Vec::new(),
            later: None,
        };
        match how {
            How::Shim(rules) => f.sweep.rules = f.filled(rules),
            How::Old(data, rules) => {
                f.old_archive(data);
                f.sweep.rules = f.filled(rules);
            }
            How::Full(place, size) => f.full(place, size)?,
            How::ReadOnly(place) => f.read_only(place)?,
            How::Nobody(place) => f.nobody(place)?,
            How::Files(n) => f.sweep.files = Some(n),
            How::Locked(l) => f.lock(l),
            How::Ledger(d) => f.damage(d),
            How::Vanishes(what, rule) => f.vanish(what, rule, false),
            How::Unmounted(what, rule) => f.vanish(what, rule, true),
            How::Output => f.sweep.output = Some("/dev/full".into()),
        }
        Ok(f)
    }

    /// Runs the sweep.
    pub(super) fn run(&mut self) -> super::sweep::Ended {
        let sweep = self.sweep.clone();
        let running = sweep.start();
        if let Some(l) = self.later.take() {
            // The shim holds the program before it reads the first job.
            until("the program has begun", || sweep.report().done(0) > 0);
            self.hold(l);
            fs::write(self.go_on(), "").unwrap();
        }
        running.wait()
    }

    /// Takes the fault away.
    pub(super) fn undo(&mut self) {
        for u in self.undo.drain(..).rev() {
            u.run();
        }
    }

    fn filled(&self, rules: &str) -> Vec<String> {
        let site = self.site.display().to_string();
        let fill = |r: &str| {
            r.replace("{folder}", &self.victim.folder)
                .replace("{empty}", &self.victim.empty_folder)
                .replace("{host}", &self.victim.host)
                .replace("{site}", &site)
        };
        rules.split(';').map(fill).collect()
    }

    fn old_archive(&self, data: &str) {
        write_old(
            &self.site.join("job-archive").join(&self.victim.folder),
            data,
        );
    }

    fn path(&self, place: Place) -> PathBuf {
        self.site.join(match place {
            Place::Archive => "job-archive".into(),
            Place::JobFolder => {
                let folder = Path::new("job-archive").join(&self.victim.folder);
                folder.parent().unwrap().to_path_buf()
            }
            Place::Cluster => "checkpoints/demo".into(),
            Place::Host => PathBuf::from(&self.victim.host),
            Place::Database => "job.db".into(),
            Place::Ledger => "job.db.ledger".into(),
            Place::Lock => "job.db.ccarchive.lock".into(),
        })
    }

    /// A folder of its own for the database or the ledger.
    fn small_folder(&mut self, place: Place) -> PathBuf {
        let small = self.site.join("small");
        fs::create_dir(&small).unwrap();
        let ledger = if place == Place::Database {
            self.sweep.database = "small/job.db";
            "job.db.ledger"
        } else {
            "small/ledger"
        };
        let places = [
            "--archive",
            "job-archive",
            "--source",
            "checkpoints",
            "--ledger",
            ledger,
        ];
        self.sweep.arguments.extend(places.map(str::to_owned));
        let back = if place == Place::Database {
            self.site.clone()
        } else {
            // Whatever becomes of this ledger, it is not looked at.
            PathBuf::new()
        };
        self.undo.push(Undo::MoveBack(small.clone(), back));
        small
    }

    fn full(&mut self, place: Place, size: &str) -> Result<(), String> {
        let options = format!("size={size},mode=755");
        if place == Place::Archive {
            let archive = self.path(place);
            let kept = self.site.with_extension("kept");
            copy_tree(&archive, &kept);
            mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], &archive)?;
            self.at_the_end.push(Undo::Unmount(archive.clone()));
            copy_tree(&kept, &archive);
            fs::remove_dir_all(kept).unwrap();
            self.undo.push(Undo::Grow(archive));
            return Ok(());
        }
        let small = self.small_folder(place);
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], &small)?;
        if place == Place::Database {
            fs::copy(self.path(place), small.join("job.db")).unwrap();
            fs::remove_file(self.path(place)).unwrap();
        }
        Ok(())
    }

    fn read_only(&mut self, place: Place) -> Result<(), String> {
        let folder = if place == Place::Archive {
            self.path(place)
        } else {
            let small = self.small_folder(place);
            if place == Place::Database {
                fs::rename(self.path(place), small.join("job.db")).unwrap();
            }
            small
        };
        let name = folder.display().to_string();
        mount(&["--bind", &name], &folder)?;
        self.undo.push(Undo::Unmount(folder.clone()));
        mount(&["-o", "remount,ro,bind", &name], &folder)
    }

    fn nobody(&mut self, place: Place) -> Result<(), String> {
        if !rustix::process::geteuid().is_root() {
            return Err("needs root, to become another user".into());
        }
        self.sweep.nobody = true;
        give(&self.site);
        let path = self.path(place);
        match place {
            Place::JobFolder => fs::create_dir_all(&path).unwrap(),
            Place::Ledger | Place::Lock => fs::write(&path, "").unwrap(),
            Place::Archive | Place::Cluster | Place::Host | Place::Database => {}
        }
        if place == Place::JobFolder {
            // The folders above it are anybody's.
            chown(path.parent().unwrap(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        if place == Place::Archive {
            for folder in [path.clone(), path.join("demo")] {
                chown(folder, Some(0), Some(0)).unwrap();
            }
            return Ok(());
        }
        chown(&path, Some(0), Some(0)).unwrap();
        let hidden = matches!(place, Place::Cluster | Place::Host);
        let mode = match (hidden, path.is_dir()) {
            (true, _) => 0o700,
            (false, true) => 0o755,
            (false, false) => 0o644,
        };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Ok(())
    }

    fn lock(&mut self, l: Lock) {
        let short = ["--lock-timeout", "1s"].map(str::to_owned);
        self.sweep.arguments.extend(short);
        if !matches!(l, Lock::Writer | Lock::Ledger) {
            let c = Connection::open(self.path(Place::Database)).unwrap();
            c.execute_batch("PRAGMA journal_mode = DELETE").unwrap();
        }
        if l == Lock::EverythingLater {
            let rule = format!("write|-sweep.out$|1|1|W{}", self.go_on().display());
            self.sweep.rules = vec![rule];
            self.later = Some(l);
        } else {
            self.hold(l);
        }
    }

    /// The file that lets the program go on.
    fn go_on(&self) -> PathBuf {
        self.site.with_extension("go-on")
    }

    fn hold(&mut self, l: Lock) {
        let place = if l == Lock::Ledger {
            Place::Ledger
        } else {
            Place::Database
        };
        let c = Connection::open(self.path(place)).unwrap();
        c.execute_batch(match l {
            Lock::Writer => "BEGIN IMMEDIATE",
            Lock::Reader => "BEGIN; SELECT count(*) FROM job",
            Lock::Everything | Lock::EverythingLater | Lock::Ledger => "BEGIN EXCLUSIVE",
        })
        .unwrap();
        self.undo.push(Undo::Unlock(c));
    }

    /// The ledger of a sweep that was killed when it had done a part, damaged.
    fn damage(&mut self, d: Damage) {
        let mut killed = self.sweep.clone();
        killed.rules = vec!["rename|meta.json|100|1|A0".into()];
        assert!(killed.run().report.killed());
        let path = self.path(Place::Ledger);
        // Out of the log, into the file.
        let c = Connection::open(&path).unwrap();
        c.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        drop(c);
        let mut bytes = fs::read(&path).unwrap();
        match d {
            Damage::Gone => {}
            Damage::Garbage => bytes = b"no database at all, but text ".repeat(400),
            Damage::Half => bytes.truncate(bytes.len() / 2 - 100),
            Damage::Scratched => bytes[4096..].fill(0xA5),
        }
        if d == Damage::Gone {
            fs::remove_file(&path).unwrap();
        } else {
            fs::write(&path, bytes).unwrap();
        }
        self.sweep.rules = vec!["rename|/meta.json|1|0|M0".into()];
    }

    fn vanish(&mut self, what: &str, rule: &str, empty: bool) {
        let (path, gone) = (self.site.join(what), self.site.with_extension("gone"));
        let (p, g) = (path.display(), gone.display());
        if rule.starts_with("rename") {
            // A second worker might be between its two renames just then. What it leaves, a kill leaves as well.
            self.sweep.workers = 1;
        }
        self.sweep.rules = self.filled(&format!("{rule}|V{p}>{g}"));
        if empty {
            let folder = self.site.with_extension("empty");
            fs::create_dir(&folder).unwrap();
            let e = folder.display();
            self.sweep
                .rules
                .extend(self.filled(&format!("{rule}|V{e}>{p}")));
        }
        self.undo.push(Undo::Rename(gone, path));
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.undo();
        for u in self.at_the_end.drain(..).rev() {
            u.run();
        }
    }
}

impl Undo {
    fn run(self) {
        match self {
            Self::Unmount(path) => unmount(&path),
            Self::Grow(path) => mount(&["-o", "remount,size=64m"], &path).unwrap(),
            Self::Rename(from, to) => {
                if from.exists() {
                    // An empty folder in its place must have stayed empty.
                    fs::remove_dir(&to).unwrap_or_default();
                    fs::rename(from, to).unwrap();
                }
            }
            Self::MoveBack(small, to) => {
                for entry in fs::read_dir(&small).unwrap() {
                    let path = entry.unwrap().path();
                    if !to.as_os_str().is_empty() {
                        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
                    }
                }
                unmount(&small);
                fs::remove_dir_all(&small).unwrap();
            }
            Self::Unlock(c) => drop(c),
        }
    }
}

fn mount(arguments: &[&str], path: &Path) -> Result<(), String> {
    // `remount,ro,bind` names its folder twice otherwise.
    let twice = arguments.iter().any(|a| Path::new(a) == path) && arguments[0] == "-o";
    let mut c = Command::new("mount");
    c.args(arguments);
    if !twice {
        c.arg(path);
    }
    match c.output() {
        Ok(o) if o.status.success() => Ok(()),
        Ok(o) => Err(format!(
            "mount is not allowed: {}",
            String::from_utf8_lossy(&o.stderr).trim()
        )),
        Err(e) => Err(format!("no mount: {e}")),
    }
}

fn unmount(path: &Path) {
    let mut c = Command::new("umount");
    // It may not be mounted at all.
    drop(c.arg(path).stderr(Stdio::null()).status());
}

/// Gives a folder and all in it to nobody.
fn give(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}

/// An archive without any data, its data file of that name.
pub(super) fn write_old(folder: &Path, data: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("meta.json"), "{\"old\":true}").unwrap();
    let mut bytes = b"{}".to_vec();
    if data == "data.json.gz" {
        bytes = gzip::pack(&bytes);
    }
    fs::write(folder.join(data), bytes).unwrap();
}
