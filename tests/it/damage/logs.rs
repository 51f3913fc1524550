//! Logs: a torn end is normal, a bad record costs itself, a file that is no log fails the jobs that need it.

use std::fs;

use super::tiny::{Site, T};
use crate::generator::encode;

/// Jobs that need the log of n1.
const JOBS: [i64; 1] = [103];
/// Bytes of three records: one per series.
const ROUND: usize = 31 + 38 + 38;

fn with_log(bytes: &[u8]) -> Site {
    let site = Site::new();
    fs::write(site.checkpoint("n1/current.wal"), bytes).unwrap();
    site
}

#[test]
fn a_log_cut_at_any_length_costs_the_samples_behind_the_cut_and_fails_nothing() {
    let whole = fs::read(Site::new().checkpoint("n1/current.wal")).unwrap();
    for length in (0..whole.len()).step_by(3) {
        let swept = with_log(&whole[..length]).sweep();
        swept.others_are_sound(&JOBS);
        let j = swept.job(103);
        // The job needs the samples 11 to 13 of each series; the log begins with sample 10.
        let expected = match length {
            l if l < 4 + ROUND + 31 => "no_data",
            l if l < 4 + 4 * ROUND => "partial",
            _ => "complete",
        };
        assert_eq!(j.outcome, expected, "{length} bytes: {}", j.brief());
    }
}

#[test]
fn a_flipped_bit_in_a_log_costs_one_record() {
    let whole = fs::read(Site::new().checkpoint("n1/current.wal")).unwrap();
    for at in (0..whole.len()).step_by(2) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 7);
        let swept = with_log(&bytes).sweep();
        swept.others_are_sound(&JOBS);
        let j = swept.job(103);
        if at < 4 {
            assert_eq!(j.reason, "snapshot_broken", "{}", j.brief());
            assert!(j.detail.contains("the mark of a log"), "{}", j.detail);
            continue;
        }
        let needed = (4 + ROUND..4 + 4 * ROUND).contains(&at);
        assert_eq!(
            j.outcome,
            if needed { "partial" } else { "complete" },
            "byte {at}"
        );
        // A bad record that is the last one may still be being written.
        let told = j
            .note
            .contains("current.wal has damaged records (places: 1)");
        assert_eq!(
            told,
            needed && at < whole.len() - 38,
            "byte {at}: {}",
            j.note
        );
        let data = String::from_utf8_lossy(&j.files["data.json"]).into_owned();
        // The node's sum of both sockets has none where one of them has none.
        assert!(data.matches("null").count() <= 2, "byte {at}: {data}");
    }
}

#[test]
fn records_with_absurd_times_names_or_lengths_are_passed_over() {
    let site = Site::new();
    let path = site.checkpoint("n1/current.wal");
    let mut log = encode::log();
    for t in [i64::MIN, -1, 0, 1 << 39, i64::MAX] {
        encode::record(&mut log, t, "", "load", 7.0);
        encode::record(&mut log, t, "socket0", "mem", 7.0);
    }
    encode::record(&mut log, T + 700, "", "", 7.0);
    encode::record(&mut log, T + 700, "", "unknown", 7.0);
    encode::record(&mut log, T + 700, "", "lo\"ad", 7.0);
    for length in [0_u32, 7, 1 << 20, u32::MAX] {
        log.extend(0xCC1D_A7A1_u32.to_le_bytes());
        log.extend(length.to_le_bytes());
        log.extend([0; 40]);
    }
    log.extend(&fs::read(&path).unwrap()[4..]);
    fs::write(&path, log).unwrap();
    site.sweep().others_are_sound(&[]);
}

#[test]
fn a_log_of_damage_alone_is_read_in_reasonable_time() {
    let record = [0xA1, 0xA7, 0x1D, 0xCC, 0, 0, 0x0F, 0];
    let mut log = encode::log();
    for _ in 0..20_000 {
        log.extend(record);
    }
    let swept = with_log(&log).sweep();
    swept.others_are_sound(&JOBS);
    // Its records are lost, and nobody knows how many: the job is tried again, and is not without data.
    let job = swept.job(103);
    assert_eq!((job.outcome, job.reason), ("failed", "snapshot_broken"));
}
