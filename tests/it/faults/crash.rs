//! The machine loses power in the middle of a sweep: the site lies on an ext4 file system in a file, and copies of that file
//! are what a disk holds at such a moment. Each is mounted, which replays its journal, and looked at.
//!
//! While a copy is made the sweep is stopped and its disk has nothing in hand, so that the copy is of one moment. What was
//! never flushed is not in it, as after a real loss of power.
//!
//! This needs root and loop devices; without them the tests say so and do nothing. A push looks at a few images,
//! `CCARCHIVE_TEST_LONG` at many.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::site::{Base, State};
use super::sweep::Sweep;
use crate::support::random::Random;
use crate::support::tree::copy_tree;
use crate::support::wait::{pause, short_or_long, until};

/// Bytes of the disk.
const SIZE: u64 = 128 << 20;
/// Counts what gets its name in the archive.
const NAMED: &str = "rename|job-archive|1|0|M0";

/// A mounted file system in a file.
struct Disk {
    folder: TempDir,
}

fn command(name: &str, arguments: &[&str], paths: &[&Path]) -> Result<(), String> {
    let ran = Command::new(name).args(arguments).args(paths).output();
    match ran {
        Ok(o) if o.status.success() => Ok(()),
        Ok(o) => Err(format!("{name}: {}", String::from_utf8_lossy(&o.stderr))),
        Err(e) => Err(format!("{name}: {e}")),
    }
}

