//! Parquet files before the checkpoints of the same store.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::model::clock::Clock;
use crate::model::failure::Reason;
use crate::model::stop::Stop;
use crate::rules::evidence::Damage;
use crate::rules::timeline::Interval;
use crate::source::checkpoint::Checkpoints;
use crate::source::parquet::Parquet;
use crate::source::parquet::testing::{two_snapshots, write};
use crate::source::testing::{about, about_all, read};
use crate::source::{Error, Request, Source};

/// Unix seconds at which everything is read.
const NOW: i64 = 1_700_050_000;
/// Where the first snapshot begins.
const T: i64 = 1_700_000_000;

/// A snapshot of metric `m` from `from` to `to` whose values stand a minute apart from `start` on.
fn snapshot(path: &Path, [from, to, start]: [i64; 3], values: &[f32]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let data: Vec<String> = values.iter().map(ToString::to_string).collect();
    let data = data.join(",");
    let text = format!(
        r#"{{"metrics":{{"m":{{"frequency":60,"start":{start},"data":[{data}]}}}},"children":{{}},"from":{from},"to":{to}}}"#
    );
    fs::write(path, text).unwrap();
}

/// A store of a cluster `c`: what it removed of host `h` is in a file, its checkpoints are what a test puts there.
struct Store {
    folder: TempDir,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(
            &folder.path().join("old/c/1700001000.parquet"),
            &two_snapshots(T),
        );
        Self { folder }
    }

    fn snapshot(&self, [from, to, start]: [i64; 3], values: &[f32]) {
        let path = self.folder.path().join(format!("new/c/h/{from}.json"));
        snapshot(&path, [from, to, start], values);
    }

    /// The snapshot that follows those of the file, and does not tell the phase; it ends with sample 19.
    fn next_snapshot(&self) -> i64 {
        let from = T + 601 + 300;
        let k = (from - (T + 18 - 30)).div_euclid(60);
        let values: Vec<f32> = (k..k + 5).map(|k| k as f32).collect();
        self.snapshot([from, from + 300, from], &values);
        from
    }

    fn source(&self) -> Checkpoints {
        let roots = vec![self.folder.path().join("old")];
        let older = Parquet::new(roots, Clock::starting_at(NOW));
        let frequencies = [("m".to_owned(), 60)].into();
        let root = self.folder.path().join("new");
        Checkpoints::new(root, frequencies, Clock::starting_at(NOW)).after(Box::new(older))
    }
}

/// The values 0 to `n` − 1 of host `h`, from its first slot on.
fn values(n: usize) -> Vec<Option<f32>> {
    (0..n).map(|k| Some(k as f32)).collect()
}

#[test]
fn a_torn_snapshot_that_stayed_behind_hides_nothing_that_was_removed_after_it() {
    let store = Store::new();
    let folder = store.folder.path().join("new/c/h");
    fs::create_dir_all(&folder).unwrap();
    // The store leaves what it cannot read where it is, each time that it cleans up.
    fs::write(
        folder.join(format!("{}.json", T - 600)),
        "{\"metrics\":{\"m",
    )
    .unwrap();
    fs::write(folder.join(format!("{}.bin", T - 1200)), "MSBC").unwrap();
    store.next_snapshot();
    let host = store.source().ask(&about_all("h"), &Stop::new()).unwrap();
    assert_eq!(read(&host.series, T + 18 - 30, 20), values(20));
    assert!(!host.phase_guessed);
    assert_eq!(host.damaged.len(), 2);
    for damage in &host.damaged {
        assert!(damage.concerns(T - 1200, T), "{damage:?}");
        assert!(!damage.concerns(T + 18, T + 2000), "{damage:?}");
    }
}

#[test]
fn a_sound_snapshot_that_stayed_behind_hides_nothing_either_and_counts_once() {
    for begin in [T, T + 601] {
        let store = Store::new();
        // The file holds it as well: the store died before it had deleted it, or may not delete it.
        if begin == T {
            let taken: Vec<f32> = (0..10).map(|k| k as f32).collect();
            store.snapshot([T, T + 601, T + 18], &taken);
        } else {
            store.snapshot([T + 601, T + 901, T + 601], &[10., 11., 12., 13., 14.]);
        }
        store.next_snapshot();
        let source = store.source();
        let host = source.ask(&about_all("h"), &Stop::new()).unwrap();
        assert_eq!(read(&host.series, T + 18 - 30, 20), values(20), "{begin}");
        assert!(!host.phase_guessed && host.damaged.is_empty());
    }
}

#[test]
fn a_host_may_have_nothing_but_what_stayed_behind() {
    let store = Store::new();
    let source = store.source();
    store.snapshot([T - 600, T, T - 582], &[1.0, 2.0]);
    let host = source.ask(&about_all("h"), &Stop::new()).unwrap();
    assert_eq!(read(&host.series, T + 18 - 30, 14), values(14));
    assert!(host.damaged.is_empty());
    // What was read serves windows before what was removed, and no other.
    let before = about("h", T - 600, T - 300);
    let host = source.ask(&before, &Stop::new()).unwrap();
    let whole = host.covers.window.unwrap();
    assert!(whole.from <= T - 600 && whole.to == T, "{whole:?}");
}

