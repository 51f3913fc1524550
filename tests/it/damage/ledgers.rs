//! Our own ledger, damaged: it may cost attempts and history, never a job.

use std::fs;
use std::path::Path;

use ccarchive::ledger::Ledger;
use rusqlite::Connection;

use super::swept::Swept;
use super::tiny::{Site, make};

/// The ledger of a site in which a job has failed and others are done.
fn used() -> Vec<u8> {
    let site = Site::new();
    fs::write(site.checkpoint("n1/1700000000.bin"), "x").unwrap();
    let path = site.path("job.db.ledger");
    let ledger = Ledger::open(&path, &site.path("job.db"));
    site.sweep_with(&ledger).unwrap();
    drop(ledger);
    let c = Connection::open(&path).unwrap();
    c.pragma_update(None, "journal_mode", "DELETE").unwrap();
    c.close().unwrap();
    fs::read(path).unwrap()
}

/// Sweeps with this ledger; its warnings are the sweep's.
fn with(damage: impl FnOnce(&Path)) -> Swept {
    let site = Site::new();
    let path = site.path("job.db.ledger");
    damage(&path);
    let ledger = Ledger::open(&path, &site.path("job.db"));
    let opening = ledger.take_warnings();
    let mut swept = site.sweep_with(&ledger).unwrap();
    swept.warnings.splice(0..0, opening);
    swept
}

/// The jobs that the old ledger lets wait: not taken, or taken and sound.
fn all_sound_or_waiting(swept: &Swept, what: &str) {
    let waiting: Vec<i64> = [101, 104, 110]
        .into_iter()
        .filter(|j| !swept.jobs.contains_key(&(j - 100)))
        .collect();
    swept.others_are_sound(&waiting);
    assert!(swept.warnings.len() < 4, "{what}: {:?}", swept.warnings);
}

#[test]
fn a_ledger_cut_anywhere_is_set_aside_or_used_and_every_job_is_archived() {
    let whole = used();
    for length in (0..whole.len()).step_by(whole.len() / 60) {
        let swept = with(|p| fs::write(p, &whole[..length]).unwrap());
        all_sound_or_waiting(&swept, "cut");
        if length % 7 == 0 {
            println!("{length} of {} bytes: {:?}", whole.len(), swept.warnings);
        }
    }
}

#[test]
fn a_ledger_with_flipped_bits_is_set_aside_or_used_and_every_job_is_archived() {
    let whole = used();
    let content: Vec<usize> = (0..whole.len())
        .filter(|&k| k < 100 || whole[k] != 0)
        .collect();
    for at in content.iter().step_by(content.len() / 150) {
        let mut bytes = whole.clone();
        bytes[*at] ^= 1 << (at % 8);
        let swept = with(|p| fs::write(p, &bytes).unwrap());
        all_sound_or_waiting(&swept, "flipped");
    }
}

#[test]
fn a_ledger_of_something_else_is_not_used_and_not_changed() {
    let other = |p: &Path| {
        Connection::open(p)
            .unwrap()
            .execute_batch("CREATE TABLE x (y); INSERT INTO x VALUES (1)")
            .unwrap();
    };
    let newer = |p: &Path| {
        fs::write(p, used()).unwrap();
        Connection::open(p)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
    };
    let cases: [&dyn Fn(&Path); 4] = [&other, &newer, &|p| fs::create_dir(p).unwrap(), &|p| {
        std::os::unix::fs::symlink("/no/where", p).unwrap();
    }];
    for damage in cases {
        let swept = with(damage);
        println!("{:?}", swept.warnings);
        swept.others_are_sound(&[]);
        assert!(
            swept.warnings[0].contains("goes on without it"),
            "{:?}",
            swept.warnings
        );
    }
}

#[test]
fn rows_of_wrong_types_in_a_ledger_cost_the_ledger_and_no_job() {
    for sql in [
        "UPDATE job SET attempts = 'x'",
        "UPDATE job SET attempts = -5, next_try = 'soon'",
        "UPDATE job SET cluster = x'FF'",
        "UPDATE job SET job_id = 1.5",
        "UPDATE job SET state = x'00FF'",
        "UPDATE job SET state = 'replacing', gaps = '[[['",
        "UPDATE job SET state = 'provisional', newest = 'x'",
        "UPDATE job SET hook = x'FF'",
        "UPDATE job SET state = CAST(x'FF' AS TEXT)",
    ] {
        let swept = with(|p| {
            fs::write(p, used()).unwrap();
            let c = Connection::open(p).unwrap();
            c.execute_batch("PRAGMA ignore_check_constraints = ON")
                .unwrap();
            // A constraint of the ledger's own schema may refuse it, which is as good.
            drop(c.execute_batch(&format!("{sql} WHERE state != 'done'")));
        });
        println!("{sql}: {:?}", swept.warnings);
        all_sound_or_waiting(&swept, sql);
    }
}

#[test]
fn a_ledger_that_is_a_fifo_hangs_nothing() {
    let site = Site::new();
    make("mkfifo", &site.path("job.db.ledger"));
    let answer = site.run(&["--json"]);
    println!("{}", answer.err.trim_end());
    answer.assert_printable();
    assert_eq!(
        (answer.code(), answer.summary()["archived"].as_u64()),
        (0, Some(13))
    );
}
