//! Things that are no checkpoint files where checkpoint files should be.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use ccarchive::model::clock::Clock;
use ccarchive::model::stop::Stop;
use ccarchive::source::Source;
use ccarchive::source::checkpoint::Checkpoints;

use super::tiny::{NOW, Site, T, T3, TAKEN, make};

/// Jobs that need the first snapshot of n1.
const FIRST: [i64; 3] = [101, 104, 110];
/// Jobs that need any file of n1.
const ALL: [i64; 5] = [101, 102, 103, 104, 110];

type Damage = fn(&Path);

/// What may stand in place of a file, and what the message says of it.
const NO_FILES: [(Damage, &str); 5] = [
    (
        |p| fs::create_dir(p).unwrap(),
        "it is a folder; expected a file",
    ),
    (
        |p| make("mkfifo", p),
        "it is a FIFO, socket or device; expected a file",
    ),
    (
        |p| symlink("/dev/zero", p).unwrap(),
        "it is a FIFO, socket or device",
    ),
    (
        |p| symlink("nothing", p).unwrap(),
        "a symbolic link whose target does not exist",
    ),
    (
        |p| symlink(p.file_name().unwrap(), p).unwrap(),
        "ymbolic link",
    ),
];

#[test]
fn what_is_no_file_in_place_of_a_snapshot_fails_the_jobs_that_need_it_and_hangs_nothing() {
    for (damage, words) in NO_FILES {
        let site = Site::new();
        let path = site.checkpoint("n1/1700000000.bin");
        fs::remove_file(&path).unwrap();
        damage(&path);
        let swept = site.sweep();
        let detail = swept.only_fail(&FIRST, "source_unreadable");
        println!("{detail}");
        assert!(
            detail.contains("1700000000.bin") && detail.contains(words),
            "{detail}"
        );
    }
}

#[test]
fn what_is_no_file_in_place_of_the_log_fails_the_jobs_after_the_newest_snapshot() {
    for (damage, words) in NO_FILES {
        let site = Site::new();
        let path = site.checkpoint("n1/current.wal");
        fs::remove_file(&path).unwrap();
        damage(&path);
        let swept = site.sweep();
        let detail = swept.only_fail(&[103], "source_unreadable");
        assert!(
            detail.contains("current.wal") && detail.contains(words),
            "{detail}"
        );
    }
}

#[test]
fn what_is_no_folder_in_place_of_a_hosts_fails_the_jobs_of_that_host() {
    let instead: [Damage; 4] = [
        |p| fs::write(p, "x").unwrap(),
        |p| make("mkfifo", p),
        |p| symlink("nothing", p).unwrap(),
        |p| symlink(p.file_name().unwrap(), p).unwrap(),
    ];
    for damage in instead {
        let site = Site::new();
        fs::remove_dir_all(site.checkpoint("n1")).unwrap();
        damage(&site.checkpoint("n1"));
        let swept = site.sweep();
        let detail = swept.only_fail(&ALL, "source_unreadable");
        println!("{detail}");
        assert!(
            detail.contains("checkpoints/tiny/n1 cannot be read"),
            "{detail}"
        );
    }
}

#[test]
fn a_host_without_folder_or_files_has_no_data() {
    for keep in [false, true] {
        let site = Site::new();
        fs::remove_dir_all(site.checkpoint("n1")).unwrap();
        if keep {
            fs::create_dir(site.checkpoint("n1")).unwrap();
        }
        let swept = site.sweep();
        for job in [101, 102, 103, 104] {
            let j = swept.job(job);
            assert_eq!(
                (j.outcome, j.reason),
                ("no_data", "no_data"),
                "{}",
                j.brief()
            );
        }
        assert_eq!(swept.job(110).outcome, "partial");
        swept.others_are_sound(&ALL);
        println!("{}", swept.job(101).detail);
    }
}