#[test]
fn the_sample_of_a_slot_that_straddles_the_end_of_a_snapshot_may_be_in_what_was_removed() {
    let store = Store::new();
    store.snapshot([T - 600, T, T - 582], &[1.0, 2.0]);
    store.next_snapshot();
    // The slot begins before the end of the job, its sample was taken after it.
    let job = about("h", T - 300, T);
    let host = store.source().ask(&job, &Stop::new()).unwrap();
    assert_eq!(read(&host.series, T + 18 - 30, 1), values(1));
}

#[test]
fn what_was_removed_takes_part_of_the_room_of_its_host() {
    let store = Store::new();
    store.next_snapshot();
    let ask = |room| {
        let source = store.source().within(room);
        source.ask(&about_all("h"), &Stop::new()).unwrap()
    };
    assert!(ask(1 << 20).damaged.is_empty());
    let host = ask(500);
    let told = |d: &Damage| d.reason == Reason::HostTooLarge && d.subject.ends_with(".parquet");
    assert!(host.damaged.iter().any(told), "{:?}", host.damaged);
}

#[test]
fn what_was_removed_is_not_needed_after_the_snapshots_and_its_outage_costs_no_window_there() {
    let store = Store::new();
    let from = store.next_snapshot();
    let source = store.source();
    let within = about("h", from, from + 120);
    let host = source.ask(&within, &Stop::new()).unwrap();
    // Nothing was removed that is younger.
    let whole = host.covers.window.unwrap();
    assert_eq!((whole.from, whole.to), (from, i64::MAX));
    fs::remove_dir_all(store.folder.path().join("old")).unwrap();
    let host = source.ask(&within, &Stop::new()).unwrap();
    assert!(host.damaged.is_empty());
    assert_eq!(host.covers.window.unwrap().to, from + 300);
}

#[test]
fn a_bad_file_or_an_absent_folder_costs_nothing_that_comes_after_the_snapshots() {
    let store = Store::new();
    let from = store.next_snapshot();
    let source = store.source();
    let after = about("h", from + 200, from + 5000);
    // A file of which not even the footer can be read, older than the snapshot.
    let bad = store.folder.path().join("old/c/1700000500.parquet");
    fs::write(&bad, [b"PAR1", [0; 40].as_slice(), b"PAR1"].concat()).unwrap();
    let host = source.ask(&after, &Stop::new()).unwrap();
    assert!(host.damaged.is_empty(), "{:?}", host.damaged);
    let host = source.ask(&about_all("h"), &Stop::new()).unwrap();
    assert!(host.damaged.iter().any(|d| d.concerns(T, T + 60)));
    assert!(host.damaged.iter().all(|d| !d.concerns(from, i64::MAX)));
    fs::remove_dir_all(store.folder.path().join("old")).unwrap();
    let host = source.ask(&after, &Stop::new()).unwrap();
    assert!(host.damaged.is_empty(), "{:?}", host.damaged);
    assert_eq!(host.final_until, Some(from + 300));
}

#[test]
fn parquet_files_and_checkpoints_are_one_timeline() {
    let store = Store::new();
    let from = store.next_snapshot();
    let both = store.source();
    let host = both.ask(&about_all("h"), &Stop::new()).unwrap();
    assert_eq!(read(&host.series, T + 18 - 30, 20), values(20));
    assert!(!host.phase_guessed && host.damaged.is_empty());
    assert_eq!(host.final_until, Some(from + 300));
    // A window that begins with the checkpoints does not need the files, whatever became of them.
    fs::remove_dir_all(store.folder.path().join("old")).unwrap();
    let host = both
        .ask(&about("h", from, from + 300), &Stop::new())
        .unwrap();
    assert!(host.damaged.is_empty());
    let host = both.ask(&about_all("h"), &Stop::new()).unwrap();
    assert!(host.damaged[0].is_curable());
    assert!(host.damaged[0].concerns(T, from) && !host.damaged[0].concerns(from, from + 300));
}

#[test]
fn a_cluster_may_have_nothing_but_old_files() {
    let store = Store::new();
    let other = store.folder.path().join("new/d/x/1.json");
    snapshot(&other, [T, T + 60, T], &[1.0]);
    let source = store.source();
    let host = source.ask(&about_all("h"), &Stop::new()).unwrap();
    assert_eq!(read(&host.series, T - 12, 1), [Some(0.0)]);
    assert!(host.damaged.is_empty());
    assert!(source.reach("c", &Stop::new()).is_ok());
    assert!(source.probe("c", &[], &Stop::new()).is_ok());
    let request = Request {
        cluster: "e",
        subcluster: "",
        ..about_all("h")
    };
    let e = source.ask(&request, &Stop::new()).unwrap_err();
    assert!(matches!(e, Error::ClusterMissing { .. }), "{e:?}");
}

#[test]
fn a_reading_of_large_files_claims_no_more_than_it_kept() {
    let store = Store::new();
    let from = T + 20_000;
    let values: Vec<f32> = (0..200).map(|k| k as f32).collect();
    store.snapshot([from, from + 12_000, from], &values);
    let source = store.source().keeping_whole_up_to(0);
    // The second job ends before the first one began; both lie within the snapshot.
    let request = Request {
        window: Interval {
            from: from + 9000,
            to: from + 11_000,
        },
        ..about_all("h")
    };
    let evidence = source.ask(&request, &Stop::new()).unwrap();
    assert_eq!(evidence.covers.window, Some(request.window));
}
