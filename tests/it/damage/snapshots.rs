//! Snapshots cut at many lengths and with a bit flipped in many bytes; `CCARCHIVE_TEST_LONG` cuts at every length.

use std::fs;

use ccarchive::ledger::Record;
use ccarchive::model::failure::{Failure, Reason, Stage};
use ccarchive::model::job::JobKey;
use ccarchive::model::outcome::Outcome;
use ccarchive::model::standing::Standing;
use ccarchive::rules::retry::{ATTEMPTS, Next};

use super::swept::sound;
use super::tiny::{Site, T, TAKEN};
use crate::support::engine::forgetful;
use crate::support::wait::short_or_long;

/// A snapshot, and the jobs that need it. Those that the log holds whole do not.
type Snapshot = (&'static str, &'static [i64]);
const SNAPSHOTS: [Snapshot; 3] = [
    ("n1/1700000300.bin", &[102, 104]),
    ("n2/1700000000.json", &[105, 110]),
    ("n3/1700000300.json", &[108, 111, 112, 113]),
];

#[test]
fn the_sound_site_is_archived_whole() {
    let swept = sound();
    assert_eq!(swept.jobs.len(), TAKEN.count());
    for (id, job) in &swept.jobs {
        assert_eq!(job.outcome, "complete", "row {id}: {job:?}");
    }
    let data = |job| String::from_utf8_lossy(&swept.job(job).files["data.json"]).into_owned();
    let values = "[300.00,300.50,301.00,301.50,302.00,302.50,303.00,303.50,304.00,304.50,305.00,305.50,306.00,306.50]";
    assert!(data(112).contains(values), "{}", data(112));
    assert!(data(113).contains(r#""id":"1""#) && !data(113).contains(r#""id":"0""#));
    assert!(swept.warnings.is_empty(), "{:?}", swept.warnings);
}

#[test]
fn a_snapshot_cut_at_any_length_fails_exactly_the_jobs_that_lack_what_it_held() {
    for (name, jobs) in SNAPSHOTS {
        let whole = fs::read(Site::new().checkpoint(name)).unwrap();
        // The line's end after a JSON snapshot is not part of it.
        let needed = whole.trim_ascii_end().len();
        for length in (0..needed).step_by(short_or_long(3, 1)) {
            let site = Site::new();
            fs::write(site.checkpoint(name), &whole[..length]).unwrap();
            let swept = site.sweep();
            let detail = swept.only_fail(jobs, "snapshot_broken");
            assert!(detail.contains(name), "{detail}");
            if length % 60 == 0 {
                println!("{length:3} of {needed} bytes: {detail}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_a_snapshot_touches_no_job_of_another_host_or_of_the_log_alone() {
    for (name, _) in [SNAPSHOTS[0], SNAPSHOTS[2]] {
        let whole = fs::read(Site::new().checkpoint(name)).unwrap();
        let mine: &[i64] = if name.starts_with("n1") {
            &[101, 102, 103, 104, 110]
        } else {
            &[107, 108, 109, 111, 112, 113]
        };
        for at in (0..whole.len()).step_by(2) {
            let site = Site::new();
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at / 2 % 8);
            fs::write(site.checkpoint(name), &bytes).unwrap();
            let swept = site.sweep();
            swept.others_are_sound(mine);
            for job in mine {
                let j = swept.job(*job);
                assert!(
                    matches!(j.reason, "" | "snapshot_broken"),
                    "byte {at}: {}",
                    j.brief()
                );
            }
        }
    }
}

#[test]
fn the_last_time_a_job_is_archived_without_the_damaged_file_and_says_so() {
    let site = Site::new();
    fs::write(site.checkpoint("n1/1700000000.bin"), "x").unwrap();
    let ledger = forgetful();
    let key = JobKey {
        cluster: "tiny".into(),
        job_id: 104,
        start_time: T + 120,
    };
    let failure = Failure::new(Stage::Load, Reason::SnapshotBroken, "as before");
    let tried = Record {
        key: &key,
        outcome: &Outcome::Failed(failure),
        next: Next {
            standing: Standing::Waiting,
            attempts: ATTEMPTS - 1,
            failures: ATTEMPTS - 1,
            next_try: 0,
        },
        coverage: None,
        source: None,
        newest: None,
    };
    ledger.record(&[tried], T);
    let swept = site.sweep_with(&ledger).unwrap();
    swept.others_are_sound(&[101, 104, 110]);
    let j = swept.job(104);
    println!("{}", j.note);
    assert_eq!(j.outcome, "partial", "{}", j.brief());
    assert!(
        j.note.contains("archived without") && j.note.contains("n1/1700000000.bin"),
        "{}",
        j.note
    );
    assert_eq!(swept.job(101).reason, "snapshot_broken");
}