#[test]
fn stray_files_change_nothing() {
    let site = Site::new();
    let path = |name: &str| site.checkpoint(name);
    for name in [
        "n1/1700000000.bin.tmp",
        "n1/notes.json",
        "n1/.json",
        "n1/12x.bin",
        "n1/1e9.bin",
        "n1/99999999999999999999.bin",
        "n1/60_1700000000.avro",
        "n1/\u{fc}.json",
        "1700000000.bin",
        "current.wal",
    ] {
        fs::write(path(name), "x").unwrap();
    }
    fs::create_dir_all(path("n1/1700000001/deep")).unwrap();
    make("mkfifo", &path("n1/fifo"));
    make("mkfifo", &path("fifo"));
    make("mkfifo", &site.path("checkpoints/fifo"));
    symlink("n1", path("link")).unwrap();
    let swept = site.sweep();
    swept.others_are_sound(&[]);
    assert_eq!(swept.jobs.len(), TAKEN.count());
}

#[test]
fn of_two_snapshots_with_one_number_the_damaged_one_fails_no_job_that_the_other_holds_whole() {
    for (damaged, sound) in [("bin", "json"), ("json", "bin")] {
        let site = Site::new();
        let from = if sound == "bin" {
            "n3/1700000000"
        } else {
            "n2/1700000000"
        };
        let whole = fs::read(site.checkpoint(&format!("{from}.{sound}"))).unwrap();
        fs::remove_file(site.checkpoint("n1/1700000000.bin")).unwrap();
        fs::write(site.checkpoint(&format!("n1/1700000000.{sound}")), whole).unwrap();
        fs::write(site.checkpoint(&format!("n1/1700000000.{damaged}")), "").unwrap();
        let swept = site.sweep();
        swept.others_are_sound(&FIRST);
        for job in FIRST {
            assert_eq!(swept.job(job).outcome, "complete", "job {job}");
        }
    }
}

#[test]
fn a_snapshot_larger_than_any_is_not_read() {
    let site = Site::new();
    let path = site.checkpoint("n1/1700000000.bin");
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(3 << 30)
        .unwrap();
    let swept = site.sweep();
    let detail = swept.only_fail(&FIRST, "source_unreadable");
    println!("{detail}");
    assert!(detail.contains("3221225472 bytes"), "{detail}");
}

#[test]
fn what_may_not_be_read_fails_the_jobs_that_need_it() {
    for (name, jobs) in [
        ("n1/1700000000.bin", &FIRST[..]),
        ("n1/current.wal", &[103]),
        ("n1", &ALL),
    ] {
        let site = Site::new();
        let path = site.checkpoint(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        if fs::File::open(&path).is_ok() {
            println!("not tested: this user may read everything");
            return;
        }
        let swept = site.sweep();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        println!("{}", swept.only_fail(jobs, "source_unreadable"));
    }
}

#[test]
fn how_far_a_cluster_reaches_is_told_by_its_sound_files() {
    let horizon = |site: &Site| {
        Checkpoints::new(site.path("checkpoints"), [].into(), Clock::starting_at(NOW))
            .reach("tiny", &Stop::new())
            .map(|h| (h.oldest, h.newest))
    };
    let last = T + 10 + 14 * 60;
    assert_eq!(horizon(&Site::new()), Ok((T, last)));
    for (damage, _) in NO_FILES {
        for name in [
            "n1/1700000000.bin",
            "n1/1700000300.bin",
            "n1/current.wal",
            "n2/1700000300.json",
        ] {
            let site = Site::new();
            fs::remove_file(site.checkpoint(name)).unwrap();
            damage(&site.checkpoint(name));
            // A log that cannot be read may hold anything old: nothing is known to be forgotten then.
            let oldest = if name.contains("wal") { i64::MIN } else { T };
            assert_eq!(horizon(&site), Ok((oldest, last)), "{name}");
        }
    }
    for name in [
        "n1/current.wal",
        "n3/current.wal",
        "n3/1700000300.json",
        "n2/1700000300.json",
    ] {
        let whole = fs::read(Site::new().checkpoint(name)).unwrap();
        for length in (0..whole.len()).step_by(5) {
            let site = Site::new();
            fs::write(site.checkpoint(name), &whole[..length]).unwrap();
            assert_eq!(horizon(&site), Ok((T, last)), "{name} cut at {length}");
        }
    }
    let json_only = Site::new();
    fs::remove_dir_all(json_only.checkpoint("n1")).unwrap();
    fs::remove_dir_all(json_only.checkpoint("n3")).unwrap();
    assert_eq!(horizon(&json_only), Ok((T, T3)));
}