impl Disk {
    /// An empty one, or why there can be none.
    fn new() -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let disk = Self { folder };
        File::create(disk.image()).unwrap().set_len(SIZE).unwrap();
        command("mkfs.ext4", &["-q", "-F"], &[&disk.image()])?;
        disk.mounted()
    }

    /// What stands in an image.
    fn of(image: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Self { folder };
        fs::rename(image, disk.image()).unwrap();
        disk.mounted().unwrap()
    }

    fn mounted(self) -> Result<Self, String> {
        fs::create_dir(self.place()).unwrap();
        // The kernel must not go on making the file system while it is copied.
        let options = ["-o", "loop,noinit_itable"];
        command("mount", &options, &[&self.image(), &self.place()])?;
        Ok(self)
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    fn site(&self) -> PathBuf {
        self.place().join("site")
    }

    /// What the kernel counts of the disk below; `None` while it has something in hand.
    fn idle(&self) -> Option<String> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let place = self.place().display().to_string();
        let mut lines = mounts.lines().map(|l| l.split(' '));
        let device = lines.find_map(|mut l| {
            let device = l.next()?;
            (l.next()? == place).then(|| device.trim_start_matches("/dev/").to_owned())
        });
        let of = |what: &str| {
            let path = format!("/sys/block/{}/{what}", device.as_deref().unwrap());
            fs::read_to_string(path).unwrap()
        };
        let in_hand = of("inflight").split_whitespace().any(|n| n != "0");
        (!in_hand).then(|| of("stat"))
    }

    /// Copies the image, as it is at one moment.
    fn copy(&self, to: &Path) {
        loop {
            let mut before = None;
            until("the disk has nothing in hand", || {
                let now = self.idle();
                let is_still = now.is_some() && now == before;
                before = now;
                pause(Duration::from_millis(5));
                is_still
            });
            command("cp", &["--sparse=always"], &[&self.image(), to]).unwrap();
            if self.idle() == before {
                return;
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let mut umount = Command::new("umount");
        drop(umount.arg(self.place()).stderr(Stdio::null()).status());
    }
}

/// A disk with a site, or nothing where there can be none.
fn disk(site: &Path) -> Option<Disk> {
    match Disk::new() {
        Ok(disk) => {
            copy_tree(site, &disk.site());
            command("sync", &["-f"], &[&disk.place()]).unwrap();
            Some(disk)
        }
        Err(why) => {
            println!("skipped, no file system in a file: {why}");
            None
        }
    }
}

/// Images of a disk at moments of a sweep that gives so many names.
fn images(disk: &Disk, mut sweep: Sweep, names: u64, seed: u64) -> Vec<PathBuf> {
    let count = short_or_long(4, 40);
    let mut chance = Random::seeded(seed);
    let mut moments: Vec<u64> = (0..count).map(|_| 1 + chance.below(names)).collect();
    moments.sort_unstable();
    sweep.site = disk.site();
    sweep.rules = vec![NAMED.into()];
    let mut running = sweep.start();
    let mut images = Vec::new();
    for (k, moment) in moments.into_iter().enumerate() {
        until("the sweep comes that far", || {
            running.is_over() || sweep.report().calls(0) >= moment
        });
        if running.is_over() {
            break;
        }
        running.stop();
        let image = disk.folder.path().join(format!("crash-{k}"));
        disk.copy(&image);
        running.go_on();
        images.push(image);
    }
    let ended = running.wait();
    assert!(matches!(ended.status.code(), Some(0 | 3)), "{}", ended.said);
    assert!(
        !images.is_empty(),
        "the sweep was over before the first image"
    );
    images
}

/// Names that a whole sweep gives.
fn names_given(mut sweep: Sweep) -> u64 {
    sweep.rules = vec![NAMED.into()];
    let ended = sweep.run();
    assert!(matches!(ended.status.code(), Some(0 | 3)), "{}", ended.said);
    ended.report.calls(0)
}

/// Files and folders without those of databases.
fn without_databases(mut state: State) -> State {
    state
        .files
        .retain(|path, _| !path.to_string_lossy().starts_with("job.db"));
    state.ledger.clear();
    state
}

#[test]
fn a_row_at_3_has_its_whole_archive_after_a_loss_of_power() {
    let base = Base::new();
    let Some(disk) = disk(&base.copy("pristine-copy")) else {
        return;
    };
    let names = names_given(Sweep::new(&base.copy("counted"), &base.scratch("counted")));
    let sweep = Sweep::new(&disk.site(), &base.scratch("crash"));
    for image in images(&disk, sweep, names, 1) {
        let crashed = Disk::of(&image);
        let now = State::of(&crashed.site());
        let new = now
            .rows
            .iter()
            .filter(|(id, row)| row.status == 3 && base.pristine.rows[id].status != 3);
        let mut recorded = 0;
        for (id, row) in new {
            recorded += 1;
            let is_whole = now.below(&row.folder) == base.swept.below(&row.folder);
            assert!(is_whole, "row {id}: {:?}", now.below(&row.folder).keys());
        }
        let mut sweep = Sweep::new(&crashed.site(), &base.scratch("after"));
        sweep.arguments = vec!["--retry-now".into()];
        let ended = sweep.run();
        assert_eq!(ended.status.code(), Some(3), "{}", ended.said);
        println!(
            "{recorded} rows recorded, {} adopted afterwards",
            ended.adopted
        );
        let want = without_databases(base.swept.clone());
        let differences = want.differences(&without_databases(State::of(&crashed.site())));
        assert!(differences.is_empty(), "{differences:#?}");
    }
}

/// The archived jobs of a site to be archived again, with other bytes in both documents.
fn again(base: &Base, site: &Path, scratch: &str) -> Sweep {
    let c = rusqlite::Connection::open(site.join("job.db")).unwrap();
    c.execute_batch("UPDATE job SET project = 'renamed'")
        .unwrap();
    let archived = base.swept.rows.values().filter(|r| r.status == 3);
    let numbers: Vec<&str> = archived.map(|r| r.key.split('/').nth(1).unwrap()).collect();
    let mut sweep = Sweep::new(site, &base.scratch(scratch));
    let flags = ["--job-id", &numbers.join(","), "--compression", "fast"];
    sweep.arguments = flags.map(str::to_owned).into();
    sweep
}

/// How many jobs have their old archive and how many the new one; each must have one of them, whole.
fn old_and_new(now: &State, old: &State, new: &State) -> (usize, usize) {
    let mut counted = (0, 0);
    for (id, row) in now.rows.iter().filter(|(_, r)| r.status == 3) {
        let is = now.below(&row.folder);
        if is == new.below(&row.folder) {
            counted.1 += 1;
        } else if is == old.below(&row.folder) {
            counted.0 += 1;
        } else {
            panic!("row {id}: {:?}", is.keys());
        }
    }
    counted
}

#[test]
fn archiving_again_leaves_the_old_archive_or_the_new_one_after_a_loss_of_power() {
    let base = Base::new();
    let Some(disk) = disk(&base.copy_of("swept", "swept-copy")) else {
        return;
    };
    let site = base.copy_of("swept", "renewed");
    let names = names_given(again(&base, &site, "renewed"));
    let new = State::of(&site);
    assert!(new.files != base.swept.files, "the documents must differ");
    let sweep = again(&base, &disk.site(), "crash");
    for (k, image) in images(&disk, sweep, names, 2).into_iter().enumerate() {
        let crashed = Disk::of(&image);
        let without_ledger = k % 2 == 1;
        if without_ledger {
            for suffix in ["", "-wal", "-shm"] {
                drop(fs::remove_file(
                    crashed.site().join(format!("job.db.ledger{suffix}")),
                ));
            }
        }
        let sweep = Sweep::new(&crashed.site(), &base.scratch("after"));
        let ended = sweep.run();
        assert!(
            matches!(ended.status.code(), Some(0 | 1 | 3)),
            "{}",
            ended.said
        );
        let now = State::of(&crashed.site());
        if without_ledger {
            // Nothing says which jobs were in work: whoever names them again brings them in order.
            again(&base, &crashed.site(), "after").run();
            let renewed = State::of(&crashed.site());
            assert_eq!(old_and_new(&renewed, &new, &new).0, 0);
        } else {
            let (olds, news) = old_and_new(&now, &base.swept, &new);
            println!("{olds} old archives, {news} new ones");
        }
        let mut left = State::of(&crashed.site()).files.into_keys();
        assert_eq!(
            left.find(|p| p.to_string_lossy().contains(".ccarchive-")),
            None
        );
    }
}
